-- How a client finds out where this server cuts answers. The Data API cuts them at a number of rows that the project
-- sets (`db-max-rows`, 1,000 unless changed), without a word: a page of 50 rows where 100 were asked for is either the
-- end of the list or the cap. Neither SQL nor an answer's headers tell the cap, but a known number of rows does.

create function public.thousand_rows()
returns setof integer
language sql
immutable
set search_path = ''
rows 1000
as $$
  select generate_series(1, 1000);
$$;
comment on function public.thousand_rows() is
  'The numbers 1 to 1000. As many as arrive, so many rows does the server answer at once.';
grant execute on function public.thousand_rows() to anon, authenticated, service_role;
