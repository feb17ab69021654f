-- Files. Four buckets; the first folders of an object's name say whose it is:
--   avatars      {user_id}/{file}                 everybody reads, the person writes
--   covers       {space_id}/{file}                everybody reads, the leader writes
--   responses    {space_id}/{user_id}/{file}      members read, the author writes
--   newsletters  {space_id}/{newsletter_id}/{file} read as the newsletter is read; secret keys write
-- Public buckets serve their files by URL without a policy; the select policies below are what listing, replacing and
-- deleting one's own files need.

insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types) values
  ('avatars', 'avatars', true, 2097152, array['image/jpeg', 'image/png', 'image/webp', 'image/gif']),
  ('covers', 'covers', true, 5242880, array['image/jpeg', 'image/png', 'image/webp', 'image/gif']),
  ('responses', 'responses', false, 10485760, array['image/jpeg', 'image/png', 'image/webp', 'image/gif']),
  ('newsletters', 'newsletters', false, 20971520, array['text/html', 'application/pdf', 'image/jpeg', 'image/png', 'image/webp', 'image/gif'])
on conflict (id) do update
set public = excluded.public, file_size_limit = excluded.file_size_limit, allowed_mime_types = excluded.allowed_mime_types;

create function private.can_read_file(bucket_id text, name text)
returns boolean
language sql
stable
set search_path = ''
as $$
  select case can_read_file.bucket_id
    when 'avatars' then (storage.foldername(can_read_file.name))[1] = (select auth.uid())::text
    when 'covers' then
      private.try_uuid((storage.foldername(can_read_file.name))[1]) = any (array(select private.my_led_space_ids()))
    when 'responses' then
      (storage.foldername(can_read_file.name))[2] = (select auth.uid())::text
      or private.try_uuid((storage.foldername(can_read_file.name))[1]) = any (array(select private.my_space_ids()))
    when 'newsletters' then exists (
      select from public.newsletters
      where newsletters.id = private.try_uuid((storage.foldername(can_read_file.name))[2])
        and newsletters.space_id = private.try_uuid((storage.foldername(can_read_file.name))[1])
    )
    else false
  end;
$$;
comment on function private.can_read_file(text, text) is
  'Whether the caller may read an object; newsletters under the caller''s own rights on the newsletter.';
grant execute on function private.can_read_file(text, text) to anon, authenticated, service_role;

create function private.can_write_file(bucket_id text, name text)
returns boolean
language sql
stable
set search_path = ''
as $$
  select case can_write_file.bucket_id
    when 'avatars' then (storage.foldername(can_write_file.name))[1] = (select auth.uid())::text
    when 'covers' then
      private.try_uuid((storage.foldername(can_write_file.name))[1]) = any (array(select private.my_led_space_ids()))
    when 'responses' then
      (storage.foldername(can_write_file.name))[2] = (select auth.uid())::text
      and private.try_uuid((storage.foldername(can_write_file.name))[1]) = any (array(select private.my_space_ids()))
    else false
  end;
$$;
comment on function private.can_write_file(text, text) is 'Whether the caller may create or replace an object.';
grant execute on function private.can_write_file(text, text) to anon, authenticated, service_role;

create function private.can_delete_file(bucket_id text, name text)
returns boolean
language sql
stable
set search_path = ''
as $$
  select case can_delete_file.bucket_id
    when 'responses' then (storage.foldername(can_delete_file.name))[2] = (select auth.uid())::text
    else private.can_write_file(can_delete_file.bucket_id, can_delete_file.name)
  end;
$$;
comment on function private.can_delete_file(text, text) is
  'Whether the caller may delete an object: who may write it, and authors their own even after they have left the space.';
grant execute on function private.can_delete_file(text, text) to anon, authenticated, service_role;

create policy "Monogram: anybody reads files of public newsletters" on storage.objects
  for select to anon using (bucket_id = 'newsletters' and private.can_read_file(bucket_id, name));

create policy "Monogram: people read files they may read" on storage.objects
  for select to authenticated using (private.can_read_file(bucket_id, name));

create policy "Monogram: people upload into their own folders" on storage.objects
  for insert to authenticated with check (private.can_write_file(bucket_id, name));

create policy "Monogram: people replace files in their own folders" on storage.objects
  for update to authenticated
  using (private.can_write_file(bucket_id, name)) with check (private.can_write_file(bucket_id, name));

create policy "Monogram: people delete files in their own folders" on storage.objects
  for delete to authenticated using (private.can_delete_file(bucket_id, name));
