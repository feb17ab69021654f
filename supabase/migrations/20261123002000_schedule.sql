-- Work by the clock: plain SQL functions, listed in one table. Where pg_cron exists they are scheduled with it;
-- elsewhere whoever runs the database reads the list and calls them, as the local stack does.

create table private.scheduled_jobs (
  name text primary key check (name ~ '^monogram-[a-z-]+$'),
  schedule text not null,
  command text not null
);
comment on table private.scheduled_jobs is 'What runs by the clock: a cron expression in UTC and an SQL command.';

alter table private.scheduled_jobs enable row level security;

insert into private.scheduled_jobs (name, schedule, command) values
  ('monogram-streaks', '5 * * * *', 'select private.refresh_streaks()'),
  ('monogram-badges', '20 3 * * *', 'select private.award_all_badges()'),
  ('monogram-sweep', '40 3 * * *', 'select private.sweep()');

create function private.sweep(at timestamptz default now())
returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  delete from private.outbox where state = 'DONE' and finished_at < sweep.at - interval '30 days'
    and kind in ('notification.email', 'storage.remove');
  delete from public.notifications where read_at < sweep.at - interval '90 days';
  if to_regclass('cron.job_run_details') is not null then
    execute 'delete from cron.job_run_details where end_time < $1' using sweep.at - interval '7 days';
  end if;
end;
$$;
comment on function private.sweep(timestamptz) is
  'Forget finished jobs after 30 days and read notifications after 90; newsletter jobs stay, they say what was sent to '
  'whom. Scheduled. Definer; not granted to clients.';

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
  'Hand the scheduled work to pg_cron, where it is; again changes nothing. Answers how many jobs. For the role of migrations.';

do $$
begin
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
