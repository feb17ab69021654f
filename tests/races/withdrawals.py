"""What takes away what a command needs, or thinks it needs: withdrawals and disappearances."""

from __future__ import annotations

from dataclasses import dataclass

OWNER = "owner"
"""Whoever runs the database, as the auth service does when an account is deleted."""


@dataclass(frozen=True)
class Withdrawal:
    """Something that takes away what a command needs, or thinks it needs."""

    name: str
    who: str
    statement: str


SELF = "{who}"

REMOVED = Withdrawal("is removed", "ada", "select remove_member({club}, {who})")
LEAVES = Withdrawal("leaves", SELF, "select leave_space({club})")
LEAVES_PLAINLY = Withdrawal(
    "leaves by a plain delete", SELF, "delete from memberships where space_id = {club} and user_id = {who}"
)
DELETED = Withdrawal("is deleted", OWNER, "delete from auth.users where id = {who}")
CLUB_GONE = Withdrawal("the club is deleted", "ada", "delete from spaces where id = {club}")
CLOSED = Withdrawal("the week closes", "ada", "select publish_newsletter({newsletter})")
HANDED_OVER = Withdrawal("Ada hands over to Chloe", "ada", "select transfer_leadership({club}, {chloe})")
LEADER_GONE = Withdrawal("Ada is deleted", OWNER, "delete from auth.users where id = {ada}")
CURATOR_NAMED = Withdrawal("Eleni becomes the curator", "ada", "select assign_curator({club}, {eleni})")
CURATOR_NAMED_BY_ROLE = Withdrawal("Eleni becomes CURATOR", "ada", "select set_member_role({club}, {eleni}, 'CURATOR')")
DEMOTED = Withdrawal("Chloe is not an admin any longer", "ada", "select set_member_role({club}, {chloe}, 'MEMBER')")
CHLOE_LEAVES = Withdrawal("Chloe leaves", "chloe", "select leave_space({club})")
CHLOE_GONE = Withdrawal("Chloe is deleted", OWNER, "delete from auth.users where id = {chloe}")
CHLOE_REMOVED = Withdrawal("Chloe is removed", "ada", "select remove_member({club}, {chloe})")
BORIS_LEAVES = Withdrawal("Boris leaves", "boris", "select leave_space({club})")
BORIS_GONE = Withdrawal("Boris is deleted", OWNER, "delete from auth.users where id = {boris}")
ELENI_LEAVES = Withdrawal("Eleni leaves", "eleni", "select leave_space({club})")
ELENI_GONE = Withdrawal("Eleni is deleted", OWNER, "delete from auth.users where id = {eleni}")
ELENI_REMOVED = Withdrawal("Eleni is removed", "ada", "select remove_member({club}, {eleni})")
DMITRI_GONE = Withdrawal("Dmitri is deleted", OWNER, "delete from auth.users where id = {dmitri}")
DMITRI_LEAVES = Withdrawal("Dmitri leaves", "dmitri", "select leave_space({club})")
DMITRI_REMOVED = Withdrawal("Dmitri is removed", "ada", "select remove_member({club}, {dmitri})")
REVOKED = Withdrawal(
    "the invite is withdrawn", "chloe", "update space_invites set revoked_at = now() where id = {invite}"
)
USED_UP = Withdrawal("the invite is used up", "femi", "select join_space({once_code})")
PARK_PRIVATE = Withdrawal("the park turns private", "femi", "update spaces set is_public = false where id = {park}")
PARK_GONE = Withdrawal("the park is deleted", "femi", "delete from spaces where id = {park}")
FEMI_GONE = Withdrawal("Femi is deleted", OWNER, "delete from auth.users where id = {femi}")
NEWSLETTER_GONE = Withdrawal("the newsletter is deleted", "ada", "delete from newsletters where id = {newsletter}")
NEWSLETTER_REGENERATED = Withdrawal("the newsletter is generated again", "ada", "select generate_newsletter({club})")
OLD_NEWSLETTER_GONE = Withdrawal(
    "the old newsletter is deleted", "ada", "delete from newsletters where id = {old_newsletter}"
)
OLD_NEWSLETTER_ERASED = Withdrawal(
    "the old newsletter is deleted with a secret key", OWNER, "delete from newsletters where id = {old_newsletter}"
)
DESELECTED = Withdrawal("nothing is selected any more", "ada", "select select_responses({club}, null)")
RESPONSE_GONE = Withdrawal("the response is deleted", "dmitri", "delete from responses where id = {response}")
RESPONSE_EDITED = Withdrawal(
    "the response is edited", "dmitri", "update responses set content = 'Other' where id = {response}"
)
DRAFT_GONE = Withdrawal("the draft is deleted", "dmitri", "delete from responses where id = {draft}")
DRAFT_PUBLISHED = Withdrawal(
    "the draft is published", "dmitri", "update responses set is_published = true where id = {draft}"
)
RESPONDED = Withdrawal(
    "Eleni responds", "eleni", "insert into responses (prompt_id, content, is_published) values ({open}, 'Here', true)"
)
PROMPT_GONE = Withdrawal("the open prompt is deleted", "boris", "delete from prompts where id = {open}")
HIDDEN_GONE = Withdrawal("the hidden prompt is deleted", "boris", "delete from prompts where id = {hidden}")
ALL_PUBLISHED = Withdrawal("all prompts are published", "boris", "select publish_prompts({club})")
REORDERED = Withdrawal(
    "the prompts are reordered", "boris", "select reorder_prompts({club}, array[{hidden}, {open}, {asked}]::uuid[])"
)
NARROWED = Withdrawal(
    "newsletters are for members only", "ada", "update spaces set newsletter_visibility = 'MEMBERS' where id = {club}"
)
ITEM_WITHDRAWN = Withdrawal(
    "the theme is not for sale", "rosa", "update store_items set is_available = false where id = {theme}"
)
ITEM_DEARER = Withdrawal("the theme costs more", "rosa", "update store_items set price = 1000 where id = {theme}")
ITEM_GONE = Withdrawal("the theme is deleted", "rosa", "delete from store_items where id = {theme}")
SOLD_OUT = Withdrawal("the last one is sold", "femi", "select purchase_item({rare})")
RARE_WITHDRAWN = Withdrawal(
    "the rare one is not for sale", "rosa", "update store_items set is_available = false where id = {rare}"
)
SPENT = Withdrawal("has spent the tokens", SELF, "select transfer_tokens({femi}, 100)")
THEME_OFF = Withdrawal(
    "switches the theme off", SELF, "update settings set active_theme_id = null where user_id = {who}"
)
THEME_ON = Withdrawal("switches the theme on", SELF, "select activate_purchase({purchase})")
SETTINGS_GONE = Withdrawal("deletes the settings", SELF, "delete from settings where user_id = {who}")

ENDS = (REMOVED, LEAVES, LEAVES_PLAINLY, DELETED, CLUB_GONE)
"""What ends a membership."""
LEADS = (HANDED_OVER, LEADER_GONE, CLUB_GONE)
"""What ends Ada's leading."""
CURATES = (CURATOR_NAMED, CURATOR_NAMED_BY_ROLE, REMOVED, LEAVES, DELETED, LEADER_GONE, CLUB_GONE, CLOSED)
"""What ends Boris' week."""
