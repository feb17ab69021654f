-- Pictures as they are shown: upright, small, without metadata. Each picture that a published response, a profile or a
-- space names is made into some smaller ones by a job of its own, as soon as it is named; originals stay where they
-- are. What is made is in the bucket "derived", for the functions only:
--   derived  {bucket}/{name of the original}/{file}
-- It goes with the original. A published newsletter has copies in its own folder, which do not. What cannot be made,
-- and why, is written down here; rendering a newsletter waits until each of its pictures is one or the other.

insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types) values
  ('derived', 'derived', false, 10485760, array['image/jpeg', 'image/png', 'image/webp', 'image/gif'])
on conflict (id) do update
set public = excluded.public, file_size_limit = excluded.file_size_limit, allowed_mime_types = excluded.allowed_mime_types;

-- Tables -------------------------------------------------------------------------------------------------------------

create table private.pictures (
  bucket_id text not null,
  path text not null,
  width integer,
  height integer,
  files jsonb,
  refusal text,
  settled_at timestamptz not null default now(),
  primary key (bucket_id, path),
  constraint pictures_bucket_known check (bucket_id in ('avatars', 'covers', 'responses')),
  constraint pictures_size_positive check (width > 0 and height > 0),
  constraint pictures_files_is_object check (jsonb_typeof(files) = 'object'),
  constraint pictures_refusal_known check (
    refusal in (
      'UNKNOWN_FORMAT', 'UNSUPPORTED_FORMAT', 'DAMAGED', 'TOO_MANY_PIXELS', 'TOO_MANY_BYTES', 'TOO_HEAVY'
    )
  ),
  constraint pictures_settled check (
    (refusal is null) = (files is not null) and (files is null) = (width is null) and (width is null) = (height is null)
  )
);
comment on table private.pictures is
  'What became of pictures that were to be shown: the files made of them, or why there are none.';
comment on column private.pictures.width is 'Of the original in pixels, upright; so is height.';
comment on column private.pictures.files is
  'By use (`"page"`, `"print"`, `"mail"`, `"small"`, `"motion"`, `"original"`, `"face"`): {"name", "width", '
  '"height", "bytes"} of the file in the folder {bucket_id}/{path} of the bucket "derived". One file may have '
  'several uses.';

alter table private.pictures enable row level security;

-- Rights of the secret key's functions below; the schema is not exposed, so that nothing else uses them.
grant select on private.pictures to service_role;

-- Functions ----------------------------------------------------------------------------------------------------------

create function private.pictures_in(content jsonb)
returns table (bucket_id text, path text)
language sql
immutable
set search_path = ''
as $$
  select distinct named.bucket_id, named.path #>> '{}'
  from (
    select 'covers' as bucket_id, pictures_in.content -> 'space' -> 'cover_path' as path
    union all
    select 'avatars', jsonb_path_query(pictures_in.content, 'lax $.prompts[*].responses[*].author.avatar_path')
    union all
    select 'responses', jsonb_path_query(pictures_in.content, 'lax $.prompts[*].responses[*].image_path')
  ) as named
  where jsonb_typeof(named.path) = 'string';
$$;
comment on function private.pictures_in(jsonb) is 'Return the pictures that a snapshot names, each once.';
grant execute on function private.pictures_in(jsonb) to service_role;

create function private.ask_for_picture(bucket_id text, path text)
returns void
language sql
security definer
set search_path = ''
as $$
  select private.enqueue(
    'picture.derive',
    'picture.derive:' || ask_for_picture.bucket_id || '/' || ask_for_picture.path,
    jsonb_build_object('bucket_id', ask_for_picture.bucket_id, 'path', ask_for_picture.path)
  )
  where ask_for_picture.path is not null
    -- So the limit of uploads bounds the jobs, too. What is stored later is asked for then.
    and exists (
      select from storage.objects
      where objects.bucket_id = ask_for_picture.bucket_id and objects.name = ask_for_picture.path
    )
    and not exists (
      select from private.pictures
      where pictures.bucket_id = ask_for_picture.bucket_id and pictures.path = ask_for_picture.path
    );
$$;
comment on function private.ask_for_picture(text, text) is
  'Queue the making of what is shown of a picture that is there, unless it is made; one that was given up takes '
  'another turn. Definer; not granted, only other definer functions call it.';

create function private.await_picture(bucket_id text, path text, account_id uuid)
returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_owner_id uuid := private.person_of(await_picture.account_id);
  v_turn bigint := private.next_turn('awaited', v_owner_id);
begin
  update private.outbox
  set is_awaited = true, owner_id = v_owner_id, turn = v_turn, served_turn = null
  where key = 'picture.derive:' || await_picture.bucket_id || '/' || await_picture.path
    and state in ('READY', 'LEASED')
    -- Whoever else waits for it may have the earlier turn.
    and (not is_awaited or turn > v_turn);
end;
$$;
comment on function private.await_picture(text, text, uuid) is
  'Let a picture that is still to be made take the turn of whose newsletter waits for it. Definer; not granted, only '
  'other definer functions call it.';

create function private.settle_picture(
  bucket_id text, path text, width integer, height integer, files jsonb, refusal text
)
returns boolean
language plpgsql
security definer
set search_path = ''
as $$
begin
  if not coalesce(
    settle_picture.refusal is null and settle_picture.width > 0 and settle_picture.height > 0
      and jsonb_typeof(settle_picture.files) = 'object',
    false
  ) and (
    settle_picture.refusal is null
    or num_nonnulls(settle_picture.width, settle_picture.height, settle_picture.files) > 0
    or settle_picture.refusal not in (
      'UNKNOWN_FORMAT', 'UNSUPPORTED_FORMAT', 'DAMAGED', 'TOO_MANY_PIXELS', 'TOO_MANY_BYTES', 'TOO_HEAVY'
    )
  ) then
    perform private.fail(
      'MG001', 'files', 'A picture has a width and a height above zero and its files (an object), or else one of the refusals.'
    );
  end if;
  -- It cannot go until this is written; then what was made goes with it.
  perform from storage.objects
  where objects.bucket_id = settle_picture.bucket_id and objects.name = settle_picture.path
  for key share;
  if not found then
    perform private.drop_folder('derived', settle_picture.bucket_id || '/' || settle_picture.path);
    return false;
  end if;
  insert into private.pictures (bucket_id, path, width, height, files, refusal)
  values (
    settle_picture.bucket_id, settle_picture.path, settle_picture.width, settle_picture.height, settle_picture.files,
    settle_picture.refusal
  )
  on conflict on constraint pictures_pkey do update
  set
    width = excluded.width, height = excluded.height, files = excluded.files, refusal = excluded.refusal,
    settled_at = now();
  return true;
end;
$$;
comment on function private.settle_picture(text, text, integer, integer, jsonb, text) is
  'Definer because it calls functions that are granted to nobody; granted to the service role only.';
grant execute on function private.settle_picture(text, text, integer, integer, jsonb, text) to service_role;

create function public.settle_picture(
  bucket_id text, path text, width integer default null, height integer default null, files jsonb default null,
  refusal text default null
)
returns boolean
language sql
set search_path = ''
as $$
  select private.settle_picture(
    private.require_value('bucket_id', settle_picture.bucket_id), private.require_value('path', settle_picture.path),
    settle_picture.width, settle_picture.height, settle_picture.files, settle_picture.refusal
  );
$$;
comment on function public.settle_picture(text, text, integer, integer, jsonb, text) is
  'Say what became of a picture: its size and the files made of it, or why there are none. Returns true if the '
  'original is still there; otherwise what was made of it is removed, and nothing is kept. Secret key only.';
grant execute on function public.settle_picture(text, text, integer, integer, jsonb, text) to service_role;

create function private.forget_picture(bucket_id text, path text, account_id uuid)
returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  delete from private.pictures
  where pictures.bucket_id = forget_picture.bucket_id and pictures.path = forget_picture.path;
  if found then
    perform private.drop_folder('derived', forget_picture.bucket_id || '/' || forget_picture.path, forget_picture.account_id);
  end if;
  perform private.drop_job(outbox.id, now())
  from private.outbox
  where outbox.key = 'picture.derive:' || forget_picture.bucket_id || '/' || forget_picture.path;
end;
$$;
comment on function private.forget_picture(text, text, uuid) is
  'Remove what was made of a picture along with it. Definer; not granted, only other definer functions call it.';

create function private.drop_orphan_pictures()
returns integer
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_orphan record;
  v_count integer := 0;
begin
  for v_orphan in
    select distinct regexp_replace(objects.name, '/[^/]*$', '') as folder
    from storage.objects
    where objects.bucket_id = 'derived'
      and not exists (
        select from storage.objects as originals
        where originals.bucket_id = split_part(objects.name, '/', 1)
          and originals.name = regexp_replace(substr(objects.name, strpos(objects.name, '/') + 1), '/[^/]*$', '')
      )
    order by folder
  loop
    perform private.drop_folder('derived', v_orphan.folder);
    v_count := v_count + 1;
  end loop;
  return v_count;
end;
$$;
comment on function private.drop_orphan_pictures() is
  'Queue the removal of what was made of pictures that are gone: after a restored backup. Returns the number of '
  'folders. Scheduled. Definer; not granted, only other definer functions call it.';

create function public.newsletter_pictures(newsletter_id uuid)
returns table (bucket_id text, path text, is_pending boolean, width integer, height integer, files jsonb, refusal text)
language sql
stable
set search_path = ''
as $$
  select
    named.bucket_id, named.path, jobs.is_open and pictures.path is null, pictures.width, pictures.height, pictures.files,
    case
      when pictures.path is not null or jobs.is_open then pictures.refusal
      when jobs.was_given_up and exists (
        select from storage.objects where objects.bucket_id = named.bucket_id and objects.name = named.path
      ) then 'TOO_HEAVY'
      else 'MISSING'
    end
  from public.newsletters
  cross join lateral private.pictures_in(newsletters.content) as named
  left join private.pictures on pictures.bucket_id = named.bucket_id and pictures.path = named.path
  cross join lateral (
    select
      coalesce(bool_or(outbox.state in ('READY', 'LEASED')), false) as is_open,
      coalesce(bool_or(outbox.state in ('DONE', 'DEAD')), false) as was_given_up
    from private.outbox
    where outbox.key = 'picture.derive:' || named.bucket_id || '/' || named.path
  ) as jobs
  where newsletters.id = newsletter_pictures.newsletter_id
  order by named.bucket_id, named.path;
$$;
comment on function public.newsletter_pictures(uuid) is
  'Return the pictures that a newsletter names: whether each is still being made, its size and the files made of it, '
  'or why there are none. Secret key only.';
grant execute on function public.newsletter_pictures(uuid) to service_role;

-- Triggers -----------------------------------------------------------------------------------------------------------

create function private.ask_for_response_picture()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform private.ask_for_picture('responses', new.image_path);
  return null;
end;
$$;
comment on function private.ask_for_response_picture() is
  'Trigger: the picture of a response is made ready when it is submitted. Definer because clients queue no jobs; '
  'safe because it only fires for a row that was let in.';

create trigger responses__ask_for_picture
  after insert or update of image_path, is_published on public.responses
  for each row when (new.is_published and new.image_path is not null)
  execute function private.ask_for_response_picture();

create function private.ask_for_avatar()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform private.ask_for_picture('avatars', new.avatar_path);
  return null;
end;
$$;
comment on function private.ask_for_avatar() is
  'Trigger: the picture of a person is made ready when it is set. Definer because clients queue no jobs; safe '
  'because it only fires for a row that was let in.';

create trigger users__ask_for_avatar
  after insert or update of avatar_path on public.users
  for each row when (new.avatar_path is not null)
  execute function private.ask_for_avatar();

create function private.ask_for_cover()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform private.ask_for_picture('covers', new.cover_path);
  return null;
end;
$$;
comment on function private.ask_for_cover() is
  'Trigger: the cover of a space is made ready when it is set. Definer because clients queue no jobs; safe because '
  'it only fires for a row that was let in.';

create trigger spaces__ask_for_cover
  after insert or update of cover_path on public.spaces
  for each row when (new.cover_path is not null)
  execute function private.ask_for_cover();

create function private.ask_for_stored_picture()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if private.is_file_in_use(new.bucket_id, new.name) then
    perform private.ask_for_picture(new.bucket_id, new.name);
  end if;
  return null;
end;
$$;
comment on function private.ask_for_stored_picture() is
  'Trigger: the picture that a row named before it was stored is made ready when it is. Definer because the storage '
  'server has no right to our functions; safe because it only fires for a file that was let in.';

create trigger monogram__ask_for_picture
  after insert on storage.objects
  for each row when (new.bucket_id in ('avatars', 'covers', 'responses'))
  execute function private.ask_for_stored_picture();

create function private.ask_for_pictures()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_account_id uuid := coalesce(auth.uid(), (select leader_id from public.spaces where id = new.space_id));
  v_named record;
begin
  for v_named in
    select named.bucket_id, named.path from private.pictures_in(new.content) as named order by named.bucket_id, named.path
  loop
    perform private.ask_for_picture(v_named.bucket_id, v_named.path);
    if new.is_published and new.html_path is null then
      perform private.await_picture(v_named.bucket_id, v_named.path, v_account_id);
    end if;
  end loop;
  return null;
end;
$$;
comment on function private.ask_for_pictures() is
  'Trigger: a newsletter asks for the pictures that it shows, should nobody have, and once it is published they go '
  'before others. It does not wait for them. Definer because clients queue no jobs; safe because it only fires for a '
  'row that was let in.';

create trigger newsletters__ask_for_pictures
  after insert or update of content, is_published on public.newsletters
  for each row execute function private.ask_for_pictures();
