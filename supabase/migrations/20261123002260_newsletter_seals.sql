-- The chains of the ledger are tied to newsletters that people keep: a published one holds a Merkle root over the
-- heads of its members' chains, and one short code over all of its snapshot, which its page and its PDF print. Whoever
-- may write tables can recompute every chain, but not what was printed.

-- Tables -------------------------------------------------------------------------------------------------------------

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
  'Where the chain of each member''s ledger ended when a newsletter was published: the leaves of its Merkle tree. '
  'The salt keeps others from guessing what a leaf is made of. Kept when an account goes, without a foreign key: the '
  'proofs of the others need the leaf.';

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

alter table private.newsletter_heads enable row level security;
alter table private.sealed_newsletters enable row level security;

-- Functions ----------------------------------------------------------------------------------------------------------

create function private.short_code(digest bytea)
returns text
language sql
immutable
set search_path = ''
as $$
  -- Crockford's base 32: no character that looks like a digit. A hundred bits in four groups.
  select string_agg(
    substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', substring(bits.all_bits from 5 * place + 1 for 5)::integer + 1, 1)
      || case when place in (4, 9, 14) then '-' else '' end,
    '' order by place
  )
  from (select ('x' || encode(short_code.digest, 'hex'))::bit(256) as all_bits) as bits
  cross join generate_series(0, 19) as place;
$$;
comment on function private.short_code(bytea) is
  'Return the first 100 bits of a SHA-256, to be printed: XXXXX-XXXXX-XXXXX-XXXXX.';

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
  'Return the code of a published newsletter: SHA-256 over its canonical snapshot (the text of a jsonb object, whose '
  'keys Postgres sorts), shortened. It depends on every word in it.';

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
  'Return the level of a Merkle tree above this one: each two are hashed together, an odd last one goes up as it is.';

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
  'Return the root over the leaves of a newsletter. Definer; not granted, only other definer functions call it.';

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
  'Definer because clients do not reach the heads; safe because it looks at the caller only, and shows of the others '
  'only hashes over secret salts.';
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
  'That the caller''s ledger, as it was when a newsletter was published, is in the newsletter''s ledger_root: '
  '{newsletter_id, code, ledger_root, user_id, entries, last_seq, hash, salt, path: [{side, hash}]}. MG508 for '
  'somebody who was not a member then.';
grant execute on function public.ledger_proof(uuid) to authenticated;

-- Triggers -----------------------------------------------------------------------------------------------------------

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
  'Trigger: put the root over the heads of its members'' ledgers into a newsletter that is being published, and the '
  'code over all of it. Definer because clients reach neither; safe because it only fires for a publication that was '
  'let in.';

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
comment on function private.seal_anew() is
  'Trigger: a published newsletter that is redacted gets the code of what it says now.';

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
