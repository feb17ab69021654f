-- A small application that uses what the server offers: profiles made at sign-up, private notes, files in folders.

create table public.profiles (
  id uuid primary key references auth.users (id) on delete cascade,
  name text not null check (name <> 'forbidden'),
  balance bigint not null default 9007199254740991,
  created_at timestamptz not null default now()
);
alter table public.profiles enable row level security;
create policy "People read their own profile" on public.profiles for select to authenticated
  using (id = (select auth.uid()));
create policy "People change their own profile" on public.profiles for update to authenticated
  using (id = (select auth.uid()));
grant select, update (name) on public.profiles to authenticated;
grant select, insert, update, delete on public.profiles to service_role;

create function public.make_profile() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  insert into public.profiles (id, name) values (new.id, coalesce(new.raw_user_meta_data ->> 'name', 'nobody'));
  return new;
end
$$;
create trigger users__make_profile after insert on auth.users for each row execute function public.make_profile();

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  owner_id uuid not null default auth.uid() references public.profiles (id) on delete cascade,
  body text not null unique check (length(body) <= 200),
  "order" integer,
  data jsonb,
  price numeric,
  tags text[],
  local_time timestamp not null default '2026-11-23 10:00:00.5',
  day date not null default '2026-11-23',
  written_at timestamptz not null default '2026-11-23 00:04:29.673123+00'
);
alter table public.notes enable row level security;
create policy "Own notes, read" on public.notes for select to authenticated using (owner_id = (select auth.uid()));
create policy "Own notes, write" on public.notes for insert to authenticated
  with check (owner_id = (select auth.uid()));
create policy "Own notes, change" on public.notes for update to authenticated using (owner_id = (select auth.uid()));
create policy "Own notes, delete" on public.notes for delete to authenticated using (owner_id = (select auth.uid()));
grant select, delete, insert (id, body, "order", data, price, tags), update (body, "order", data)
  on public.notes to authenticated;
grant select, insert, update, delete on public.notes to service_role;

create table public.numbers (n integer primary key);
insert into public.numbers select generate_series(1, 1200);
alter table public.numbers enable row level security;
create policy "Everybody counts" on public.numbers for select using (true);
grant select on public.numbers to anon, authenticated, service_role;

create table public.admin_only (id integer primary key);
insert into public.admin_only values (1);
alter table public.admin_only enable row level security;
create policy "Admins by their token" on public.admin_only for select to authenticated
  using ((select auth.jwt() -> 'app_metadata' ->> 'role') = 'admin');
grant select on public.admin_only to authenticated;

create function public.fail(code text) returns void language plpgsql set search_path = '' as $$
begin
  raise exception 'it failed' using errcode = fail.code, detail = 'what happened', hint = 'what to do';
end
$$;
create function public.nap(seconds double precision) returns integer language sql as $$
  select 1 from (select pg_sleep(seconds)) as slept
$$;
create function public.divide(a integer, b integer) returns integer language sql as $$ select a / b $$;
create function public.echo_json(told jsonb, beside text) returns jsonb language sql as $$
  select jsonb_build_object('told', told, 'beside', beside)
$$;
create function public.count_up() returns setof integer language sql as $$ select generate_series(1, 1200) $$;
create function public.my_notes() returns setof public.notes language sql stable as $$ select * from public.notes $$;
create function public.nothing() returns void language sql as $$ select 1 $$;
create function public.write_note(body text) returns uuid language sql as $$
  insert into public.notes (body) values (write_note.body) returning id
$$;
create function public.whoami() returns json language sql stable as $$
  select json_build_object(
    'role', current_user,
    'user_id', auth.uid(),
    'claims', auth.jwt(),
    'statement_timeout', current_setting('statement_timeout'),
    'search_path', current_setting('search_path'),
    'read_only', current_setting('transaction_read_only'),
    'method', current_setting('request.method'),
    'path', current_setting('request.path'),
    'headers', current_setting('request.headers')::json
  )
$$;
grant execute on all functions in schema public to anon, authenticated, service_role;

insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types) values
  ('pictures', 'pictures', true, 1000, array['image/*']),
  ('papers', 'papers', false, null, null),
  ('dropbox', 'dropbox', false, null, null)
on conflict (id) do nothing;

create policy "Own folder, read" on storage.objects for select to authenticated
  using (bucket_id in ('pictures', 'papers') and (storage.foldername(name))[1] = (select auth.uid()::text));
create policy "Own folder, write" on storage.objects for insert to authenticated
  with check (bucket_id in ('pictures', 'papers') and (storage.foldername(name))[1] = (select auth.uid()::text));
create policy "Own folder, change" on storage.objects for update to authenticated
  using (bucket_id in ('pictures', 'papers') and (storage.foldername(name))[1] = (select auth.uid()::text));
create policy "Own folder, delete" on storage.objects for delete to authenticated
  using (bucket_id = 'papers' and (storage.foldername(name))[1] = (select auth.uid()::text));
create policy "Anybody may drop, nobody may look" on storage.objects for insert to authenticated
  with check (bucket_id = 'dropbox' and storage.allow_only_operation('object.upload'));
