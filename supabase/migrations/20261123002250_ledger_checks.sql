-- Proof that nobody changed the ledger. Each transaction carries a hash over itself and the person's transaction
-- before it (private.post_transaction); what is here checks these chains, daily from where the last check ended.

-- Tables -------------------------------------------------------------------------------------------------------------

create table private.ledger_checkpoints (
  user_id uuid primary key,
  seq bigint not null,
  hash bytea not null,
  entries bigint not null,
  token_balance bigint not null,
  checked_at timestamptz not null
);
comment on table private.ledger_checkpoints is
  'How far each person''s ledger has been checked and found whole. Without a foreign key: checking holds nobody up. '
  'users__settle_ledger removes the row with the person.';

create table private.ledger_checks (
  id bigint generated always as identity primary key,
  checked_at timestamptz not null,
  faults integer not null
);
comment on table private.ledger_checks is 'When the ledger was checked by the clock, and how many faults there were.';

alter table private.ledger_checkpoints enable row level security;
alter table private.ledger_checks enable row level security;

-- Functions ----------------------------------------------------------------------------------------------------------

create function private.changed_ledgers()
returns setof uuid
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  -- One look into the ledger for each person: whether its newest entry is still the one that was checked.
  return query
    select users.id
    from public.users
    left join private.ledger_heads on ledger_heads.user_id = users.id
    left join private.ledger_checkpoints as checkpoint on checkpoint.user_id = users.id
    left join lateral (
      select transactions.seq, transactions.hash
      from public.transactions
      where transactions.user_id = users.id
      order by transactions.seq desc
      limit 1
    ) as newest on true
    where (
        users.token_balance, coalesce(ledger_heads.entries, 0), ledger_heads.last_seq, ledger_heads.hash, newest.seq,
        newest.hash
      ) is distinct from (
        coalesce(checkpoint.token_balance, 0), coalesce(checkpoint.entries, 0), checkpoint.seq, checkpoint.hash,
        checkpoint.seq, checkpoint.hash
      );
end;
$$;
comment on function private.changed_ledgers() is
  'Return the people whose balance, newest entry or end of the ledger is not what the last checkpoint says. In the '
  'ledgers of all others an incomplete check would find nothing. Definer; not granted, only other definer functions '
  'call it.';

create function private.account_faults(user_ids uuid[], complete boolean)
returns table (user_id uuid, problem text, subject_id uuid)
language sql
stable
security definer
set search_path = ''
as $$
  with accounts as (
    select
      users.id, users.token_balance, ledger_heads.entries, ledger_heads.last_seq, ledger_heads.hash,
      checkpoint.seq as checkpoint_seq, checkpoint.hash as checkpoint_hash,
      -- From where on entries are read; an incomplete check believes what was checked before.
      case when account_faults.complete then null else checkpoint.seq end as after_seq,
      case when account_faults.complete then '' else coalesce(checkpoint.hash, '') end as first_hash,
      case when account_faults.complete then 0 else coalesce(checkpoint.token_balance, 0) end as first_balance,
      case when account_faults.complete then 0 else coalesce(checkpoint.entries, 0) end as first_entries
    from public.users
    left join private.ledger_heads on ledger_heads.user_id = users.id
    left join private.ledger_checkpoints as checkpoint on checkpoint.user_id = users.id
    where account_faults.user_ids is null or users.id = any (account_faults.user_ids)
  ),
  entries as materialized (
    select
      accounts.id as account_id, entry.id, entry.seq, entry.amount, entry.balance_after, entry.hash,
      private.entry_hash(coalesce(lag(entry.hash) over chain, accounts.first_hash), entry.row) as right_hash,
      coalesce(lag(entry.balance_after) over chain, accounts.first_balance)::numeric + entry.amount as right_balance
    from accounts
    cross join lateral (
      select
        transactions as row, transactions.id, transactions.seq, transactions.amount, transactions.balance_after,
        transactions.hash
      from public.transactions
      where transactions.user_id = accounts.id
        and transactions.seq >= coalesce(accounts.after_seq + 1, (-9223372036854775808)::bigint)
    ) as entry
    window chain as (partition by accounts.id order by entry.seq)
  ),
  sums as (
    select
      entries.account_id, count(*) as entries, sum(entries.amount) as total, max(entries.seq) as last_seq,
      (array_agg(entries.balance_after order by entries.seq desc))[1] as newest_balance,
      (array_agg(entries.hash order by entries.seq desc))[1] as newest_hash
    from entries
    group by entries.account_id
  )
  select entries.account_id, 'chain', entries.id from entries where entries.hash <> entries.right_hash
  union all
  select entries.account_id, 'running_balance', entries.id
  from entries
  where entries.balance_after <> entries.right_balance
  union all
  select accounts.id, 'balance', null
  from accounts
  left join sums on sums.account_id = accounts.id
  where accounts.token_balance <> accounts.first_balance + coalesce(sums.total, 0)
    or accounts.token_balance <> coalesce(sums.newest_balance, accounts.first_balance)
  union all
  select accounts.id, 'head', null
  from accounts
  left join sums on sums.account_id = accounts.id
  where (coalesce(accounts.entries, 0), accounts.last_seq, coalesce(accounts.hash, ''))
    is distinct from (
      accounts.first_entries + coalesce(sums.entries, 0), coalesce(sums.last_seq, accounts.after_seq),
      coalesce(sums.newest_hash, accounts.first_hash)
    )
  union all
  select accounts.id, 'checkpoint', null
  from accounts
  where accounts.checkpoint_seq is not null
    and not exists (
      select from public.transactions
      where transactions.user_id = accounts.id
        and transactions.seq = accounts.checkpoint_seq
        and transactions.hash = accounts.checkpoint_hash
    );
$$;
comment on function private.account_faults(uuid[], boolean) is
  'Return what is wrong in the ledgers of these people (null: everybody), each by itself: entries that do not follow '
  'from the ones before, balances that do not add up, ends that are missing. complete: from the first entry, not '
  'from the last checkpoint. Definer; not granted, only other definer functions call it.';

create function private.command_sides(user_ids uuid[], complete boolean)
returns table (reference_id uuid, user_id uuid, type public.transaction_type, amount bigint, is_closed boolean, entry_id uuid)
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_types constant public.transaction_type[] := '{SPEND_GIFT,EARN_GIFT,SPEND_PURCHASE}'::public.transaction_type[];
begin
  if command_sides.complete then
    return query
      select
        transactions.reference_id, transactions.user_id, transactions.type, transactions.amount, false, transactions.id
      from public.transactions
      where transactions.type = any (v_types)
      union all
      select
        closed_entries.reference_id, closed_entries.user_id, closed_entries.type, closed_entries.amount, true, null::uuid
      from private.closed_entries;
  else
    return query
      with recent as (
        select entry.*
        from public.users
        left join private.ledger_checkpoints on ledger_checkpoints.user_id = users.id
        cross join lateral (
          select
            transactions.reference_id, transactions.user_id, transactions.type, transactions.amount, false, transactions.id
          from public.transactions
          where transactions.user_id = users.id
            and transactions.seq >= coalesce(ledger_checkpoints.seq + 1, (-9223372036854775808)::bigint)
        ) as entry
        where users.id = any (command_sides.user_ids) and entry.type = any (v_types)
      )
      select * from recent
      union
      select
        transactions.reference_id, transactions.user_id, transactions.type, transactions.amount, false, transactions.id
      from (select distinct recent.reference_id from recent) as named
      join public.token_gifts on token_gifts.id = named.reference_id
      join public.transactions
        on transactions.user_id in (token_gifts.sender_id, token_gifts.recipient_id)
        and transactions.idempotency_key = 'gift:' || token_gifts.id::text
      union
      select
        closed_entries.reference_id, closed_entries.user_id, closed_entries.type, closed_entries.amount, true, null::uuid
      from (select distinct recent.reference_id from recent) as named
      join private.closed_entries on closed_entries.reference_id = named.reference_id;
  end if;
end;
$$;
comment on function private.command_sides(uuid[], boolean) is
  'Return the ledger entries of gifts and purchases, those of closed accounts included: all, or both sides of '
  'whatever was posted to these people since the last checkpoint. Definer; not granted, only other definer functions call it.';

create function private.pair_faults(user_ids uuid[], complete boolean)
returns table (user_id uuid, problem text, subject_id uuid)
language sql
stable
security definer
set search_path = ''
as $$
  with sides as materialized (
    select * from private.command_sides(pair_faults.user_ids, pair_faults.complete)
  ),
  commands as (
    select
      sides.reference_id, count(*) as sides,
      count(*) filter (where sides.type = 'SPEND_PURCHASE') as purchases,
      (array_agg(sides.user_id order by sides.amount))[1] as payer_id,
      (array_agg(sides.user_id order by sides.amount desc))[1] as receiver_id,
      min(sides.amount) as paid, max(sides.amount) as received,
      coalesce(bool_or(sides.is_closed) filter (where sides.amount < 0), false) as payer_closed,
      coalesce(bool_or(sides.is_closed) filter (where sides.amount > 0), false) as receiver_closed
    from sides
    group by sides.reference_id
  )
  select coalesce(token_gifts.sender_id, commands.payer_id), 'gift', commands.reference_id
  from commands
  left join public.token_gifts on token_gifts.id = commands.reference_id
  where commands.purchases = 0
    and (
      token_gifts.id is null
      or commands.sides <> 2
      or commands.paid <> -token_gifts.amount::numeric
      or commands.received <> token_gifts.amount
      or coalesce(token_gifts.sender_id <> commands.payer_id, false)
      or coalesce(token_gifts.recipient_id <> commands.receiver_id, false)
      or commands.payer_closed <> (token_gifts.sender_id is null)
      or commands.receiver_closed <> (token_gifts.recipient_id is null)
    )
  union all
  select coalesce(token_gifts.sender_id, token_gifts.recipient_id), 'gift', token_gifts.id
  from public.token_gifts
  where pair_faults.complete
    and not exists (select from commands where commands.reference_id = token_gifts.id and commands.purchases = 0)
  union all
  select coalesce(purchases.user_id, commands.payer_id), 'purchase', commands.reference_id
  from commands
  left join public.purchases on purchases.id = commands.reference_id
  where commands.purchases > 0
    and (
      purchases.id is null
      or commands.sides <> 1
      or commands.paid <> -purchases.price_paid::numeric
      or coalesce(purchases.user_id <> commands.payer_id, false)
      or commands.payer_closed <> (purchases.user_id is null)
    )
  union all
  select purchases.user_id, 'purchase', purchases.id
  from public.purchases
  where pair_faults.complete
    and not exists (select from commands where commands.reference_id = purchases.id and commands.purchases > 0);
$$;
comment on function private.pair_faults(uuid[], boolean) is
  'Gifts without exactly their two entries of opposite amounts, purchases without their one, and entries without '
  'their gift or purchase. Where an account is gone, what it left in private.closed_entries counts as its entry. '
  'Definer; not granted, only other definer functions call it.';

create function private.ledger_faults(complete boolean)
returns table (user_id uuid, problem text, subject_id uuid)
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_user_ids uuid[];
begin
  if not ledger_faults.complete then
    v_user_ids := array(select private.changed_ledgers());
    if v_user_ids = '{}' then
      return;
    end if;
  end if;
  return query
    select * from private.account_faults(v_user_ids, ledger_faults.complete)
    union all
    select * from private.pair_faults(v_user_ids, ledger_faults.complete)
    union all
    select transactions.user_id, 'no_account', transactions.id
    from public.transactions
    where ledger_faults.complete and not exists (select from public.users where users.id = transactions.user_id);
end;
$$;
comment on function private.ledger_faults(boolean) is
  'Return everything that is wrong in the ledger: nothing, unless something is badly wrong. complete: read all of it, '
  'and not only what was posted since the last checkpoint. Definer; not granted, only other definer functions call '
  'it.';

create function private.verify_ledger(complete boolean)
returns table (
  user_id uuid, token_balance bigint, ledger_sum bigint, newest_balance bigint, problem text, subject_id uuid, fault text
)
language sql
stable
security definer
set search_path = ''
as $$
  select
    faults.user_id, users.token_balance,
    -- A sum beyond all balances can only be a fault; it must not become an error.
    greatest(least(ledger.total, 9223372036854775807), -9223372036854775807)::bigint, newest.balance_after,
    faults.problem, faults.subject_id,
    concat_ws(':', faults.problem, faults.user_id, faults.subject_id)
  from private.ledger_faults(coalesce(verify_ledger.complete, true)) as faults
  left join public.users on users.id = faults.user_id
  left join lateral (
    select sum(transactions.amount) as total, max(transactions.seq) as seq
    from public.transactions
    where transactions.user_id = faults.user_id
  ) as ledger on true
  left join public.transactions as newest on newest.user_id = faults.user_id and newest.seq = ledger.seq
  order by 1, 5, 6;
$$;
comment on function private.verify_ledger(boolean) is
  'Definer because no role reaches the heads and checkpoints; granted to the service role only.';
grant execute on function private.verify_ledger(boolean) to service_role;

create function public.verify_ledger(complete boolean default true)
returns table (
  user_id uuid, token_balance bigint, ledger_sum bigint, newest_balance bigint, problem text, subject_id uuid, fault text
)
language sql
stable
set search_path = ''
as $$
  select * from private.verify_ledger(verify_ledger.complete);
$$;
comment on function public.verify_ledger(boolean) is
  'Return everything that is wrong in the ledger: no row, unless something is badly wrong. problem: balance (not the '
  'sum of the transactions, or not what the newest says), running_balance, chain (the transaction subject_id is not '
  'what was written, or something before it is missing), head (the end is missing), checkpoint (what was checked '
  'before is not there any more), gift, purchase (subject_id has not exactly its entries), no_account. Reads all of '
  'the ledger; with complete => false what was posted since the daily check. Secret key only.';
grant execute on function public.verify_ledger(boolean) to service_role;

create function private.checkpoint_ledger(at timestamptz default now())
returns integer
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_faults integer;
begin
  -- One statement, one snapshot: what is marked as checked is what was checked.
  with faults as materialized (
    select * from private.ledger_faults(false)
  ),
  checked as (
    insert into private.ledger_checkpoints (user_id, seq, hash, entries, token_balance, checked_at)
    select
      users.id, ledger_heads.last_seq, ledger_heads.hash, ledger_heads.entries, users.token_balance, checkpoint_ledger.at
    from public.users
    join private.ledger_heads on ledger_heads.user_id = users.id
    left join private.ledger_checkpoints as former on former.user_id = users.id
    where ledger_heads.last_seq > coalesce(former.seq, 0)
      and not exists (select from faults where faults.user_id = users.id)
    order by users.id
    on conflict on constraint ledger_checkpoints_pkey do update
    set
      seq = excluded.seq, hash = excluded.hash, entries = excluded.entries, token_balance = excluded.token_balance,
      checked_at = excluded.checked_at
  )
  select count(*) into v_faults from faults;
  delete from private.ledger_checkpoints
  where not exists (select from public.users where users.id = ledger_checkpoints.user_id);
  insert into private.ledger_checks (checked_at, faults) values (checkpoint_ledger.at, v_faults);
  if v_faults > 0 then
    raise warning 'the ledger has % faults', v_faults
      using hint = 'Run verify_ledger() with a secret key: it names them.';
  end if;
  return v_faults;
end;
$$;
comment on function private.checkpoint_ledger(timestamptz) is
  'Check what was posted since the last checkpoint, and set the next one for everybody whose ledger is whole; '
  'returns how many faults there are. Scheduled. Definer; not granted to clients.';
