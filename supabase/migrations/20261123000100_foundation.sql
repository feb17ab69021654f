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
  ('MG002', 'limit_reached', 'The limit for this is reached.', 'Come back at the time that the detail says.'),
  ('MG003', 'reply_too_slow', 'The reply to this change takes too long to read, so the change is not made.', 'Make the change without what is related to it, and read that in a call of its own; change many rows in several calls.'),
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
  ('MG111', 'removed_from_space', 'You were removed from this space.', 'Ask its leader or an admin for a new invite.'),
  ('MG112', 'invite_withdrawn', 'A withdrawn invite does not come back.', 'Make a new one with create_invite().'),
  ('MG201', 'prompt_not_found', 'There is no such prompt in the open week of this space.', 'Name the ids of the open week; space_week() lists them.'),
  ('MG202', 'week_closed', 'This week is not the open one: its prompts, answers and newsletter cannot be changed.', 'Work on the open week; spaces.current_week names it.'),
  ('MG203', 'week_full', 'This week already has ten prompts.', 'Reword or delete one of them: one that nobody but you, or people who were removed, has answered can be deleted.'),
  ('MG204', 'order_taken', 'Another prompt of this week already has this order.', 'Leave "order" out for the next free one, or use reorder_prompts().'),
  ('MG205', 'prompt_answered', 'This prompt has been answered, so it can be neither reworded nor deleted.', 'Write another prompt instead. One that nobody but you, or people who were removed, has answered can be deleted.'),
  ('MG206', 'no_prompts', 'There is no prompt to publish in the open week.', 'Write one to ten prompts first.'),
  ('MG207', 'prompt_published', 'A published prompt cannot be taken back.', 'Delete it while nobody has answered it.'),
  ('MG208', 'newsletter_exists', 'This week already has a newsletter.', 'Change it, or take its snapshot anew with generate_newsletter().'),
  ('MG301', 'prompt_not_open', 'This prompt is not published yet.', 'Wait until the curator publishes it.'),
  ('MG302', 'response_empty', 'A published response needs text, an image or a piece of music.', 'Add at least one of the three, or save a draft.'),
  ('MG303', 'response_published', 'A published response cannot go back to being a draft.', 'Edit it, or delete it.'),
  ('MG304', 'response_exists', 'This person has already answered this prompt.', 'Edit the existing response.'),
  ('MG305', 'response_not_selectable', 'Only published responses of this week can be selected.', 'Leave out the responses that the detail lists.'),
  ('MG306', 'image_path_foreign', 'The image is not in the author''s own folder of this space.', 'Upload it to the bucket "responses" as {space_id}/{user_id}/{file}.'),
  ('MG307', 'response_not_found', 'There is no such response.', 'Check the id; it may have been deleted.'),
  ('MG308', 'edit_conflict', 'This was changed meanwhile, on another device or by somebody else.', 'Read it again, and send the change with its present version.'),
  ('MG310', 'confirmation_required', 'Deleting an account takes its email address as a confirmation.', 'Pass the address of the account that is signed in.'),
  ('MG311', 'sign_in_too_old', 'Deleting an account takes a sign-in of the last hour.', 'Sign in again, then delete the account.'),
  ('MG312', 'caption_without_image', 'A caption goes with an image, and this response has none.', 'Add the image, or leave image_caption out.'),
  ('MG309', 'newsletter_draft', 'A draft has the visibility of its space until it is published.', 'Change the space, or publish the newsletter first.'),
  ('MG401', 'newsletter_not_found', 'There is no such newsletter, or it is not yours to see or change.', 'Check the id; only the leader of its space changes and publishes it.'),
  ('MG402', 'newsletter_published', 'This newsletter is published and stays as it is.', 'Put corrections into the next one.'),
  ('MG403', 'nothing_selected', 'The week has responses, but none is selected.', 'Choose with select_responses() first; an empty list leaves out all of them.'),
  ('MG404', 'newsletter_stale', 'The draft is older than what it shows.', 'Generate the newsletter again, look at it, then publish it.'),
  ('MG501', 'insufficient_tokens', 'There are not enough tokens for this.', 'Spend at most the balance.'),
  ('MG502', 'idempotency_conflict', 'This idempotency key was used before for something else.', 'Use a new key for a new command; repeat a command with the same content.'),
  ('MG503', 'gift_to_self', 'Nobody can send a gift to themselves.', 'Name another person as the recipient.'),
  ('MG504', 'recipient_not_found', 'There is no such person to receive the gift.', 'Check the recipient''s id.'),
  ('MG505', 'ledger_append_only', 'Transactions are never changed or deleted.', 'Post another transaction that balances it.'),
  ('MG506', 'already_posted', 'The ledger has an entry for this already.', 'Use an id that was never used, or leave the id out.'),
  ('MG507', 'balance_too_large', 'No balance can grow that large.', 'Send fewer tokens.'),
  ('MG508', 'proof_not_found', 'There is no proof for you in this newsletter.', 'Check the id: those who were members when it was published have one.'),
  ('MG601', 'item_not_found', 'There is no such item for sale.', 'Choose one of the available store items.'),
  ('MG602', 'out_of_stock', 'This item is sold out.', 'Choose another item.'),
  ('MG603', 'already_owned', 'This person already owns this item.', 'Activate it with activate_purchase().'),
  ('MG604', 'purchase_not_found', 'There is no such purchase of yours.', 'Check the id; your purchases are in the table purchases.'),
  ('MG605', 'theme_not_owned', 'The active theme must be a theme that you own.', 'Buy the theme first, or set active_theme_id to null.'),
  ('MG701', 'badge_not_earned', 'You have not earned this badge.', 'badge_progress() shows how far you are.'),
  ('MG801', 'username_taken', 'This user name is taken.', 'Choose another one; upper and lower case count as the same.'),
  ('MG901', 'id_taken', 'This id cannot be used.', 'Leave the id out, or draw a new random one.'),
  ('MG902', 'account_gone', 'This account does not exist any more.', 'Sign out, then sign up or sign in with another account.');

create table private.used_ids (
  id uuid primary key
);
comment on table private.used_ids is
  'Every id that was ever given to an account, a space, a prompt, a response, a newsletter, an invite, a gift, a purchase or '
  'an item. It stays when the thing goes, so that no id is given twice. Files, links and ledger rows outlive what they name.';

alter table private.used_ids enable row level security;

-- Functions ---------------------------------------------------------------------------------------------------------

create function private.fail(code text, detail text default null, hint text default null, addition text default null)
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
    message = concat_ws(' ', v_error.message, fail.addition),
    detail = coalesce(fail.detail, ''),
    hint = coalesce(fail.hint, v_error.hint);
end;
$$;
comment on function private.fail(text, text, text, text) is
  'Refuse with one of private.error_codes; an addition ends its message. Definer because callers may not read that table; safe because all it can do '
  'is raise one of its constant messages.';
grant execute on function private.fail(text, text, text, text) to anon, authenticated, service_role;

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
  select
    case pg_catalog.current_setting('role', true)
      when 'none' then session_user::text
      else pg_catalog.current_setting('role', true)
    end <> all (
      array[
        'service_role', 'supabase_admin', 'supabase_auth_admin', 'supabase_storage_admin', 'supabase_realtime_admin',
        (select pg_catalog.pg_get_userbyid(nspowner)::text from pg_catalog.pg_namespace where nspname = 'private')
      ]
    );
$$;
comment on function private.is_client() is
  'Return whether the statement was sent by a client. Trusted are the secret key''s role, the owner of the migrations and '
  'the platform''s own roles; any other role that somebody creates one day is a client. Unlike current_user, the setting '
  '"role" keeps its value inside a definer function, and a client cannot set it; "none" means the role that logged in.';
grant execute on function private.is_client() to anon, authenticated, service_role;

create function private.longest_wait()
returns interval
language sql
immutable
set search_path = ''
as $$
  select interval '1 second';
$$;
comment on function private.longest_wait() is 'How long a client''s statement waits, in all, while it holds what others need.';

create function private.wait_briefly(is_holding boolean default true)
returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_since timestamptz := nullif(current_setting('monogram.holding_since', true), '')::timestamptz;
begin
  if v_since is null and not wait_briefly.is_holding or not private.is_client() then
    return;
  end if;
  if v_since is null then
    v_since := clock_timestamp();
    perform set_config('monogram.holding_since', v_since::text, true);
    perform set_config('monogram.lock_timeout', current_setting('lock_timeout'), true);
  end if;
  -- What the project's own lock_timeout says holds where it is shorter; 0 there is none.
  perform set_config(
    'lock_timeout',
    least(
      nullif(extract(epoch from current_setting('lock_timeout')::interval) * 1000, 0),
      greatest(extract(epoch from v_since + private.longest_wait() - clock_timestamp()) * 1000, 1)
    )::integer::text,
    true
  );
end;
$$;
comment on function private.wait_briefly(boolean) is
  'From here on a client''s transaction holds what others need: it waits for more for longest_wait() in all, then Postgres ends '
  'it (55P03) with nothing done. Called again behind each lock, for lock_timeout is for each wait; behind one that keeps nobody '
  'else with is_holding false, which only counts what was waited since. Definer; not granted, only other definer functions call it.';

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

create function private.is_blank(value text)
returns boolean
language sql
immutable
set search_path = ''
as $$
  select coalesce(is_blank.value, '') !~ (
    '[^'
    -- begin of scripts/blank.py
    '\u0001-\u0020\u007F-\u00A0\u00AD\u0300-\u036F\u061C\u115F-\u1160\u1680\u17B4-\u17B5\u180B-\u180F'
    '\u1AB0-\u1AFF\u1DC0-\u1DFF\u2000-\u200F\u2028-\u202F\u205F-\u206F\u20D0-\u20FF\u2800\u3000\u3164'
    '\uE000-\uF8FF\uFDD0-\uFDEF\uFE00-\uFE0F\uFE20-\uFE2F\uFEFF\uFFA0\uFFF0-\uFFFC\uFFFE-\uFFFF'
    '\U00013430-\U0001343F\U00016FE4\U0001BCA0-\U0001BCA3\U0001D159\U0001D173-\U0001D17A'
    '\U0001FFFE-\U0001FFFF\U0002FFFE-\U0002FFFF\U0003FFFE-\U0010FFFF'
    -- end of scripts/blank.py
    ']'
  );
$$;
comment on function private.is_blank(text) is
  'Whether there is nothing to see in a text, in any script: white space, controls, zero-width and other format '
  'characters, fillers. Null and the empty text are blank. The ranges are generated, so that no locale has a say.';
grant execute on function private.is_blank(text) to anon, authenticated, service_role;

create function private.is_line(value text)
returns boolean
language sql
immutable
set search_path = ''
as $$
  select is_line.value !~ '[\u0001-\u001F\u007F-\u009F\u061C\u200E\u200F\u2028-\u202E\u2066-\u206F\uFFF9-\uFFFB]';
$$;
comment on function private.is_line(text) is
  'Whether a text is one line that reads in the order it was written in: no controls, no line or paragraph separators, '
  'nothing that turns the direction of what follows. The joiners of emoji and of Persian stay.';
grant execute on function private.is_line(text) to anon, authenticated, service_role;

create function private.as_line(value text)
returns text
language sql
immutable
set search_path = ''
as $$
  select btrim(
    regexp_replace(
      regexp_replace(as_line.value, '[\u061C\u200E\u200F\u202A-\u202E\u2066-\u206F\uFFF9-\uFFFB]', '', 'g'),
      '[\u0001-\u0020\u007F-\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]+', ' ', 'g'
    ),
    ' '
  );
$$;
comment on function private.as_line(text) is
  'A text made one line: what private.is_line refuses is left out, and white space of any kind becomes one space.';

create function private.line_count(value text)
returns integer
language sql
immutable
set search_path = ''
as $$
  select 1 + char_length(regexp_replace(line_count.value, '\r\n|[^\n\v\f\r\u0085\u2028\u2029]+', '', 'g'))
    + (char_length(line_count.value) - char_length(replace(line_count.value, E'\r\n', ''))) / 2;
$$;
comment on function private.line_count(text) is
  'How many lines a text has, whatever ends them: line feed, carriage return or both, vertical tab, form feed, U+0085, '
  'U+2028, U+2029.';
grant execute on function private.line_count(text) to anon, authenticated, service_role;

create function private.is_instant(value timestamptz)
returns boolean
language sql
immutable
set search_path = ''
as $$
  select extract(epoch from is_instant.value) >= 0 and extract(epoch from is_instant.value) < 253370764800;
$$;
comment on function private.is_instant(timestamptz) is
  'Whether a time lies in the years 1970 to 9998 (UTC), so that every program can read it, in any time zone.';
grant execute on function private.is_instant(timestamptz) to anon, authenticated, service_role;

create function private.require_instant(at timestamptz)
returns timestamptz
language plpgsql
stable
set search_path = ''
as $$
begin
  if not coalesce(private.is_instant(require_instant.at), false) then
    perform private.fail('MG001', 'at', 'at is a moment between the years 1970 and 9998.');
  end if;
  return require_instant.at;
end;
$$;
comment on function private.require_instant(timestamptz) is
  'The time that work is done as of, or a refusal: what is done "at infinity" would be leased, or done, for ever.';
grant execute on function private.require_instant(timestamptz) to service_role;

create function private.require_value(name text, value anyelement)
returns anyelement
language plpgsql
stable
set search_path = ''
as $$
begin
  if require_value.value is null then
    perform private.fail('MG001', require_value.name, format('%s is required.', require_value.name));
  end if;
  return require_value.value;
end;
$$;
comment on function private.require_value(text, anyelement) is
  'An argument that must be there, or a refusal that names it; otherwise a NOT NULL would speak, of a table that nobody '
  'outside knows.';
grant execute on function private.require_value(text, anyelement) to service_role;

create function private.require_limit(name text, value integer)
returns integer
language plpgsql
stable
set search_path = ''
as $$
begin
  if not coalesce(require_limit.value between 0 and 1000, false) then
    perform private.fail('MG001', require_limit.name, format('%s is 0 to 1000.', require_limit.name));
  end if;
  return require_limit.value;
end;
$$;
comment on function private.require_limit(text, integer) is
  'How many things a worker takes at once, or a refusal that names the argument.';
grant execute on function private.require_limit(text, integer) to service_role;

create function private.require_count(name text, value integer)
returns integer
language plpgsql
stable
set search_path = ''
as $$
begin
  if not coalesce(require_count.value >= 0, false) then
    perform private.fail('MG001', require_count.name, format('%s is 0 or more.', require_count.name));
  end if;
  return require_count.value;
end;
$$;
comment on function private.require_count(text, integer) is
  'How many rows a list has at most, or a refusal that names the argument.';
grant execute on function private.require_count(text, integer) to service_role;

create function private.require_seconds(name text, value double precision)
returns interval
language plpgsql
stable
set search_path = ''
as $$
begin
  -- A lease that is over before it begins lets two workers take the same things; one of years, nobody else ever. NaN is above
  -- all numbers.
  if not coalesce(require_seconds.value between 0 and 86400, false) then
    perform private.fail('MG001', require_seconds.name, format('%s is in seconds, 0 to 86400.', require_seconds.name));
  end if;
  return make_interval(secs => require_seconds.value);
end;
$$;
comment on function private.require_seconds(text, double precision) is
  'For how long a worker takes things, or nobody is to use a provider: a day at most, or a refusal that names the argument.';
grant execute on function private.require_seconds(text, double precision) to service_role;

create function private.is_plain_json(value jsonb, size integer)
returns boolean
language sql
immutable
set search_path = ''
as $$
  select octet_length(is_plain_json.value::text) <= is_plain_json.size
    and not jsonb_path_exists(is_plain_json.value, 'strict $.**{17 to last}')
    and not jsonb_path_exists(
      is_plain_json.value,
      'strict $.** ? (@.type() == "number" && (@ > 9007199254740991 || @ < -9007199254740991))'
    );
$$;
comment on function private.is_plain_json(jsonb, integer) is
  'Whether JSON has at most so many bytes, is nested at most 16 deep, and holds no number beyond 2^53, so that every '
  'program can read it.';
grant execute on function private.is_plain_json(jsonb, integer) to anon, authenticated, service_role;

create function private.take_id()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if new.id is null then
    perform private.fail('MG001', 'id', 'id is a UUID; leave it out for a new one.');
  end if;
  -- Waits for whoever is about to use the same id, and sees also what is gone or hidden.
  insert into private.used_ids (id) values (new.id) on conflict do nothing;
  if not found then
    perform private.fail('MG901');
  end if;
  return new;
end;
$$;
comment on function private.take_id() is
  'Trigger, after all other checks of a new row: take its id for ever, or refuse one that was used before, in the same words '
  'whosever it is and whether it is still there. Definer because no role reaches the table; safe because it refuses or '
  'notes an id of a row that is being inserted, and nothing else.';

create function private.require_columns()
returns trigger
language plpgsql
set search_path = ''
as $$
declare
  v_name text;
begin
  foreach v_name in array tg_argv loop
    if to_jsonb(new) ->> v_name is null then
      perform private.fail('MG001', v_name, format('%s takes a value, and not null.', v_name));
    end if;
  end loop;
  return new;
end;
$$;
comment on function private.require_columns() is
  'Trigger, with columns that take no null as its arguments, for a row where one is: refuse it in words, before the NOT NULL of the table does.';

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
    -- What may be left out is left out by null or by the empty text.
    or check_text.value <> '' and check_text.minimum >= 0 and private.is_blank(check_text.value)
  then
    perform private.fail(
      'MG001', check_text.column_name,
      format(
        case
          when check_text.minimum > 0 then '%1$s takes %2$s to %3$s characters that are not all blank.'
          when check_text.minimum = 0 then '%1$s takes up to %3$s characters that are not all blank, or none.'
          else '%1$s takes up to %3$s characters.'
        end,
        check_text.column_name, check_text.minimum, check_text.maximum
      )
    );
  end if;
  if private.line_count(check_text.value) > 500 then
    perform private.fail('MG001', check_text.column_name, format('%s takes up to 500 lines.', check_text.column_name));
  end if;
end;
$$;
comment on function private.check_text(text, text, integer, integer) is
  'Refuse a text whose length is out of bounds, before the table''s own CHECK does so in words that help nobody. A '
  'minimum of 0 takes the empty text, one of -1 also what is blank.';
grant execute on function private.check_text(text, text, integer, integer) to anon, authenticated, service_role;

create function private.is_language_tag(value text)
returns boolean
language sql
immutable
set search_path = ''
as $$
  select is_language_tag.value ~ '^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$';
$$;
comment on function private.is_language_tag(text) is
  'Whether this is a BCP 47 tag of a language, perhaps with a script and a region, in its usual case. Null for '
  'null.';
grant execute on function private.is_language_tag(text) to anon, authenticated, service_role;

create function private.check_language(column_name text, value text)
returns void
language plpgsql
immutable
set search_path = ''
as $$
begin
  if not private.is_language_tag(check_language.value) then
    perform private.fail(
      'MG001', check_language.column_name,
      format('%s is a BCP 47 tag such as de, pt-BR or zh-Hant.', check_language.column_name)
    );
  end if;
end;
$$;
comment on function private.check_language(text, text) is
  'Refuse what is no tag of a language, in words; null is let through.';
grant execute on function private.check_language(text, text) to anon, authenticated, service_role;

create function private.check_line(column_name text, value text, minimum integer, maximum integer)
returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  perform private.check_text(check_line.column_name, check_line.value, check_line.minimum, check_line.maximum);
  if not private.is_line(check_line.value) then
    perform private.fail(
      'MG001', check_line.column_name,
      format('%s is one line, without control characters and marks that turn its direction.', check_line.column_name)
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
    and substr(is_file_in.path, char_length(is_file_in.folder) + 2) ~ '^[^/\\?#%]+$'
    and private.is_line(is_file_in.path)
    and substr(is_file_in.path, char_length(is_file_in.folder) + 2) not in ('.', '..');
$$;
comment on function private.is_file_in(text, text) is
  'Whether an object''s name is a file right in a folder, for whatever reads it as a part of an address, too. Nothing leads elsewhere: '
  'services read these files with more rights than who named them.';
grant execute on function private.is_file_in(text, text) to anon, authenticated, service_role;

create function private.try_uuid(value text)
returns uuid
language sql
immutable
set search_path = ''
as $$
  select case
    when try_uuid.value ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' then try_uuid.value::uuid
  end;
$$;
comment on function private.try_uuid(text) is
  'The text as a uuid, or null where it is none in its one spelling: lower case, with dashes. For names of files and of '
  'channels, which belong together only where they are spelled alike.';
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

create function private.count_version()
returns trigger
language plpgsql
set search_path = ''
as $$
declare
  v_changed boolean := exists (
    select from unnest(tg_argv) as edited (name)
    where to_jsonb(new) -> edited.name is distinct from to_jsonb(old) -> edited.name
  );
begin
  if v_changed and new.version is distinct from old.version then
    perform private.fail(
      'MG308', format('Its version is %s now; the change was made to version %s.', old.version, new.version)
    );
  end if;
  new.version := old.version + v_changed::integer;
  return new;
end;
$$;
comment on function private.count_version() is
  'Trigger, with the columns that people edit as its arguments: count their changes. An update that writes the column '
  'version says which one it changed, and is refused if that is not the present one. It runs on the newest row, behind '
  'the lock, so of two at once the second one is refused. A change that is there already is no conflict: a command whose '
  'answer was lost can be sent again.';

