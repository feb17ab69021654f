-- Work by the clock. private.tick() does whatever has come due, and is called until it returns nothing, every minute or
-- so; after a time in which nobody called it, that brings everything to where it should be, once. What is done for
-- everybody is done for a portion of people at each call, which commits, so that nobody is held for long. Where pg_cron
-- exists it does that; elsewhere whoever runs the database, as the local stack does.

-- Tables -------------------------------------------------------------------------------------------------------------

create table private.scheduled_jobs (
  name text primary key check (name ~ '^monogram-[a-z-]+$'),
  schedule text not null,
  command text not null
);
comment on table private.scheduled_jobs is 'What runs by the clock: a cron expression in UTC and an SQL command.';

create table private.chores (
  name text primary key check (name ~ '^[a-z-]+$'),
  every interval not null,
  starts_at interval not null default '0',
  last_run_at timestamptz,
  last_error text,
  come_to uuid,
  constraint chores_every_positive check (every > interval '0')
);
comment on table private.chores is
  'What tick() does, and how often: once in each stretch of time, counted from Monday, 00:00 UTC.';
comment on column private.chores.starts_at is 'How long after the beginning of its stretch of time it becomes due.';
comment on column private.chores.last_run_at is 'The time it was last done for; null before.';
comment on column private.chores.last_error is 'What went wrong the last time, or null.';
comment on column private.chores.come_to is
  'The last person of the portion that was done last, of what is done for everybody; null where none is under way.';

alter table private.scheduled_jobs enable row level security;
alter table private.chores enable row level security;

insert into private.scheduled_jobs (name, schedule, command) values
  ('monogram-tick', '* * * * *', 'do $$ begin while private.tick() <> ''{}'' loop commit; end loop; end $$');

insert into private.chores (name, every, starts_at) values
  ('streaks', '1 hour', '5 minutes'),
  ('reminders', '1 hour', '15 minutes'),
  ('badges', '1 day', '3 hours 20 minutes'),
  ('ledger', '1 day', '4 hours'),
  ('sweep', '1 day', '3 hours 40 minutes');

-- Functions ----------------------------------------------------------------------------------------------------------

create function private.sweep(at timestamptz default now())
returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  delete from private.outbox where state = 'DONE' and finished_at < sweep.at - interval '30 days';
  perform private.forget_owners();
  -- What somebody holds, and may hold for a deletion that waits for another row of these, is left for tomorrow.
  delete from private.mails
  where id = any (
    array(
      select mails.id from private.mails
      where mails.newsletter_id is null and mails.created_at < sweep.at - interval '90 days'
        and mails.state not in ('QUEUED', 'SENDING', 'UNCERTAIN')
      for update skip locked
    )
  );
  delete from private.newsletter_mails
  where created_at < sweep.at - interval '30 days'
    and not exists (
      select from private.mails
      where mails.newsletter_id = newsletter_mails.newsletter_id and mails.state in ('QUEUED', 'SENDING', 'UNCERTAIN')
    );
  delete from private.weekly_earnings where week < private.week_index(sweep.at) - 8;
  perform private.forget_addresses(sweep.at);
  delete from private.new_passwords where set_at < sweep.at - interval '1 day';
  delete from public.notifications
  where id = any (
    array(
      select notifications.id from public.notifications
      where notifications.read_at < sweep.at - interval '90 days'
      for update skip locked
    )
  );
  perform private.drop_orphan_files();
  perform private.drop_orphan_pictures();
  perform private.drop_left_drafts(null, null);
  if to_regclass('cron.job_run_details') is not null then
    execute 'delete from cron.job_run_details where end_time < $1' using sweep.at - interval '7 days';
  end if;
end;
$$;
comment on function private.sweep(timestamptz) is
  'Forget finished jobs after 30 days, read notifications and the news by email after 90, and how a newsletter''s '
  'email read 30 days after everybody has it; drop files whose owner is gone. Who was sent a newsletter stays. '
  'Scheduled. Definer; not granted to clients.';

create function private.send_reminders(at timestamptz default now())
returns integer
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_week record;
  v_count integer := 0;
begin
  for v_week in
    select curator_rotations.id, curator_rotations.space_id, curator_rotations.week_number
    from public.curator_rotations
    join public.spaces
      on spaces.id = curator_rotations.space_id and spaces.current_week = curator_rotations.week_number
    where curator_rotations.reminded_at is null
      and exists (
        select from public.prompts
        where prompts.space_id = curator_rotations.space_id
          and prompts.week_number = curator_rotations.week_number
          and prompts.published_at <= send_reminders.at - interval '2 days'
      )
    order by curator_rotations.id
    for update of curator_rotations skip locked
    for key share of spaces skip locked
  loop
    perform private.notify(
      array(
        select users.id
        from public.memberships
        join public.users on users.id = memberships.user_id
        where memberships.space_id = v_week.space_id
          and not exists (
            select from public.responses
            where responses.space_id = v_week.space_id
              and responses.user_id = memberships.user_id
              and responses.week_number = v_week.week_number
              and responses.is_published
          )
        order by users.id
        -- Who is being deleted needs none, and is not waited for.
        for key share of users skip locked
      ),
      'RESPONSE_REMINDER', v_week.space_id,
      jsonb_build_object('week_number', v_week.week_number),
      'reminder:' || v_week.id::text
    );
    update public.curator_rotations set reminded_at = send_reminders.at where id = v_week.id;
    v_count := v_count + 1;
  end loop;
  return v_count;
end;
$$;
comment on function private.send_reminders(timestamptz) is
  'Remind the members who have not responded, once in each week of a space, two days after its first prompts were '
  'published; a week that has closed by then is over. Returns how many spaces. Scheduled. Definer; not granted to '
  'clients.';

create function private.do_chore(chore private.chores, at timestamptz)
returns uuid
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_user_ids uuid[];
begin
  case chore.name
    when 'ledger' then perform private.checkpoint_ledger(do_chore.at);
    when 'reminders' then perform private.send_reminders(do_chore.at);
    when 'sweep' then perform private.sweep(do_chore.at);
    when 'badges', 'streaks' then
      v_user_ids := private.next_people(chore.come_to);
      if chore.name = 'badges' then
        perform private.award_badges_of(v_user_ids);
      else
        perform private.refresh_streaks_of(v_user_ids, do_chore.at);
      end if;
      if private.next_people(v_user_ids[cardinality(v_user_ids)]) <> '{}' then
        return v_user_ids[cardinality(v_user_ids)];
      end if;
  end case;
  return null;
end;
$$;
comment on function private.do_chore(private.chores, timestamptz) is
  'Do a chore, or the next portion of it; returns the last person of the portion where there are more. Definer; not '
  'granted, only tick() calls it.';

create function private.tick(at timestamptz default now())
returns text[]
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_chore private.chores;
  v_come_to uuid;
  v_done text[] := array[]::text[];
begin
  for v_chore in
    select * from private.chores
    where last_run_at is null
      or last_run_at < date_bin(every, tick.at - starts_at, timestamptz '2001-01-01 00:00:00+00') + starts_at
    -- Last what holds people.
    order by name in ('badges', 'streaks'), name
    for update skip locked
  loop
    begin
      v_come_to := private.do_chore(v_chore, tick.at);
      update private.chores
      set
        last_run_at = case when v_come_to is null then tick.at else last_run_at end, come_to = v_come_to,
        last_error = null
      where name = v_chore.name;
      v_done := v_done || v_chore.name;
    exception
      -- One that fails must not keep the others from being done; it is tried again at the next tick.
      when others then
        raise warning 'the chore % failed: % (%)', v_chore.name, sqlerrm, sqlstate;
        update private.chores set last_error = sqlstate || ': ' || sqlerrm where name = v_chore.name;
    end;
  end loop;
  perform private.nudge(tick.at);
  return array(select done.name from unnest(v_done) as done (name) order by done.name);
end;
$$;
comment on function private.tick(timestamptz) is
  'Do what has come due, each chore once however long ago it was, and call the function deliver if there is work for '
  'it. Returns what was done, or begun: what is done for everybody takes a portion of people at each call, so it is '
  'called until it returns nothing. Two at once share the work. Definer; granted to the service role only.';
grant execute on function private.tick(timestamptz) to service_role;

create function public.tick(at timestamptz default now())
returns text[]
language sql
set search_path = ''
as $$
  select private.tick(private.require_instant(tick.at));
$$;
comment on function public.tick(timestamptz) is
  'Do the work of the clock that has come due; returns what was done, or begun: call it until it returns nothing. '
  'Secret key only.';
grant execute on function public.tick(timestamptz) to service_role;

create function private.is_work_due(at timestamptz default now())
returns boolean
language sql
stable
security definer
set search_path = ''
as $$
  select exists (
    select from private.outbox
    where outbox.due_at <= is_work_due.at
      and outbox.kind <> 'picture.derive'
  ) or exists (
    select from private.mails
    where mails.due_at <= is_work_due.at
      and mails.turn is not null
      and private.is_rendered(mails.newsletter_id)
  ) or exists (
    select from private.mails
    where mails.due_at <= is_work_due.at
      and mails.turn is null
      -- Both, for the sake of the index.
      and (mails.held > 0) in (false, true)
      and private.is_rendered(mails.newsletter_id)
  ) or exists (
    select from private.mail_batches where mail_batches.due_at <= is_work_due.at
  );
$$;
comment on function private.is_work_due(timestamptz) is
  'Return true if the function deliver has something to do. Definer; not granted, only other definer functions and '
  'whoever runs the database call it.';

create function private.is_picture_due(at timestamptz default now())
returns boolean
language sql
stable
security definer
set search_path = ''
as $$
  select exists (
    select from private.outbox where outbox.due_at <= is_picture_due.at and outbox.kind = 'picture.derive'
  );
$$;
comment on function private.is_picture_due(timestamptz) is
  'Return true if the function pictures has something to do. Definer; not granted, only other definer functions and '
  'whoever runs the database call it.';

create function private.nudge(at timestamptz default now())
returns boolean
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_url text;
  v_key text;
  v_functions text[];
  v_function text;
begin
  if to_regnamespace('net') is null or to_regclass('vault.decrypted_secrets') is null then
    return false;
  end if;
  v_functions := array_remove(
    array[
      case when private.is_picture_due(nudge.at) then 'pictures' end,
      case when private.is_work_due(nudge.at) then 'deliver' end
    ],
    null
  );
  if v_functions = '{}' then
    return false;
  end if;
  execute 'select decrypted_secret from vault.decrypted_secrets where name = $1' into v_url using 'project_url';
  execute 'select decrypted_secret from vault.decrypted_secrets where name = $1' into v_key using 'cron_secret_key';
  if v_url is null or v_key is null then
    return false;
  end if;
  foreach v_function in array v_functions loop
    execute 'select net.http_post(url := $1, headers := $2, body := $3, timeout_milliseconds := 150000)'
      using
        rtrim(v_url, '/') || '/functions/v1/' || v_function,
        jsonb_build_object('Content-Type', 'application/json', 'apikey', v_key),
        '{}'::jsonb;
  end loop;
  return true;
end;
$$;
comment on function private.nudge(timestamptz) is
  'Where pg_net and Vault are (secrets "project_url" and "cron_secret_key"): call the functions deliver and pictures '
  'if there is work for them. Returns true if it called one. A call that is lost does no harm, the next tick makes '
  'another. Definer to read the secrets; not granted, only other definer functions call it, and it tells them to '
  'nobody but the project''s own address.';

create function private.schedule_jobs()
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_job private.scheduled_jobs;
  v_count integer := 0;
begin
  if to_regnamespace('cron') is null then
    return 0;
  end if;
  for v_job in select * from private.scheduled_jobs order by name loop
    execute 'select cron.schedule($1, $2, $3)' using v_job.name, v_job.schedule, v_job.command;
    v_count := v_count + 1;
  end loop;
  return v_count;
end;
$$;
comment on function private.schedule_jobs() is
  'Hand the scheduled work to pg_cron, where it is; again changes nothing. Returns how many jobs. For the role of '
  'migrations.';

do $$
begin
  if exists (select from pg_catalog.pg_available_extensions where name = 'pg_net') then
    begin
      create extension if not exists pg_net with schema extensions;
    exception
      when insufficient_privilege or internal_error then
        raise warning 'pg_net cannot be used yet: %', sqlerrm
          using hint = 'Preload and create it as a superuser. Until then something else has to call the function deliver.';
    end;
  end if;
  if exists (select from pg_catalog.pg_available_extensions where name = 'pg_cron') then
    begin
      create extension if not exists pg_cron with schema pg_catalog;
    exception
      -- Not allowed here, or (as an internal error) installed on the server but not preloaded.
      when insufficient_privilege or internal_error then
        raise warning 'pg_cron cannot be used yet: %', sqlerrm
          using hint = 'Preload and create it as a superuser, then run: select private.schedule_jobs(). '
            'Until then something else has to run what private.scheduled_jobs lists.';
    end;
    perform private.schedule_jobs();
  end if;
end;
$$;
