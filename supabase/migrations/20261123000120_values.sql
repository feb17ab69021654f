-- What a value must look like, whatever table it goes into: texts and lines, tags of languages, times, JSON, and the
-- arguments of workers. `is_...` and `as_...` say or make it so, `check_...` and `require_...` refuse in words.

create function private.is_blank(value text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return coalesce(is_blank.value, '') !~ (
    '[^'
    -- begin of scripts/blank.py
    '\u0001-\u0020\u007F-\u00A0\u00AD\u0300-\u036F\u061C\u115F-\u1160\u1680\u17B4-\u17B5\u180B-\u180F'
    '\u1AB0-\u1AFF\u1DC0-\u1DFF\u2000-\u200F\u2028-\u202F\u205F-\u206F\u20D0-\u20FF\u2800\u3000\u3164'
    '\uE000-\uF8FF\uFDD0-\uFDEF\uFE00-\uFE0F\uFE20-\uFE2F\uFEFF\uFFA0\uFFF0-\uFFFC\uFFFE-\uFFFF'
    '\U00013430-\U0001343F\U00016FE4\U0001BCA0-\U0001BCA3\U0001D159\U0001D173-\U0001D17A'
    '\U0001FFFE-\U0001FFFF\U0002FFFE-\U0002FFFF\U0003FFFE-\U0010FFFF'
    -- end of scripts/blank.py
    ']'
  );
end;
$$;
comment on function private.is_blank(text) is
  'Return true if there is nothing to see in a text, in any script: white space, controls, zero-width and other '
  'format characters, fillers. Null and the empty text are blank. The ranges are generated, so that no locale has a '
  'say.';
grant execute on function private.is_blank(text) to anon, authenticated, service_role;

create function private.is_line(value text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return is_line.value !~ '[\u0001-\u001F\u007F-\u009F\u061C\u200E\u200F\u2028-\u202E\u2066-\u206F\uFFF9-\uFFFB]';
end;
$$;
comment on function private.is_line(text) is
  'Return true if a text is one line that reads in the order it was written in: no controls, no line or paragraph '
  'separators, nothing that turns the direction of what follows. The joiners of emoji and of Persian stay.';
grant execute on function private.is_line(text) to anon, authenticated, service_role;

create function private.as_line(value text)
returns text
language sql
immutable
set search_path = ''
as $$
  select btrim(
    regexp_replace(
      regexp_replace(as_line.value, '[\u061C\u200E\u200F\u202A-\u202E\u2066-\u206F\uFFF9-\uFFFB]', '', 'g'),
      '[\u0001-\u0020\u007F-\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]+', ' ', 'g'
    ),
    ' '
  );
$$;
comment on function private.as_line(text) is
  'A text made one line: what private.is_line refuses is left out, and white space of any kind becomes one space.';

create function private.is_text(value text)
returns boolean
language sql
immutable
set search_path = ''
as $$
  select is_text.value !~ '[\u0001-\u0008\u000E-\u001F\u007F]';
$$;
comment on function private.is_text(text) is
  'Return true if a text has no control characters but those that end lines, and tabs: nobody sees the others, XML has '
  'no place for them, and JSON writes six bytes for each.';
grant execute on function private.is_text(text) to anon, authenticated, service_role;

create function private.line_count(value text)
returns integer
language plpgsql
immutable
set search_path = ''
as $$
begin
  return 1 + char_length(regexp_replace(line_count.value, '\r\n|[^\n\v\f\r\u0085\u2028\u2029]+', '', 'g'))
    + (char_length(line_count.value) - char_length(replace(line_count.value, E'\r\n', ''))) / 2;
end;
$$;
comment on function private.line_count(text) is
  'Return how many lines a text has, whatever ends them: line feed, carriage return or both, vertical tab, form '
  'feed, U+0085, U+2028, U+2029.';
grant execute on function private.line_count(text) to anon, authenticated, service_role;

create function private.check_text(column_name text, value text, minimum integer, maximum integer)
returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  if check_text.value is null then
    return;
  end if;
  if char_length(check_text.value) > check_text.maximum
    or char_length(btrim(check_text.value, E' \t\n\r')) < check_text.minimum
    -- What may be left out is left out by null or by the empty text.
    or check_text.value <> '' and check_text.minimum >= 0 and private.is_blank(check_text.value)
  then
    perform private.fail(
      'MG001', check_text.column_name,
      format(
        case
          when check_text.minimum > 0 then '%1$s takes %2$s to %3$s characters that are not all blank.'
          when check_text.minimum = 0 then '%1$s takes up to %3$s characters that are not all blank, or none.'
          else '%1$s takes up to %3$s characters.'
        end,
        check_text.column_name, check_text.minimum, check_text.maximum
      )
    );
  end if;
  if not private.is_text(check_text.value) then
    perform private.fail(
      'MG001', check_text.column_name,
      format('%s takes no control characters besides tabs and ends of lines.', check_text.column_name)
    );
  end if;
  if private.line_count(check_text.value) > 500 then
    perform private.fail('MG001', check_text.column_name, format('%s takes up to 500 lines.', check_text.column_name));
  end if;
end;
$$;
comment on function private.check_text(text, text, integer, integer) is
  'Refuse a text whose length is out of bounds, with an error that says what to do; the table''s own CHECK does not. '
  'A minimum of 0 takes the empty text, one of -1 also what is blank.';
grant execute on function private.check_text(text, text, integer, integer) to anon, authenticated, service_role;

create function private.check_line(column_name text, value text, minimum integer, maximum integer)
returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  perform private.check_text(check_line.column_name, check_line.value, check_line.minimum, check_line.maximum);
  if not private.is_line(check_line.value) then
    perform private.fail(
      'MG001', check_line.column_name,
      format('%s is one line, without control characters and marks that turn its direction.', check_line.column_name)
    );
  end if;
end;
$$;
comment on function private.check_line(text, text, integer, integer) is
  'Return the same for what stands in one line, such as a name that becomes part of an email''s subject.';
grant execute on function private.check_line(text, text, integer, integer) to anon, authenticated, service_role;

create function private.is_language_tag(value text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return is_language_tag.value ~ '^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$';
end;
$$;
comment on function private.is_language_tag(text) is
  'Return true if this is a BCP 47 tag of a language, perhaps with a script and a region, in its usual case. Null '
  'for null.';
grant execute on function private.is_language_tag(text) to anon, authenticated, service_role;

create function private.check_language(column_name text, value text)
returns void
language plpgsql
immutable
set search_path = ''
as $$
begin
  if not private.is_language_tag(check_language.value) then
    perform private.fail(
      'MG001', check_language.column_name,
      format('%s is a BCP 47 tag such as de, pt-BR or zh-Hant.', check_language.column_name)
    );
  end if;
end;
$$;
comment on function private.check_language(text, text) is 'Refuse a text that is not a language tag; null passes.';
grant execute on function private.check_language(text, text) to anon, authenticated, service_role;

create function private.is_instant(value timestamptz)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return extract(epoch from is_instant.value) >= 0 and extract(epoch from is_instant.value) < 253370764800;
end;
$$;
comment on function private.is_instant(timestamptz) is
  'Return true if a time lies in the years 1970 to 9998 (UTC), so that every program can read it, in any time zone.';
grant execute on function private.is_instant(timestamptz) to anon, authenticated, service_role;

create function private.require_instant(at timestamptz)
returns timestamptz
language plpgsql
stable
set search_path = ''
as $$
begin
  if not coalesce(private.is_instant(require_instant.at), false) then
    perform private.fail('MG001', 'at', 'at is a moment between the years 1970 and 9998.');
  end if;
  return require_instant.at;
end;
$$;
comment on function private.require_instant(timestamptz) is
  'Return the time as of which work is done, or refuse it: a job leased "at infinity" would never be due again.';
grant execute on function private.require_instant(timestamptz) to service_role;

create function private.require_value(name text, value anyelement)
returns anyelement
language plpgsql
stable
set search_path = ''
as $$
begin
  if require_value.value is null then
    perform private.fail('MG001', require_value.name, format('%s is required.', require_value.name));
  end if;
  return require_value.value;
end;
$$;
comment on function private.require_value(text, anyelement) is
  'Return an argument, or refuse null and name the argument; otherwise the error would be that of a NOT NULL of an '
  'internal table.';
grant execute on function private.require_value(text, anyelement) to service_role;

create function private.require_limit(name text, value integer)
returns integer
language plpgsql
stable
set search_path = ''
as $$
begin
  if not coalesce(require_limit.value between 0 and 1000, false) then
    perform private.fail('MG001', require_limit.name, format('%s is 0 to 1000.', require_limit.name));
  end if;
  return require_limit.value;
end;
$$;
comment on function private.require_limit(text, integer) is
  'Return how many things a worker takes at once, or refuse the value and name the argument.';
grant execute on function private.require_limit(text, integer) to service_role;

create function private.require_count(name text, value integer)
returns integer
language plpgsql
stable
set search_path = ''
as $$
begin
  if not coalesce(require_count.value >= 0, false) then
    perform private.fail('MG001', require_count.name, format('%s is 0 or more.', require_count.name));
  end if;
  return require_count.value;
end;
$$;
comment on function private.require_count(text, integer) is
  'Return how many rows a list has at most, or refuse the value and name the argument.';
grant execute on function private.require_count(text, integer) to service_role;

create function private.require_seconds(name text, value double precision)
returns interval
language plpgsql
stable
set search_path = ''
as $$
begin
  -- A lease that ends before it begins lets two workers take the same jobs; one of years keeps everybody else from
  -- them. NaN is above all numbers.
  if not coalesce(require_seconds.value between 0 and 86400, false) then
    perform private.fail('MG001', require_seconds.name, format('%s is in seconds, 0 to 86400.', require_seconds.name));
  end if;
  return make_interval(secs => require_seconds.value);
end;
$$;
comment on function private.require_seconds(text, double precision) is
  'Return seconds as an interval (of a lease or a pause), or refuse more than a day and name the argument.';
grant execute on function private.require_seconds(text, double precision) to service_role;

create function private.is_plain_json(value jsonb, size integer)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return octet_length(is_plain_json.value::text) <= is_plain_json.size
    and not jsonb_path_exists(is_plain_json.value, 'strict $.**{17 to last}')
    and not jsonb_path_exists(
      is_plain_json.value,
      'strict $.** ? (@.type() == "number" && (@ > 9007199254740991 || @ < -9007199254740991))'
    );
end;
$$;
comment on function private.is_plain_json(jsonb, integer) is
  'Return true if JSON has at most so many bytes, is nested at most 16 deep, and holds no number beyond 2^53, so '
  'that every program can read it.';
grant execute on function private.is_plain_json(jsonb, integer) to anon, authenticated, service_role;
