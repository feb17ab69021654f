"""Turns: whoever has much to be made, rendered or removed waits for it themselves, and nobody else does.

Counted in jobs: how many are given to workers before the one that somebody waits for.
"""

from __future__ import annotations

import itertools
import random
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

import pytest

from tests.support.actors import Actor, Actors, Row
from tests.support.stories import Club, found_club

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


class Queue:
    """Jobs of several people as they might come, with one worker.

    `plain` people have jobs that are due and succeed. Of the others' some are held, fail, come later, are lost with
    their worker, or share a turn, as those of requests at one moment do.
    """

    def __init__(self, actors: Actors, club: Club, seed: int) -> None:
        self.actors = actors
        self.random = random.Random(seed)
        self.plain = [uuid.uuid4() for _ in range(3)]
        self.tricky = [uuid.uuid4() for _ in range(4)]
        self.clock = 0
        self.owners: dict[str, uuid.UUID] = {}
        self.waiting: defaultdict[uuid.UUID, set[str]] = defaultdict(set)
        self.served: list[tuple[uuid.UUID, int]] = []
        # Whether each person has been served at the present turn, and who was served since, or since they came.
        self.since: dict[uuid.UUID, tuple[bool, Counter[uuid.UUID]]] = {}
        answer(club, club.leader)
        self.letter = club.publish_week()["id"]
        actors.run("update private.outbox set state = 'DONE', finished_at = now() where kind <> 'picture.derive'")
        actors.run("update private.outbox set owner_id = null, turn = 0")

    def at(self) -> str:
        return f"{self.clock} seconds"

    def enqueue(self, owner: uuid.UUID) -> None:
        key = f"job-{len(self.owners)}"
        is_tricky = owner in self.tricky
        kind = "newsletter.pdf" if is_tricky and self.random.random() < 0.4 else "storage.remove"
        later = self.random.choice([0, 0, 60]) if is_tricky else 0
        self.actors.run(
            "select private.enqueue(%s, %s, jsonb_build_object('newsletter_id', %s::text), now() + %s::interval, %s)",
            kind, key, self.letter if kind == "newsletter.pdf" else "", f"{self.clock + later} seconds", owner,
        )  # fmt: skip
        if is_tricky and self.random.random() < 0.3:
            self.actors.run(
                "update private.outbox set turn = turn - 1"
                " where key = %s and turn > (select max(turn) from private.lines)",
                key,
            )
        self.owners[key] = owner
        if not self.waiting[owner]:
            was_served = bool(self.served) and (owner, self.served[-1][1]) in self.served
            self.since[owner] = (was_served, Counter())
        self.waiting[owner].add(key)

    def hold(self) -> None:
        """Begin or end to wait for the letter's picture."""
        self.actors.run(
            "update private.outbox set state = case state when 'READY' then 'DONE' else 'READY' end"
            " where kind = 'picture.derive'"
        )

    def claim(self) -> None:
        jobs = self.actors.run(
            "select id, key, turn from private.claim_jobs('worker', 1, '1 minute', now() + %s::interval, %s)",
            self.at(), list(OTHERS),
        )  # fmt: skip
        for job in jobs:
            owner = self.owners[job["key"]]
            self.serve(owner, job["turn"])
            fate = self.random.random() if owner in self.tricky else 1
            if fate < 0.2:
                self.actors.run(
                    "select private.fail_job(%s, 'worker', 'no', now() + %s::interval, 100)", job["id"], self.at()
                )
            elif fate > 0.3:
                self.actors.run("select private.finish_job(%s, 'worker', now() + %s::interval)", job["id"], self.at())
                self.waiting[owner].discard(job["key"])

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
        if act < 0.25:
            self.enqueue(self.random.choice(self.tricky))
        elif act < 0.35:
            self.enqueue(self.random.choice(self.plain))
        elif act < 0.39:
            self.hold()
        elif act < 0.42:
            self.actors.run("select private.forget_owners()")
        elif act < 0.6:
            self.clock += self.random.choice([1, 10, 90])
        else:
            self.claim()


@pytest.mark.parametrize("seed", range(4))
def test_nobody_is_served_more_than_twice_between_two_of_somebodys(actors: Actors, club: Club, seed: int) -> None:
    queue = Queue(actors, club, seed)
    for _ in range(400):
        queue.go_on()
    assert {who for who, _ in queue.served} == {*queue.plain, *queue.tricky}
