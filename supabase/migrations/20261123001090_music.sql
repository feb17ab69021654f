-- A piece of music in a response: an address of the web and some names.

create function private.web_address(value text)
returns text
language sql
immutable
set search_path = ''
as $$
  -- Scheme and host are the same in either case, and kept in lower case, whatever the locale.
  select translate(parts[1], 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz') || coalesce(parts[3], '')
  from regexp_match(
    btrim(web_address.value, E' \t\n\r'),
    '^([Hh][Tt][Tt][Pp][Ss]?://([^\u0001-\u0020\u007F-\u00A0\u1680\u2000-\u200F\u2028-\u202F\u205F-\u206F\u3000\uFEFF"<>\\^`{|}/?#@%]+))'
    '([/?#][^\u0001-\u0020\u007F-\u00A0\u1680\u2000-\u200F\u2028-\u202F\u205F-\u206F\u3000\uFEFF"<>\\^`{|}]*)?$'
  ) as parts
  where parts[2] ~ '^([^]:[]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$' and char_length(web_address.value) <= 2000;
$$;
comment on function private.web_address(text) is
  'Return an http(s) address with scheme and host in lower case, or null unless it is one without white space and '
  'user name.';
grant execute on function private.web_address(text) to anon, authenticated, service_role;

create function private.canonical_music(music jsonb)
returns jsonb
language sql
immutable
set search_path = ''
as $$
  select case
    when jsonb_typeof(canonical_music.music) = 'object' then (
      select coalesce(jsonb_object_agg(
        part.key,
        case
          when jsonb_typeof(part.value) <> 'string' then part.value
          when part.key = 'url' then
            to_jsonb(coalesce(private.web_address(part.value #>> '{}'), part.value #>> '{}'))
          when private.is_blank(private.as_line(part.value #>> '{}')) then 'null'
          else to_jsonb(private.as_line(part.value #>> '{}'))
        end
      ), '{}')
      from jsonb_each(canonical_music.music) as part
    )
    else canonical_music.music
  end;
$$;
comment on function private.canonical_music(jsonb) is
  'A piece of music as it is kept: its address in canonical form, its names in one line, or null where they are '
  'blank. Providers name pieces in ways that a person cannot help. Not granted, only definer functions call it.';

create function private.is_music(music jsonb)
returns boolean
language sql
immutable
set search_path = ''
as $$
  select is_music.music is null or coalesce(
    jsonb_typeof(is_music.music) = 'object'
    and octet_length(is_music.music::text) <= 8000
    and is_music.music ->> 'url' = private.web_address(is_music.music ->> 'url')
    and not exists (
      select
      from jsonb_each(case when jsonb_typeof(is_music.music) = 'object' then is_music.music else '{}' end) as part
      where jsonb_typeof(part.value) not in ('string', 'null')
        or jsonb_typeof(part.value) = 'string' and part.key <> 'url' and not (
          char_length(part.value #>> '{}') <= 300
          and private.is_line(part.value #>> '{}')
          and not private.is_blank(part.value #>> '{}')
        )
    ),
    false
  );
$$;
comment on function private.is_music(jsonb) is
  'Return true if this is a piece of music that every program can read and show: an address of the web in canonical '
  'form, and otherwise short texts in one line. Null is.';
grant execute on function private.is_music(jsonb) to anon, authenticated, service_role;
