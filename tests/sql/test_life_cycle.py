"""The life-cycle matrix: each thing is deleted at every step of a story in which it exists, then a worker does what is
to do, and what is left must be what the guide "Leaving and deleting" says.

STEPS is the story, THINGS is the table; a cell is a thing at a step. The story is played once; each cell is undone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg
import pytest

from tests.support.actors import Actor, Actors, Row
from tests.support.counts import count
from tests.support.stories import Club, found_club, grant_tokens


@dataclass
class Story:
    """A space of Ada, Boris and Chloe, as far as it has been played."""

    actors: Actors
    club: Club
    ids: dict[str, Any] = field(default_factory=dict)

    @property
    def ada(self) -> Actor:
        return self.club.leader

    @property
    def boris(self) -> Actor:
        return self.club.members[0]

    @property
    def chloe(self) -> Actor:
        return self.club.members[1]

    def store(self, bucket: str, *names: str) -> str:
        """Put files there; the first one's name."""
        for name in names:
            self.actors.run("insert into storage.objects (bucket_id, name) values (%s, %s)", bucket, name)
        return names[0]

    def respond(self, key: str, person: Actor, prompt: str, *, publish: bool) -> None:
        """Write a response with a picture."""
        path = self.store("responses", f"{self.club.id}/{person.id}/{key}.png")
        values = {"prompt_id": self.ids[prompt], "content": key, "image_path": path, "is_published": publish}
        self.ids[key] = person.insert("responses", **values)["id"]

    def files(self) -> set[str]:
        rows = self.actors.run("select bucket_id || '/' || name as file from storage.objects")
        return {row["file"] for row in rows}


# The story -----------------------------------------------------------------------------------------------------------


def founded(story: Story) -> None:
    for person in story.club.everybody:
        face = story.store("avatars", f"{person.id}/face.png", f"{person.id}/face.small.webp", f"{person.id}/old.gif")
        person.update("users", person.id, avatar_path=face)
    cover = story.store("covers", f"{story.club.id}/cover.jpg", f"{story.club.id}/cover.large.jpg")
    story.ada.update("spaces", story.club.id, cover_path=cover)
    grant_tokens(story.actors, story.boris, 50)
    grant_tokens(story.actors, story.chloe, 1000)


def invited(story: Story) -> None:
    invite = story.ada.call("create_invite", space_id=story.club.id)
    story.ids |= {"invite": invite["id"], "code": invite["code"]}
    story.club.join(story.actors.person("Eleni"))


def asked(story: Story) -> None:
    for key in ("first", "second"):
        story.ids[key] = story.ada.insert("prompts", space_id=story.club.id, question=f"{key}?")["id"]


def prompts_published(story: Story) -> None:
    story.ada.rows("publish_prompts", space_id=story.club.id)


def drafted(story: Story) -> None:
    story.respond("draft", story.chloe, "second", publish=False)
    story.respond("other draft", story.boris, "second", publish=False)


def answered(story: Story) -> None:
    for key, person in (("response", story.chloe), ("of Boris", story.boris), ("of Ada", story.ada)):
        story.respond(key, person, "first", publish=True)
    story.boris.call("transfer_tokens", recipient_id=story.chloe.id, amount=5)
    story.chloe.call("transfer_tokens", recipient_id=story.boris.id, amount=7)
    theme = story.chloe.select("store_items", code="theme_midnight")[0]
    story.chloe.call("purchase_item", item_id=theme["id"])


def selected(story: Story) -> None:
    ids = [story.ids[key] for key in ("response", "of Boris", "of Ada")]
    story.ada.rows("select_responses", space_id=story.club.id, response_ids=ids)


def generated(story: Story) -> None:
    story.ids["newsletter"] = story.ada.call("generate_newsletter", space_id=story.club.id)["id"]


def published(story: Story) -> None:
    story.ada.call("publish_newsletter", newsletter_id=story.ids["newsletter"])


def rendered(story: Story) -> None:
    work(story.actors)


def mailed_in_part(story: Story) -> None:
    story.actors.run(
        "update private.mails set state = 'SENT', sent_at = clock_timestamp() where user_id = %s and state = 'QUEUED'",
        story.ada.id,
    )


def next_week(story: Story) -> None:
    curator = story.boris
    story.ada.call("assign_curator", space_id=story.club.id, user_id=curator.id)
    story.ids["third"] = curator.insert("prompts", space_id=story.club.id, question="third?")["id"]
    curator.rows("publish_prompts", space_id=story.club.id)
    story.respond("next draft", story.chloe, "third", publish=False)
    story.respond("next response", story.boris, "third", publish=True)
    story.ada.rows("select_responses", space_id=story.club.id, response_ids=[story.ids["next response"]])
    story.ids["next newsletter"] = story.ada.call("generate_newsletter", space_id=story.club.id)["id"]


STEPS: tuple[Callable[[Story], None], ...] = (
    founded, invited, asked, prompts_published, drafted, answered, selected, generated, published, rendered,
    mailed_in_part, next_week,
)  # fmt: skip


# What goes -----------------------------------------------------------------------------------------------------------


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


def letter_is(published: bool) -> Callable[[Story], bool]:
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


LETTERS = "select id, title, content, published_at from public.newsletters where is_published"
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
        stays=(LETTERS, OTHERS_LEDGERS, *RECORDS),
        goes=OF_ONES_OWN,
    ),
    Thing(
        "the account of the leader",
        lambda story: delete_account(story.ada),
        account=lambda story: story.ada,
        files=own_files(lambda story: story.ada),
        stays=(LETTERS, OTHERS_LEDGERS, *RECORDS),
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
        is_there=letter_is(False),
        stays=("select * from public.responses", "select * from public.spaces"),
        goes=("select 1 from public.newsletters where id = '{newsletter}'",),
    ),
    Thing(
        "a published newsletter",
        lambda story: story.ada.delete("newsletters", story.ids["newsletter"]),
        is_there=letter_is(True),
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
        stays=(LETTERS, "select * from public.transactions"),
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
        stays=(LETTERS, "select * from public.transactions", "select count(*) from public.space_events"),
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
        stays=(LETTERS,),
    ),
    Thing(
        "the picture of the space",
        lambda story: story.ada.update("spaces", story.club.id, cover_path=None),
        files=lambda story, file: file == f"covers/{story.club.id}/cover.jpg",
        stays=(LETTERS,),
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
        stays=(LETTERS, "select * from public.responses where is_published", "select * from public.transactions"),
        goes=("select 1 from public.memberships where user_id = '{chloe}'",),
    ),
    Thing(
        "a member who is removed",
        lambda story: story.ada.rows("remove_member", space_id=story.club.id, user_id=story.chloe.id),
        leaves=lambda story: story.chloe,
        files=lambda story, file: is_of_an_open_draft(story, file),
        stays=(LETTERS, "select * from public.responses where is_published", "select * from public.transactions"),
        goes=("select 1 from public.memberships where user_id = '{chloe}'",),
    ),
)


def is_of_an_open_draft(story: Story, file: str) -> bool:
    """Chloe's draft of the week that was open when she went."""
    name = "next draft" if "next newsletter" in story.ids else "draft" if is_open(story) else None
    return name is not None and file == f"responses/{story.club.id}/{story.chloe.id}/{name}.png"


# What the functions do -----------------------------------------------------------------------------------------------


def work(actors: Actors) -> None:
    """Do all jobs, as the functions do: make pictures ready, remove files, and make the files of newsletters."""
    actors.run("select set_config('storage.allow_delete_query', 'true', true)")
    while jobs := actors.service().rows("claim_jobs", worker="test", job_limit=1):
        (job,) = jobs
        payload = job["payload"]
        if job["kind"] == "storage.remove":
            if not payload.get("in_use"):
                name = payload["path"] if "path" in payload else payload["folder"] + "/%"
                actors.run(
                    "delete from storage.objects where bucket_id = %s and name like %s", payload["bucket_id"], name
                )
        elif job["kind"] == "picture.derive":
            derive(actors, payload["bucket_id"], payload["path"])
        else:
            make_files(actors, job["kind"], payload["newsletter_id"])
        actors.service().call("finish_job", job_id=job["id"], worker="test")
    actors.run("select set_config('storage.allow_delete_query', 'false', true)")


def derive(actors: Actors, bucket: str, path: str) -> None:
    there = "select 1 from storage.objects where bucket_id = %s and name = %s"
    if actors.run(there, bucket, path):
        file = f"{bucket}/{path}/page.jpeg"
        actors.run("insert into storage.objects (bucket_id, name) values ('derived', %s) on conflict do nothing", file)
    files = {"page": {"name": "page.jpeg", "width": 4, "height": 3, "bytes": 1}}
    actors.service().call("settle_picture", bucket_id=bucket, path=path, width=4, height=3, files=files)


def make_files(actors: Actors, kind: str, newsletter_id: str) -> None:
    rows = actors.run("select * from public.newsletters where id = %s and is_published", newsletter_id)
    if not rows:
        return
    (row,) = rows
    folder = f"{row['space_id']}/{row['id']}"
    if kind == "newsletter.mail":
        actors.run("select save_newsletter_mail(%s, '{}')", row["id"])
        return
    if kind == "newsletter.pdf":
        names, column = [f"{folder}/newsletter.pdf"], "pdf_path"
    else:
        names, column = [f"{folder}/newsletter.html"], "html_path"
        former = f"{folder}/pictures/%"
        actors.run("delete from storage.objects where bucket_id = 'newsletters' and name like %s", former)
        names += [f"{folder}/pictures/{name}" for name in sorted(copies_of(row["content"]))]
    for name in names:
        actors.run(
            "insert into storage.objects (bucket_id, name) values ('newsletters', %s) on conflict do nothing", name
        )
    actors.run(f"update public.newsletters set {column} = %s where id = %s", names[0], row["id"])


def copies_of(content: Row) -> set[str]:
    """The pictures that a newsletter keeps copies of."""
    names = {"cover.jpeg"} if content["space"]["cover_path"] else set[str]()
    for response in (response for prompt in content["prompts"] for response in prompt["responses"]):
        if response["image_path"]:
            names.add(f"{response['id']}.png")
        if response["author"]["avatar_path"]:
            names.add(f"avatar-{response['author']['avatar_path'].split('/')[0]}.png")
    return names


# The matrix ----------------------------------------------------------------------------------------------------------


class _Undo(Exception):
    """Ends a cell."""


def rows_of(story: Story, query: str, **more: object) -> list[str]:
    names = {"ada": story.ada.id, "boris": story.boris.id, "chloe": story.chloe.id, "club": story.club.id}
    for name, value in {**names, **story.ids, **more}.items():
        query = query.replace("{" + name + "}", str(value))
    rows = story.actors.run(query.replace("%", "%%"))
    return sorted(json.dumps(row, default=str, sort_keys=True) for row in rows)


def space_tables(actors: Actors) -> list[str]:
    """Every table with rows of spaces."""
    rows = actors.run(
        """
        select distinct conrelid::regclass::text as name
        from pg_catalog.pg_constraint
        where contype = 'f' and confrelid = 'public.spaces'::regclass
        """
    )
    return [row["name"] for row in rows]


def original(file: str) -> str:
    """The picture that a file was made of; other files are themselves."""
    return file.removeprefix("derived/").rpartition("/")[0] if file.startswith("derived/") else file


def check(story: Story, thing: Thing) -> None:
    """Delete the thing, do what there is to do, and look at everything."""
    actors = story.actors
    account = None if thing.account is None else thing.account(story).id
    leaver = account or (None if thing.leaves is None else thing.leaves(story).id)
    work(actors)  # What was to do before.
    files = story.files()
    gone = {file for file in files if thing.files(story, original(file))}
    before = {query: rows_of(story, query) for query in thing.stays}

    thing.remove(story)
    work(actors)

    assert story.files() == files - gone
    assert actors.run("select * from private.orphan_files()") == []
    assert actors.one("select private.drop_orphan_pictures()") == 0
    kept = actors.run("select 'derived/' || bucket_id || '/' || path || '/page.jpeg' as file from private.pictures")
    assert {row["file"] for row in kept} == {file for file in story.files() if file.startswith("derived/")}
    waiting = actors.run("select key from private.outbox where state <> 'DONE'")
    assert waiting == []
    for query in thing.goes:
        assert rows_of(story, query, who=account) == [], query
    for query, rows in before.items():
        assert rows_of(story, query) == rows, query
    assert actors.service().rows("verify_ledger") == []

    space = actors.run("select * from public.spaces where id = %s", story.club.id)
    if not space:
        for table in space_tables(actors):
            assert actors.run(f"select 1 from {table} where space_id = %s", story.club.id) == [], table
    members = {row["user_id"] for row in actors.run("select user_id from public.memberships")}
    for person in story.club.everybody:
        for topic in ("space", "room"):
            person.act()
            (hears,) = actors._rows("select private.can_hear_topic(%s) as hears", [f"{topic}:{story.club.id}"])
            assert hears["hears"] is (person.id in members and person.id != leaver), (person.name, topic)
    unsent = actors.run(
        "select * from private.mails where state in ('QUEUED', 'SENDING', 'UNCERTAIN')"
        " and private.mail_exclusion(user_id, space_id, kind) is null"
    )
    assert leaver not in {mail["user_id"] for mail in unsent if account or mail["space_id"] == story.club.id}
    assert {mail["space_id"] for mail in unsent} <= {None, *(row["id"] for row in space)}
    if thing.name == "an invite":
        stranger = actors.person("Olga")
        with stranger.refused("MG103"):
            stranger.call("join_space", invite_code=story.ids["code"])


@pytest.fixture(scope="module")
def stories(dsn: str) -> Iterator[Callable[[int], Story]]:
    """The story, played up to a step: on from where it stands, or anew."""
    with psycopg.connect(dsn) as connection, Actors(connection) as actors:
        story, played = None, 0

        def play(steps: int) -> Story:
            nonlocal story, played
            if story is None or played > steps:
                connection.rollback()
                story, played = Story(actors, found_club(actors, "Boris", "Chloe")), 0
            for step in STEPS[played:steps]:
                step(story)
            played = steps
            return story

        yield play


def name_of(step: int) -> str:
    return STEPS[step - 1].__name__


@pytest.mark.parametrize("steps", range(1, len(STEPS) + 1), ids=name_of)
def test_what_goes_takes_its_things_along_and_nothing_else(stories: Callable[[int], Story], steps: int) -> None:
    story = stories(steps)
    cells = 0
    for thing in THINGS:
        if not thing.is_there(story):
            continue
        ids = dict(story.ids)
        try:
            with story.actors.connection.transaction():
                check(story, thing)
                raise _Undo
        except _Undo:
            cells += 1
            count("life-cycle cells")
        except AssertionError as error:
            raise AssertionError(f"{thing.name}, {name_of(steps)}: {error}") from error
        assert story.ids == ids
    assert cells >= 6


def test_each_row_of_the_table_is_met_at_several_steps() -> None:
    """So that no `is_there` hides a row."""
    assert {thing.name for thing in THINGS} >= {
        "the account of an author", "an account with its words", "the space", "a published newsletter",
        "a published response", "a prompt that nobody has answered", "an invite", "a member who leaves",
        "a member who is removed",
    }  # fmt: skip
    assert len({thing.name for thing in THINGS}) == len(THINGS)


def test_two_at_once(stories: Callable[[int], Story]) -> None:
    """Several accounts in one statement, and the space after them."""
    story = stories(len(STEPS))
    try:
        with story.actors.connection.transaction():
            ids: list[UUID] = [story.boris.id, story.chloe.id]
            story.actors.run("delete from auth.users where id = any(%s)", ids)
            story.ada.delete("spaces", story.club.id)
            work(story.actors)
            assert {original(file).split("/")[1] for file in story.files()} == {str(story.ada.id)}
            assert story.actors.service().rows("verify_ledger") == []
            raise _Undo
    except _Undo:
        count("life-cycle cells")
