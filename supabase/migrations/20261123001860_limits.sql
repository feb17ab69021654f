-- How much one person may do in a while: found, invite, send, join, upload, publish, name curators. What costs others
-- their attention, or the project its space, is bounded by rows of a table; an operator changes them by SQL. Secret
-- keys are not limited.
--
-- What one space may send a member in a while is bounded by its weeks, whoever leads it meanwhile: a member is told of
-- each week's newsletter, questions, reminder and their own turn once (the keys of notifications and emails name the
-- week), so the limit of weeks is the limit of all of them.
--
-- The while begins with the first use and ends after the interval; then it starts over with the next. So any stretch
-- as long as the interval has less than twice the amount: at worst all but one just before an end and all of them just
-- after. One row a person (or space) and limit keeps the count, so that looking costs one update, however much was
-- done, and so that neither a bulk insert nor many requests at once get beyond it: they wait for the row.
--
-- Uploads are counted where they are written down, in storage.objects, also when they are deleted afterwards.

-- Tables -------------------------------------------------------------------------------------------------------------

create table private.limits (
  code text primary key,
  amount integer not null,
  per interval not null,
  description text not null,
  constraint limits_code_known check (
    code in ('gifts', 'spaces', 'invites', 'joins', 'uploads', 'newsletters', 'weeks', 'pens')
  ),
  constraint limits_amount_not_negative check (amount >= 0),
  constraint limits_per_positive check (per > interval '0' and per <= interval '1 year')
);
comment on table private.limits is
  'How often a person may do something within an interval, or (weeks) all leaders of a space together.';

create table private.limit_uses (
  -- No foreign key: it would hold the person's row while the count is held, and an account that goes takes both.
  holder_id uuid not null,
  code text not null references private.limits (code) on delete cascade,
  began_at timestamptz not null,
  used integer not null,
  constraint limit_uses_pkey primary key (holder_id, code),
  constraint limit_uses_used_positive check (used >= 1)
);
comment on table private.limit_uses is
  'How often each person, or space, has done something since the interval began. Triggers: users__forget_limits, '
  'spaces__forget_limits.';
comment on column private.limit_uses.holder_id is 'A person; for weeks a space.';

create index idx_limit_uses_code on private.limit_uses (code);

alter table private.limits enable row level security;
alter table private.limit_uses enable row level security;

insert into private.limits (code, amount, per, description) values
  ('gifts', 500, '1 day', 'gifts sent'),
  ('spaces', 50, '1 day', 'spaces founded'),
  ('invites', 200, '1 day', 'invites made'),
  ('joins', 200, '1 day', 'spaces joined'),
  ('uploads', 2000, '1 day', 'files uploaded'),
  ('newsletters', 50, '1 day', 'newsletters published'),
  ('weeks', 4, '1 day', 'newsletters published in one space'),
  ('pens', 100, '1 day', 'curators named');

insert into private.personal_data (part, relation, person_columns, key_expression, columns, reason) values
  ('limit_uses', 'private.limit_uses', '{holder_id}', 'code', null, 'Counters of the present day; what was done is in the other parts.');

-- Functions ----------------------------------------------------------------------------------------------------------

create function private.use_limit(code text, holder_id uuid)
returns timestamptz
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_limit private.limits;
  v_uses private.limit_uses;
begin
  select * into v_limit from private.limits where limits.code = use_limit.code;
  if not found then
    return null;
  end if;
  -- The rows of all accounts of a person count the same; the first of them that is held makes the others wait.
  with counted as (
    insert into private.limit_uses (holder_id, code, began_at, used)
    select account.id, use_limit.code, clock_timestamp(), 1
    from private.accounts_of(use_limit.holder_id) as account (id)
    order by account.id
    on conflict on constraint limit_uses_pkey do update
    set
      began_at = case
        when limit_uses.began_at + v_limit.per <= clock_timestamp() then clock_timestamp() else limit_uses.began_at
      end,
      used = case when limit_uses.began_at + v_limit.per <= clock_timestamp() then 1 else limit_uses.used + 1 end
    returning *
  )
  select counted.* into v_uses from counted order by counted.used desc limit 1;
  -- Whole seconds, upwards: who comes back at the time that is said is not refused.
  return case when v_uses.used > v_limit.amount then date_trunc('second', v_uses.began_at + v_limit.per) + interval '1 second' end;
end;
$$;
comment on function private.use_limit(text, uuid) is
  'Count one use; null, or when to come back where it was one too many. The caller refuses then, which takes the '
  'count back. A limit without a row does not hold. Definer; not granted, only the functions below call it.';

create function private.describe_limit(retry_at timestamptz)
returns text
language sql
immutable
set search_path = ''
as $$
  select format('Come back at %s UTC.', to_char(describe_limit.retry_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'));
$$;
comment on function private.describe_limit(timestamptz) is 'Return when to come back, for people.';

create function private.count_use(code text, holder_id uuid)
returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_retry_at timestamptz;
begin
  if not private.is_client() then
    return;
  end if;
  v_retry_at := private.use_limit(count_use.code, count_use.holder_id);
  if v_retry_at is not null then
    perform private.fail(
      'MG002', to_char(v_retry_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
      (
        select format('There is a limit of %s %s in %s.', limits.amount, limits.description, limits.per)
        from private.limits
        where limits.code = count_use.code
      ),
      private.describe_limit(v_retry_at)
    );
  end if;
end;
$$;
comment on function private.count_use(text, uuid) is
  'Count what a client does, or refuse it with the time to come back. Definer because no role reaches the counts; '
  'not granted, only other definer functions call it.';

-- Triggers -----------------------------------------------------------------------------------------------------------

create function private.bound_rows()
returns trigger
language plpgsql
set search_path = ''
as $$
declare
  v_row record := case tg_op when 'DELETE' then old else new end;
  v_setting text := 'monogram.rows_' || lower(tg_op);
  v_statement text := concat_ws(' ', extract(epoch from statement_timestamp()), tg_relid);
  v_note text := current_setting(v_setting, true);
  v_role text := current_setting('role', true);
  v_count integer := 1;
begin
  -- What a function does by its own right, or a foreign key, is not what was asked for.
  if current_user <> (case v_role when 'none' then session_user else v_role end) then
    return v_row;
  end if;
  if starts_with(v_note, v_statement || ' ') then
    v_count := split_part(v_note, ' ', 3)::integer + 1;
  end if;
  if v_count > 200 and private.is_client() then
    perform private.fail('MG001', 'rows', 'One request changes up to 200 rows; send the others in another.');
  end if;
  -- What is this large is acceptable in no column, and takes time to look through. A newsletter has its snapshot.
  if tg_op <> 'DELETE' and tg_relid <> 'public.newsletters'::regclass and pg_column_size(new) > 200000
    and private.is_client()
  then
    perform private.fail('MG001', 'row', 'A row takes up to 200,000 bytes.');
  end if;
  perform set_config(v_setting, concat_ws(' ', v_statement, v_count), true);
  return v_row;
end;
$$;
comment on function private.bound_rows() is
  'Trigger on what is changed by who holds a space, a person or an item: a client''s statement tries up to 200 rows, '
  'also of those that are there already: these are looked at and count for no limit; and a row has up to 200,000 '
  'bytes. The settings monogram.rows_insert, monogram.rows_update and monogram.rows_delete note statement, table and '
  'rows so far.';

create trigger memberships__bound_rows
  before insert or delete on public.memberships
  for each row execute function private.bound_rows();

create trigger newsletters__bound_rows
  before insert or update or delete on public.newsletters
  for each row execute function private.bound_rows();

create trigger prompts__bound_rows
  before insert or update or delete on public.prompts
  for each row execute function private.bound_rows();

create trigger purchases__bound_rows
  before insert or update on public.purchases
  for each row execute function private.bound_rows();

create trigger responses__bound_rows
  before insert or update or delete on public.responses
  for each row execute function private.bound_rows();

create trigger space_invites__bound_rows
  before update on public.space_invites
  for each row execute function private.bound_rows();

create trigger spaces__bound_rows
  before insert or update or delete on public.spaces
  for each row execute function private.bound_rows();

create trigger token_gifts__bound_rows
  before insert on public.token_gifts
  for each row execute function private.bound_rows();

create function private.limit_use()
returns trigger
language plpgsql
security definer
set search_path = ''
set plan_cache_mode = 'force_generic_plan'
as $$
begin
  perform private.count_use(tg_argv[0], (to_jsonb(new) ->> tg_argv[1])::uuid);
  return null;
end;
$$;
comment on function private.limit_use() is
  'Trigger, with a limit and the column of who it holds for: count a row that a client inserted, or refuse it. '
  'Definer because no role reaches the counts; safe because it counts and refuses, and says nothing else.';

create trigger spaces__limit
  after insert on public.spaces
  for each row execute function private.limit_use('spaces', 'leader_id');

-- The membership that comes with a new space is the leader's.
create trigger memberships__limit
  after insert on public.memberships
  for each row when (new.role <> 'ADMIN')
  execute function private.limit_use('joins', 'user_id');

create trigger space_invites__limit
  after insert on public.space_invites
  for each row when (new.created_by is not null)
  execute function private.limit_use('invites', 'created_by');

create trigger token_gifts__limit
  after insert on public.token_gifts
  for each row execute function private.limit_use('gifts', 'sender_id');

create function private.limit_newsletter()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform private.count_use('newsletters', (select auth.uid()));
  perform private.count_use('weeks', new.space_id);
  return null;
end;
$$;
comment on function private.limit_newsletter() is
  'Trigger, by its name before newsletters__send: count a newsletter that a client published, for its leader and for '
  'the space, or refuse it. Definer because no role reaches the counts; safe because it counts and refuses, and says '
  'nothing else.';

create trigger newsletters__limit
  after update on public.newsletters
  for each row when (new.is_published and not old.is_published)
  execute function private.limit_newsletter();

create function private.limit_upload()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_retry_at timestamptz;
begin
  -- Not in the trigger's condition: that is the storage server's to evaluate, which has no right to our functions.
  if private.try_uuid(new.owner_id) is null then
    return null;
  end if;
  v_retry_at := private.use_limit('uploads', private.try_uuid(new.owner_id));
  if v_retry_at is not null then
    -- The platform words what the database refuses; 42501 is what it knows as "not allowed".
    perform private.deny(
      'You have uploaded as many files as one person may in a while.',
      private.describe_limit(v_retry_at)
    );
  end if;
  return null;
end;
$$;
comment on function private.limit_upload() is
  'Trigger: count a file that somebody uploaded, or refuse it. The platform writes the row down with more rights '
  'than the person has, so the owner is who counts. Definer because no role reaches the counts; safe because it '
  'counts and refuses.';

create trigger monogram__limit_upload
  after insert on storage.objects
  for each row when (new.owner_id is not null)
  execute function private.limit_upload();

create function private.forget_limits()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  -- A count that is being held belongs to a command under way; it is not waited for.
  delete from private.limit_uses
  where ctid = any (
    array(select held.ctid from private.limit_uses as held where held.holder_id = old.id for update skip locked)
  );
  return null;
end;
$$;
comment on function private.forget_limits() is
  'Trigger: the counts of an account, or a space, go with it. Definer because no role reaches them; safe because it '
  'only fires for what is gone.';

create trigger users__forget_limits
  after delete on public.users
  for each row execute function private.forget_limits();

create trigger spaces__forget_limits
  after delete on public.spaces
  for each row execute function private.forget_limits();
