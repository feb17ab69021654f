-- Files. Four buckets (and a fifth, see pictures); the first folders of an object's name say whose it is:
--   avatars      {user_id}/{file}                 everybody reads, the person writes
--   covers       {space_id}/{file}                everybody reads, the leader writes
--   responses    {space_id}/{user_id}/{file}      the author writes; members read what a published response names
--   newsletters  {space_id}/{newsletter_id}/...   read as the newsletter is read; secret keys write
-- And one whose objects are nobody's:
--   typefaces    {file}                           what PDFs are set in and functions are too small for; secret keys only
-- Public buckets serve their files by URL without a policy; the select policies below are what listing and deleting one's
-- own files need.
--
-- A file is written once: people neither replace nor move files (there is no policy for UPDATE), and a name that was in use
-- once is not taken again, so what a newsletter shows cannot change behind it. A file that a row names stays as long as
-- the row names it. Folders belong to somebody: where the account, the space or the newsletter is gone nothing can be
-- stored any more, whoever is in the middle of an upload or holds a signed address for one.

insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types) values
  ('avatars', 'avatars', true, 10485760, array['image/jpeg', 'image/png', 'image/webp', 'image/gif']),
  ('covers', 'covers', true, 10485760, array['image/jpeg', 'image/png', 'image/webp', 'image/gif']),
  ('responses', 'responses', false, 10485760, array['image/jpeg', 'image/png', 'image/webp', 'image/gif']),
  ('newsletters', 'newsletters', false, 20971520, array['text/html', 'application/pdf', 'image/jpeg', 'image/png', 'image/webp', 'image/gif']),
  ('typefaces', 'typefaces', false, 8388608, array['application/octet-stream'])
on conflict (id) do update
set public = excluded.public, file_size_limit = excluded.file_size_limit, allowed_mime_types = excluded.allowed_mime_types;

-- Names that were used -----------------------------------------------------------------------------------------------

create table private.used_file_names (
  digest bytea primary key
);
comment on table private.used_file_names is
  'SHA-256 of {bucket}/{name} of files of people that were removed: no file is stored under these names again.';

alter table private.used_file_names enable row level security;

create function private.file_digest(bucket_id text, name text)
returns bytea
language sql
immutable
set search_path = ''
as $$
  select sha256(convert_to(file_digest.bucket_id || '/' || file_digest.name, 'UTF8'));
$$;
comment on function private.file_digest(text, text) is 'What private.used_file_names knows a file by.';

-- Predicates ---------------------------------------------------------------------------------------------------------

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
  'Return true if the caller''s account is there: a token outlives it for up to an hour. Definer so that policies do not run '
  'policies; safe because it speaks of the caller only.';
grant execute on function private.has_account() to authenticated, service_role;

create function private.hold_folder(bucket_id text, name text)
returns boolean
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_first uuid := private.try_uuid(split_part(hold_folder.name, '/', 1));
  v_second uuid := private.try_uuid(split_part(hold_folder.name, '/', 2));
begin
  -- What is made of a picture is there as long as the picture, which a newsletter may need when its owner is gone.
  if hold_folder.bucket_id = 'derived' then
    perform from storage.objects
    where objects.bucket_id = split_part(hold_folder.name, '/', 1)
      and objects.name = regexp_replace(substr(hold_folder.name, strpos(hold_folder.name, '/') + 1), '/[^/]*$', '')
      and objects.bucket_id in ('avatars', 'covers', 'responses')
    for key share;
    return found;
  end if;
  -- In the folder, not in its place.
  if split_part(hold_folder.name, '/', case when hold_folder.bucket_id in ('avatars', 'covers') then 2 else 3 end) = '' then
    return false;
  end if;
  case hold_folder.bucket_id
    when 'avatars' then
      perform from public.users where id = v_first for key share;
    when 'covers' then
      perform from public.spaces where id = v_first for key share;
    when 'responses' then
      perform from public.spaces where id = v_first for key share;
      if found then
        perform from public.users where id = v_second for key share;
      end if;
    when 'newsletters' then
      perform from public.newsletters where id = v_second and space_id = v_first for key share;
  end case;
  return found;
end;
$$;
comment on function private.hold_folder(text, text) is
  'Return true if whoever a folder belongs to is there, and see to it that they are until the transaction ends. Definer; not '
  'granted, only the trigger below calls it.';

create function private.hold_right(bucket_id text, name text, owner_id text)
returns boolean
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_first text := split_part(hold_right.name, '/', 1);
  v_second text := split_part(hold_right.name, '/', 2);
begin
  case hold_right.bucket_id
    when 'avatars' then
      return v_first = hold_right.owner_id;
    when 'covers' then
      perform from public.spaces
      where id = private.try_uuid(v_first) and leader_id = private.try_uuid(hold_right.owner_id)
      for share;
    when 'responses' then
      if v_second <> hold_right.owner_id then
        return false;
      end if;
      perform from public.memberships
      where space_id = private.try_uuid(v_first) and user_id = private.try_uuid(v_second)
      for key share;
    else
      return false;
  end case;
  return found;
end;
$$;
comment on function private.hold_right(text, text, text) is
  'Return true if somebody may store a file in a folder: their own, of a space that they are in; the cover of one that they '
  'lead; and see to it that it stays so until the transaction ends. Definer; not granted, only the trigger below calls it.';

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
  'Return true if whoever a folder belongs to is there. Other buckets than ours are somebody else''s business. Definer; not '
  'granted, only other definer functions call it.';

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
  'Return true if a file is in the caller''s own folder and its space, if it is of one, is there. Definer to see spaces that '
  'the caller has left; safe because it speaks of the caller''s own folders only.';
grant execute on function private.may_keep_file(text, text) to authenticated, service_role;

create function private.is_file_needed(bucket_id text, name text)
returns boolean
language sql
stable
security definer
set search_path = ''
as $$
  select private.is_file_in_use(is_file_needed.bucket_id, is_file_needed.name) or private.is_in_print(is_file_needed.name);
$$;
comment on function private.is_file_needed(text, text) is
  'Return true if a row names the file, or a newsletter is still to be rendered with it. Definer to see every row; safe '
  'because policies ask it about files that they have let the caller delete otherwise.';
grant execute on function private.is_file_needed(text, text) to authenticated, service_role;

-- Policies -----------------------------------------------------------------------------------------------------------

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
  'Return true if the caller may read an object in newsletters: under their own rights on the newsletter, once its files '
  'are made.';
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
  'Return true if somebody who is signed in may read an object. Pictures in responses: the author all, members those that '
  'a published response names. Newsletters: as their rows.';
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
  'Return true if the caller may delete an object: one in their own folder, also after they have left the space, that '
  'nothing names. What a row names is removed by a job once the row lets go of it.';
grant execute on function private.can_delete_file(text, text) to authenticated, service_role;

create policy "Monogram: anybody reads files of public newsletters" on storage.objects
  for select to anon using (bucket_id = 'newsletters' and private.can_read_newsletter_file(name));

create policy "Monogram: people read files they may read" on storage.objects
  for select to authenticated using (private.can_read_file(bucket_id, name));

create policy "Monogram: people upload into their own folders" on storage.objects
  for insert to authenticated with check (private.can_write_file(bucket_id, name));

create policy "Monogram: people delete files in their own folders" on storage.objects
  for delete to authenticated using (private.can_delete_file(bucket_id, name));

-- Triggers -----------------------------------------------------------------------------------------------------------

create function private.admit_file()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if new.bucket_id not in ('avatars', 'covers', 'responses', 'newsletters', 'derived') then
    return new;
  end if;
  if not private.hold_folder(new.bucket_id, new.name) then
    perform private.deny(
      'This folder belongs to nobody, or to what is gone.',
      'The first folders of the name say whose file it is: ids in lower case.'
    );
  end if;
  -- Who holds a secret key, and nobody else, stores what is nobody's: copies in newsletters, files of a backup.
  if tg_op = 'INSERT' and new.owner_id is not null then
    if not private.hold_right(new.bucket_id, new.name, new.owner_id) then
      perform private.deny('You may not store files in this folder any more.', 'Join the space again, or ask its leader.');
    end if;
    if new.bucket_id = 'responses' and exists (
      select from public.responses where responses.image_path = new.name and responses.is_published
    ) then
      perform private.deny('A published response does not get its picture afterwards.', 'Store it under a new name.');
    end if;
  end if;
  if exists (
    select from private.used_file_names where digest = private.file_digest(new.bucket_id, new.name)
  ) then
    perform private.deny('There was a file of this name before.', 'Store it under a new name.');
  end if;
  return new;
end;
$$;
comment on function private.admit_file() is
  'Trigger: refuse a file in a folder of nobody, a file of somebody who may not store it any more, and a name that was used '
  'before. Policies look when an upload begins, or when an address for one is signed, this when its row is written, for '
  'the owner that the row names: what was under way, or signed, before the right or the owner went is refused as well. Secret '
  'keys have no owner; their files need a folder of somebody who is there. Definer to see every owner; safe because it '
  'only refuses.';

create trigger monogram__admit_file
  before insert or update of bucket_id, name on storage.objects
  for each row execute function private.admit_file();

create function private.keep_file()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform private.deny('A file is written once.', 'Store it under a new name.');
  return null;
end;
$$;
comment on function private.keep_file() is
  'Trigger: refuse other bytes under the name of a file of people. There is no policy for UPDATE, but who replaces by a '
  'signed address, or a secret key, passes by the policies. Newsletters are made anew by the platform. Definer because the '
  'storage server has no right to our functions; safe because it only refuses.';

-- The platform gives each upload a version of its own.
create trigger monogram__keep_file
  before update of version on storage.objects
  for each row when (
    old.bucket_id in ('avatars', 'covers', 'responses')
    and (old.bucket_id, old.name) = (new.bucket_id, new.name)
    and old.version is distinct from new.version
  )
  execute function private.keep_file();

create function private.retire_file_name()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if old.bucket_id in ('avatars', 'covers', 'responses') then
    perform private.forget_picture(old.bucket_id, old.name, private.try_uuid(old.owner_id));
    if private.is_folder_kept(old.bucket_id, old.name) then
      insert into private.used_file_names (digest)
      values (private.file_digest(old.bucket_id, old.name))
      on conflict do nothing;
    end if;
  end if;
  return null;
end;
$$;
comment on function private.retire_file_name() is
  'Trigger: remember the name of a file that is removed, or renamed by a secret key, and take along what was made of a picture. '
  'Where the owner is gone nothing is stored anyway. Definer '
  'because no role reaches the table; safe because it only fires for a file that is gone.';

create trigger monogram__retire_name
  after delete on storage.objects
  for each row execute function private.retire_file_name();

create trigger monogram__retire_former_name
  after update of bucket_id, name on storage.objects
  for each row when ((old.bucket_id, old.name) is distinct from (new.bucket_id, new.name))
  execute function private.retire_file_name();
