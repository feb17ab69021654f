-- How a refusal is worded: every one of our own is a row here, with a SQLSTATE, a stable name, what happened and what
-- to do.

-- Tables -------------------------------------------------------------------------------------------------------------

create table private.error_codes (
  code text primary key check (code ~ '^MG[0-9]{3}$'),
  name text not null unique check (name ~ '^[a-z_]+$'),
  message text not null,
  hint text not null
);
comment on table private.error_codes is
  'Every refusal of our own: SQLSTATE, stable name, what happened, what to do. The errors page of the documentation '
  'and the error tree of the SDK are held against this table by tests.';

alter table private.error_codes enable row level security;

insert into private.error_codes (code, name, message, hint) values
  ('MG001', 'invalid_value', 'A value is not acceptable.', 'Send a value as the detail describes it.'),
  ('MG002', 'limit_reached', 'The limit for this is reached.', 'Come back at the time that the detail says.'),
  ('MG003', 'reply_too_slow', 'The reply to this change takes too long to read, so the change is not made.', 'Make the change without what is related to it, and read that in a call of its own; change many rows in several calls.'),
  ('MG101', 'space_not_found', 'No such space, or you are not a member of it.', 'Check the id, or join the space first.'),
  ('MG102', 'not_a_member', 'The person named is not a member of this space.', 'Invite them first; member_profiles() lists who is in.'),
  ('MG103', 'invite_invalid', 'This invite code is not valid.', 'Check the code for typing errors, or ask an admin of the space for a new one.'),
  ('MG104', 'invite_expired', 'This invite has expired.', 'Ask an admin of the space for a new one.'),
  ('MG105', 'invite_used_up', 'This invite has been used as often as it allows.', 'Ask an admin of the space for a new one.'),
  ('MG106', 'already_member', 'This person is already a member of the space.', 'Nothing needs to be done.'),
  ('MG107', 'leader_must_stay', 'The leader cannot leave the space.', 'Hand the space over with transfer_leadership(), or delete it.'),
  ('MG108', 'leader_role_fixed', 'The leader of a space is always ADMIN.', 'Hand the space over with transfer_leadership() first.'),
  ('MG109', 'invite_required', 'No such space, or it is not open to everybody.', 'Ask an admin of the space for an invite and join with its code.'),
  ('MG110', 'pen_holder_role', 'This member is the curator of the open week, and so has the role CURATOR.', 'Make somebody else the curator with assign_curator() first.'),
  ('MG111', 'removed_from_space', 'You were removed from this space.', 'Ask its leader or an admin for a new invite.'),
  ('MG112', 'invite_withdrawn', 'A withdrawn invite does not come back.', 'Make a new one with create_invite().'),
  ('MG201', 'prompt_not_found', 'No such prompt in the open week of this space.', 'Name the ids of the open week; space_week() lists them.'),
  ('MG202', 'week_closed', 'This week is not the open one: its prompts, responses and newsletter cannot be changed.', 'Work on the open week; spaces.current_week names it.'),
  ('MG203', 'week_full', 'This week already has ten prompts.', 'Reword or delete one of them: one without responses of others, except people who were removed, can be deleted.'),
  ('MG204', 'order_taken', 'Another prompt of this week already has this order.', 'Leave "order" out for the next free one, or use reorder_prompts().'),
  ('MG205', 'prompt_answered', 'This prompt has responses, so it can be neither reworded nor deleted.', 'Write another prompt instead. One without responses of others, except people who were removed, can be deleted.'),
  ('MG206', 'no_prompts', 'There is no prompt to publish in the open week.', 'Write one to ten prompts first.'),
  ('MG207', 'prompt_published', 'A published prompt cannot be taken back.', 'Delete it while it has no responses.'),
  ('MG208', 'newsletter_exists', 'This week already has a newsletter.', 'Change it, or take its snapshot again with generate_newsletter().'),
  ('MG301', 'prompt_not_open', 'This prompt is not published yet.', 'Wait until the curator publishes it.'),
  ('MG302', 'response_empty', 'A published response needs text, an image or a piece of music.', 'Add at least one of the three, or save a draft.'),
  ('MG303', 'response_published', 'A published response cannot go back to being a draft.', 'Edit it, or delete it.'),
  ('MG304', 'response_exists', 'This person already has a response to this prompt.', 'Edit the existing response.'),
  ('MG305', 'response_not_selectable', 'Only published responses of this week can be selected.', 'Leave out the responses that the detail lists.'),
  ('MG306', 'image_path_foreign', 'The image is not in the author''s own folder of this space.', 'Upload it to the bucket "responses" as {space_id}/{user_id}/{file}.'),
  ('MG307', 'response_not_found', 'No such response, or you cannot see it.', 'Check the id; it may have been deleted.'),
  ('MG308', 'edit_conflict', 'This was changed meanwhile, on another device or by somebody else.', 'Read it again, and send the change with its present version.'),
  ('MG310', 'confirmation_required', 'Deleting an account takes its email address as a confirmation.', 'Pass the address of the account that is signed in.'),
  ('MG311', 'sign_in_too_old', 'Deleting an account takes a sign-in of the last hour.', 'Sign in again, then delete the account.'),
  ('MG312', 'caption_without_image', 'A caption goes with an image, and this response has none.', 'Add the image, or leave image_caption out.'),
  ('MG309', 'newsletter_draft', 'A draft has the visibility of its space until it is published.', 'Change the space, or publish the newsletter first.'),
  ('MG401', 'newsletter_not_found', 'No such newsletter, or you cannot see or change it.', 'Check the id; only the leader of its space changes and publishes it.'),
  ('MG402', 'newsletter_published', 'This newsletter is published and stays as it is.', 'Put corrections into the next one.'),
  ('MG403', 'nothing_selected', 'The week has responses, but none is selected.', 'Choose with select_responses() first; an empty list leaves out all of them.'),
  ('MG404', 'newsletter_stale', 'The draft is older than what it shows.', 'Generate the newsletter again, look at it, then publish it.'),
  ('MG501', 'insufficient_tokens', 'There are not enough tokens for this.', 'Spend at most the balance.'),
  ('MG502', 'idempotency_conflict', 'This idempotency key was used before for something else.', 'Use a new key for a new command; repeat a command with the same content.'),
  ('MG503', 'gift_to_self', 'Nobody can send a gift to themselves.', 'Name another person as the recipient.'),
  ('MG504', 'recipient_not_found', 'No such person to receive the gift.', 'Check the recipient''s id.'),
  ('MG505', 'ledger_append_only', 'Transactions are never changed or deleted.', 'Post another transaction that balances it.'),
  ('MG506', 'already_posted', 'The ledger has an entry for this already.', 'Use an id that was never used, or leave the id out.'),
  ('MG507', 'balance_too_large', 'No balance can grow that large.', 'Send fewer tokens.'),
  ('MG508', 'proof_not_found', 'No such newsletter, or it holds no proof for you.', 'Check the id: those who were members when it was published have one.'),
  ('MG601', 'item_not_found', 'No such item for sale.', 'Choose one of the available store items.'),
  ('MG602', 'out_of_stock', 'This item is sold out.', 'Choose another item.'),
  ('MG603', 'already_owned', 'This person already owns this item.', 'Activate it with activate_purchase().'),
  ('MG604', 'purchase_not_found', 'No such purchase of yours.', 'Check the id; your purchases are in the table purchases.'),
  ('MG605', 'theme_not_owned', 'The active theme must be a theme that you own.', 'Buy the theme first, or set active_theme_id to null.'),
  ('MG701', 'badge_not_earned', 'You have not earned this badge.', 'badge_progress() shows how far you are.'),
  ('MG801', 'username_taken', 'This user name is taken.', 'Choose another one; upper and lower case count as the same.'),
  ('MG901', 'id_taken', 'This id cannot be used.', 'Leave the id out, or draw a new random one.'),
  ('MG902', 'account_gone', 'This account no longer exists.', 'Sign out, then sign up or sign in with another account.');

-- Functions ----------------------------------------------------------------------------------------------------------

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
  'Refuse with one of private.error_codes; an addition ends its message. Definer because callers may not read that '
  'table; safe because all it can do is raise one of its constant messages.';
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
