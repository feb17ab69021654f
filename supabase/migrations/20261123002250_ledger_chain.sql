-- Proof that nobody changed what was written. Each transaction carries a hash over itself and the person's transaction
-- before it (private.post_transaction); what is here checks these chains, daily from where the last check ended, and ties
-- them to newsletters that people keep: a published one holds a Merkle root over the heads of its members' chains, and
-- one short code over all of its snapshot, which its page and its PDF print. Whoever may write tables can compute every
-- chain anew, but not what was printed.

-- Tables ------------------------------------------------------------------------------------------------------------

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

create table private.newsletter_heads (
  newsletter_id uuid not null references public.newsletters (id) on delete cascade,
  user_id uuid not null,
  position integer not null,
  salt uuid not null,
  entries bigint not null,
  last_seq bigint,
  hash bytea not null,
  leaf bytea not null,
  primary key (newsletter_id, user_id)
);
comment on table private.newsletter_heads is
  'Where the chain of each member''s ledger ended when a newsletter was published: the leaves of its Merkle tree. The '
  'salt keeps others from guessing what a leaf is made of. Kept when an account goes, without a foreign key: the proofs '
  'of the others need the leaf.';

create table private.sealed_newsletters (
  newsletter_id uuid primary key,
  code text not null,
  published_at timestamptz not null,
  deleted_at timestamptz
);
comment on table private.sealed_newsletters is
  'The code of each published newsletter as it was printed first. It stays when the newsletter is deleted, so that '
  'verifying a kept copy says that.';

create index idx_sealed_newsletters_code on private.sealed_newsletters (code);

create table private.redactions (
  id bigint generated always as identity primary key,
  newsletter_id uuid not null,
  old_code text not null,
  new_code text not null,
  redacted_at timestamptz not null default now(),
  constraint redactions_code_changes check (old_code <> new_code)
);
comment on table private.redactions is
  'Published newsletters whose words were taken out: the code that was printed before, and the one since. Without a '
  'foreign key: what was redacted stays known when the newsletter is gone.';

create index idx_redactions_old_code on private.redactions (old_code);

alter table private.ledger_checkpoints enable row level security;
alter table private.ledger_checks enable row level security;
alter table private.newsletter_heads enable row level security;
alter table private.sealed_newsletters enable row level security;
alter table private.redactions enable row level security;

-- The ledger --------------------------------------------------------------------------------------------------------

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
  'What is wrong in the ledgers of these people (null: everybody), each by itself: entries that do not follow from the '
  'ones before, balances that do not add up, ends that are missing. complete: from the first entry, not from the last '
  'checkpoint. Definer; not granted, only other definer functions call it.';

create function private.command_sides(complete boolean)
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
        where entry.type = any (v_types)
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
comment on function private.command_sides(boolean) is
  'The ledger entries of gifts and purchases, those of closed accounts included: all, or both sides of whatever was '
  'posted since the last checkpoint. Definer; not granted, only other definer functions call it.';

create function private.pair_faults(complete boolean)
returns table (user_id uuid, problem text, subject_id uuid)
language sql
stable
security definer
set search_path = ''
as $$
  with sides as materialized (
    select * from private.command_sides(pair_faults.complete)
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
comment on function private.pair_faults(boolean) is
  'Gifts without exactly their two entries of opposite amounts, purchases without their one, and entries without their '
  'gift or purchase. Where an account is gone, what it left in private.closed_entries counts as its entry. Definer; not '
  'granted, only other definer functions call it.';

create function private.ledger_faults(complete boolean)
returns table (user_id uuid, problem text, subject_id uuid)
language sql
stable
security definer
set search_path = ''
as $$
  select * from private.account_faults(null, ledger_faults.complete)
  union all
  select * from private.pair_faults(ledger_faults.complete)
  union all
  select transactions.user_id, 'no_account', transactions.id
  from public.transactions
  where ledger_faults.complete and not exists (select from public.users where users.id = transactions.user_id);
$$;
comment on function private.ledger_faults(boolean) is
  'Everything that is wrong in the ledger: nothing, unless something is badly wrong. Definer; not granted, only other '
  'definer functions call it.';

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
  'Everything that is wrong in the ledger: no row, unless something is badly wrong. problem: balance (not the sum of the '
  'transactions, or not what the newest says), running_balance, chain (the transaction subject_id is not what was written, '
  'or something before it is missing), head (the end is missing), checkpoint (what was checked before is not there any '
  'more), gift, purchase (subject_id has not exactly its entries), no_account. Reads all of the ledger; with complete => '
  'false what was posted since the daily check. Secret key only.';
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
  'Check what was posted since the last checkpoint, and set the next one for everybody whose ledger is whole; answers how '
  'many faults there are. Scheduled. Definer; not granted to clients.';

-- Newsletters -------------------------------------------------------------------------------------------------------

create function private.short_code(digest bytea)
returns text
language sql
immutable
set search_path = ''
as $$
  -- Crockford's base 32: no letter that is taken for a digit. A hundred bits in four groups.
  select string_agg(
    substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', substring(bits.all_bits from 5 * place + 1 for 5)::integer + 1, 1)
      || case when place in (4, 9, 14) then '-' else '' end,
    '' order by place
  )
  from (select ('x' || encode(short_code.digest, 'hex'))::bit(256) as all_bits) as bits
  cross join generate_series(0, 19) as place;
$$;
comment on function private.short_code(bytea) is 'The first 100 bits of a SHA-256, to be printed: XXXXX-XXXXX-XXXXX-XXXXX.';

create function private.newsletter_code(newsletter public.newsletters)
returns text
language sql
stable
set search_path = ''
as $$
  select private.short_code(
    sha256(
      convert_to(
        jsonb_build_object(
          'id', newsletter.id, 'space_id', newsletter.space_id, 'week_number', newsletter.week_number,
          'title', newsletter.title, 'intro', newsletter.intro, 'content', newsletter.content,
          'published_at', extract(epoch from newsletter.published_at)::text, 'ledger_root', newsletter.ledger_root
        )::text,
        'UTF8'
      )
    )
  );
$$;
comment on function private.newsletter_code(public.newsletters) is
  'The code of a published newsletter: SHA-256 over its canonical snapshot (the text of a jsonb object, whose keys Postgres '
  'sorts), shortened. It depends on every word in it.';

create function private.leaf_hash(
  salt uuid, newsletter_id uuid, user_id uuid, entries bigint, last_seq bigint, hash bytea
)
returns bytea
language sql
stable
set search_path = ''
as $$
  -- A first byte of 0 for leaves and 1 for nodes: none can be passed off as the other.
  select sha256(
    '\x00'::bytea || uuid_send(leaf_hash.salt) || convert_to(
      jsonb_build_array(
        leaf_hash.newsletter_id, leaf_hash.user_id, leaf_hash.entries, leaf_hash.last_seq, encode(leaf_hash.hash, 'hex')
      )::text,
      'UTF8'
    )
  );
$$;
comment on function private.leaf_hash(uuid, uuid, uuid, bigint, bigint, bytea) is
  'A member''s leaf in the Merkle tree of a newsletter.';

create function private.merkle_level(nodes bytea[])
returns bytea[]
language sql
immutable
set search_path = ''
as $$
  select array_agg(node order by pair)
  from (
    select
      (place - 1) / 2 as pair,
      case
        when count(*) = 2 then sha256('\x01'::bytea || string_agg(child, ''::bytea order by place))
        else (array_agg(child))[1]
      end as node
    from unnest(merkle_level.nodes) with ordinality as children (child, place)
    group by 1
  ) as parents;
$$;
comment on function private.merkle_level(bytea[]) is
  'The level of a Merkle tree above this one: each two are hashed together, an odd last one goes up as it is.';

create function private.merkle_root(newsletter_id uuid)
returns bytea
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_nodes bytea[] := array(
    select newsletter_heads.leaf
    from private.newsletter_heads
    where newsletter_heads.newsletter_id = merkle_root.newsletter_id
    order by newsletter_heads.position
  );
begin
  while cardinality(v_nodes) > 1 loop
    v_nodes := private.merkle_level(v_nodes);
  end loop;
  return coalesce(v_nodes[1], sha256(''));
end;
$$;
comment on function private.merkle_root(uuid) is
  'The root over the leaves of a newsletter. Definer; not granted, only other definer functions call it.';

create function private.seal_newsletter()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  with drawn as materialized (
    select
      memberships.user_id, gen_random_uuid() as salt, coalesce(ledger_heads.entries, 0) as entries,
      ledger_heads.last_seq, coalesce(ledger_heads.hash, '') as hash
    from public.memberships
    left join private.ledger_heads on ledger_heads.user_id = memberships.user_id
    where memberships.space_id = new.space_id
    order by memberships.user_id
  ),
  leaves as materialized (
    select
      drawn.*,
      private.leaf_hash(drawn.salt, new.id, drawn.user_id, drawn.entries, drawn.last_seq, drawn.hash) as leaf
    from drawn
  )
  insert into private.newsletter_heads (newsletter_id, user_id, position, salt, entries, last_seq, hash, leaf)
  -- In the order of their leaves, which tells nothing of anybody.
  select
    new.id, leaves.user_id, row_number() over (order by leaves.leaf), leaves.salt, leaves.entries, leaves.last_seq,
    leaves.hash, leaves.leaf
  from leaves;
  new.ledger_root := encode(private.merkle_root(new.id), 'hex');
  new.code := private.newsletter_code(new);
  insert into private.sealed_newsletters (newsletter_id, code, published_at) values (new.id, new.code, new.published_at);
  return new;
end;
$$;
comment on function private.seal_newsletter() is
  'Trigger: put the root over the heads of its members'' ledgers into a newsletter that is being published, and the code '
  'over all of it. Definer because clients reach neither; safe because it only fires for a publication that was let in.';

-- After newsletters__guard, by its name: what is sealed is what is published.
create trigger newsletters__seal
  before update of is_published on public.newsletters
  for each row when (new.is_published and not old.is_published)
  execute function private.seal_newsletter();

create function private.seal_anew()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.code := private.newsletter_code(new);
  return new;
end;
$$;
comment on function private.seal_anew() is 'Trigger: a published newsletter that is redacted gets the code of what it says now.';

create trigger newsletters__seal_anew
  before update of redacted_at on public.newsletters
  for each row when (old.is_published and new.redacted_at is distinct from old.redacted_at)
  execute function private.seal_anew();

create function private.note_deleted_newsletter()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  update private.sealed_newsletters set deleted_at = now() where newsletter_id = old.id;
  return null;
end;
$$;
comment on function private.note_deleted_newsletter() is
  'Trigger: a published newsletter that is deleted stays known by its code. Definer because clients do not reach the '
  'table; safe because it only fires for a newsletter that is gone.';

create trigger newsletters__note_deleted
  after delete on public.newsletters
  for each row when (old.is_published)
  execute function private.note_deleted_newsletter();

create function private.record_redaction(newsletter_id uuid, old_code text, new_code text)
returns void
language plpgsql
security definer
set search_path = ''
as $$
begin
  insert into private.redactions (newsletter_id, old_code, new_code)
  values (record_redaction.newsletter_id, record_redaction.old_code, record_redaction.new_code);
end;
$$;
comment on function private.record_redaction(uuid, text, text) is
  'Note that a published newsletter was changed on purpose, so that verifying an older copy says "redacted". Definer; not '
  'granted, only the definer functions that redact call it.';

create function private.ledger_proof(newsletter_id uuid)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_head private.newsletter_heads;
  v_newsletter public.newsletters;
  v_nodes bytea[];
  v_place integer;
  v_sibling integer;
  v_path jsonb := '[]'::jsonb;
begin
  select * into v_head
  from private.newsletter_heads
  where newsletter_heads.newsletter_id = ledger_proof.newsletter_id and newsletter_heads.user_id = private.require_user();
  if not found then
    perform private.fail('MG508');
  end if;
  select * into v_newsletter from public.newsletters where id = v_head.newsletter_id;
  v_nodes := array(
    select newsletter_heads.leaf
    from private.newsletter_heads
    where newsletter_heads.newsletter_id = v_head.newsletter_id
    order by newsletter_heads.position
  );
  v_place := v_head.position;
  while cardinality(v_nodes) > 1 loop
    v_sibling := case when v_place % 2 = 1 then v_place + 1 else v_place - 1 end;
    if v_sibling <= cardinality(v_nodes) then
      v_path := v_path || jsonb_build_object(
        'side', case when v_sibling > v_place then 'RIGHT' else 'LEFT' end,
        'hash', encode(v_nodes[v_sibling], 'hex')
      );
    end if;
    v_nodes := private.merkle_level(v_nodes);
    v_place := (v_place + 1) / 2;
  end loop;
  return jsonb_build_object(
    'newsletter_id', v_head.newsletter_id, 'code', v_newsletter.code, 'ledger_root', v_newsletter.ledger_root,
    'user_id', v_head.user_id, 'entries', v_head.entries, 'last_seq', v_head.last_seq,
    'hash', encode(v_head.hash, 'hex'), 'salt', v_head.salt, 'path', v_path
  );
end;
$$;
comment on function private.ledger_proof(uuid) is
  'Definer because clients do not reach the heads; safe because it answers for the caller only, and of the others nothing '
  'but hashes over salts that it does not tell.';
grant execute on function private.ledger_proof(uuid) to authenticated;

create function public.ledger_proof(newsletter_id uuid)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select private.ledger_proof(ledger_proof.newsletter_id);
$$;
comment on function public.ledger_proof(uuid) is
  'That the caller''s ledger, as it was when a newsletter was published, is in the newsletter''s ledger_root: {newsletter_id, '
  'code, ledger_root, user_id, entries, last_seq, hash, salt, path: [{side, hash}]}. MG508 for who was no member then.';
grant execute on function public.ledger_proof(uuid) to authenticated;

-- A copy that somebody kept -----------------------------------------------------------------------------------------

create function private.verify_newsletter(code text, newsletter_id uuid, ledger_root text)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_code text := translate(upper(btrim(coalesce(verify_newsletter.code, ''))), 'OIL', '011');
  v_newsletter public.newsletters;
  v_redaction private.redactions;
  v_sealed private.sealed_newsletters;
  v_redacted_at timestamptz;
  v_members bigint;
  v_closed bigint;
  v_changed bigint;
  v_status text;
begin
  if v_code !~ '^[0-9A-HJKMNP-TV-Z]{5}(-[0-9A-HJKMNP-TV-Z]{5}){3}$' then
    perform private.fail('MG001', 'code', 'code is what the newsletter prints: four groups of five letters and digits.');
  end if;
  select * into v_newsletter from public.newsletters where newsletters.code = v_code and newsletters.is_published;
  -- Newer copies of a redacted newsletter have another code, perhaps more than once.
  for times in 1..1000 loop
    exit when v_newsletter.id is not null;
    select * into v_redaction
    from private.redactions
    where redactions.old_code = coalesce(v_redaction.new_code, v_code)
    order by redactions.id desc
    limit 1;
    exit when not found;
    v_redacted_at := v_redaction.redacted_at;
    select * into v_newsletter
    from public.newsletters
    where newsletters.code = v_redaction.new_code and newsletters.is_published;
  end loop;

  if v_newsletter.id is not null then
    select
      count(*),
      count(*) filter (where heads.is_closed),
      count(*) filter (where not heads.is_whole)
    into v_members, v_closed, v_changed
    from (
      select
        users.id is null and closed.entries is not null as is_closed,
        newsletter_heads.leaf = private.leaf_hash(
          newsletter_heads.salt, newsletter_heads.newsletter_id, newsletter_heads.user_id, newsletter_heads.entries,
          newsletter_heads.last_seq, newsletter_heads.hash
        ) and case
          when users.id is null then coalesce(
            closed.entries > newsletter_heads.entries
              or (closed.entries = newsletter_heads.entries and closed.hash = newsletter_heads.hash),
            false
          )
          when newsletter_heads.entries = 0 then newsletter_heads.hash = ''
          else not coalesce(faulty.is_faulty, false)
            and exists (
              select from public.transactions
              where transactions.user_id = newsletter_heads.user_id
                and transactions.seq = newsletter_heads.last_seq
                and transactions.hash = newsletter_heads.hash
            )
            and newsletter_heads.entries = (
              select count(*) from public.transactions
              where transactions.user_id = newsletter_heads.user_id and transactions.seq <= newsletter_heads.last_seq
            )
        end as is_whole
      from private.newsletter_heads
      left join public.users on users.id = newsletter_heads.user_id
      left join lateral (
        select closed_accounts.entries, closed_accounts.hash
        from private.closed_accounts
        where closed_accounts.user_id = newsletter_heads.user_id
        order by closed_accounts.id desc
        limit 1
      ) as closed on true
      left join (
        select faults.user_id, bool_or(transactions.seq <= in_it.last_seq) as is_faulty
        from private.account_faults(
          array(
            select every_head.user_id from private.newsletter_heads as every_head
            where every_head.newsletter_id = v_newsletter.id
          ),
          true
        ) as faults
        join public.transactions on transactions.id = faults.subject_id
        join private.newsletter_heads as in_it
          on in_it.newsletter_id = v_newsletter.id and in_it.user_id = faults.user_id
        where faults.problem = 'chain'
        group by faults.user_id
      ) as faulty on faulty.user_id = newsletter_heads.user_id
      where newsletter_heads.newsletter_id = v_newsletter.id
    ) as heads;
    v_status := case
      when v_newsletter.code is distinct from private.newsletter_code(v_newsletter)
        or coalesce(verify_newsletter.newsletter_id <> v_newsletter.id, false)
        then 'CHANGED'
      when v_changed > 0
        or v_newsletter.ledger_root is distinct from encode(private.merkle_root(v_newsletter.id), 'hex')
        or coalesce(lower(verify_newsletter.ledger_root) <> v_newsletter.ledger_root, false)
        then 'LEDGER_CHANGED'
      when v_redacted_at is not null then 'REDACTED'
      when v_closed > 0 then 'ACCOUNT_CLOSED'
      else 'INTACT'
    end;
  else
    select * into v_sealed
    from private.sealed_newsletters
    where sealed_newsletters.code = v_code or sealed_newsletters.newsletter_id = v_redaction.newsletter_id
    limit 1;
    if v_sealed.deleted_at is not null then
      v_status := 'DELETED';
    elsif v_sealed.newsletter_id is not null
      or exists (
        select from private.sealed_newsletters
        where sealed_newsletters.newsletter_id = verify_newsletter.newsletter_id
      )
      or exists (select from public.newsletters where newsletters.id = verify_newsletter.newsletter_id)
    then
      v_status := 'CHANGED';
    else
      v_status := 'UNKNOWN';
    end if;
  end if;
  return jsonb_build_object(
    'status', v_status, 'code', v_code, 'newsletter_id', coalesce(v_newsletter.id, v_sealed.newsletter_id),
    'title', v_newsletter.title, 'week_number', v_newsletter.week_number,
    'published_at', coalesce(v_newsletter.published_at, v_sealed.published_at), 'redacted_at', coalesce(v_redacted_at, v_newsletter.redacted_at),
    'deleted_at', v_sealed.deleted_at, 'members', coalesce(v_members, 0), 'closed_accounts', coalesce(v_closed, 0),
    'changed_ledgers', coalesce(v_changed, 0)
  );
end;
$$;
comment on function private.verify_newsletter(text, uuid, text) is
  'Definer because no role reaches the heads; granted to the service role only.';
grant execute on function private.verify_newsletter(text, uuid, text) to service_role;

create function public.verify_newsletter(code text, newsletter_id uuid default null, ledger_root text default null)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select private.verify_newsletter(
    verify_newsletter.code, verify_newsletter.newsletter_id, verify_newsletter.ledger_root
  );
$$;
comment on function public.verify_newsletter(text, uuid, text) is
  'Hold a copy of a newsletter that somebody kept, by the code that it prints, and the id and the root that its file holds, '
  'against the database: {status, ...}. INTACT; ACCOUNT_CLOSED (intact, and members have deleted their accounts since); '
  'REDACTED (words were taken out on purpose since); DELETED; CHANGED (it is not what was published); LEDGER_CHANGED (the '
  'ledger of a member up to then was written anew); UNKNOWN. MG001 for what is no code. Secret key only.';
grant execute on function public.verify_newsletter(text, uuid, text) to service_role;
