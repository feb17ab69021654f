-- The store: what tokens buy. A purchase is one insert: triggers fill in the price, post to the ledger and take one
-- from the stock. A platform admin, named by the token's app_metadata, keeps the items.

create type public.store_item_kind as enum ('THEME', 'AVATAR_FRAME', 'PROFILE_FLAIR', 'STICKER_PACK');

-- Tables -------------------------------------------------------------------------------------------------------------

create table public.store_items (
  id uuid primary key default gen_random_uuid(),
  code text not null,
  name text not null,
  description text not null default '',
  kind public.store_item_kind not null,
  price bigint not null,
  stock integer,
  is_available boolean not null default true,
  metadata jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint store_items_code_key unique (code),
  constraint store_items_code_length check (char_length(code) between 1 and 80 and private.is_line(code)),
  constraint store_items_name_length check (char_length(name) between 1 and 80),
  constraint store_items_name_seen check (private.is_line(name) and not private.is_blank(name)),
  constraint store_items_description_length check (char_length(description) <= 1000),
  constraint store_items_price_positive check (price between 1 and 1000000000000),
  constraint store_items_stock_not_negative check (stock >= 0),
  constraint store_items_metadata_is_object check (
    jsonb_typeof(metadata) = 'object' and private.is_plain_json(metadata, 16384)
  ),
  constraint store_items_theme_is_one check (kind <> 'THEME' or private.theme_problem(metadata) is null)
);
comment on table public.store_items is
  'What tokens buy. Triggers: store_items__check_values and store_items__require_columns (typed refusals), '
  'store_items__take_id, store_items__touch_updated_at.';
comment on column public.store_items.stock is 'How many are left; null for unlimited.';
comment on column public.store_items.metadata is
  'What the item is made of. Of a theme: paper, ink and accent ("#rrggbb") and the same in dark, numerals, ornament '
  'and initial, each if it differs from Monogram''s own; private.theme_problem() defines what they may be.';

create table public.purchases (
  id uuid primary key default gen_random_uuid(),
  user_id uuid default auth.uid() references public.users (id) on delete set null,
  -- Not "restrict", whose SQLSTATE is another one in Postgres 18 than before.
  item_id uuid not null references public.store_items (id) on delete no action,
  price_paid bigint not null,
  is_active boolean not null default false,
  idempotency_key text not null default gen_random_uuid()::text,
  purchased_at timestamptz not null default clock_timestamp(),
  constraint purchases_user_id_item_id_key unique (user_id, item_id),
  constraint purchases_user_id_idempotency_key_key unique (user_id, idempotency_key),
  constraint purchases_price_paid_positive check (price_paid > 0),
  constraint purchases_idempotency_key_length check (char_length(idempotency_key) between 1 and 200)
);
comment on table public.purchases is
  'Who bought what; a purchase outlives the account. Triggers: purchases__bound_rows, purchases__fill (price, or why '
  'not), purchases__require_columns, purchases__take_id, purchases__pay (ledger, stock, badges), purchases__activate '
  '(themes), purchases__forget_key (of an account that is gone).';
comment on column public.purchases.user_id is 'Whose it is; null once the account is gone.';
comment on column public.purchases.price_paid is 'Tokens, at the time of the purchase.';
comment on column public.purchases.is_active is 'Whether its owner has it switched on; one theme at a time.';

create index idx_purchases_item_id on public.purchases (item_id);

alter table public.store_items enable row level security;
alter table public.purchases enable row level security;

-- Predicates ---------------------------------------------------------------------------------------------------------

create function private.my_item_ids()
returns setof uuid
language sql
stable
security definer
set search_path = ''
as $$
  select item_id from public.purchases where user_id = (select auth.uid());
$$;
comment on function private.my_item_ids() is
  'Return the items the caller owns. Definer so that policies do not run policies; safe because it looks at the '
  'caller only.';
grant execute on function private.my_item_ids() to anon, authenticated, service_role;

create function private.is_platform_admin()
returns boolean
language sql
stable
set search_path = ''
as $$
  select coalesce(auth.jwt() -> 'app_metadata' ->> 'role' = 'admin', false);
$$;
comment on function private.is_platform_admin() is
  'Return true if the token says app_metadata.role = admin, which only secret keys can write; never user_metadata.';
grant execute on function private.is_platform_admin() to anon, authenticated, service_role;

-- Policies and grants ------------------------------------------------------------------------------------------------

create policy "Everybody sees available items" on public.store_items
  for select to anon using (is_available);

create policy "People see available items and those they own, admins all" on public.store_items
  for select to authenticated using (
    is_available
    or id = any (array(select private.my_item_ids()))
    or (select private.is_platform_admin())
  );

create policy "Platform admins add items" on public.store_items
  for insert to authenticated with check ((select private.is_platform_admin()));

create policy "Platform admins change items" on public.store_items
  for update to authenticated
  using ((select private.is_platform_admin())) with check ((select private.is_platform_admin()));

create policy "Platform admins delete items" on public.store_items
  for delete to authenticated using ((select private.is_platform_admin()));

grant select on public.store_items to anon, authenticated, service_role;
grant insert (id, code, name, description, kind, price, stock, is_available, metadata)
  on public.store_items to authenticated, service_role;
grant update (code, name, description, kind, price, stock, is_available, metadata)
  on public.store_items to authenticated, service_role;
grant delete on public.store_items to authenticated, service_role;

create policy "People see their own purchases" on public.purchases
  for select to authenticated using (user_id = (select auth.uid()));

create policy "People buy for themselves" on public.purchases
  for insert to authenticated with check (user_id = (select auth.uid()));

create policy "People switch their own purchases on and off" on public.purchases
  for update to authenticated
  using (user_id = (select auth.uid()) and private.hold_me()) with check (user_id = (select auth.uid()));

grant select on public.purchases to authenticated, service_role;
grant insert (id, user_id, item_id, idempotency_key) on public.purchases to authenticated, service_role;
grant update (is_active) on public.purchases to authenticated, service_role;

-- Functions ----------------------------------------------------------------------------------------------------------

create function public.purchase_item(item_id uuid, idempotency_key text default null)
returns public.purchases
language plpgsql
set search_path = ''
as $$
declare
  v_user_id uuid := private.require_user();
  v_key text := coalesce(purchase_item.idempotency_key, gen_random_uuid()::text);
  v_purchase public.purchases;
begin
  -- One command at a time per person and key; the row itself is the record of what the key was used for.
  perform pg_advisory_xact_lock(hashtextextended(v_user_id::text || ':' || v_key, 0));
  select * into v_purchase
  from public.purchases
  where user_id = v_user_id and purchases.idempotency_key = v_key;
  if v_purchase.id is not null then
    if v_purchase.item_id is distinct from purchase_item.item_id then
      perform private.fail('MG502');
    end if;
    return v_purchase;
  end if;
  insert into public.purchases (user_id, item_id, idempotency_key)
  values (v_user_id, purchase_item.item_id, v_key)
  returning * into v_purchase;
  return v_purchase;
end;
$$;
comment on function public.purchase_item(uuid, text) is
  'Buy an item and return the purchase. The same idempotency_key with the same item returns the same purchase and '
  'pays nothing; with another item it is MG502. MG501 for too few tokens, MG601 to MG603 for an item not for sale, '
  'sold out or owned already.';
grant execute on function public.purchase_item(uuid, text) to authenticated;

create function public.activate_purchase(purchase_id uuid, active boolean default true)
returns public.purchases
language plpgsql
set search_path = ''
as $$
declare
  v_purchase public.purchases;
begin
  update public.purchases
  set is_active = coalesce(activate_purchase.active, true)
  where id = activate_purchase.purchase_id and user_id = private.require_user()
  returning * into v_purchase;
  if v_purchase.id is null then
    perform private.fail('MG604');
  end if;
  return v_purchase;
end;
$$;
comment on function public.activate_purchase(uuid, boolean) is
  'Switch a purchase on or off and return it. A theme that is switched on becomes the active theme and switches the '
  'former one off. MG604 for a purchase that is not yours.';
grant execute on function public.activate_purchase(uuid, boolean) to authenticated;

-- Triggers -----------------------------------------------------------------------------------------------------------

create function private.check_item_values()
returns trigger
language plpgsql
set search_path = ''
as $$
declare
  v_problem text;
begin
  perform private.check_line('code', new.code, 1, 80);
  perform private.check_line('name', new.name, 1, 80);
  perform private.check_text('description', new.description, -1, 1000);
  if new.price not between 1 and 1000000000000 then
    perform private.fail('MG001', 'price', 'price is in tokens, 1 to 1000000000000.');
  end if;
  if new.stock < 0 then
    perform private.fail('MG001', 'stock', 'stock is 0 or more; null for unlimited.');
  end if;
  if jsonb_typeof(new.metadata) <> 'object' or not private.is_plain_json(new.metadata, 16384) then
    perform private.fail(
      'MG001', 'metadata',
      'metadata is an object of up to 16 kB, nested up to 16 deep, with no number beyond 9007199254740991.'
    );
  end if;
  v_problem := private.theme_problem(new.metadata);
  if new.kind = 'THEME' and v_problem is not null then
    perform private.fail('MG001', 'metadata', 'Of a theme''s metadata: ' || v_problem);
  end if;
  return new;
end;
$$;
comment on function private.check_item_values() is
  'Trigger: refuse bad values of an item with an error that says what to do.';

create trigger store_items__check_values
  before insert or update of code, name, description, kind, price, stock, metadata on public.store_items
  for each row when (not private.is_client() or private.is_platform_admin())
  execute function private.check_item_values();

create trigger store_items__require_columns
  before insert or update on public.store_items
  for each row when (
    (new.code is null or new.name is null or new.description is null or new.kind is null or new.price is null
    or new.is_available is null)
    and (not private.is_client() or private.is_platform_admin())
  )
  execute function private.require_columns('code', 'name', 'description', 'kind', 'price', 'is_available');

create trigger store_items__take_id
  before insert on public.store_items
  for each row when (not private.is_client() or private.is_platform_admin())
  execute function private.take_id();

create trigger store_items__touch_updated_at
  before update on public.store_items
  for each row execute function private.touch_updated_at();

create function private.fill_purchase()
returns trigger
language plpgsql
security definer
set search_path = ''
set plan_cache_mode = 'force_generic_plan'
as $$
declare
  v_item public.store_items;
begin
  if private.is_client() and new.user_id is distinct from private.require_user() then
    perform private.deny('People buy for themselves only.', 'Send tokens as a gift instead.');
  end if;
  if new.user_id is null then
    perform private.fail('MG001', 'user_id', 'user_id is the id of who buys.');
  end if;
  perform private.check_text('idempotency_key', new.idempotency_key, 1, 200);
  -- One purchase at a time per person, so that what they own already is known for certain.
  perform private.hold_account(new.user_id);
  if exists (
    select from public.purchases where purchases.user_id = new.user_id and purchases.item_id = new.item_id
  ) then
    perform private.fail('MG603');
  end if;
  if exists (
    select from public.purchases
    where purchases.user_id = new.user_id and purchases.idempotency_key = new.idempotency_key
  ) then
    perform private.fail(
      'MG502', 'A purchase with this key is there already.',
      'Use a new key for a new purchase; to send one again, call purchase_item(), which returns what is there.'
    );
  end if;
  -- Held, so that it is still for sale, and at this price, when it is paid.
  select * into v_item from public.store_items where id = new.item_id for no key update;
  perform private.wait_briefly();
  if v_item.id is null or not v_item.is_available then
    perform private.fail('MG601');
  end if;
  new.price_paid := v_item.price;
  return new;
end;
$$;
comment on function private.fill_purchase() is
  'Trigger: the price of today, or why the item cannot be bought. Definer to read the price whatever the policies '
  'show; safe because it refuses all but the buyer and a hidden item gets the same error as one that does not exist.';

create trigger purchases__fill
  before insert on public.purchases
  for each row execute function private.fill_purchase();

create trigger purchases__require_columns
  before insert or update on public.purchases
  for each row when (new.idempotency_key is null or new.is_active is null)
  execute function private.require_columns('idempotency_key', 'is_active');

create trigger purchases__take_id
  before insert on public.purchases
  for each row execute function private.take_id();

create function private.pay_purchase()
returns trigger
language plpgsql
security definer
set search_path = ''
set plan_cache_mode = 'force_generic_plan'
as $$
begin
  perform private.must_post(
    new.user_id, 'SPEND_PURCHASE', -new.price_paid, 'purchase', new.id,
    (select name from public.store_items where id = new.item_id)
  );
  update public.store_items
  set stock = stock - 1
  where id = new.item_id and stock > 0;
  if not found and exists (select from public.store_items where id = new.item_id and stock is not null) then
    perform private.fail('MG602');
  end if;
  perform private.award_badges(array[new.user_id], '{purchases}');
  return null;
end;
$$;
comment on function private.pay_purchase() is
  'Trigger: pay and take one from the stock, or refuse the whole purchase. Definer because clients write neither; '
  'safe because it only fires for a purchase that its policy has let in.';

create trigger purchases__pay
  after insert on public.purchases
  for each row execute function private.pay_purchase();

create function private.activate_theme()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if (select kind from public.store_items where id = new.item_id) <> 'THEME' then
    return null;
  end if;
  if new.is_active then
    insert into public.settings (user_id, active_theme_id)
    values (new.user_id, new.item_id)
    on conflict (user_id) do update
    set active_theme_id = excluded.active_theme_id
    where settings.active_theme_id is distinct from excluded.active_theme_id;
  else
    update public.settings
    set active_theme_id = null
    where user_id = new.user_id and active_theme_id = new.item_id;
  end if;
  return null;
end;
$$;
comment on function private.activate_theme() is
  'Trigger: the theme that is switched on is the active theme of its owner''s settings. Definer to write the '
  'settings of whoever owns the purchase; safe because it only fires for a change that was let in.';

create trigger purchases__activate
  after update of is_active on public.purchases
  for each row when (new.is_active <> old.is_active)
  execute function private.activate_theme();

create function private.forget_purchase_key()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.idempotency_key := new.id::text;
  return new;
end;
$$;
comment on function private.forget_purchase_key() is
  'Trigger: the buyer''s own name for a purchase goes with the account.';

create trigger purchases__forget_key
  before update of user_id on public.purchases
  for each row when (new.user_id is null)
  execute function private.forget_purchase_key();
