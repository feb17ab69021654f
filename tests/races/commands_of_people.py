"""What people do with what is their own, and what they read."""

from __future__ import annotations

from tests.races.command import Command
from tests.races.withdrawals import (
    BORIS_GONE,
    BORIS_LEAVES,
    CHLOE_GONE,
    CHLOE_LEAVES,
    CLOSED,
    CLUB_GONE,
    CURATOR_NAMED,
    DELETED,
    DESELECTED,
    DMITRI_GONE,
    DMITRI_LEAVES,
    DMITRI_REMOVED,
    ELENI_GONE,
    ENDS,
    FEMI_GONE,
    HANDED_OVER,
    ITEM_DEARER,
    ITEM_GONE,
    ITEM_WITHDRAWN,
    LEADER_GONE,
    LEADS,
    LEAVES,
    NEWSLETTER_REGENERATED,
    OLD_NEWSLETTER_GONE,
    OWNER,
    RARE_WITHDRAWN,
    REMOVED,
    RESPONSE_EDITED,
    RESPONSE_GONE,
    SETTINGS_GONE,
    SOLD_OUT,
    SPENT,
    THEME_OFF,
    THEME_ON,
)

COMMANDS_OF_PEOPLE = [
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
        (CLOSED, DELETED, REMOVED, LEAVES, CLUB_GONE, NEWSLETTER_REGENERATED, LEADER_GONE, SPENT, DESELECTED),
    ),
    Command(
        "ada",
        "deletes the account that leads",
        "select delete_account({ada} || '@example.test')",
        (CHLOE_LEAVES, CHLOE_GONE, HANDED_OVER, CLUB_GONE, CURATOR_NAMED, BORIS_LEAVES, BORIS_GONE, RESPONSE_GONE),
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
        "select is_newsletter_gone({old_newsletter})",
        (OLD_NEWSLETTER_GONE, CLUB_GONE),
    ),
    # Reading, at the same moment
    Command("eleni", "reads the members", "select member_profiles({club})", ENDS),
    Command("eleni", "lists spaces", "select name from my_spaces() order by 1", ENDS),
    Command(
        "eleni", "lists responses", "select content from space_responses({club}) order by 1", (*ENDS, RESPONSE_GONE)
    ),
    Command("eleni", "reads the week", "select space_week({club})", (*ENDS, CLOSED)),
    Command("eleni", "reads who is next", "select preview_rotation({club})", ENDS),
    Command("eleni", "reads the leaderboard", "select display_name from leaderboard({club}) order by 1", ENDS),
    Command("eleni", "asks for the space's emails", "select space_emails({club})", ENDS),
    Command("ada", "reads the delivery", "select newsletter_delivery({old_newsletter})", (*LEADS, OLD_NEWSLETTER_GONE)),
    Command(
        "eleni", "asks for a proof", "select ledger_proof({old_newsletter})", (OLD_NEWSLETTER_GONE, CLUB_GONE, DELETED)
    ),
    Command("dmitri", "reads what the week paid", "select weekly_earnings()", (DELETED, SPENT)),
    Command("dmitri", "reads progress", "select badge_progress()", (DELETED,)),
]
