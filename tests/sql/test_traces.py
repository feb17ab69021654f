"""What is left of somebody in the database after their account is deleted, and after they are erased with their words.

Somebody plays a story in which each thing that a person can write, or is known by, is a word that stands nowhere else.
Then they go, and every column of every table is searched for these words: a new column is searched, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.support.actors import Actor, Actors
from tests.support.stories import Club, found_club, grant_tokens
from tests.support.work import work

Traces = set[tuple[str, str]]
"""Where a word is, and which."""

GIFTS = "note digested failed underway stranger"
PRINTED = "name username file response caption music question space description"
WORDS = f"{PRINTED} {GIFTS} email phone bio metadata draft proposal title intro giftkey itemkey"
"""What Zoe can write, or is known by."""

_NEWSLETTERS = "Newsletters stay as they were printed."
_SPACES = "What a space and its newsletters are called, and what was asked in them, is the space's, whoever worded it."
_TITLES = "Tells of a newsletter by its title."
_GIVEN = "A gift stays with what was written, and does not say by whom."
_UNDER_WAY = "An email that is on its way is sent again as it was, or not at all; this goes when its fate is known."

AFTER_DELETION = {
    "private.printed_files.path": ("file", _NEWSLETTERS),
    "public.newsletters.content": (PRINTED, _NEWSLETTERS),
    "private.newsletter_mails.content": (PRINTED, _NEWSLETTERS),
    "public.newsletters.title": ("title", _SPACES),
    "public.newsletters.intro": ("intro", _SPACES),
    "public.spaces.name": ("space", _SPACES),
    "public.spaces.description": ("description", _SPACES),
    "public.prompts.question": ("question", _SPACES),
    "public.token_gifts.message": (GIFTS, _GIVEN),
    "public.notifications.payload": (f"{GIFTS} title", f"{_GIVEN} {_TITLES}"),
    "private.mails.content": ("name underway", _UNDER_WAY),
}
"""What may stay of somebody whose account is deleted, and why."""
AFTER_ERASURE = {
    "public.newsletters.content": ("question space description", _SPACES),
    "public.newsletters.title": ("title", _SPACES),
    "public.newsletters.intro": ("intro", _SPACES),
    "public.spaces.name": ("space", _SPACES),
    "public.spaces.description": ("description", _SPACES),
    "public.prompts.question": ("question", _SPACES),
    "public.notifications.payload": ("title", _TITLES),
    "private.mails.content": ("name underway", _UNDER_WAY),
}
"""What may stay of somebody who is erased with their words, and why."""


class Story:
    """Zoe, who does everything, among Ada, Boris, Eve and a stranger."""

    def __init__(self, actors: Actors) -> None:
        self.actors = actors
        self.club = found_club(actors, "Boris", "Eve", leader="adaqxname")
        self.ada, (self.boris, self.eve) = self.club.leader, self.club.members
        self.zoe = actors.person("zoeqxname")
        self.stranger = actors.person("strangerqxname")
        self.play()

    def play(self) -> None:
        actors, zoe, ada, boris, club = self.actors, self.zoe, self.ada, self.boris, self.club
        for person, name in ((zoe, "zoe"), (ada, "ada")):
            self.become(person, name)
        club.join(zoe)
        for person in (zoe, ada):
            grant_tokens(actors, person, 2000)
        own = zoe.insert("spaces", name="zoeqxspace", description="zoeqxdescription")["id"]
        self.own = Club(actors, own, zoe, (ada,))
        self.own.join(ada)
        zoe.call("create_invite", space_id=own, idempotency_key="zoeqxinvitekey")

        # A week in which Zoe asks and responds, and which she publishes in her own space.
        for place, name in ((club, "ada"), (self.own, "zoe")):
            place.leader.call("assign_curator", space_id=place.id, user_id=zoe.id)
            zoe.insert("prompts", space_id=place.id, question="zoeqxquestion")
            (prompt,) = zoe.rows("publish_prompts", space_id=place.id)
            for person, who in ((zoe, "zoe"), (ada, "ada")):
                path = f"{place.id}/{person.id}/{who}qxfile.png"
                self.store("responses", path, person)
                person.insert(
                    "responses", prompt_id=prompt["id"], content=f"{who}qxresponse", image_path=path,
                    image_caption=f"{who}qxcaption", music={"url": "https://a.example/b", "title": f"{who}qxmusic"},
                    is_published=True,
                )  # fmt: skip
            rows = place.leader.select("responses", space_id=place.id)
            place.leader.rows("select_responses", space_id=place.id, response_ids=[row["id"] for row in rows])
            newsletter = place.leader.call("generate_newsletter", space_id=place.id)
            place.leader.update("newsletters", newsletter["id"], title=f"{name}qxtitle", intro=f"{name}qxintro")
            place.leader.call("publish_newsletter", newsletter_id=newsletter["id"])
            actors.run(
                "insert into private.newsletter_mails (newsletter_id, content)"
                " select id, jsonb_build_object('html', content::text) from public.newsletters where id = %s",
                newsletter["id"],
            )
        # The next one, as far as a draft of its newsletter; and questions that nobody has seen.
        ada.call("assign_curator", space_id=club.id, user_id=zoe.id)
        for _ in range(2):
            zoe.insert("prompts", space_id=club.id, question="zoeqxquestion")
        first, second = zoe.rows("publish_prompts", space_id=club.id)
        zoe.insert("prompts", space_id=club.id, question="zoeqxproposal")
        zoe.insert("responses", prompt_id=second["id"], content="zoeqxdraft")
        for person, who in ((zoe, "zoe"), (ada, "ada")):
            person.insert("responses", prompt_id=first["id"], content=f"{who}qxresponse", is_published=True)
        rows = ada.select("responses", space_id=club.id, week_number=2, is_published=True)
        ada.rows("select_responses", space_id=club.id, response_ids=[row["id"] for row in rows])
        ada.call("generate_newsletter", space_id=club.id)

        # Gifts that were sent by email, wait in a digest, failed, are under way, and were told in the app only.
        self.give(zoe, boris, "zoeqxnote", "SENT", idempotency_key="zoeqxgiftkey")
        self.give(zoe, boris, "zoeqxdigested", "QUEUED")
        self.give(ada, boris, "adaqxmailed", "SENT")
        self.give(ada, boris, "adaqxdigested", "QUEUED")
        self.give(zoe, ada, "zoeqxfailed", "FAILED")
        self.give(zoe, self.stranger, "zoeqxstranger", "")
        self.give(zoe, self.eve, "zoeqxunderway", "UNCERTAIN")
        self.give(ada, zoe, "adaqxnote", "QUEUED")
        item = zoe.select("store_items", code="theme_midnight")[0]
        zoe.call("purchase_item", item_id=item["id"], idempotency_key="zoeqxitemkey")
        work(actors)

    def become(self, person: Actor, name: str) -> None:
        avatar = f"{person.id}/{name}qxfile.png"
        self.store("avatars", avatar, person)
        person.update(
            "users", person.id, username=f"{name}qxusername", bio=f"{name}qxbio", avatar_path=avatar,
            display_name=f"{name}qxname",
        )  # fmt: skip
        self.actors.run(
            "update auth.users set email = %s, phone = %s, raw_user_meta_data = raw_user_meta_data || %s where id = %s",
            f"{name}qxemail@example.test", f"{name}qxphone", Jsonb({"more": f"{name}qxmetadata"}), person.id,
        )  # fmt: skip
        self.actors.run(
            "insert into auth.sessions (id, user_id, created_at) values (gen_random_uuid(), %s, now())", person.id
        )

    def store(self, bucket: str, path: str, person: Actor) -> None:
        self.actors.run(
            "insert into storage.objects (bucket_id, name, owner, owner_id) values (%s, %s, %s, %s)",
            bucket, path, person.id, str(person.id),
        )  # fmt: skip

    def give(self, giver: Actor, person: Actor, message: str, state: str, **more: Any) -> None:
        giver.call("transfer_tokens", recipient_id=person.id, amount=1, message=message, **more)
        where = "where user_id = %s and payload ->> 'message' = %s"
        if state in ("SENT", "FAILED"):
            sent_at = "case %s when 'SENT' then clock_timestamp() end"
            self.actors.run(
                f"update private.mails set state = %s, sent_at = {sent_at} {where}", state, state, person.id, message
            )
        if state == "UNCERTAIN":
            self.batch_id = self.actors.one(
                "insert into private.mail_batches (provider, run_at, leased_by, leased_until)"
                " values ('smtp', now(), 'test', now() + interval '30 days') returning id"
            )
            self.actors.run(
                f"update private.mails set state = %s, batch_id = %s, position = 1, content = payload {where}",
                state, self.batch_id, person.id, message,
            )  # fmt: skip


def traces(actors: Actors, person: str) -> Traces:
    """Where a person's words are: every column of every table that does not belong to Postgres."""
    tables = actors.run(
        """
        select quote_ident(nspname) || '.' || quote_ident(relname) as name
        from pg_catalog.pg_class
        join pg_catalog.pg_namespace on pg_namespace.oid = relnamespace
        where relkind in ('r', 'p', 'm') and not relispartition and nspname !~ '^(pg_|information_schema)'
        order by 1
        """
    )
    found: Traces = set()
    for table in tables:
        rows = actors.run(
            f"""
            select distinct field.key as name, match.words[1] as word
            from {table["name"]} as traced_row
            cross join lateral jsonb_each_text(to_jsonb(traced_row)) as field
            cross join lateral regexp_matches(field.value, %s, 'g') as match (words)
            """,
            f"{person}qx([a-z]+)",
        )
        found |= {(f"{table['name']}.{row['name']}", row["word"]) for row in rows}
    return found


@pytest.fixture
def story(actors: Actors) -> Story:
    return Story(actors)


def expected(kept: dict[str, tuple[str, str]]) -> Traces:
    return {(place, word) for place, (words, _) in kept.items() for word in words.split()}


def leave(story: Story) -> None:
    story.actors.run("delete from auth.users where id = %s", story.zoe.id)
    work(story.actors)


def settle(story: Story) -> None:
    """Let the email that is on its way arrive."""
    (email_id,) = (row["id"] for row in story.actors.run("select id from private.mails where state = 'UNCERTAIN'"))
    story.actors.service().call(
        "settle_mails", worker="test", batch_id=story.batch_id,
        results=Jsonb([{"id": str(email_id), "outcome": "SENT", "provider_id": "1"}]),
    )  # fmt: skip


def test_what_is_left_of_somebody_who_goes(story: Story) -> None:
    actors = story.actors
    before, others = traces(actors, "zoe"), traces(actors, "ada")
    assert {word for _, word in before} == set(WORDS.split()), "the story has all of it"

    leave(story)
    assert traces(actors, "zoe") == expected(AFTER_DELETION)
    drafts = actors.one("select string_agg(content::text, '') from public.newsletters where not is_published")
    assert set(re.findall("zoeqx([a-z]+)", drafts)) == {"question"}
    # Of others goes what only Zoe was told.
    told = {("public.notifications.payload", "note"), ("private.mails.payload", "note")}
    assert others - traces(actors, "ada") == told
    digest = actors.one("select payload from private.mails where kind = 'DIGEST' and user_id = %s", story.boris.id)
    assert [entry.get("message") for entry in digest["entries"]] == [None, "adaqxdigested"]
    sent = actors.run("select payload from private.mails where kind = 'GIFT_RECEIVED' and state = 'SENT'")
    assert sorted((email["payload"].keys() for email in sent), key=len)[0] == {"gift_id", "amount"}

    assert actors.service().call("redact_user", user_id=story.zoe.id) == 2, "drafts have forgotten her already"
    work(actors)
    assert traces(actors, "zoe") == expected(AFTER_ERASURE)
    settle(story)
    assert {place for place, _ in traces(actors, "zoe")} == AFTER_ERASURE.keys() - {"private.mails.content"}
    # (The functions render the emails of newsletters again.)
    lost = {trace for trace in others - traces(actors, "ada") if trace[0] != "private.newsletter_mails.content"}
    assert lost == told
    assert actors.service().rows("verify_ledger") == []
    newsletters = actors.run("select id, code from public.newsletters where is_published")
    codes = {row["newsletter_id"]: row["old_code"] for row in actors.run("select * from private.redactions")}
    for newsletter in newsletters:
        for code, status in ((codes[newsletter["id"]], "REDACTED"), (newsletter["code"], "ACCOUNT_CLOSED")):
            assert (
                actors.one("select private.verify_newsletter(%s, %s, null)", code, newsletter["id"])["status"] == status
            )
    assert actors.service().call("redact_user", user_id=story.zoe.id) is None


def test_words_of_somebody_who_is_still_there(story: Story) -> None:
    """Taken out of what others have; their own rows are theirs."""
    actors = story.actors
    assert actors.service().call("redact_user", user_id=story.zoe.id) == 3
    for table in ("token_gifts", "notifications"):
        for person in (story.ada, story.boris, story.eve, story.stranger):
            text = json.dumps(person.select(table), default=str)
            assert set(re.findall("zoeqx([a-z]+)", text)) <= {"title", "giftkey"}, (table, person.name)
    assert story.zoe.select("users")[0]["display_name"] == "zoeqxname"
    assert actors.service().rows("verify_ledger") == []


@pytest.mark.parametrize("goes", ["account", "words"])
def test_an_email_that_a_worker_has_taken_is_taken_again(story: Story, goes: str) -> None:
    """It was prepared from what is no more to be said."""
    actors, service = story.actors, story.actors.service()
    actors.run(
        "update private.mails set state = 'QUEUED', sent_at = null where kind in ('GIFT_RECEIVED') and state = 'SENT'"
    )
    claim = "select public.claim_mails('a', 'smtp', at => now() + interval '3 days') as batch"
    (row,) = service.run(claim)
    named = {email["id"] for email in row["batch"]["mails"] if "zoeqxname" in json.dumps(email["payload"])}
    asked = {email["id"] for email in row["batch"]["mails"] if "questions" in email["payload"]}
    newsletters = {email["id"] for email in row["batch"]["mails"] if email["newsletter_id"]}
    stale = named - asked
    assert len(stale) == 2 and newsletters and asked & named
    if goes == "account":
        leave(story)
        stale |= asked & named
    else:
        service.call("redact_user", user_id=story.zoe.id)
        stale |= newsletters
    begun = service.run(
        "select id from public.begin_mails('a', %s, %s, at => now() + interval '3 days')",
        row["batch"]["id"], {email["id"]: None for email in row["batch"]["mails"]},
    )  # fmt: skip
    began = {str(email["id"]) for email in begun}
    assert began and not began & stale
    (row,) = service.run(claim.replace("'a'", "'b'"))
    payloads = [email["payload"] for email in row["batch"]["mails"]]
    if goes == "words":  # Whoever is still there is still named as who asks.
        payloads = [payload for payload in payloads if "questions" not in payload]
    assert len(payloads) >= 2 and not re.search(f"zoeqx(name|{GIFTS.replace(' ', '|')})", json.dumps(payloads))


def test_finding_what_others_were_told_reads_indexes(story: Story) -> None:
    actors = story.actors
    actors.run("set local enable_seqscan = off")
    # It begins with the recipient, too, and among a few rows costs the same as the one that is meant.
    actors.run("drop index public.idx_notifications_user_id")
    # So does this one, with the sender; its constraint cannot be dropped while the story's checks wait.
    sent = r"(idx_token_gifts_sender_id|token_gifts_sender_id_idempotency_key_key)\b"
    gifts = "array(select id::text from public.token_gifts where sender_id = %(zoe)s)"
    mine = "(kind in ('GIFT_RECEIVED', 'DIGEST') and private.gifts_in(payload) && " + gifts + ")"
    for query, indexes in (
        (f"select from private.mails where {mine}", {"idx_mails_gifts"}),
        (
            "select from private.mails where user_id = any (array[%(zoe)s::uuid])"
            f" or space_id = any (array[%(zoe)s::uuid]) or {mine}",
            {"idx_mails_gifts", "idx_mails_space_id"},
        ),
        (
            "select from public.notifications join public.token_gifts on user_id = recipient_id"
            " and dedupe_key = 'gift:' || token_gifts.id::text where sender_id = %(zoe)s",
            {"notifications_user_id_dedupe_key_key", sent},
        ),
        (
            "select from private.closed_entries where user_id = %(zoe)s and type = 'SPEND_GIFT'",
            {"idx_closed_entries_user_id"},
        ),
    ):  # fmt: skip
        plan = str(actors.run("explain " + query.replace("%(zoe)s", f"'{story.zoe.id}'")))
        assert all(re.search(rf"\b{index}", plan) for index in indexes), plan
        assert "Seq Scan" not in plan, plan


@pytest.mark.parametrize(
    ("goes", "where"),
    [
        ("delete from auth.users where id = %s", "hold_departing"),
        ("select public.redact_user(%s)", "lock_people"),
    ],
)
def test_who_was_told_is_held_before_what_they_were_told(
    committed: Callable[[], Actors], goes: str, where: str
) -> None:
    """As whoever marks their notifications as read holds themselves first: nobody waits in a circle."""
    first, second = committed(), committed()
    with first:
        zoe, boris = first.person("Zoe"), first.person("Boris")
        grant_tokens(first, zoe, 1)
        zoe.call("transfer_tokens", recipient_id=boris.id, amount=1)
    boris.run("select private.hold_me()")
    second.run("set lock_timeout = '100ms'")
    with pytest.raises(psycopg.errors.LockNotAvailable) as refused:
        second.run(goes, zoe.id)
    assert where in (refused.value.diag.context or "")
    second.connection.rollback()
    boris.rows("mark_notifications_read")
    first.connection.commit()
    second.run(goes, zoe.id)
    assert "sender_name" not in second.one("select payload from public.notifications where user_id = %s", boris.id)


# Taking along --------------------------------------------------------------------------------------------------------

TOLD = {
    "gifts": "note digested mailed failed underway stranger",
    "notifications": "name note digested mailed failed underway stranger title",
    "emails": "name note digested mailed failed underway",
    "printed_responses": "question title",
}
"""What others wrote that is somebody's to take along, part by part: with gifts to them, or printed round responses."""


def test_what_somebody_takes_along_holds_nothing_of_others(story: Story) -> None:
    named: set[str] = set()
    for person, name in ((story.zoe, "zoe"), (story.ada, "ada"), (story.boris, "boris"), (story.stranger, "stranger")):
        for part in (row["export_parts"] for row in person.rows("export_parts")):
            rows = person.rows("export_account", part=part)
            text = json.dumps([row["data"] for row in rows], default=str)
            found = {word for who, word in re.findall("([a-z]+)qx([a-z]+)", text) if who != name}
            assert found <= set(TOLD.get(part, "").split()), (name, part)
            named |= {part} if found else set()
    assert named == TOLD.keys()
