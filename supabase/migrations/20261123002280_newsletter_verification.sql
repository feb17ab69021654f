-- Holding a copy of a newsletter that somebody kept against the database.

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
  'Hold a copy of a newsletter that somebody kept, by the code that it prints, and the id and the root that its file '
  'holds, against the database: {status, ...}. INTACT; ACCOUNT_CLOSED (intact, and members have deleted their '
  'accounts since); REDACTED (words were taken out on purpose since); DELETED; CHANGED (it is not what was '
  'published); LEDGER_CHANGED (the ledger of a member up to then was rewritten); UNKNOWN. MG001 for a text that is '
  'not a code. Secret key only.';
grant execute on function public.verify_newsletter(text, uuid, text) to service_role;
