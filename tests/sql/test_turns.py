"""Turns: whoever has much to be made, rendered, removed or sent waits for it themselves, and nobody else does.

Counted in jobs, or in emails: how many are given to workers before the one that somebody waits for.
"""

from __future__ import annotations

import itertools
import random
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from tests.support.actors import Actor, Actors, Row
from tests.support.long import long
from tests.support.stories import Club, found_club, grant_tokens

PICTURES = ("picture.derive",)
RENDERINGS = ("newsletter.mail", "newsletter.render", "newsletter.pdf")
OTHERS = (*RENDERINGS, "storage.remove")


@pytest.fixture
def club(actors: Actors) -> Club:
    """Ada and Boris, a question, and nothing to do."""
    club = found_club(actors, "Boris")
    club.ask("What did you see?")
    actors.run("delete from private.outbox")
    return club


@pytest.fixture
def flood(club: Club) -> list[Club]:
    """Two spaces of somebody else, with ten pictures of hers in each."""
    mallory = club.actors.person("Mallory")
    spaces = [mallory.insert("spaces", name="Mine alone") for _ in range(2)]
    clubs = [Club(club.actors, space["id"], mallory, ()) for space in spaces]
    for one in clubs:
        for prompt in one.ask(*(f"Question {number}" for number in range(10))):
            show(one, mallory, prompt)
    return clubs


def store(actors: Actors, bucket: str, name: str) -> str:
    actors.run("insert into storage.objects (bucket_id, name) values (%s, %s)", bucket, name)
    return name


def picture(club: Club, person: Actor) -> str:
    name = club.actors.one("select gen_random_uuid()")
    return store(club.actors, "responses", f"{club.id}/{person.id}/{name}.png")


def show(club: Club, person: Actor, prompt: Row) -> Row:
    return person.insert("responses", prompt_id=prompt["id"], image_path=picture(club, person), is_published=True)


def answer(club: Club, person: Actor) -> Row:
    """Answer the club's first question with a picture."""
    (prompt, *_) = club.leader.select("prompts", space_id=club.id)
    return show(club, person, prompt)


def wear(person: Actor, name: str = "me.png") -> str:
    """Let somebody set a picture of their own."""
    path = store(person.actors, "avatars", f"{person.id}/{name}")
    person.update("users", person.id, avatar_path=path)
    return f"picture.derive:avatars/{path}"


def key_of(response: Row) -> str:
    return f"picture.derive:responses/{response['image_path']}"


def claims(actors: Actors, kinds: tuple[str, ...]) -> Iterator[str]:
    """The keys of jobs in the order in which a worker gets them who takes one at a time, and finishes each."""
    service = actors.service()
    while jobs := service.rows("claim_jobs", worker="worker", job_limit=1, kinds=list(kinds)):
        if jobs[0]["kind"] == "picture.derive":
            bucket, path = jobs[0]["payload"]["bucket_id"], jobs[0]["payload"]["path"]
            service.call("settle_picture", bucket_id=bucket, path=path, width=1, height=1, files={})
        service.call("finish_job", job_id=jobs[0]["id"], worker="worker")
        yield jobs[0]["key"]


def before(actors: Actors, wanted: str, kinds: tuple[str, ...]) -> int:
    """How many jobs a worker gets before one."""
    return len(list(itertools.takewhile(lambda key: not key.startswith(wanted), claims(actors, kinds))))


@pytest.mark.usefixtures("flood")
def test_one_picture_waits_for_one_of_somebody_elses_twenty(actors: Actors, club: Club) -> None:
    assert before(actors, wear(club.members[0]), PICTURES) == 1


@pytest.mark.usefixtures("flood")
def test_so_does_one_that_comes_when_some_are_made(actors: Actors, club: Club) -> None:
    assert len(list(itertools.islice(claims(actors, PICTURES), 7))) == 7
    first, second = wear(club.members[0]), wear(club.leader)
    assert before(actors, first, PICTURES) <= 1
    assert before(actors, second, PICTURES) == 0


@pytest.mark.usefixtures("flood")
def test_people_with_as_many_pictures_take_turns(actors: Actors, club: Club) -> None:
    boris = club.members[0]
    other = Club(actors, boris.insert("spaces", name="His")["id"], boris, ())
    his = [key_of(show(other, boris, prompt)) for prompt in other.ask("One", "Two", "Three")]
    order = list(claims(actors, PICTURES))
    assert len(order) == 23
    assert [order.index(key) for key in his] == [1, 3, 5]


@pytest.mark.usefixtures("flood")
def test_a_letter_that_is_out_waits_for_nobody_elses_pictures(actors: Actors, club: Club) -> None:
    wear(club.members[0])
    for person in club.everybody:
        answer(club, person)
    club.publish_week()
    assert list(claims(actors, RENDERINGS)) == []
    first = list(itertools.islice(claims(actors, PICTURES), 3))
    assert all(str(person.id) in " ".join(first) for person in club.everybody)
    assert [key.split(":")[0] for key in claims(actors, RENDERINGS)] == list(RENDERINGS)


def test_nor_for_more_than_a_few_of_somebody_elses_letters(actors: Actors, club: Club, flood: list[Club]) -> None:
    for other in flood:
        other.publish_week()
    response = answer(club, club.members[0])
    club.publish_week()
    assert before(actors, key_of(response), PICTURES) <= 1


def test_a_picture_in_two_letters_has_the_earlier_turn(actors: Actors, club: Club, flood: list[Club]) -> None:
    """Nobody puts a picture behind their own by showing it, too."""
    mallory, boris = flood[0].leader, club.members[0]
    flood[0].join(boris)
    face = wear(boris)
    (prompt, *_) = flood[0].leader.select("prompts", space_id=flood[0].id)
    boris.insert("responses", prompt_id=prompt["id"], content="Words", is_published=True)
    flood[1].publish_week()
    flood[0].publish_week()
    wear(mallory)
    boris.insert(
        "responses",
        prompt_id=club.leader.select("prompts", space_id=club.id)[0]["id"],
        content="Words",
        is_published=True,
    )
    club.publish_week()
    assert before(actors, face, PICTURES) <= 1


def test_a_letter_waits_for_one_of_each_others_renderings(actors: Actors, club: Club, flood: list[Club]) -> None:
    actors.run("delete from public.responses where space_id = any (%s)", [other.id for other in flood])
    actors.run("delete from private.outbox")
    for other in (*flood, club):
        other.publish_week()
    assert before(actors, "newsletter.mail", OTHERS) == 0  # Mallory's own.
    order = list(claims(actors, OTHERS))
    letter = actors.one("select id from public.newsletters where space_id = %s", club.id)
    assert [order.index(f"{kind}:{letter}") for kind in RENDERINGS] == [0, 2, 4]


@pytest.mark.usefixtures("flood")
def test_a_letter_does_not_wait_for_the_removal_of_somebody_elses_files(
    actors: Actors, club: Club, flood: list[Club]
) -> None:
    mallory = flood[0].leader
    for response in mallory.select("responses", user_id=mallory.id):
        mallory.run("delete from public.responses where id = %s", response["id"])
    assert actors.one("select count(*) from private.outbox where kind = 'storage.remove'") == 20
    club.publish_week()
    order = list(claims(actors, OTHERS))
    assert [order.index(key) for key in order if key.startswith("newsletter")] == [1, 3, 5]


def test_nor_does_the_removal_of_a_file_wait_for_somebody_elses(actors: Actors, club: Club, flood: list[Club]) -> None:
    mallory, boris = flood[0].leader, club.members[0]
    wear(boris, "before.png")
    for response in mallory.select("responses", user_id=mallory.id):
        mallory.run("delete from public.responses where id = %s", response["id"])
    wear(boris, "after.png")
    assert before(actors, f"storage.remove:avatars/{boris.id}/before.png", OTHERS) == 1


def replace(club: Club) -> str:
    """Another picture in a response."""
    response = answer(club, club.members[0])
    club.members[0].update("responses", response["id"], image_path=picture(club, club.members[0]))
    return key_of(response)


def delete(club: Club) -> str:
    """A response that is gone."""
    response = answer(club, club.members[0])
    club.members[0].run("delete from public.responses where id = %s", response["id"])
    return key_of(response)


def change(club: Club) -> str:
    """Another picture of a person."""
    former = wear(club.members[0], "before.png")
    wear(club.members[0], "after.png")
    return former


def close(club: Club) -> str:
    """A space without its cover."""
    path = store(club.actors, "covers", f"{club.id}/cover.png")
    club.leader.update("spaces", club.id, cover_path=path)
    club.leader.update("spaces", club.id, cover_path=None)
    return f"picture.derive:covers/{path}"


def leave(club: Club) -> str:
    """An account that is gone."""
    response = answer(club, club.members[0])
    club.actors.run("delete from auth.users where id = %s", club.members[0].id)
    return key_of(response)


@pytest.mark.parametrize("let_go", [replace, delete, change, close, leave])
def test_nobody_works_for_a_picture_that_is_shown_nowhere(
    actors: Actors, club: Club, let_go: Callable[[Club], str]
) -> None:
    former = let_go(club)
    assert former not in list(claims(actors, PICTURES))
    assert actors.run("select * from private.outbox where key = %s", former) == []


def test_one_that_is_shown_again_is_asked_for_again(actors: Actors, club: Club) -> None:
    boris = club.members[0]
    former = wear(boris, "before.png")
    latter = wear(boris, "after.png")
    assert list(claims(actors, PICTURES)) == [latter]
    boris.update("users", boris.id, avatar_path=f"{boris.id}/before.png")
    assert list(claims(actors, PICTURES)) == [former]


def test_one_that_a_letter_is_to_be_rendered_with_is_made_whatever_becomes_of_its_response(
    actors: Actors, club: Club
) -> None:
    response = answer(club, club.members[0])
    club.publish_week()
    club.members[0].run("delete from public.responses where id = %s", response["id"])
    assert list(claims(actors, PICTURES)) == [key_of(response)]


def test_whose_worker_did_not_come_back_has_lost_their_turn(actors: Actors, club: Club, flood: list[Club]) -> None:
    service = actors.service()
    (lost,) = service.rows("claim_jobs", worker="worker", job_limit=1, kinds=list(PICTURES))
    assert str(flood[0].leader.id) in lost["key"]
    face = wear(club.members[0])
    actors.run("update private.outbox set leased_until = now(), run_at = now() where state = 'LEASED'")
    order = list(claims(actors, PICTURES))
    assert order.index(face) <= 1
    assert order[-1] == lost["key"]


def test_what_is_done_is_nobodys(actors: Actors, club: Club) -> None:
    """As soon as no later turn depends on it."""
    club.publish_week()
    list(claims(actors, OTHERS))
    actors.run("select private.sweep(now())")
    assert actors.run("select kind from private.outbox where state = 'DONE' and owner_id is not null") == [
        {"kind": "newsletter.pdf"}
    ]
    boris = club.members[0]
    for number in range(4):
        wear(boris, f"{number}.png")
    list(claims(actors, OTHERS))
    actors.run("select private.sweep(now())")
    assert actors.one("select count(owner_id) from private.outbox where kind = 'newsletter.pdf'") == 0


def test_two_who_ask_again_as_soon_as_theirs_is_done_stop_nobody(actors: Actors, club: Club) -> None:
    boris, *others = club.members[0], actors.person("Mallory"), actors.person("Mallet")
    cover = store(actors, "covers", f"{club.id}/cover.png")
    club.leader.update("spaces", club.id, cover_path=cover)
    wanted = {wear(club.leader), f"picture.derive:covers/{cover}"}
    for person in (boris, *others):
        wear(person)
    seen = []
    for number, key in enumerate(itertools.islice(claims(actors, PICTURES), 12)):
        seen.append(key)
        for person in (boris, *others):
            if str(person.id) in key:
                wear(person, f"{number}.png")
    assert wanted <= set(seen[:8])


def test_the_parts_of_a_letter_do_not_wait_for_ever_new_removals(actors: Actors, club: Club) -> None:
    others = [actors.person(name) for name in ("Mallory", "Mallet", "Mallow")]

    def change(person: Actor, number: int) -> None:
        wear(person, f"{number}.png")
        person.update("users", person.id, avatar_path=None)

    for person in others:
        change(person, 0)
    club.publish_week()
    order = []
    for number, key in enumerate(itertools.islice(claims(actors, OTHERS), 15), 1):
        order.append(key.split(":")[0])
        for person in others:
            if str(person.id) in key:
                change(person, number)
    assert max(order.index(kind) for kind in RENDERINGS) <= 3 * 3 + 2


def test_who_has_many_accounts_has_one_turn(actors: Actors, club: Club) -> None:
    """Addresses that differ behind a plus sign are one person's, and so is one that was changed."""
    mallory = [actors.person("Mallory") for _ in range(6)]
    for number, account in enumerate(mallory):
        actors.run("update auth.users set email = %s where id = %s", f"mal+{number}@example.test", account.id)
    for account in mallory:
        wear(account)
    boris = wear(club.members[0])
    assert before(actors, boris, PICTURES) == 1


def test_who_deletes_the_account_and_signs_up_again_goes_on_in_turn(actors: Actors, club: Club) -> None:
    for number in range(4):
        mallory = actors.known(
            actors.one(
                "insert into auth.users (id, aud, role, email, email_confirmed_at) values"
                " (gen_random_uuid(), 'authenticated', 'authenticated', %s, now()) returning id",
                f"mallory+{number}@example.test",
            )
        )
        wear(mallory, f"{number}.png")
        actors.run("delete from auth.users where id = %s", mallory.id)
    wear(club.members[0])
    club.members[0].update("users", club.members[0].id, avatar_path=None)
    assert before(actors, f"storage.remove:avatars/{club.members[0].id}", OTHERS) <= 1


def test_spaces_that_are_founded_and_deleted_are_one_persons_work(actors: Actors, club: Club) -> None:
    mallory = actors.person("Mallory")
    for number in range(10):
        space = mallory.insert("spaces", name=f"For a moment {number}")
        path = store(actors, "covers", f"{space['id']}/cover.png")
        actors.run("update storage.objects set owner_id = %s where name = %s", str(mallory.id), path)
        mallory.update("spaces", space["id"], cover_path=path)
        settled = {"width": 1, "height": 1, "files": {}}
        actors.service().call("settle_picture", bucket_id="covers", path=path, **settled)
        mallory.delete("spaces", space["id"])
        actors.run("select set_config('storage.allow_delete_query', 'true', true)")
        actors.run("delete from storage.objects where name = %s", path)
    assert actors.one("select count(distinct owner_id) from private.outbox where kind = 'storage.remove'") == 1
    club.publish_week()
    order = [key.split(":")[0] for key in claims(actors, OTHERS)]
    assert [place for place, kind in enumerate(order) if kind in RENDERINGS] == [1, 3, 5]


def test_nobody_queues_anything_by_naming_files_that_are_not_there(actors: Actors, club: Club) -> None:
    boris = club.members[0]
    for number in range(3):
        boris.update("users", boris.id, avatar_path=f"{boris.id}/nofile-{number}.png")
        club.leader.update("spaces", club.id, cover_path=f"{club.id}/nofile-{number}.png")
    (prompt, *_) = club.leader.select("prompts", space_id=club.id)
    lost = f"{club.id}/{boris.id}/nofile.png"
    response = boris.insert("responses", prompt_id=prompt["id"], image_path=lost, is_published=True)
    boris.run("delete from public.responses where id = %s", response["id"])
    assert actors.run("select key from private.outbox") == []


def test_a_picture_that_is_named_before_it_is_stored_is_made_when_it_is(actors: Actors, club: Club) -> None:
    boris = club.members[0]
    boris.update("users", boris.id, avatar_path=f"{boris.id}/me.png")
    club.leader.update("spaces", club.id, cover_path=f"{club.id}/cover.png")
    assert list(claims(actors, PICTURES)) == []
    store(actors, "avatars", f"{boris.id}/another.png")
    stored = [store(actors, "avatars", f"{boris.id}/me.png"), store(actors, "covers", f"{club.id}/cover.png")]
    keys = {f"picture.derive:avatars/{stored[0]}", f"picture.derive:covers/{stored[1]}"}
    assert set(claims(actors, PICTURES)) == keys


def test_one_that_was_given_up_is_tried_again_when_it_is_named_again(actors: Actors, club: Club) -> None:
    boris, service = club.members[0], actors.service()
    face = wear(boris)
    (job,) = service.rows("claim_jobs", worker="worker", job_limit=1, kinds=list(PICTURES))
    service.call("fail_job", job_id=job["id"], worker="worker", error="Storage is away", max_attempts=1)
    assert [letter["key"] for letter in service.rows("dead_letters")] == [face]
    boris.update("users", boris.id, avatar_path=None)
    actors.run("delete from private.outbox where kind = 'storage.remove'")
    wear_again = f"{boris.id}/me.png"
    boris.update("users", boris.id, avatar_path=wear_again)
    # Once for each time that it is given up, for a turn like any other.
    boris.update("users", boris.id, avatar_path=None)
    boris.update("users", boris.id, avatar_path=wear_again)
    other = wear(club.leader)
    assert list(claims(actors, PICTURES)) == [other, face]
    boris.update("users", boris.id, avatar_path=None)
    boris.update("users", boris.id, avatar_path=wear_again)
    assert list(claims(actors, PICTURES)) == []


def test_no_plan_reads_what_others_have_waiting_to_find_a_turn(actors: Actors, club: Club) -> None:
    actors.run(
        "insert into private.outbox (kind, key, payload, owner_id, turn)"
        " select 'storage.remove', 'job-' || n, '{}', gen_random_uuid(), n from generate_series(1, 5000) as n"
    )
    actors.run("analyze private.outbox")
    plan = "\n".join(
        row["QUERY PLAN"]
        for row in actors.run(
            "explain (costs off) select turn + 1 from private.outbox where line = 'others' and owner_id = %s"
            " order by turn desc limit 1",
            club.leader.id,
        )
    )
    assert "idx_outbox_owner" in plan and "Sort" not in plan and "Seq Scan" not in plan


# Emails -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def readers(actors: Actors) -> Club:
    """Ada's space of eight, with no email to be sent."""
    club = found_club(actors, *"BCDEFGH")
    actors.run("delete from private.mails")
    return club


def news(space: object, *people: Actor, key: str = "news") -> None:
    """Queue an email of a space for each of these people."""
    people[0].actors.run(
        "select private.queue_mails(%s, 'PROMPTS_PUBLISHED', %s, null, '{\"week_number\": 1}', %s)",
        [person.id for person in people], space, key,
    )  # fmt: skip


def render(club: Club) -> object:
    """Publish a week whose email is made, and leave nothing else to be sent."""
    letter = club.week()["id"]
    club.actors.run("delete from private.mails where newsletter_id is distinct from %s", letter)
    club.actors.service().call("save_newsletter_mail", newsletter_id=letter, content={"subject": "Week 1"})
    return club.id


def claim(actors: Actors, size: int = 1, later: str = "0") -> tuple[object, list[Row]]:
    """Claim emails; their batch, and what each is."""
    batch = actors.one(
        "select private.claim_mails('worker', 'smtp', %s, '1 minute', now() + %s::interval)", size, later
    )
    return batch, actors.run("select * from private.mails where batch_id = %s order by position", batch)


def settle(actors: Actors, batch: object, mails: list[Row], outcome: str = "SENT", **more: Any) -> None:
    actors.run(
        "select private.begin_mails('worker', %s, %s, '1 minute', now())", batch, {str(mail["id"]): 1 for mail in mails}
    )
    results = [{"id": str(mail["id"]), "outcome": outcome, "uncounted": True, **more} for mail in mails]
    actors.run("select private.settle_mails('worker', %s, %s, '0', true, now(), 100)", batch, Jsonb(results))


def sent(actors: Actors, size: int = 1) -> Iterator[Row]:
    """Emails in the order in which a worker gets them, who sends each."""
    while (claimed := claim(actors, size))[1]:
        settle(actors, *claimed)
        yield from claimed[1]


@pytest.mark.parametrize("size", [1, 3, 100])
def test_one_email_waits_for_one_of_somebody_elses_letter(actors: Actors, readers: Club, size: int) -> None:
    boris = readers.members[0]
    his = boris.insert("spaces", name="His")["id"]
    render(readers)
    other = readers.leader.insert("spaces", name="Of the same leader")["id"]
    actors.run("delete from private.mails where newsletter_id is null")
    news(other, readers.leader)
    news(his, boris)
    order = [mail["space_id"] for mail in sent(actors, size)]
    assert len(order) == 10 and order.index(his) <= 1


@pytest.mark.parametrize("leaves", [False, True])
def test_a_letter_is_the_work_of_who_published_it_whoever_leads_the_space_then(
    actors: Actors, readers: Club, leaves: bool
) -> None:
    """Nobody's emails wait for a backlog that they were handed with a space."""
    mallory, boris = readers.leader, readers.members[0]
    his = boris.insert("spaces", name="His")["id"]
    render(readers)
    mallory.call("transfer_leadership", space_id=readers.id, user_id=boris.id)
    if leaves:
        actors.run("delete from auth.users where id = %s", mallory.id)
    owners = actors.run("select distinct owner_id from private.outbox where kind like 'newsletter.%%'")
    assert owners == actors.run("select private.person_of(%s) as owner_id", mallory.id)
    actors.run("delete from private.mails where newsletter_id is null")
    news(his, boris)
    order = [mail["space_id"] for mail in sent(actors)]
    assert len(order) == (8 if leaves else 9) and order.index(his) <= 1
    assert actors.one("select count(owner_id) from private.mails") == 0


def test_questions_are_the_work_of_who_asks_them(actors: Actors, readers: Club) -> None:
    boris = readers.members[0]
    readers.leader.call("assign_curator", space_id=readers.id, user_id=boris.id)
    actors.run("delete from private.mails")
    boris.insert("prompts", space_id=readers.id, question="What did you see?")
    boris.rows("publish_prompts", space_id=readers.id)
    owners = actors.run("select distinct owner_id from private.mails where kind = 'PROMPTS_PUBLISHED'")
    assert owners == [{"owner_id": boris.id}]
    # So is what the clock reminds of, whoever leads the space by then.
    readers.leader.call("transfer_leadership", space_id=readers.id, user_id=readers.members[1].id)
    assert actors.one("select private.send_reminders(now() + interval '49 hours')") > 0
    assert owners == actors.run("select distinct owner_id from private.mails where kind = 'RESPONSE_REMINDER'")


def test_an_email_that_comes_while_a_letter_is_sent_is_next(actors: Actors, readers: Club) -> None:
    boris = readers.members[0]
    his = boris.insert("spaces", name="His")["id"]
    render(readers)
    order = sent(actors)
    list(itertools.islice(order, 4))
    news(his, boris)
    assert next(order)["space_id"] == his


def test_gifts_to_many_are_the_givers_emails(actors: Actors, readers: Club) -> None:
    ada, *others = readers.everybody
    grant_tokens(actors, ada, 100)
    for person in others:
        ada.insert("token_gifts", recipient_id=person.id, amount=1)
    his = others[0].insert("spaces", name="His")["id"]
    actors.run("delete from private.mails where kind not in ('GIFT_RECEIVED')")
    news(his, others[0])
    order = [mail["kind"] for mail in sent(actors)]
    assert len(order) == 8 and order.index("PROMPTS_PUBLISHED") <= 1


def test_an_email_that_failed_waits_behind_the_others_of_its_owner(actors: Actors, readers: Club) -> None:
    news(readers.id, *readers.everybody[:3])
    batch, first = claim(actors)
    settle(actors, batch, first, "RETRY", fault="AWAY")
    actors.run("update private.mails set run_at = now() where state = 'QUEUED'")
    order = [mail["id"] for mail in sent(actors)]
    assert len(order) == 3 and order[-1] == first[0]["id"]


def test_emails_that_are_held_take_no_turns_of_others(actors: Actors, readers: Club) -> None:
    """What was refused for the sender's sake is behind all else, and does not put its owner's others back."""
    render(readers)
    settle(actors, *claim(actors, 100), "RETRY", fault="SENDER")
    actors.run("delete from private.mail_refusals")
    actors.run("update private.mails set run_at = now()")
    boris = readers.members[0]
    his = boris.insert("spaces", name="His")["id"]
    actors.run("delete from private.mails where newsletter_id is null")
    batch, held = claim(actors, 2)
    actors.run("select private.settle_mails('worker', %s, '[]', '0', true, now(), 100)", batch)
    for key in "abc":
        news(his, boris, key=key)
    news(readers.id, readers.leader)
    order = [(mail["space_id"], mail["held"]) for mail in sent(actors)]
    assert len(held) == 2 and len(order) == 12
    assert order.index((readers.id, 0)) <= 2 and [count for _, count in order] == [0] * 4 + [1] * 8


def test_what_is_taken_has_no_turn_and_nobody_is_remembered(actors: Actors, readers: Club) -> None:
    """But for whom the next turn depends on."""
    render(readers)
    batch, taken = claim(actors, 3)
    assert [mail["turn"] for mail in taken] == [None] * 3
    assert actors.run("select line from private.turns") == [{"line": "mails"}]
    actors.run("select private.settle_mails('worker', %s, '[]', '0', true, now(), 100)", batch)
    assert len(list(sent(actors))) == 8
    news(actors.one("select id from public.spaces"), readers.members[0])
    boris = readers.members[0].insert("spaces", name="His")["id"]
    news(boris, readers.members[0], key="two")
    list(sent(actors))
    assert (
        actors.one("select count(*) from private.turns join private.lines on name = line and turns.turn < lines.turn")
        == 0
    )


def test_a_claim_reads_what_is_due_and_not_what_waits(actors: Actors) -> None:
    """Counted in pages: with 10,000 digests that are not due yet beside 2,000 emails that are."""
    actors.run(
        "insert into auth.users (id, aud, role, email, email_confirmed_at) select gen_random_uuid(), 'authenticated',"
        " 'authenticated', n || '@host.test', now() from generate_series(1, 50) as n"
    )
    queue = (
        "insert into private.mails (id, user_id, kind, dedupe_key, payload, state, run_at)"
        " select gen_random_uuid(), users.id, 'DIGEST', %s || n, '{}', 'QUEUED', now() + %s::interval"
        " from public.users cross join generate_series(1, %s) as n"
    )

    def pages(call: str) -> int:
        (row,) = actors.run(f"explain (analyze, buffers, format json) select {call}")
        plan = row["QUERY PLAN"][0]["Plan"]
        return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])

    def measure() -> list[int]:
        """What a claim of one email reads, and a look whether there is any."""
        calls = ("private.claim_mails('w', 'smtp', 1, '1 minute', now())", "private.is_work_due()")
        for call in calls:  # Once before, so that planning does not count.
            pages(call)
        return [pages(call) for call in calls]

    # What other tests have left behind is read as well.
    before = measure()
    actors.run(queue, "later", "8 hours", 200)
    actors.run("analyze private.mails")
    claimed, looked = measure()
    assert claimed < before[0] + 150 and looked < before[1] + 50
    actors.run(queue, "now", "0", 40)
    # Each of the 2,000 gets its turn, once: a row is held, and written anew into each index.
    assert pages("private.claim_mails('w', 'smtp', 1, '1 minute', now())") < before[0] + 2000 * 50
    actors.run("analyze private.mails")
    claimed, looked = measure()
    assert claimed < before[0] + 1000 and looked < before[1] + 50


# At random ---------------------------------------------------------------------------------------------------------


class Queue:
    """Work of several people as it might come, with one worker.

    `plain` people have work that is due and succeeds. Of the others' some is held, fails, comes later, or is lost with
    its worker.
    """

    def __init__(self, actors: Actors, seed: int, people: list[uuid.UUID]) -> None:
        self.actors = actors
        self.random = random.Random(seed)
        self.plain, self.tricky = people[:3], people[3:]
        self.clock = 0
        self.owners: dict[str, uuid.UUID] = {}
        self.waiting: defaultdict[uuid.UUID, set[str]] = defaultdict(set)
        self.served: list[tuple[uuid.UUID, int]] = []
        # Whether each person has been served at the present turn, and who was served since, or since they came.
        self.since: dict[uuid.UUID, tuple[bool, Counter[uuid.UUID]]] = {}

    def enqueue(self, key: str, owner: uuid.UUID, at: str) -> None:
        raise NotImplementedError

    def hold(self) -> None:
        """Begin or end to hold some of what waits."""
        raise NotImplementedError

    def claim(self) -> None:
        """Claim something, and let it have the fate that its owner's has."""
        raise NotImplementedError

    def forget(self) -> None:
        """Forget what no turn depends on."""

    def at(self, later: int = 0) -> str:
        return f"{self.clock + later} seconds"

    def come(self, key: str, owner: uuid.UUID) -> None:
        self.owners[key] = owner
        if not self.waiting[owner]:
            was_served = bool(self.served) and (owner, self.served[-1][1]) in self.served
            self.since[owner] = (was_served, Counter())
        self.waiting[owner].add(key)

    def fate(self, owner: uuid.UUID) -> float:
        return self.random.random() if owner in self.tricky else 1

    def serve(self, owner: uuid.UUID, turn: int) -> None:
        assert all(turn > former for who, former in self.served if who == owner)
        assert not self.served or turn >= self.served[-1][1]
        self.served.append((owner, turn))
        for person, (had, others) in self.since.items():
            if person != owner and self.waiting[person]:
                others[owner] += 1
                if person in self.plain:
                    assert others[owner] <= (2 if had else 1), f"{owner} was served {others} before {person}"
        self.since[owner] = (True, Counter())

    def go_on(self) -> None:
        act = self.random.random()
        if act < 0.35:
            owner = self.random.choice(self.tricky if act < 0.25 else self.plain)
            later = self.random.choice([0, 0, 60]) if owner in self.tricky else 0
            key = f"work-{len(self.owners)}"
            self.enqueue(key, owner, self.at(later))
            self.come(key, owner)
        elif act < 0.39:
            self.hold()
        elif act < 0.42:
            self.forget()
        elif act < 0.6:
            self.clock += self.random.choice([1, 10, 90])
        else:
            self.claim()


class Jobs(Queue):
    """Jobs; those of the tricky may share a turn, as those of requests at one moment do."""

    steps = 400

    def __init__(self, actors: Actors, seed: int, club: Club) -> None:
        super().__init__(actors, seed, [uuid.uuid4() for _ in range(7)])
        club.ask("What did you see?")
        answer(club, club.leader)
        self.letter = club.publish_week()["id"]
        actors.run("update private.outbox set state = 'DONE', finished_at = now() where kind <> 'picture.derive'")
        actors.run("update private.outbox set owner_id = null, turn = 0")

    def enqueue(self, key: str, owner: uuid.UUID, at: str) -> None:
        is_tricky = owner in self.tricky
        kind = "newsletter.pdf" if is_tricky and self.random.random() < 0.4 else "storage.remove"
        self.actors.run(
            "select private.enqueue(%s, %s, jsonb_build_object('newsletter_id', %s::text), now() + %s::interval, %s)",
            kind, key, self.letter if kind == "newsletter.pdf" else "", at, owner,
        )  # fmt: skip
        if is_tricky and self.random.random() < 0.3:
            self.actors.run(
                "update private.outbox set turn = turn - 1"
                " where key = %s and turn > (select max(turn) from private.lines)",
                key,
            )

    def hold(self) -> None:
        """Begin or end to wait for the letter's picture."""
        self.actors.run(
            "update private.outbox set state = case state when 'READY' then 'DONE' else 'READY' end"
            " where kind = 'picture.derive'"
        )

    def forget(self) -> None:
        self.actors.run("select private.forget_owners()")

    def claim(self) -> None:
        jobs = self.actors.run(
            "select id, key, turn from private.claim_jobs('worker', 1, '1 minute', now() + %s::interval, %s)",
            self.at(), list(OTHERS),
        )  # fmt: skip
        for job in jobs:
            owner = self.owners[job["key"]]
            self.serve(owner, job["turn"])
            fate = self.fate(owner)
            if fate < 0.2:
                self.actors.run(
                    "select private.fail_job(%s, 'worker', 'no', now() + %s::interval, 100)", job["id"], self.at()
                )
            elif fate > 0.3:
                self.actors.run("select finish_job(%s, 'worker', now() + %s::interval)", job["id"], self.at())
                self.waiting[owner].discard(job["key"])


class Mails(Queue):
    """Emails of spaces, of which one publishes a letter to everybody; some readers' domain refuses us at times."""

    steps = 250

    def __init__(self, actors: Actors, seed: int, club: Club) -> None:
        self.spaces = {person.id: person.insert("spaces", name="Mine")["id"] for person in (*club.members, club.leader)}
        super().__init__(actors, seed, list(self.spaces))
        actors.run("update auth.users set email = id || '@mail.evil.test' where id = any (%s)", self.tricky[:2])
        actors.run("insert into private.mail_providers (name, paused_until) values ('smtp', now())")
        self.lost: set[uuid.UUID] = set()
        self.club = club
        self.letter = club.week()["id"]
        actors.run("delete from private.mails where newsletter_id is null")
        for mail in actors.run("update private.mails set dedupe_key = id returning dedupe_key"):
            self.come(mail["dedupe_key"], club.leader.id)

    def enqueue(self, key: str, owner: uuid.UUID, at: str) -> None:
        self.actors.run(
            "select private.queue_mails(%s, 'PROMPTS_PUBLISHED', %s, null, '{\"week_number\": 1}', %s)",
            [owner], self.spaces[owner], key,
        )  # fmt: skip
        self.actors.run("update private.mails set run_at = now() + %s::interval where dedupe_key = %s", at, key)

    def hold(self) -> None:
        """Begin or end to wait for the letter's rendering, or for a domain; or let somebody else lead its space."""
        if self.random.random() < 0.3:
            self.actors.run(
                "update public.spaces set leader_id = %s where id = %s",
                self.random.choice([*self.tricky, *self.plain]), self.club.id,
            )  # fmt: skip
            return
        taken_back, done = self.random.choice(
            [
                (
                    "delete from private.newsletter_mails returning 1",
                    f"insert into private.newsletter_mails (newsletter_id, content) values ('{self.letter}', '{{}}')",
                ),
                (
                    "delete from private.mail_refusals returning 1",
                    "insert into private.mail_refusals (provider, domain, is_counted, refused_at)"
                    " values ('smtp', 'evil.test', false, now())",
                ),
            ]
        )
        if not self.actors.run(taken_back):
            self.actors.run(done)

    def claim(self) -> None:
        at = self.at()
        was_refusing = self.actors.one("select count(*) from private.mail_refusals")
        batch = self.actors.one("select private.claim_mails('worker', 'smtp', 1, '1 minute', now() + %s::interval)", at)
        if batch is None:
            return
        (mail,) = self.actors.run("select id, user_id, dedupe_key from private.mails where batch_id = %s", batch)
        owner = self.owners[mail["dedupe_key"]]
        if batch in self.lost:
            pass
        elif was_refusing and mail["user_id"] in self.tricky[:2]:
            assert not any(self.waiting[person] for person in self.plain)
        else:
            self.serve(owner, self.actors.one("select turn from private.lines where name = 'mails'"))
        fate = self.fate(owner)
        if fate < 0.1:
            self.lost.add(batch)
            return
        results = []
        if fate > 0.2:
            self.actors.run(
                "select private.begin_mails('worker', %s, jsonb_build_object(%s::text, null), '1 minute',"
                " now() + %s::interval)",
                batch, mail["id"], at,
            )  # fmt: skip
            results = [{"id": str(mail["id"]), "outcome": "RETRY" if fate < 0.35 else "SENT", "uncounted": True}]
            if fate >= 0.35:
                self.waiting[owner].discard(mail["dedupe_key"])
        self.actors.run(
            "select private.settle_mails('worker', %s, %s, '0', true, now() + %s::interval, 100)",
            batch, Jsonb(results), at,
        )  # fmt: skip


@pytest.mark.parametrize("seed", [0, *long(1, 2)])
@pytest.mark.parametrize("work", [Jobs, Mails])
def test_nobody_is_served_more_than_twice_between_two_of_somebodys(
    actors: Actors, work: type[Jobs] | type[Mails], seed: int
) -> None:
    club = found_club(actors, *"BCDEFG")
    queue = work(actors, seed, club)
    for _ in range(work.steps):
        queue.go_on()
    assert {who for who, _ in queue.served} == {*queue.plain, *queue.tricky}
