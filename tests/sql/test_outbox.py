"""The outbox: a job is leased to one worker at a time, comes back when it dies, and ends as done or dead."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.actors import Actor, Actors
from tests.support.together import together


@pytest.fixture
def worker(actors: Actors) -> Actor:
    """A secret key, with three jobs waiting."""
    for number in range(3):
        actors.run("select private.enqueue('storage.remove', %s, '{}')", f"job-{number}")
    return actors.service()


def claim(worker: Actor, name: str, later: str = "0", **limits: int) -> list[str]:
    rows = worker.run(
        "select key from public.claim_jobs(%s, %s, %s, now() + %s::interval)",
        name, limits.get("job_limit", 10), limits.get("lease_seconds", 60), later,
    )  # fmt: skip
    return [row["key"] for row in rows]


def job_id(actors: Actors, key: str) -> int:
    number: int = actors.one("select id from private.outbox where key = %s", key)
    return number


@pytest.mark.usefixtures("worker")
def test_a_key_is_queued_once(actors: Actors) -> None:
    actors.run("select private.enqueue('newsletter.render', 'job-0', '{\"other\": 1}')")
    assert actors.one("select count(*) from private.outbox") == 3


def test_claims_take_the_oldest_due_first_and_no_more_than_asked(worker: Actor) -> None:
    assert claim(worker, "a", job_limit=2) == ["job-0", "job-1"]
    assert claim(worker, "b") == ["job-2"]
    assert claim(worker, "c") == []


def test_no_plan_claims_more_than_asked(actors: Actors, worker: Actor) -> None:
    """Joined row by row, a subquery with a limit gives that many more each time that it is asked."""
    for way in ("hashjoin", "mergejoin", "hashagg", "material", "sort"):
        actors.run(f"set local enable_{way} = off")
    actors.run("analyze private.outbox")
    assert claim(worker, "a", job_limit=1) == ["job-0"]
    assert claim(worker, "b", job_limit=1) == ["job-1"]


def test_a_job_for_later_waits(actors: Actors) -> None:
    actors.run("select private.enqueue('storage.remove', 'tomorrow', '{}', now() + interval '1 day')")
    assert claim(actors.service(), "a") == []
    assert claim(actors.service(), "a", "25 hours") == ["tomorrow"]


def test_finished_is_finished(actors: Actors, worker: Actor) -> None:
    claim(worker, "a")
    number = job_id(actors, "job-0")
    assert worker.call("finish_job", job_id=number, worker="b") is False
    assert worker.call("finish_job", job_id=number, worker="a") is True
    assert worker.call("finish_job", job_id=number, worker="a") is False
    assert "job-0" not in claim(worker, "b", "1 hour")


def test_a_lease_that_ran_out_goes_to_another_worker(actors: Actors, worker: Actor) -> None:
    assert len(claim(worker, "a", lease_seconds=30)) == 3
    assert claim(worker, "b", "29 seconds") == []
    assert len(claim(worker, "b", "31 seconds")) == 3
    # The first one wakes up too late.
    assert worker.call("finish_job", job_id=job_id(actors, "job-0"), worker="a") is False
    assert worker.call("fail_job", job_id=job_id(actors, "job-0"), worker="a", error="late") is None
    assert actors.one("select attempts from private.outbox where key = 'job-0'") == 2


def test_a_failed_job_waits_longer_each_time_and_dies(actors: Actors, worker: Actor) -> None:
    number = job_id(actors, "job-0")
    waits = []
    for attempt in range(1, 5):
        actors.run("update private.outbox set run_at = now() where id = %s", number)
        claim(worker, "a")
        state = worker.call("fail_job", job_id=number, worker="a", error="x" * 5000, max_attempts=4)
        assert state == ("DEAD" if attempt == 4 else "READY")
        waits.append(
            actors.one("select extract(epoch from run_at - now())::float8 from private.outbox where id = %s", number)
        )
    assert all(0.75 * wait <= waits[n] <= 1.25 * wait for n, wait in enumerate((10, 20, 40)))
    assert waits[:3] != [10, 20, 40]  # What fails together does not come back together.
    assert actors.one("select char_length(last_error) from private.outbox where id = %s", number) == 2000
    assert claim(worker, "a", "10 years") == ["job-1", "job-2"]


def test_no_wait_is_much_longer_than_an_hour(actors: Actors, worker: Actor) -> None:
    number = job_id(actors, "job-0")
    actors.run("update private.outbox set attempts = 40 where id = %s", number)
    claim(worker, "a")
    worker.call("fail_job", job_id=number, worker="a", error="x", max_attempts=100)
    assert actors.one("select run_at - now() < interval '76 minutes' from private.outbox where id = %s", number)


def test_rendering_a_newsletter_is_three_jobs_of_which_none_keeps_the_others(actors: Actors) -> None:
    actors.run("select private.enqueue('newsletter.render', 'newsletter.render:7:again', '{\"newsletter_id\": 7}')")
    worker = actors.service()
    kinds = ("newsletter.mail", "newsletter.render", "newsletter.pdf")
    assert claim(worker, "a", job_limit=1) == ["newsletter.mail:7:again"]
    assert claim(worker, "b") == ["newsletter.render:7:again", "newsletter.pdf:7:again"]
    rows = actors.run("select kind, payload from private.outbox order by id")
    assert [(row["kind"], row["payload"]) for row in rows] == [(kind, {"newsletter_id": 7}) for kind in kinds]


def test_a_job_that_ends_its_workers_keeps_no_other_and_dies_with_the_reason(actors: Actors, worker: Actor) -> None:
    assert claim(worker, "a", job_limit=1) == ["job-0"]
    actors.run("select private.enqueue('storage.remove', 'job-3', '{}', now() + interval '30 seconds')")
    # When its lease has run out, what has come due meanwhile goes first.
    assert claim(worker, "b", "2 minutes", job_limit=3) == ["job-1", "job-2", "job-3"]
    actors.run("update private.outbox set state = 'DONE', leased_by = null, leased_until = null where key <> 'job-0'")
    for attempt in range(2, 11):
        assert claim(worker, "c", f"{attempt} hours") == ["job-0"]
    assert claim(worker, "c", "1 day") == []
    (newsletter,) = worker.rows("dead_letters")
    assert (newsletter["key"], newsletter["attempts"]) == ("job-0", 10)
    assert newsletter["last_error"] == "no worker that took it came back"


def test_the_state_of_it_all(worker: Actor) -> None:
    claim(worker, "a", job_limit=1)
    rows = worker.rows("outbox_state")
    assert [(row["kind"], row["state"], row["jobs"]) for row in rows] == [
        ("storage.remove", "LEASED", 1),
        ("storage.remove", "READY", 2),
    ]


@pytest.mark.usefixtures("worker")
def test_clients_do_not_reach_it(actors: Actors) -> None:
    ada = actors.person("Ada")
    for query in (
        "select * from private.outbox",
        "select * from public.claim_jobs('a')",
        "select public.finish_job(1, 'a')",
        "select public.fail_job(1, 'a', 'x')",
        "select * from public.outbox_state()",
        "select private.enqueue('storage.remove', 'mine', '{}')",
    ):
        with ada.refused("42501"):
            ada.run(query)


def test_finished_jobs_are_swept(actors: Actors, worker: Actor) -> None:
    claim(worker, "a")
    worker.call("finish_job", job_id=job_id(actors, "job-0"), worker="a")
    actors.run("select private.sweep(now() + interval '29 days')")
    assert actors.one("select count(*) from private.outbox") == 3
    actors.run("select private.sweep(now() + interval '31 days')")
    assert actors.one("select string_agg(key, ' ' order by key) from private.outbox") == "job-1 job-2"


def test_a_job_that_ends_its_workers_is_given_up(worker: Actor) -> None:
    for hour in range(10):
        assert "job-0" in claim(worker, f"worker {hour}", f"{hour} hours")
    assert claim(worker, "the next", "10 hours") == []
    assert [row["key"] for row in worker.rows("dead_letters")] == ["job-0", "job-1", "job-2"]
    assert worker.call("replay_dead_letters", keys=["job-1"]) == 1
    assert claim(worker, "the next", "10 hours") == ["job-1"]


def test_many_workers_never_share_a_job(fresh_dsn: str, committed: Callable[[], Actors]) -> None:
    with committed() as actors:
        actors.run("select private.enqueue('storage.remove', 'job-' || n, '{}') from generate_series(1, 300) as n")

    def work(actors: Actors) -> object:
        return [row["id"] for row in actors.service().rows("claim_jobs", worker="one of many", job_limit=7)]

    claims = together(fresh_dsn, [work] * 10, rounds=5)
    taken = [number for batch in claims if isinstance(batch, list) for number in batch]
    assert len(taken) > 200
    # Whoever comes while others choose may get fewer than they asked for.
    with committed() as actors:
        taken += [row["id"] for row in actors.service().rows("claim_jobs", worker="the last", job_limit=100)]
    assert len(taken) == len(set(taken)) == 300


def test_a_held_job_is_passed_over(committed: Callable[[], Actors]) -> None:
    with committed() as actors:
        actors.run("select private.enqueue('storage.remove', 'job-' || n, '{}') from generate_series(1, 2) as n")
    first, second = committed(), committed()
    assert claim(first.service(), "a", job_limit=1) == ["job-1"]  # Not committed yet.
    assert claim(second.service(), "b") == ["job-2"]
    first.connection.rollback()  # The first worker dies before its claim is known.
    second.connection.commit()
    assert claim(second.service(), "b") == ["job-1"]
