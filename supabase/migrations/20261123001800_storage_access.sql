-- Files. Four buckets (and a fifth, see pictures); the first folders of an object's name say whose it is:
--   avatars      {user_id}/{file}                 everybody reads, the person writes
--   covers       {space_id}/{file}                everybody reads, the leader writes
--   responses    {space_id}/{user_id}/{file}      the author writes; members read what a published response names
--   newsletters  {space_id}/{newsletter_id}/...   read as the newsletter is read; secret keys write
-- And one whose objects are nobody's:
--   typefaces    {file}                           what PDFs are set in and functions are too small for; secret keys only
-- Public buckets serve their files by URL without a policy; the select policies below are what listing and deleting
-- one's own files need.
--
-- A file is written once: people neither replace nor move files (there is no policy for UPDATE), and a name that was
-- in use once is not taken again, so what a newsletter shows cannot change behind it. A file that a row names stays as
-- long as the row names it. Folders belong to somebody: where the account, the space or the newsletter is gone nothing
-- can be stored any more, whoever is in the middle of an upload or holds a signed address for one.

insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types) values
  ('avatars', 'avatars', true, 10485760, array['image/jpeg', 'image/png', 'image/webp', 'image/gif']),
  ('covers', 'covers', true, 10485760, array['image/jpeg', 'image/png', 'image/webp', 'image/gif']),
  ('responses', 'responses', false, 10485760, array['image/jpeg', 'image/png', 'image/webp', 'image/gif']),
  ('newsletters', 'newsletters', false, 20971520, array['text/html', 'application/pdf', 'image/jpeg', 'image/png', 'image/webp', 'image/gif']),
  ('typefaces', 'typefaces', false, 8388608, array['application/octet-stream'])
on conflict (id) do update
set public = excluded.public, file_size_limit = excluded.file_size_limit, allowed_mime_types = excluded.allowed_mime_types;

-- Tables -------------------------------------------------------------------------------------------------------------

create table private.used_file_names (
  digest bytea primary key
);
comment on table private.used_file_names is
  'SHA-256 of {bucket}/{name} of files of people that were removed: no file is stored under these names again.';

create table private.printed_files (
  newsletter_id uuid not null references public.newsletters (id) on delete cascade,
  bucket_id text not null,
  path text collate "C" not null,
  needed_until timestamptz,
  constraint printed_files_pkey primary key (newsletter_id, bucket_id, path)
);
comment on table private.printed_files is
  'The pictures that each published newsletter names, noted when its snapshot is settled: nothing looks for a file in '
  'the snapshots themselves. Triggers: printed_files__release and printed_files__release_gone (removals that '
  'waited).';
comment on column private.printed_files.needed_until is
  'How long the file stays for the rendering, which makes the newsletter''s own copies: 30 days; null once the page is '
  'made.';

create index idx_printed_files_path on private.printed_files (bucket_id, path);
create index idx_printed_files_needed on private.printed_files (bucket_id, path) where needed_until is not null;

alter table private.used_file_names enable row level security;
alter table private.printed_files enable row level security;

-- Predicates ---------------------------------------------------------------------------------------------------------

create function private.file_digest(bucket_id text, name text)
returns bytea
language sql
immutable
set search_path = ''
as $$
  select sha256(convert_to(file_digest.bucket_id || '/' || file_digest.name, 'UTF8'));
$$;
comment on function private.file_digest(text, text) is 'Return what private.used_file_names knows a file by.';

create function private.has_account()
returns boolean
language sql
stable
security definer
set search_path = ''
as $$
  select exists (select from public.users where id = (select auth.uid()));
$$;
comment on function private.has_account() is
  'Return true if the caller''s account is there: a token outlives it for up to an hour. Definer so that policies do '
  'not run policies; safe because it speaks of the caller only.';
grant execute on function private.has_account() to authenticated, service_role;

create function private.is_file_in(path text, folder text)
returns boolean
language sql
immutable
set search_path = ''
as $$
  select starts_with(is_file_in.path, is_file_in.folder || '/')
    and substr(is_file_in.path, char_length(is_file_in.folder) + 2) ~ '^[^/\\?#%]+$'
    and private.is_line(is_file_in.path)
    and substr(is_file_in.path, char_length(is_file_in.folder) + 2) not in ('.', '..');
$$;
comment on function private.is_file_in(text, text) is
  'Return true if an object''s name is a file right in a folder, for whatever reads it as a part of an address, too. '
  'Nothing leads elsewhere: services read these files with more rights than who named them.';
grant execute on function private.is_file_in(text, text) to anon, authenticated, service_role;

create function private.is_file_in_use(bucket_id text, path text)
returns boolean
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return case is_file_in_use.bucket_id
    when 'responses' then exists (select from public.responses where image_path = is_file_in_use.path)
    when 'avatars' then exists (
      select from public.users
      where id = private.try_uuid(split_part(is_file_in_use.path, '/', 1)) and avatar_path = is_file_in_use.path
    )
    when 'covers' then exists (
      select from public.spaces
      where id = private.try_uuid(split_part(is_file_in_use.path, '/', 1)) and cover_path = is_file_in_use.path
    )
    else false
  end;
end;
$$;
comment on function private.is_file_in_use(text, text) is
  'Return true if a response, a profile or a space names the file: its owner may have named it again since it was '
  'dropped. Definer; not granted, only other definer functions call it.';

create function private.is_in_print(bucket_id text, path text)
returns boolean
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return exists (
    select from private.printed_files
    where printed_files.bucket_id = is_in_print.bucket_id
      and printed_files.needed_until > now()
      -- A range, so that any plan finds it by the index: what begins with a folder ends before its last character.
      and printed_files.path >= is_in_print.path
      and printed_files.path
        <= is_in_print.path || case when right(is_in_print.path, 1) = '/' then U&'\+10FFFF' else '' end
  );
end;
$$;
comment on function private.is_in_print(text, text) is
  'Return true if a published newsletter that is not rendered yet shows the file, or one in the folder (a path that '
  'ends with a slash). Rendering makes the newsletter''s own copies; until then, or for 30 days, the file stays. '
  'Definer; not granted, only other definer functions call it.';

create function private.is_file_needed(bucket_id text, name text)
returns boolean
language sql
stable
security definer
set search_path = ''
as $$
  select private.is_file_in_use(is_file_needed.bucket_id, is_file_needed.name)
    or private.is_in_print(is_file_needed.bucket_id, is_file_needed.name);
$$;
comment on function private.is_file_needed(text, text) is
  'Return true if a row names the file, or a newsletter is still to be rendered with it. Definer to see every row; '
  'safe because policies ask it about files that they have let the caller delete otherwise.';
grant execute on function private.is_file_needed(text, text) to authenticated, service_role;

create function private.is_folder_kept(bucket_id text, name text)
returns boolean
language sql
stable
security definer
set search_path = ''
as $$
  select case is_folder_kept.bucket_id
    when 'avatars' then exists (
      select from public.users where id = private.try_uuid(split_part(is_folder_kept.name, '/', 1))
    )
    when 'covers' then exists (
      select from public.spaces where id = private.try_uuid(split_part(is_folder_kept.name, '/', 1))
    )
    when 'responses' then exists (
      select from public.spaces where id = private.try_uuid(split_part(is_folder_kept.name, '/', 1))
    ) and exists (
      select from public.users where id = private.try_uuid(split_part(is_folder_kept.name, '/', 2))
    )
    when 'newsletters' then exists (
      select from public.newsletters
      where id = private.try_uuid(split_part(is_folder_kept.name, '/', 2))
        and space_id = private.try_uuid(split_part(is_folder_kept.name, '/', 1))
    )
    else true
  end;
$$;
comment on function private.is_folder_kept(text, text) is
  'Return true if whoever a folder belongs to is there. Other buckets than ours are somebody else''s business. '
  'Definer; not granted, only other definer functions call it.';

create function private.may_keep_file(bucket_id text, name text)
returns boolean
language sql
stable
security definer
set search_path = ''
as $$
  select private.is_folder_kept(may_keep_file.bucket_id, may_keep_file.name)
    and split_part(may_keep_file.name, '/', case may_keep_file.bucket_id when 'responses' then 2 else 1 end)
      = (select auth.uid())::text;
$$;
comment on function private.may_keep_file(text, text) is
  'Return true if a file is in the caller''s own folder and its space, if it is of one, is there. Definer to see '
  'spaces that the caller has left; safe because it speaks of the caller''s own folders only.';
grant execute on function private.may_keep_file(text, text) to authenticated, service_role;

-- What a function that runs with the caller's rights names, every caller needs a right to, in branches that are not
-- theirs as well: PostgreSQL looks at the rights for a whole plan. So what anybody may ask names newsletters only.
create function private.can_read_newsletter_file(name text)
returns boolean
language sql
stable
set search_path = ''
as $$
  select exists (
    select from public.newsletters
    where newsletters.id = private.try_uuid(split_part(can_read_newsletter_file.name, '/', 2))
      and newsletters.space_id = private.try_uuid(split_part(can_read_newsletter_file.name, '/', 1))
      and case
        when can_read_newsletter_file.name like '%.pdf' then newsletters.pdf_path
        else newsletters.html_path
      end is not null
  );
$$;
comment on function private.can_read_newsletter_file(text) is
  'Return true if the caller may read an object in newsletters: under their own rights on the newsletter, once its '
  'files are made.';
grant execute on function private.can_read_newsletter_file(text) to anon, authenticated, service_role;

create function private.can_read_file(bucket_id text, name text)
returns boolean
language sql
stable
set search_path = ''
as $$
  select case can_read_file.bucket_id
    when 'avatars' then private.may_keep_file(can_read_file.bucket_id, can_read_file.name)
    when 'covers' then
      private.try_uuid(split_part(can_read_file.name, '/', 1)) = any (array(select private.my_led_space_ids()))
    when 'responses' then
      private.may_keep_file(can_read_file.bucket_id, can_read_file.name)
      or exists (
        select from public.responses
        where responses.image_path = can_read_file.name
          and responses.is_published
          and responses.space_id = any (array(select private.my_space_ids()))
      )
    when 'newsletters' then private.can_read_newsletter_file(can_read_file.name)
    else false
  end;
$$;
comment on function private.can_read_file(text, text) is
  'Return true if somebody who is signed in may read an object. Pictures in responses: the author all, members those '
  'that a published response names. Newsletters: as their rows.';
grant execute on function private.can_read_file(text, text) to authenticated, service_role;

create function private.can_write_file(bucket_id text, name text)
returns boolean
language sql
stable
set search_path = ''
as $$
  select case can_write_file.bucket_id
    when 'avatars' then
      private.has_account() and private.is_file_in(can_write_file.name, (select auth.uid())::text)
    when 'covers' then
      private.is_file_in(can_write_file.name, split_part(can_write_file.name, '/', 1))
      and private.try_uuid(split_part(can_write_file.name, '/', 1)) = any (array(select private.my_led_space_ids()))
    when 'responses' then
      private.is_file_in(can_write_file.name, split_part(can_write_file.name, '/', 1) || '/' || (select auth.uid())::text)
      and private.try_uuid(split_part(can_write_file.name, '/', 1)) = any (array(select private.my_space_ids()))
      -- A response that is out does not get its picture afterwards.
      and not exists (
        select from public.responses where responses.image_path = can_write_file.name and responses.is_published
      )
    else false
  end;
$$;
comment on function private.can_write_file(text, text) is
  'Return true if the caller may store an object under a new name, right in their own folder.';
grant execute on function private.can_write_file(text, text) to authenticated, service_role;

create function private.can_delete_file(bucket_id text, name text)
returns boolean
language sql
stable
set search_path = ''
as $$
  select case
    when can_delete_file.bucket_id in ('avatars', 'responses') then
      private.may_keep_file(can_delete_file.bucket_id, can_delete_file.name)
      and not private.is_file_needed(can_delete_file.bucket_id, can_delete_file.name)
    when can_delete_file.bucket_id = 'covers' then
      private.try_uuid(split_part(can_delete_file.name, '/', 1)) = any (array(select private.my_led_space_ids()))
      and not private.is_file_needed(can_delete_file.bucket_id, can_delete_file.name)
    else false
  end;
$$;
comment on function private.can_delete_file(text, text) is
  'Return true if the caller may delete an object: one in their own folder, also after they have left the space, '
  'that nothing names. What a row names is removed by a job once the row lets go of it.';
grant execute on function private.can_delete_file(text, text) to authenticated, service_role;

-- Policies and grants ------------------------------------------------------------------------------------------------

create policy "Monogram: anybody reads files of public newsletters" on storage.objects
  for select to anon using (bucket_id = 'newsletters' and private.can_read_newsletter_file(name));

create policy "Monogram: people read files they may read" on storage.objects
  for select to authenticated using (private.can_read_file(bucket_id, name));

create policy "Monogram: people upload into their own folders" on storage.objects
  for insert to authenticated with check (private.can_write_file(bucket_id, name));

create policy "Monogram: people delete files in their own folders" on storage.objects
  for delete to authenticated using (private.can_delete_file(bucket_id, name));
