-- What a theme may be: colours that can be read, and how numerals, ornaments and initials are set.

create function private.contrast(one text, other text)
returns numeric
language sql
immutable
strict
parallel safe
set search_path = ''
as $$
  select (max(luminance) + 0.05) / (min(luminance) + 0.05)
  from (
    select sum(weight * case when share <= 0.04045 then share / 12.92 else power((share + 0.055) / 1.055, 2.4) end)
      as luminance
    from (values (one), (other)) as colours (colour),
      (values (2, 0.2126), (4, 0.7152), (6, 0.0722)) as channels (start, weight),
      lateral (
        select get_byte(decode(substr(colour, start, 2), 'hex'), 0) / 255.0 as share
      ) as shares
    group by colour, (colour = one)
  ) as luminances;
$$;
comment on function private.contrast(text, text) is
  'Return the contrast of two colours ("#rrggbb") as of WCAG 2: from 1 to 21. The functions compute the same; see '
  'palette.ts.';
grant execute on function private.contrast(text, text) to anon, authenticated, service_role;

create function private.colours_problem(colours jsonb)
returns text
language plpgsql
immutable
parallel safe
set search_path = ''
as $$
declare
  v_name text;
begin
  foreach v_name in array array['paper', 'ink', 'accent'] loop
    if jsonb_typeof(colours -> v_name) is distinct from 'string' or colours ->> v_name !~* '^#[0-9a-f]{6}$' then
      return format('%s is a colour such as "#1f3a5f"; paper, ink and accent belong together.', v_name);
    end if;
  end loop;
  if private.contrast(colours ->> 'paper', colours ->> 'ink') < 4.5 then
    return 'ink on paper has a contrast below 4.5 to 1: nobody could read it.';
  end if;
  return null;
end;
$$;
comment on function private.colours_problem(jsonb) is
  'Return what is wrong with the colours of a theme, in words; null if nothing is.';
grant execute on function private.colours_problem(jsonb) to anon, authenticated, service_role;

create function private.theme_problem(metadata jsonb)
returns text
language plpgsql
immutable
parallel safe
set search_path = ''
as $$
declare
  v_choices constant jsonb := jsonb '{
    "numerals": ["lining", "oldstyle", "roman", "ringed"],
    "ornament": ["rule", "dots", "diamond", "asterism", "wave", "none"],
    "initial": ["plain", "drop", "raised"]
  }';
  v_key text;
  v_problem text;
begin
  if jsonb_typeof(metadata) is distinct from 'object' then
    return 'a theme is an object.';
  end if;
  for v_key in select jsonb_object_keys(metadata) order by 1 loop
    if v_choices ? v_key then
      if not (v_choices -> v_key) @> jsonb_build_array(metadata -> v_key) then
        return format(
          '%s is one of %s.', v_key, (select string_agg(choice, ', ') from jsonb_array_elements_text(v_choices -> v_key) as choice)
        );
      end if;
    elsif v_key not in ('paper', 'ink', 'accent', 'dark') then
      return format('a theme has no %s.', v_key);
    end if;
  end loop;
  if metadata <> '{}' then
    v_problem := private.colours_problem(metadata);
  end if;
  if v_problem is null and metadata ? 'dark' then
    if jsonb_typeof(metadata -> 'dark') <> 'object'
      or (metadata -> 'dark') - array['paper', 'ink', 'accent'] <> '{}'
    then
      return 'dark is an object of paper, ink and accent.';
    end if;
    v_problem := 'dark: ' || private.colours_problem(metadata -> 'dark');
  end if;
  return v_problem;
end;
$$;
comment on function private.theme_problem(jsonb) is
  'Return what is wrong with the metadata of a theme, in words; null if nothing is. An empty object is Monogram''s '
  'own look.';
grant execute on function private.theme_problem(jsonb) to anon, authenticated, service_role;
