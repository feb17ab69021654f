"""What may happen at the same moment: every command, and every withdrawal or disappearance that concerns it.

The story is the same in each pair (see `scene`). Ada leads the private club, Boris holds the pen of the open week,
Chloe is an admin, Dmitri and Eleni are members; Femi leads the public park, Olga is in neither, Rosa keeps the store.
Week 1 is published. In week 2 `asked` is published and answered by Dmitri (`response`, selected), `open` is published
and Dmitri has a draft (`draft`) to it, `hidden` is not published; Ada has generated `letter`.

`{name}` stands for the id of a person or a thing, `{who}` for the person whose command it is.
"""

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


@dataclass(frozen=True)
class Command:
    """Something that a client may do, and what concerns it."""

    who: str
    name: str
    statement: str
    against: tuple[Withdrawal, ...]
    refusals: frozenset[str] = frozenset()
    """SQLSTATEs that are not ours and that one of the two may end in: an item that was bought cannot be deleted."""

    def __str__(self) -> str:
        return f"{self.who} {self.name}".replace(" ", "_")


# Withdrawals and disappearances -------------------------------------------------------------------------------------

SELF = "{who}"

REMOVED = Withdrawal("is removed", "ada", "select remove_member({club}, {who})")
LEAVES = Withdrawal("leaves", SELF, "select leave_space({club})")
LEAVES_PLAINLY = Withdrawal(
    "leaves by a plain delete", SELF, "delete from memberships where space_id = {club} and user_id = {who}"
)
DELETED = Withdrawal("is deleted", OWNER, "delete from auth.users where id = {who}")
CLUB_GONE = Withdrawal("the club is deleted", "ada", "delete from spaces where id = {club}")
CLOSED = Withdrawal("the week closes", "ada", "select publish_newsletter({letter})")
HANDED_OVER = Withdrawal("Ada hands over to Chloe", "ada", "select transfer_leadership({club}, {chloe})")
LEADER_GONE = Withdrawal("Ada is deleted", OWNER, "delete from auth.users where id = {ada}")
PEN_MOVED = Withdrawal("Eleni gets the pen", "ada", "select assign_curator({club}, {eleni})")
PEN_MOVED_BY_ROLE = Withdrawal("Eleni becomes CURATOR", "ada", "select set_member_role({club}, {eleni}, 'CURATOR')")
DEMOTED = Withdrawal("Chloe is no admin any more", "ada", "select set_member_role({club}, {chloe}, 'MEMBER')")
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
LETTER_GONE = Withdrawal("the newsletter is deleted", "ada", "delete from newsletters where id = {letter}")
LETTER_MADE_ANEW = Withdrawal("the newsletter is generated anew", "ada", "select generate_newsletter({club})")
OLD_LETTER_GONE = Withdrawal("the old newsletter is deleted", "ada", "delete from newsletters where id = {old_letter}")
OLD_LETTER_ERASED = Withdrawal(
    "the old newsletter is deleted with a secret key", OWNER, "delete from newsletters where id = {old_letter}"
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
ANSWERED = Withdrawal(
    "Eleni answers", "eleni", "insert into responses (prompt_id, content, is_published) values ({open}, 'Here', true)"
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
CURATES = (PEN_MOVED, PEN_MOVED_BY_ROLE, REMOVED, LEAVES, DELETED, LEADER_GONE, CLUB_GONE, CLOSED)
"""What ends Boris' week."""

# Commands -----------------------------------------------------------------------------------------------------------

RESPONDING = (*ENDS, CLOSED, LEADER_GONE)

COMMANDS = [
    # Responses
    Command(
        "dmitri",
        "publishes a draft",
        "update responses set is_published = true where id = {draft}",
        (*RESPONDING, DRAFT_GONE, DRAFT_PUBLISHED, PROMPT_GONE),
    ),
    Command(
        "dmitri",
        "edits a response",
        "update responses set content = 'Mine' where id = {response}",
        (*RESPONDING, RESPONSE_GONE, RESPONSE_EDITED, DESELECTED, LETTER_MADE_ANEW),
    ),
    Command(
        "dmitri",
        "deletes a response",
        "delete from responses where id = {response}",
        (*RESPONDING, DESELECTED, LETTER_MADE_ANEW),
    ),
    Command("dmitri", "deletes a draft", "delete from responses where id = {draft}", (*RESPONDING, PROMPT_GONE)),
    Command(
        "eleni",
        "answers",
        "insert into responses (prompt_id, content, is_published) values ({open}, 'Yes', true)",
        (*RESPONDING, PROMPT_GONE, PEN_MOVED, ANSWERED),
    ),
    Command(
        "eleni",
        "drafts",
        "insert into responses (prompt_id, content) values ({open}, 'Well')",
        (*RESPONDING, PROMPT_GONE),
    ),
    # Prompts
    Command("boris", "writes a prompt", "insert into prompts (space_id, question) values ({club}, 'Why?')", CURATES),
    Command(
        "boris",
        "rewords a prompt",
        "update prompts set question = 'Why?' where id = {open}",
        (*CURATES, ANSWERED, PROMPT_GONE),
    ),
    Command(
        "boris",
        "publishes one prompt",
        "update prompts set is_published = true where id = {hidden}",
        (*CURATES, HIDDEN_GONE, ALL_PUBLISHED),
    ),
    Command(
        "boris",
        "deletes a prompt",
        "delete from prompts where id = {open}",
        (*CURATES, ANSWERED, DRAFT_PUBLISHED, DRAFT_GONE),
    ),
    Command("boris", "publishes the prompts", "select publish_prompts({club})", (*CURATES, HIDDEN_GONE)),
    Command(
        "boris",
        "reorders the prompts",
        "select reorder_prompts({club}, array[{hidden}, {open}, {asked}]::uuid[])",
        (*CURATES, HIDDEN_GONE, PROMPT_GONE),
    ),
    # Newsletters
    Command(
        "ada",
        "selects",
        "select select_responses({club}, array[{response}]::uuid[])",
        (*LEADS, CLOSED, RESPONSE_GONE, RESPONSE_EDITED, DMITRI_GONE, DMITRI_REMOVED),
    ),
    Command(
        "ada",
        "generates",
        "select generate_newsletter({club})",
        (
            *LEADS,
            CLOSED,
            LETTER_GONE,
            RESPONSE_GONE,
            RESPONSE_EDITED,
            DESELECTED,
            DMITRI_GONE,
            BORIS_GONE,
            BORIS_LEAVES,
        ),
    ),
    Command(
        "ada",
        "publishes the newsletter",
        "select publish_newsletter({letter})",
        (
            *LEADS,
            CLOSED,
            LETTER_GONE,
            LETTER_MADE_ANEW,
            RESPONSE_GONE,
            RESPONSE_EDITED,
            DESELECTED,
            NARROWED,
            ANSWERED,
            DRAFT_PUBLISHED,
            DMITRI_GONE,
            DMITRI_REMOVED,
            BORIS_GONE,
            BORIS_LEAVES,
            ELENI_GONE,
            ELENI_LEAVES,
            PEN_MOVED,
        ),
    ),
    Command(
        "ada",
        "retitles the newsletter",
        "update newsletters set title = 'Ours' where id = {letter}",
        (*LEADS, CLOSED, LETTER_GONE),
    ),
    Command(
        "ada", "deletes the newsletter", "delete from newsletters where id = {letter}", (*LEADS, CLOSED, BORIS_GONE)
    ),
    Command(
        "ada",
        "deletes an old newsletter",
        "delete from newsletters where id = {old_letter}",
        (*LEADS, BORIS_GONE, NARROWED),
    ),
    Command(
        "ada",
        "inserts a newsletter",
        "insert into newsletters (space_id) values ({club})",
        (*LEADS, LETTER_GONE, CLOSED),
    ),
    # Spaces and their people
    Command("olga", "founds a space", "insert into spaces (name) values ('New')", (DELETED,)),
    Command(
        "ada",
        "renames the club",
        "update spaces set name = 'Renamed' where id = {club}",
        (*LEADS, CLOSED, BORIS_LEAVES),
    ),
    Command(
        "ada",
        "narrows the newsletters",
        "update spaces set newsletter_visibility = 'MEMBERS' where id = {club}",
        (*LEADS, CLOSED, OLD_LETTER_GONE),
    ),
    Command(
        "ada",
        "opens a newsletter",
        "select set_newsletter_visibility({old_letter}, 'PUBLIC')",
        (*LEADS, OLD_LETTER_GONE, OLD_LETTER_ERASED, NARROWED),
    ),
    Command("eleni", "withdraws a link", "select withdraw_reading_link({old_letter})", (*ENDS, OLD_LETTER_GONE)),
    Command(
        "ada",
        "withdraws Dmitri's link",
        "select withdraw_reading_link({old_letter}, {dmitri})",
        (*LEADS, OLD_LETTER_GONE, DMITRI_REMOVED, DMITRI_LEAVES, DMITRI_GONE),
    ),
    Command(
        "ada",
        "deletes the club",
        "delete from spaces where id = {club}",
        (
            HANDED_OVER,
            LEADER_GONE,
            CLOSED,
            ELENI_LEAVES,
            ELENI_GONE,
            BORIS_GONE,
            CHLOE_LEAVES,
            DRAFT_PUBLISHED,
            ANSWERED,
            RESPONSE_EDITED,
            LETTER_GONE,
            REVOKED,
            ALL_PUBLISHED,
            USED_UP,
        ),
    ),
    Command(
        "olga",
        "joins the park",
        "insert into memberships (space_id) values ({park})",
        (PARK_PRIVATE, PARK_GONE, DELETED, FEMI_GONE),
    ),
    Command(
        "olga",
        "joins by a code",
        "select join_space({code})",
        (REVOKED, DEMOTED, CHLOE_LEAVES, CHLOE_GONE, CHLOE_REMOVED, CLUB_GONE, DELETED, LEADER_GONE, CLOSED),
    ),
    Command(
        "olga", "joins by a code for one", "select join_space({once_code})", (USED_UP, REVOKED, CLUB_GONE, DELETED)
    ),
    Command(
        "olga",
        "joins by a row with a code",
        "insert into memberships (invite_code) values ({once_code})",
        (USED_UP, DEMOTED, CLUB_GONE, DELETED),
    ),
    Command(
        "eleni",
        "leaves",
        "select leave_space({club})",
        (REMOVED, DELETED, CLUB_GONE, CLOSED, PEN_MOVED, LEADER_GONE, BORIS_LEAVES),
    ),
    Command(
        "eleni",
        "leaves by a plain delete",
        "delete from memberships where space_id = {club} and user_id = {eleni}",
        (REMOVED, LEAVES, DELETED, CLUB_GONE, CLOSED, PEN_MOVED, LEADER_GONE),
    ),
    Command(
        "boris",
        "leaves with the pen",
        "select leave_space({club})",
        (REMOVED, DELETED, CLUB_GONE, CLOSED, PEN_MOVED, ELENI_LEAVES),
    ),
    Command(
        "ada",
        "removes Eleni",
        "select remove_member({club}, {eleni})",
        (ELENI_LEAVES, *LEADS, ELENI_GONE, CLOSED, ANSWERED),
    ),
    Command(
        "ada",
        "hands over to Chloe",
        "select transfer_leadership({club}, {chloe})",
        (*LEADS, CHLOE_LEAVES, CHLOE_GONE, DEMOTED),
    ),
    Command(
        "ada",
        "makes Eleni an admin",
        "select set_member_role({club}, {eleni}, 'ADMIN')",
        (*LEADS, ELENI_LEAVES, ELENI_GONE, ELENI_REMOVED, PEN_MOVED),
    ),
    Command(
        "ada",
        "gives Eleni the pen",
        "select assign_curator({club}, {eleni})",
        (*LEADS, ELENI_LEAVES, ELENI_GONE, ELENI_REMOVED, CLOSED),
    ),
    Command("chloe", "makes an invite", "select create_invite({club})", (DEMOTED, *ENDS, LEADER_GONE)),
    Command(
        "chloe",
        "withdraws an invite",
        "update space_invites set revoked_at = now() where id = {invite}",
        (DEMOTED, *ENDS, USED_UP, LEADER_GONE),
    ),
    Command("eleni", "switches a space's emails off", "select set_space_emails({club}, false)", ENDS),
    # People
    Command(
        "eleni", "changes a profile", "update users set bio = 'Reads' where id = {eleni}", (DELETED, CLUB_GONE, CLOSED)
    ),
    Command(
        "dmitri",
        "changes settings",
        "update settings set email_reminders = false where user_id = {dmitri}",
        (DELETED, THEME_ON, SETTINGS_GONE),
    ),
    Command(
        "dmitri",
        "chooses a theme",
        "update settings set active_theme_id = {owned} where user_id = {dmitri}",
        (DELETED, THEME_ON, SETTINGS_GONE),
    ),
    Command("olga", "deletes settings", "delete from settings where user_id = {olga}", (DELETED,)),
    Command("rosa", "inserts settings", "insert into settings (timezone) values ('Europe/Athens')", (DELETED,)),
    Command(
        "eleni",
        "reads a notification",
        "update notifications set read_at = now() where user_id = {eleni}",
        (DELETED, CLUB_GONE, LEAVES),
    ),
    Command("eleni", "reads all notifications", "select mark_notifications_read()", (DELETED, CLUB_GONE, CLOSED)),
    # Tokens and things
    Command(
        "dmitri",
        "sends a gift",
        "select transfer_tokens({eleni}, 60)",
        (SPENT, DELETED, ELENI_GONE, FEMI_GONE, CLOSED, LEADER_GONE),
    ),
    Command(
        "dmitri",
        "inserts a gift",
        "insert into token_gifts (recipient_id, amount) values ({eleni}, 60)",
        (SPENT, DELETED, ELENI_GONE, CLUB_GONE),
    ),
    Command(
        "dmitri",
        "buys a theme",
        "select purchase_item({theme})",
        (SPENT, ITEM_WITHDRAWN, ITEM_DEARER, ITEM_GONE, DELETED),
        frozenset({"23503"}),
    ),
    Command(
        "dmitri",
        "inserts a purchase",
        "insert into purchases (item_id) values ({theme})",
        (SPENT, ITEM_WITHDRAWN, ITEM_DEARER, ITEM_GONE, DELETED),
        frozenset({"23503"}),
    ),
    Command("olga", "buys the last one", "select purchase_item({rare})", (SOLD_OUT, RARE_WITHDRAWN, SPENT, DELETED)),
    Command(
        "dmitri", "activates a purchase", "select activate_purchase({purchase})", (DELETED, THEME_OFF, SETTINGS_GONE)
    ),
    Command(
        "dmitri",
        "switches a purchase on",
        "update purchases set is_active = true where id = {purchase}",
        (DELETED, THEME_OFF),
    ),
    Command("dmitri", "hides a badge", "select set_badge_display({badge}, false)", (DELETED,)),
    Command("dmitri", "looks for badges", "select check_badges()", (DELETED, SPENT, CLUB_GONE)),
    Command(
        "rosa",
        "adds an item",
        "insert into store_items (code, name, kind, price) values ({new_code}, 'New', 'THEME', 5)",
        (DELETED,),
    ),
    Command("rosa", "changes an item", "update store_items set price = 7 where id = {rare}", (SOLD_OUT, DELETED)),
    Command(
        "rosa",
        "deletes an item",
        "delete from store_items where id = {rare}",
        (SOLD_OUT, DELETED),
        frozenset({"23503"}),
    ),
    # Files
    Command(
        "dmitri",
        "uploads a picture",
        "insert into storage.objects (bucket_id, name) values ('responses', {picture})",
        ENDS,
    ),
    Command(
        "eleni",
        "uploads an avatar",
        "insert into storage.objects (bucket_id, name) values ('avatars', {avatar})",
        (DELETED,),
    ),
    Command(
        "ada", "uploads a cover", "insert into storage.objects (bucket_id, name) values ('covers', {cover})", LEADS
    ),
    # By an address that was signed before, for which the storage server writes itself.
    Command(
        OWNER,
        "stores a picture that Dmitri sends to a signed address",
        "insert into storage.objects (bucket_id, name, owner_id) values ('responses', {picture}, {dmitri})",
        (DMITRI_REMOVED, DMITRI_LEAVES, DMITRI_GONE, CLUB_GONE),
    ),
    Command(
        OWNER,
        "stores a cover that Ada sends to a signed address",
        "insert into storage.objects (bucket_id, name, owner_id) values ('covers', {cover}, {ada})",
        LEADS,
    ),
    # Leaving for good
    Command(
        "dmitri",
        "deletes the account",
        "select delete_account({dmitri} || '@example.test')",
        (CLOSED, DELETED, REMOVED, LEAVES, CLUB_GONE, LETTER_MADE_ANEW, LEADER_GONE, SPENT, DESELECTED),
    ),
    Command(
        "ada",
        "deletes the account that leads",
        "select delete_account({ada} || '@example.test')",
        (CHLOE_LEAVES, CHLOE_GONE, HANDED_OVER, CLUB_GONE, PEN_MOVED, BORIS_LEAVES, BORIS_GONE, RESPONSE_GONE),
    ),
    Command(
        "dmitri",
        "takes a copy",
        "select data ->> 'content' from export_account('responses') order by 1",
        (RESPONSE_GONE, RESPONSE_EDITED, DELETED, CLUB_GONE),
    ),
    Command("dmitri", "asks what there is to copy", "select export_parts()", (DELETED,)),
    Command(
        "olga",
        "asks for a newsletter that may be gone",
        "select is_newsletter_gone({old_letter})",
        (OLD_LETTER_GONE, CLUB_GONE),
    ),
    # Reading, at the same moment
    Command("eleni", "reads the members", "select member_profiles({club})", ENDS),
    Command("eleni", "reads the week", "select space_week({club})", (*ENDS, CLOSED)),
    Command("eleni", "reads who is next", "select preview_rotation({club})", ENDS),
    Command("eleni", "reads the leaderboard", "select display_name from leaderboard({club}) order by 1", ENDS),
    Command("eleni", "asks for the space's emails", "select space_emails({club})", ENDS),
    Command("ada", "reads the delivery", "select newsletter_delivery({old_letter})", (*LEADS, OLD_LETTER_GONE)),
    Command("eleni", "asks for a proof", "select ledger_proof({old_letter})", (OLD_LETTER_GONE, CLUB_GONE, DELETED)),
    Command("dmitri", "reads what the week paid", "select weekly_earnings()", (DELETED, SPENT)),
    Command("dmitri", "reads progress", "select badge_progress()", (DELETED,)),
]
