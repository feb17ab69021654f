-- The ground that every other migration stands on: who may reach what by default, how a refusal is worded, and the
-- few small functions that all topics share.
--
-- `public` is the API. `private` is never exposed by the Data API: it holds the predicates that policies call, the
-- functions that need more rights than their caller, and the tables that nobody but them may touch.

create schema private;
comment on schema private is
  'Not exposed. Predicates for policies, definer functions, and tables that only they touch.';

grant usage on schema private to anon, authenticated, service_role;

-- Nothing is reachable without a grant. The execute default must be revoked globally: the per-schema form cannot take
-- back what the global default gives.
alter default privileges revoke execute on functions from public;
alter default privileges in schema public revoke execute on functions from anon, authenticated, service_role;
alter default privileges in schema public revoke all on tables from anon, authenticated, service_role;
alter default privileges in schema public revoke all on sequences from anon, authenticated, service_role;

-- Tables ------------------------------------------------------------------------------------------------------------

create table private.error_codes (
  code text primary key check (code ~ '^MG[0-9]{3}$'),
  name text not null unique check (name ~ '^[a-z_]+$'),
  message text not null,
  hint text not null
);
comment on table private.error_codes is
  'Every refusal of our own: SQLSTATE, stable name, what happened, what to do. The errors page of the documentation and '
  'the error tree of the SDK are held against this table by tests.';

alter table private.error_codes enable row level security;

insert into private.error_codes (code, name, message, hint) values
  ('MG001', 'invalid_value', 'A value is not acceptable.', 'Send a value as the detail describes it.'),
  ('MG101', 'space_not_found', 'There is no such space, or you are not a member of it.', 'Check the id, or join the space first.'),
  ('MG102', 'not_a_member', 'The person named is not a member of this space.', 'Invite them first; member_profiles() lists who is in.'),
  ('MG103', 'invite_invalid', 'This invite code is not valid.', 'Check the code for typing errors, or ask an admin of the space for a new one.'),
  ('MG104', 'invite_expired', 'This invite has expired.', 'Ask an admin of the space for a new one.'),
  ('MG105', 'invite_used_up', 'This invite has been used as often as it allows.', 'Ask an admin of the space for a new one.'),
  ('MG106', 'already_member', 'This person is already a member of the space.', 'Nothing needs to be done.'),
  ('MG107', 'leader_must_stay', 'The leader cannot leave the space.', 'Hand the space over with transfer_leadership(), or delete it.'),
  ('MG108', 'leader_role_fixed', 'The leader of a space is always ADMIN.', 'Hand the space over with transfer_leadership() first.'),
  ('MG109', 'invite_required', 'There is no such space that is open to everybody.', 'Ask an admin of the space for an invite and join with its code.'),
  ('MG110', 'pen_holder_role', 'This member holds the pen, and with it the role CURATOR.', 'Hand the pen to somebody else with assign_curator() first.'),
  ('MG201', 'prompt_not_found', 'There is no such prompt in the open week of this space.', 'Name the ids of the open week; space_week() lists them.'),
  ('MG202', 'week_closed', 'This week is not the open one: its prompts, answers and newsletter cannot be changed.', 'Work on the open week; spaces.current_week names it.'),
  ('MG203', 'week_full', 'This week already has ten prompts.', 'Reword or delete one of them.'),
  ('MG204', 'order_taken', 'Another prompt of this week already has this order.', 'Leave "order" out for the next free one, or use reorder_prompts().'),
  ('MG205', 'prompt_answered', 'This prompt has been answered, so it can be neither reworded nor deleted.', 'Write another prompt instead.'),
  ('MG206', 'no_prompts', 'There is no prompt to publish in the open week.', 'Write one to ten prompts first.'),
  ('MG207', 'prompt_published', 'A published prompt cannot be taken back.', 'Delete it while nobody has answered it.'),
  ('MG301', 'prompt_not_open', 'This prompt is not published yet.', 'Wait until the curator publishes it.'),
  ('MG302', 'response_empty', 'A published response needs text, an image or a piece of music.', 'Add at least one of the three, or save a draft.'),
  ('MG303', 'response_published', 'A published response cannot go back to being a draft.', 'Edit it, or delete it.'),
  ('MG304', 'response_exists', 'This person has already answered this prompt.', 'Edit the existing response.'),
  ('MG305', 'response_not_selectable', 'Only published responses of this week can be selected.', 'Leave out the responses that the detail lists.'),
  ('MG306', 'image_path_foreign', 'The image is not in the author''s own folder of this space.', 'Upload it to the bucket "responses" as {space_id}/{user_id}/{file}.'),
  ('MG307', 'response_not_found', 'There is no such response.', 'Check the id; it may have been deleted.'),
  ('MG401', 'newsletter_not_found', 'There is no such newsletter, or you may not change it.', 'Check the id; only the leader of its space publishes it.'),
  ('MG402', 'newsletter_published', 'This newsletter is published and stays as it is.', 'Put corrections into the next one.'),
  ('MG403', 'nothing_selected', 'The week has responses, but none is selected.', 'Choose with select_responses() first.'),
  ('MG501', 'insufficient_tokens', 'There are not enough tokens for this.', 'Spend at most the balance.'),
  ('MG502', 'idempotency_conflict', 'This idempotency key was used before for something else.', 'Use a new key for a new command; repeat a command with the same content.'),
  ('MG503', 'gift_to_self', 'Nobody can send a gift to themselves.', 'Name another person as the recipient.'),
  ('MG504', 'recipient_not_found', 'There is no such person to receive the gift.', 'Check the recipient''s id.'),
  ('MG505', 'ledger_append_only', 'Transactions are never changed or deleted.', 'Post another transaction that balances it.'),
  ('MG601', 'item_not_found', 'There is no such item for sale.', 'Choose one of the available store items.'),
  ('MG602', 'out_of_stock', 'This item is sold out.', 'Choose another item.'),
  ('MG603', 'already_owned', 'This person already owns this item.', 'Activate it with activate_purchase().'),
  ('MG604', 'purchase_not_found', 'There is no such purchase of yours.', 'Check the id; your purchases are in the table purchases.'),
  ('MG605', 'theme_not_owned', 'The active theme must be a theme that you own.', 'Buy the theme first, or set active_theme_id to null.'),
  ('MG701', 'badge_not_earned', 'You have not earned this badge.', 'badge_progress() shows how far you are.'),
  ('MG801', 'username_taken', 'This user name is taken.', 'Choose another one; upper and lower case count as the same.');

-- Functions ---------------------------------------------------------------------------------------------------------

create function private.fail(code text, detail text default null, hint text default null)
returns void
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_error private.error_codes;
begin
  select * into strict v_error from private.error_codes where error_codes.code = fail.code;
  raise exception using
    errcode = v_error.code,
    message = v_error.message,
    detail = coalesce(fail.detail, ''),
    hint = coalesce(fail.hint, v_error.hint);
end;
$$;
comment on function private.fail(text, text, text) is
  'Refuse with one of private.error_codes. Definer because callers may not read that table; safe because all it can do '
  'is raise one of its constant messages.';
grant execute on function private.fail(text, text, text) to anon, authenticated, service_role;

create function private.deny(message text, hint text default null)
returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  raise exception using
    errcode = '42501',
    message = deny.message,
    hint = coalesce(deny.hint, 'Ask somebody who has the right, or sign in as them.');
end;
$$;
comment on function private.deny(text, text) is 'Refuse as "not allowed" (SQLSTATE 42501, HTTP 403, or 401 for anon).';
grant execute on function private.deny(text, text) to anon, authenticated, service_role;

create function private.is_client()
returns boolean
language sql
stable
set search_path = ''
as $$
  select pg_catalog.current_setting('role', true) in ('anon', 'authenticated');
$$;
comment on function private.is_client() is
  'Whether the statement was sent by a client role. Unlike current_user, the setting "role" keeps its value inside a '
  'definer function, and a client cannot set it. Service keys, migrations and scheduled work are not clients.';
grant execute on function private.is_client() to anon, authenticated, service_role;

create function private.require_user()
returns uuid
language plpgsql
stable
set search_path = ''
as $$
begin
  if (select auth.uid()) is null then
    perform private.deny('You are not signed in.', 'Sign in first.');
  end if;
  return (select auth.uid());
end;
$$;
comment on function private.require_user() is 'The signed-in person''s id, or a refusal.';
grant execute on function private.require_user() to anon, authenticated, service_role;

create function private.check_text(column_name text, value text, minimum integer, maximum integer)
returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  if check_text.value is null then
    return;
  end if;
  if char_length(check_text.value) > check_text.maximum
    or char_length(btrim(check_text.value, E' \t\n\r')) < check_text.minimum
  then
    perform private.fail(
      'MG001', check_text.column_name,
      format('%s takes %s to %s characters that are not all blank.', check_text.column_name, check_text.minimum, check_text.maximum)
    );
  end if;
end;
$$;
comment on function private.check_text(text, text, integer, integer) is
  'Refuse a text whose length is out of bounds, before the table''s own CHECK does so in words that help nobody.';
grant execute on function private.check_text(text, text, integer, integer) to anon, authenticated, service_role;

create function private.check_line(column_name text, value text, minimum integer, maximum integer)
returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  perform private.check_text(check_line.column_name, check_line.value, check_line.minimum, check_line.maximum);
  if check_line.value ~ '[[:cntrl:]]' then
    perform private.fail(
      'MG001', check_line.column_name, format('%s is one line, without control characters.', check_line.column_name)
    );
  end if;
end;
$$;
comment on function private.check_line(text, text, integer, integer) is
  'The same for what stands in one line, such as a name that becomes part of a mail''s subject.';
grant execute on function private.check_line(text, text, integer, integer) to anon, authenticated, service_role;

create function private.is_file_in(path text, folder text)
returns boolean
language sql
immutable
set search_path = ''
as $$
  select starts_with(is_file_in.path, is_file_in.folder || '/')
    and substr(is_file_in.path, char_length(is_file_in.folder) + 2) ~ '^[^/[:cntrl:]]+$'
    and substr(is_file_in.path, char_length(is_file_in.folder) + 2) not in ('.', '..');
$$;
comment on function private.is_file_in(text, text) is
  'Whether an object''s name is a file right in a folder. No dots lead elsewhere: services read these files with more '
  'rights than who named them.';
grant execute on function private.is_file_in(text, text) to anon, authenticated, service_role;

create function private.try_uuid(value text)
returns uuid
language sql
immutable
set search_path = ''
as $$
  select case
    when try_uuid.value ~* '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' then try_uuid.value::uuid
  end;
$$;
comment on function private.try_uuid(text) is 'The text as a uuid, or null where it is none. For file paths in policies.';
grant execute on function private.try_uuid(text) to anon, authenticated, service_role;

create function private.touch_updated_at()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.updated_at := now();
  return new;
end;
$$;
comment on function private.touch_updated_at() is 'Trigger: stamp updated_at.';

