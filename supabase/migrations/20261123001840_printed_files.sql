-- Which files newsletters in print need: noted when one is published, and what has waited for them goes on when they are
-- made, given up, or no longer needed.

-- Triggers -----------------------------------------------------------------------------------------------------------

create function private.note_printed_files()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_needed_until timestamptz := case when new.html_path is null then new.published_at + interval '30 days' end;
begin
  if tg_op = 'UPDATE' and old.is_published and new.redacted_at is not distinct from old.redacted_at then
    update private.printed_files set needed_until = v_needed_until where newsletter_id = new.id;
    return null;
  end if;
  delete from private.printed_files where newsletter_id = new.id;
  insert into private.printed_files (newsletter_id, bucket_id, path, needed_until)
  select new.id, named.bucket_id, named.path, v_needed_until from private.pictures_in(new.content) as named;
  return null;
end;
$$;
comment on function private.note_printed_files() is
  'Trigger: note which files a published newsletter names, and until when its rendering needs them. Definer because '
  'no role reaches the table; safe because it only writes down what the newsletter says.';

create trigger newsletters__note_new_files
  after insert on public.newsletters
  for each row when (new.is_published)
  execute function private.note_printed_files();

create trigger newsletters__note_files
  after update on public.newsletters
  for each row when (
    new.is_published
    and (new.published_at, new.html_path, new.redacted_at)
      is distinct from (old.published_at, old.html_path, old.redacted_at)
  )
  execute function private.note_printed_files();

create function private.release_removals()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform private.release_jobs(
    array(
      select outbox.id
      from former
      cross join lateral (
        values
          (former.path),
          (split_part(former.path, '/', 1) || '/'),
          (split_part(former.path, '/', 1) || '/' || split_part(former.path, '/', 2) || '/')
      ) as removed (path)
      join private.outbox on outbox.key = 'storage.remove:' || former.bucket_id || '/' || removed.path
      where outbox.is_held
    )
  );
  return null;
end;
$$;
comment on function private.release_removals() is
  'Trigger: files that no newsletter needs any longer, and their folders, can be removed if that has waited. Definer '
  'because no role reaches the table; safe because it only makes jobs due.';

create trigger printed_files__release
  after update on private.printed_files
  referencing old table as former
  for each statement execute function private.release_removals();

create trigger printed_files__release_gone
  after delete on private.printed_files
  referencing old table as former
  for each statement execute function private.release_removals();

create function private.release_waiting()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform private.release_jobs(
    array(
      select outbox.id
      from private.printed_files
      join private.outbox on outbox.payload ->> 'newsletter_id' = printed_files.newsletter_id::text
      where printed_files.bucket_id = old.payload ->> 'bucket_id'
        and printed_files.path = old.payload ->> 'path'
        and outbox.is_held
    )
  );
  return null;
end;
$$;
comment on function private.release_waiting() is
  'Trigger: a newsletter that has waited for a picture can go on when that is made or given up. Definer because '
  'workers do not reach the table; safe because it only makes jobs due.';

create trigger outbox__release_waiting
  after update of state on private.outbox
  for each row when (
    old.kind = 'picture.derive' and old.state in ('READY', 'LEASED') and new.state in ('DONE', 'DEAD')
  )
  execute function private.release_waiting();
