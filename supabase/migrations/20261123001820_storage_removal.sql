-- Files that go with what named them. Files cannot be removed by SQL, so triggers put folders and files into the
-- outbox, in the transaction that causes it; the function deliver empties them. Until then policies hide what is
-- private, and nothing new can be stored in a folder whose owner is gone, so emptying it once is enough. A daily sweep
-- finds what an outage or a restored backup left behind.

-- Functions ----------------------------------------------------------------------------------------------------------

create function private.drop_file(bucket_id text, path text)
returns void
language sql
security definer
set search_path = ''
as $$
  select private.enqueue(
    'storage.remove',
    'storage.remove:' || drop_file.bucket_id || '/' || drop_file.path,
    jsonb_build_object('bucket_id', drop_file.bucket_id, 'path', drop_file.path)
  )
  -- So the limit of uploads bounds the jobs, too.
  where exists (select from storage.objects where objects.bucket_id = drop_file.bucket_id and objects.name = drop_file.path);
$$;
comment on function private.drop_file(text, text) is
  'Queue the removal of a file, if it is there: rows of storage cannot be deleted by SQL. Definer; not granted, only '
  'other definer functions call it.';

create function private.drop_folder(bucket_id text, folder text, account_id uuid default null)
returns void
language sql
security definer
set search_path = ''
as $$
  select private.enqueue(
    'storage.remove',
    'storage.remove:' || drop_folder.bucket_id || '/' || drop_folder.folder || '/',
    jsonb_build_object('bucket_id', drop_folder.bucket_id, 'folder', drop_folder.folder),
    account_id => drop_folder.account_id
  );
$$;
comment on function private.drop_folder(text, text, uuid) is
  'Queue the removal of all files in a folder and below it, as the work of an account where it cannot be told from '
  'the folder any more. Definer; not granted, only other definer functions call it.';

create function private.orphan_files()
returns table (bucket_id text, folder text)
language sql
stable
security definer
set search_path = ''
as $$
  select folders.bucket_id, folders.folder
  from (
    select distinct
      objects.bucket_id,
      case
        when objects.bucket_id in ('avatars', 'covers') then split_part(objects.name, '/', 1)
        else split_part(objects.name, '/', 1) || '/' || split_part(objects.name, '/', 2)
      end as folder
    from storage.objects
    where objects.bucket_id in ('avatars', 'covers', 'responses', 'newsletters')
  ) as folders
  where not private.is_folder_kept(folders.bucket_id, folders.folder);
$$;
comment on function private.orphan_files() is
  'Folders with files whose owner is gone. Definer; not granted, only the sweep and whoever runs the database call '
  'it.';

create function private.drop_orphan_files()
returns integer
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_orphan record;
  v_count integer := 0;
begin
  for v_orphan in select * from private.orphan_files() as orphan order by orphan.bucket_id, orphan.folder loop
    perform private.drop_folder(v_orphan.bucket_id, v_orphan.folder);
    v_count := v_count + 1;
  end loop;
  return v_count;
end;
$$;
comment on function private.drop_orphan_files() is
  'Queue the removal of files whose owner is gone: after an outage that outlived a job, or a restored backup. '
  'Returns the number of folders. Scheduled. Definer; not granted, only other definer functions call it.';

-- Triggers -----------------------------------------------------------------------------------------------------------

create function private.drop_space_files()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform private.drop_folder('covers', old.id::text, old.leader_id);
  perform private.drop_folder('responses', old.id::text, old.leader_id);
  perform private.drop_folder('newsletters', old.id::text, old.leader_id);
  return null;
end;
$$;
comment on function private.drop_space_files() is
  'Trigger: the files of a space go with it. Definer because clients queue no jobs; safe because it only fires for a '
  'space that is gone.';

create trigger spaces__drop_files
  after delete on public.spaces
  for each row execute function private.drop_space_files();

create function private.drop_person_files()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_space_id uuid;
begin
  perform private.drop_folder('avatars', old.id::text);
  for v_space_id in
    select space_id from public.memberships where user_id = old.id
    union
    select space_id from public.responses where user_id = old.id
    order by space_id
  loop
    perform private.drop_folder('responses', v_space_id::text || '/' || old.id::text);
  end loop;
  return old;
end;
$$;
comment on function private.drop_person_files() is
  'Trigger: the files of an account go with it, in each space that it was in. What was stored in a space without any '
  'response, before leaving it, is found by the sweep. Definer because clients queue no jobs; safe because it only '
  'fires for an account that is being deleted.';

create trigger users__drop_files
  before delete on public.users
  for each row execute function private.drop_person_files();

create function private.drop_newsletter_files()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if old.is_published and exists (select from public.spaces where id = old.space_id) then
    perform private.drop_folder('newsletters', old.space_id::text || '/' || old.id::text);
  end if;
  return null;
end;
$$;
comment on function private.drop_newsletter_files() is
  'Trigger: page, PDF and pictures of a newsletter go with it; with a space the whole folder goes. Definer because '
  'clients queue no jobs; safe because it only fires for a newsletter that is gone.';

create trigger newsletters__drop_files
  after delete on public.newsletters
  for each row execute function private.drop_newsletter_files();

create function private.drop_former_avatar()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform private.drop_file('avatars', old.avatar_path);
  return null;
end;
$$;
comment on function private.drop_former_avatar() is
  'Trigger: the picture that a profile names no more goes. Definer because clients queue no jobs; safe because the '
  'row named only files of its own.';

create trigger users__drop_former_avatar
  after update of avatar_path on public.users
  for each row when (old.avatar_path is not null and old.avatar_path is distinct from new.avatar_path)
  execute function private.drop_former_avatar();

create function private.drop_former_cover()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform private.drop_file('covers', old.cover_path);
  return null;
end;
$$;
comment on function private.drop_former_cover() is
  'Trigger: the picture that a space names no more goes. Definer because clients queue no jobs; safe because the row '
  'named only files of its own.';

create trigger spaces__drop_former_cover
  after update of cover_path on public.spaces
  for each row when (old.cover_path is not null and old.cover_path is distinct from new.cover_path)
  execute function private.drop_former_cover();
