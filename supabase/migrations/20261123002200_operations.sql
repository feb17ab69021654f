-- What operators ask and do, with a secret key only: run the scheduled work by hand, look into the outbox, verify the
-- ledger.

create function public.refresh_streaks(at timestamptz default now())
returns integer
language sql
set search_path = ''
as $$
  select private.refresh_streaks(refresh_streaks.at);
$$;
comment on function public.refresh_streaks(timestamptz) is
  'Compute all streaks as of a time, pay milestones, award badges; answers how many people''s streaks changed. Secret key only.';
grant execute on function public.refresh_streaks(timestamptz) to service_role;

create function public.award_all_badges()
returns integer
language sql
set search_path = ''
as $$
  select private.award_all_badges();
$$;
comment on function public.award_all_badges() is
  'Award everybody the badges they have earned by now; answers how many. Secret key only.';
grant execute on function public.award_all_badges() to service_role;

create function private.outbox_state()
returns table (kind text, state text, jobs bigint, oldest_run_at timestamptz)
language sql
stable
security definer
set search_path = ''
as $$
  select outbox.kind, outbox.state, count(*), min(outbox.run_at)
  from private.outbox
  group by outbox.kind, outbox.state
  order by outbox.kind, outbox.state;
$$;
comment on function private.outbox_state() is
  'Definer because no role reaches the outbox; granted to the service role only.';
grant execute on function private.outbox_state() to service_role;

create function public.outbox_state()
returns table (kind text, state text, jobs bigint, oldest_run_at timestamptz)
language sql
stable
set search_path = ''
as $$
  select * from private.outbox_state();
$$;
comment on function public.outbox_state() is
  'How many jobs of each kind are in which state, and since when the oldest is due. Secret key only.';
grant execute on function public.outbox_state() to service_role;

create function public.verify_ledger()
returns table (user_id uuid, token_balance bigint, ledger_sum bigint, newest_balance bigint)
language sql
stable
set search_path = ''
as $$
  select users.id, users.token_balance, ledger.total, newest.balance_after
  from public.users
  left join (
    select transactions.user_id, sum(transactions.amount)::bigint as total, max(transactions.seq) as seq
    from public.transactions
    group by transactions.user_id
  ) as ledger on ledger.user_id = users.id
  left join public.transactions as newest on newest.user_id = users.id and newest.seq = ledger.seq
  where users.token_balance <> coalesce(ledger.total, 0)
    or users.token_balance <> coalesce(newest.balance_after, 0)
  order by users.id;
$$;
comment on function public.verify_ledger() is
  'Everybody whose balance is not the sum of their transactions or not what the newest one says: nobody, unless '
  'something is badly wrong. Secret key only.';
grant execute on function public.verify_ledger() to service_role;
