-- What a file must fulfil when its row is written, whatever was so when its upload began: its folder belongs to
-- somebody who is there, its owner may store it, and its name is new.

-- Predicates ---------------------------------------------------------------------------------------------------------

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
  'Return true if whoever a folder belongs to is there, and see to it that they are until the transaction ends. '
  'Definer; not granted, only the trigger below calls it.';

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
  'Return true if somebody may store a file in a folder: their own, of a space that they are in; the cover of one '
  'that they lead; and see to it that it stays so until the transaction ends. Definer; not granted, only the trigger '
  'below calls it.';

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
  'Trigger: refuse a file in a folder of nobody, a file of somebody who may not store it any more, and a name that '
  'was used before. Policies look when an upload begins, or when an address for one is signed, this when its row is '
  'written, for the owner that the row names: what was under way, or signed, before the right or the owner went is '
  'refused as well. Secret keys have no owner; their files need a folder of somebody who is there. Definer to see '
  'every owner; safe because it only refuses.';

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
  'Trigger: refuse other bytes under the name of a file of people. There is no policy for UPDATE, but who replaces '
  'by a signed address, or a secret key, passes by the policies. Newsletters are made again by the platform. Definer '
  'because the storage server has no right to our functions; safe because it only refuses.';

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
  'Trigger: remember the name of a file that is removed, or renamed by a secret key, and take along what was made of '
  'a picture. Where the owner is gone nothing is stored anyway. Definer because no role reaches the table; safe '
  'because it only fires for a file that is gone.';

create trigger monogram__retire_name
  after delete on storage.objects
  for each row execute function private.retire_file_name();

create trigger monogram__retire_former_name
  after update of bucket_id, name on storage.objects
  for each row when ((old.bucket_id, old.name) is distinct from (new.bucket_id, new.name))
  execute function private.retire_file_name();
