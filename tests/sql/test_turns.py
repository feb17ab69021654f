"""Turns: whoever has much to be made, rendered, removed or sent waits for it themselves, and nobody else does.

Counted in jobs, or in emails: how many are given to workers before the one that somebody waits for.
"""

from __future__ import annotations

import itertools

import pytest

from tests.support.actors import Actor, Actors
from tests.support.jobs import OTHERS, PICTURES, RENDERINGS, before, claims, key_of, respond, show, store, wear
from tests.support.stories import Club, found_club


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
def test_a_newsletter_that_is_out_waits_for_nobody_elses_pictures(actors: Actors, club: Club) -> None:
    wear(club.members[0])
    for person in club.everybody:
        respond(club, person)
    club.publish_week()
    assert list(claims(actors, RENDERINGS)) == []
    first = list(itertools.islice(claims(actors, PICTURES), 3))
    assert all(str(person.id) in " ".join(first) for person in club.everybody)
    assert [key.split(":")[0] for key in claims(actors, RENDERINGS)] == list(RENDERINGS)


def test_nor_for_more_than_a_few_of_somebody_elses_newsletters(actors: Actors, club: Club, flood: list[Club]) -> None:
    for other in flood:
        other.publish_week()
    response = respond(club, club.members[0])
    club.publish_week()
    assert before(actors, key_of(response), PICTURES) <= 1


def test_a_picture_in_two_newsletters_has_the_earlier_turn(actors: Actors, club: Club, flood: list[Club]) -> None:
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


def test_a_newsletter_waits_for_one_of_each_others_renderings(actors: Actors, club: Club, flood: list[Club]) -> None:
    actors.run("delete from public.responses where space_id = any (%s)", [other.id for other in flood])
    actors.run("delete from private.outbox")
    for other in (*flood, club):
        other.publish_week()
    assert before(actors, "newsletter.mail", OTHERS) == 0  # Mallory's own.
    order = list(claims(actors, OTHERS))
    newsletter = actors.one("select id from public.newsletters where space_id = %s", club.id)
    assert [order.index(f"{kind}:{newsletter}") for kind in RENDERINGS] == [0, 2, 4]


@pytest.mark.usefixtures("flood")
def test_a_newsletter_does_not_wait_for_the_removal_of_somebody_elses_files(
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


def test_the_parts_of_a_newsletter_do_not_wait_for_each_new_removal(actors: Actors, club: Club) -> None:
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
