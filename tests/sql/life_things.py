"""What may be deleted, and what goes with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.sql.life_story import Story
from tests.support.actors import Actor


@dataclass(frozen=True)
class Thing:
    """A row of the table."""

    name: str
    remove: Callable[[Story], object]
    """Delete it."""
    is_there: Callable[[Story], bool] = lambda _story: True
    """Whether the story has it at this step."""
    account: Callable[[Story], Actor] | None = None
    """Whose account goes."""
    leaves: Callable[[Story], Actor] | None = None
    """Who is in the space no longer."""
    files: Callable[[Story, str], bool] = lambda _story, _file: False
    """Which files go with it."""
    stays: tuple[str, ...] = ()
    """Queries whose rows are the same afterwards, with the story's ids by name."""
    goes: tuple[str, ...] = ()
    """Queries that have no rows afterwards."""


def delete_account(person: Actor) -> None:
    person.actors.run("delete from auth.users where id = %s", person.id)


def erase(story: Story, person: Actor) -> None:
    delete_account(person)
    story.actors.service().call("redact_user", user_id=person.id)


def has(*keys: str) -> Callable[[Story], bool]:
    """The story has come to these rows."""
    return lambda story: all(key in story.ids for key in keys)


def newsletter_is(published: bool) -> Callable[[Story], bool]:
    def check(story: Story) -> bool:
        rows = story.actors.run(
            "select is_published from public.newsletters where id = %s", story.ids.get("newsletter")
        )
        return [row["is_published"] for row in rows] == [published]

    return check


def is_open(story: Story) -> bool:
    """Week 1 has not been closed."""
    return story.club.row()["current_week"] == 1


def own_files(person: Callable[[Story], Actor]) -> Callable[[Story, str], bool]:
    """What an account takes along: its folders, in every bucket but that of newsletters, which have copies."""

    def check(story: Story, file: str) -> bool:
        return str(person(story).id) in file and not file.startswith("newsletters/")

    return check


def erased_files(story: Story, file: str) -> bool:
    """And with its words: also the newsletters' copies of its pictures."""
    copies = [f"/pictures/{story.ids.get('response')}", f"/pictures/avatar-{story.chloe.id}"]
    return str(story.chloe.id) in file or any(copy in file for copy in copies)


NEWSLETTERS = "select id, title, content, published_at from public.newsletters where is_published"

OTHERS_LEDGERS = "select * from public.transactions where user_id <> '{chloe}' and user_id <> '{ada}'"

RECORDS = ("select id, amount from public.token_gifts", "select id, item_id, price_paid from public.purchases")

OF_ONES_OWN = (
    "select 1 from public.users where id = '{who}'",
    "select 1 from public.settings where user_id = '{who}'",
    "select 1 from public.memberships where user_id = '{who}'",
    "select 1 from public.responses where user_id = '{who}'",
    "select 1 from public.notifications where user_id = '{who}'",
    "select 1 from public.transactions where user_id = '{who}'",
    "select 1 from public.space_invites where created_by = '{who}'",
    "select 1 from public.spaces where '{who}' in (leader_id, current_curator_id)",
    "select 1 from private.mails where user_id = '{who}'",
    "select 1 from private.email_subscriptions where user_id = '{who}'",
    "select 1 from private.reading_links where user_id = '{who}'",
    "select 1 from public.newsletters where not is_published and content::text like '%{who}%'",
    "select 1 from public.token_gifts where '{who}' in (sender_id, recipient_id)",
    "select 1 from public.purchases where user_id = '{who}'",
)

THINGS = (
    Thing(
        "the account of an author",
        lambda story: delete_account(story.chloe),
        account=lambda story: story.chloe,
        files=own_files(lambda story: story.chloe),
        stays=(NEWSLETTERS, OTHERS_LEDGERS, *RECORDS),
        goes=OF_ONES_OWN,
    ),
    Thing(
        "the account of the leader",
        lambda story: delete_account(story.ada),
        account=lambda story: story.ada,
        files=own_files(lambda story: story.ada),
        stays=(NEWSLETTERS, OTHERS_LEDGERS, *RECORDS),
        goes=OF_ONES_OWN,
    ),
    Thing(
        "an account with its words",
        lambda story: erase(story, story.chloe),
        account=lambda story: story.chloe,
        files=erased_files,
        stays=("select id, title, published_at from public.newsletters where is_published", OTHERS_LEDGERS, *RECORDS),
        goes=(*OF_ONES_OWN, "select 1 from public.newsletters where content::text ~ '{who}|Chloe|\"response\"'"),
    ),
    Thing(
        "the space",
        lambda story: story.ada.delete("spaces", story.club.id),
        files=lambda story, file: str(story.club.id) in file,
        stays=(
            "select * from public.transactions",
            "select * from public.user_badges",
            "select id, token_balance, current_streak, longest_streak from public.users",
            *RECORDS,
        ),
        goes=("select 1 from private.mails where space_id = '{club}'",),
    ),
    Thing(
        "the draft of a newsletter",
        lambda story: story.ada.delete("newsletters", story.ids["newsletter"]),
        is_there=newsletter_is(False),
        stays=("select * from public.responses", "select * from public.spaces"),
        goes=("select 1 from public.newsletters where id = '{newsletter}'",),
    ),
    Thing(
        "a published newsletter",
        lambda story: story.ada.delete("newsletters", story.ids["newsletter"]),
        is_there=newsletter_is(True),
        files=lambda story, file: f"/{story.ids['newsletter']}/" in file,
        stays=(
            "select current_week from public.spaces where id = '{club}'",
            "select * from public.responses",
            "select * from public.transactions",
        ),
        goes=(
            "select 1 from public.newsletters where id = '{newsletter}'",
            "select 1 from private.newsletter_mails where newsletter_id = '{newsletter}'",
            "select 1 from private.mails where newsletter_id = '{newsletter}'",
            "select 1 where not private.is_newsletter_gone('{newsletter}')",
        ),
    ),
    Thing(
        "a published response",
        lambda story: story.chloe.delete("responses", story.ids["response"]),
        is_there=has("response"),
        files=lambda _story, file: file.startswith("responses/") and file.endswith("/response.png"),
        stays=(NEWSLETTERS, "select * from public.transactions"),
        goes=(
            "select 1 from public.responses where id = '{response}'",
            "select 1 from public.newsletters where not is_published and content::text like '%{response}%'",
            "select 1 where not exists (select from public.space_events where kind = 'response.deleted'"
            " and subject_id = '{response}')",
        ),
    ),
    Thing(
        "a draft",
        lambda story: story.chloe.delete("responses", story.ids["draft"]),
        is_there=has("draft"),
        files=lambda _story, file: file.startswith("responses/") and file.endswith("/draft.png"),
        stays=(NEWSLETTERS, "select * from public.transactions", "select count(*) from public.space_events"),
        goes=("select 1 from public.responses where id = '{draft}'",),
    ),
    Thing(
        "the picture of a draft",
        lambda story: story.chloe.update("responses", story.ids["draft"], image_path=None),
        is_there=lambda story: "draft" in story.ids and is_open(story),
        files=lambda _story, file: file.startswith("responses/") and file.endswith("/draft.png"),
        stays=("select id, content from public.responses",),
    ),
    Thing(
        "the picture of a person",
        lambda story: story.chloe.update("users", story.chloe.id, avatar_path=None),
        files=lambda story, file: file == f"avatars/{story.chloe.id}/face.png",
        stays=(NEWSLETTERS,),
    ),
    Thing(
        "the picture of the space",
        lambda story: story.ada.update("spaces", story.club.id, cover_path=None),
        files=lambda story, file: file == f"covers/{story.club.id}/cover.jpg",
        stays=(NEWSLETTERS,),
    ),
    Thing(
        "a prompt that nobody has answered",
        lambda story: story.ada.delete("prompts", story.ids["second"]),
        is_there=lambda story: "second" in story.ids and is_open(story),
        files=lambda story, file: "draft" in story.ids and file.startswith("responses/") and file.endswith("draft.png"),
        stays=("select * from public.responses where is_published",),
        goes=(
            "select 1 from public.prompts where id = '{second}'",
            "select 1 from public.responses where prompt_id = '{second}'",
        ),
    ),
    Thing(
        "an invite",
        lambda story: story.ada.update("space_invites", story.ids["invite"], revoked_at="2026-01-01"),
        is_there=has("invite"),
        stays=("select * from public.memberships",),
    ),
    Thing(
        "a member who leaves",
        lambda story: story.chloe.rows("leave_space", space_id=story.club.id),
        leaves=lambda story: story.chloe,
        files=lambda story, file: is_of_an_open_draft(story, file),
        stays=(NEWSLETTERS, "select * from public.responses where is_published", "select * from public.transactions"),
        goes=("select 1 from public.memberships where user_id = '{chloe}'",),
    ),
    Thing(
        "a member who is removed",
        lambda story: story.ada.rows("remove_member", space_id=story.club.id, user_id=story.chloe.id),
        leaves=lambda story: story.chloe,
        files=lambda story, file: is_of_an_open_draft(story, file),
        stays=(NEWSLETTERS, "select * from public.responses where is_published", "select * from public.transactions"),
        goes=("select 1 from public.memberships where user_id = '{chloe}'",),
    ),
)


def is_of_an_open_draft(story: Story, file: str) -> bool:
    """Chloe's draft of the week that was open when she went."""
    name = "next draft" if "next newsletter" in story.ids else "draft" if is_open(story) else None
    return name is not None and file == f"responses/{story.club.id}/{story.chloe.id}/{name}.png"
