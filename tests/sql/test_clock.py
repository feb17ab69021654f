"""The clock: one call does what has come due, once, however long nobody called."""

from __future__ import annotations

import pytest

from tests.support.actors import Actor, Actors
from tests.support.stories import Club, found_club


@pytest.fixture
def club(actors: Actors) -> Club:
    return found_club(actors, "Boris", "Chloe")


def tick(actors: Actors, later: str = "0") -> list[str]:
    done: list[str] = actors.one("select private.tick(now() + %s::interval)", later)
    return done


def reminders(person: Actor) -> int:
    return len(person.select("notifications", kind="RESPONSE_REMINDER"))


def test_each_chore_is_done_once_in_its_stretch_of_time(actors: Actors) -> None:
    everything = ["badges", "ledger", "reminders", "streaks", "sweep"]
    monday = "timestamptz '2026-11-23 04:00:00+00'"
    for minutes, done in [(0, everything), (1, []), (6, ["streaks"]), (7, []), (20, ["reminders"]), (66, ["streaks"])]:
        assert actors.one(f"select private.tick({monday} + make_interval(mins => %s))", minutes) == done
    # Weeks later one call does each once, and the next has nothing to do.
    assert actors.one(f"select private.tick({monday} + interval '30 days')") == everything
    assert actors.one(f"select private.tick({monday} + interval '30 days 1 minute')") == []


def test_a_chore_that_fails_keeps_no_other_from_being_done(actors: Actors) -> None:
    actors.run("insert into private.chores (name, every) values ('a-bad-one', '1 hour')")
    assert tick(actors) == ["badges", "ledger", "reminders", "streaks", "sweep"]
    assert "20000" in actors.one("select last_error from private.chores where name = 'a-bad-one'")
    actors.run("delete from private.chores where name = 'a-bad-one'")
    assert actors.one("select count(*) from private.chores where last_error is not null") == 0


def test_those_who_have_not_responded_are_reminded_once(actors: Actors, club: Club) -> None:
    boris, chloe = club.members
    (prompt,) = club.ask()
    club.respond(prompt, [boris])
    chloe.insert("responses", prompt_id=prompt["id"], content="Perhaps")  # A draft does not count.
    tick(actors, "47 hours")
    assert [reminders(person) for person in club.everybody] == [0, 0, 0]
    for later in ("49 hours", "3 days", "6 weeks"):
        tick(actors, later)
        assert [reminders(person) for person in club.everybody] == [1, 0, 1]
    # The next week has its own, and a week that closed in time has none.
    club.publish_week()
    club.ask("And now?")
    club.publish_week()
    club.ask("Still there?")
    tick(actors, "7 weeks")
    assert [reminders(person) for person in club.everybody] == [2, 1, 2]
    tick(actors, "8 weeks")
    assert [reminders(person) for person in club.everybody] == [2, 1, 2]


def test_reminders_can_be_switched_off(actors: Actors, club: Club) -> None:
    boris, chloe = club.members
    boris.run("update public.settings set email_reminders = false where user_id = auth.uid()")
    chloe.run("update public.settings set in_app_notifications = false where user_id = auth.uid()")
    club.ask()
    tick(actors, "3 days")
    emails = actors.run("select user_id, state from private.mails where kind = 'RESPONSE_REMINDER'")
    assert {email["user_id"]: email["state"] for email in emails} == {
        club.leader.id: "QUEUED", boris.id: "OFF", chloe.id: "QUEUED",
    }  # fmt: skip
    assert [reminders(person) for person in club.everybody] == [1, 1, 0]


def test_a_jump_of_weeks_brings_streaks_to_where_they_should_be(actors: Actors, club: Club) -> None:
    club.week()
    tick(actors)
    assert {row["current_streak"] for row in actors.run("select current_streak from public.users")} == {1}
    club.ask()
    tick(actors, "5 weeks")
    assert {row["current_streak"] for row in actors.run("select current_streak from public.users")} == {0}
    assert club.row()["current_week"] == 2


def test_a_service_may_tick_and_nobody_else(actors: Actors, club: Club) -> None:
    assert actors.service().call("tick") == ["badges", "ledger", "reminders", "streaks", "sweep"]
    with club.leader.refused("42501"):
        club.leader.call("tick")


def test_old_news_by_email_are_swept_and_what_was_sent_to_whom_stays(actors: Actors, club: Club) -> None:
    newsletter = club.week()
    actors.run("update private.mails set state = 'SENT', sent_at = clock_timestamp()")
    actors.service().rows("save_newsletter_mail", newsletter_id=newsletter["id"], content={})
    tick(actors, "91 days")
    assert actors.one("select count(*) from private.mails where newsletter_id is null") == 0
    assert actors.one("select count(*) from private.mails where newsletter_id is not null") == 3
    assert actors.one("select count(*) from private.newsletter_mails") == 0


def test_without_the_platforms_parts_nobody_is_called(actors: Actors, club: Club) -> None:
    club.ask()
    assert actors.one("select private.nudge()") is False


def test_where_the_platforms_parts_are_the_function_is_called_with_its_key(actors: Actors, club: Club) -> None:
    """Stands for pg_net and Vault, which no wheel has: what is checked is what they are told, and when."""
    actors.run("create schema vault create table decrypted_secrets (name text, decrypted_secret text)")
    actors.run("create schema net create table calls (url text, headers jsonb, body jsonb)")
    actors.run(
        "create function net.http_post(url text, headers jsonb, body jsonb, timeout_milliseconds integer)"
        " returns bigint language sql as 'insert into net.calls values ($1, $2, $3) returning 1::bigint'"
    )
    club.ask()
    assert actors.one("select private.nudge()") is False  # No secrets yet.
    actors.run(
        "insert into vault.decrypted_secrets values"
        " ('project_url', 'https://project.example/'), ('cron_secret_key', 'sb_secret_x')"
    )
    assert actors.one("select private.nudge()") is True
    tick(actors)
    calls = actors.run("select url, headers ->> 'apikey' as key from net.calls")
    assert calls == [{"url": "https://project.example/functions/v1/deliver", "key": "sb_secret_x"}] * 2
    actors.run("update private.mails set state = 'SENT', sent_at = clock_timestamp()")
    actors.run("update private.outbox set state = 'DONE'")
    assert actors.one("select private.nudge()") is False


@pytest.mark.parametrize("at", ["infinity", "-infinity", "1969-12-31", "20000-01-01"])
def test_work_is_done_as_of_a_time_that_there_is(actors: Actors, at: str) -> None:
    """A chore done, or a job leased, "at infinity" would never be due again."""
    functions = actors.run(
        """
        select oid::regproc::text as name, proargnames[1:pronargs - pronargdefaults] as required,
          array(select format_type(type, null) from unnest(proargtypes::oid[]) as type) as types
        from pg_catalog.pg_proc
        where pronamespace = 'public'::regnamespace and 'at' = any (proargnames)
        """
    )
    assert len(functions) >= 10
    for function in functions:
        values = {"text": "'x'", "uuid": "gen_random_uuid()", "jsonb": "'{}'::jsonb", "bigint": "1"}
        arguments = [
            f"{name} => {values.get(kind, f'null::{kind}')}"
            for name, kind in zip(function["required"], function["types"], strict=False)
        ]
        with actors.service().refused("MG001") as caught:
            actors.service().run(f"select {function['name']}({', '.join([*arguments, 'at => %s::timestamptz'])})", at)
        assert caught.value.diag.message_detail == "at", function


def test_everybody_is_worked_off_a_portion_of_people_at_a_time(actors: Actors, club: Club) -> None:
    actors.run(
        """
        insert into auth.users (id, email)
        select gen_random_uuid(), n || '@example.test' from generate_series(1, 150) as n
        """
    )
    (prompt,) = club.ask()
    club.respond(prompt, club.everybody)
    assert tick(actors) == ["badges", "ledger", "reminders", "streaks", "sweep"]
    begun = [row["name"] for row in actors.run("select name from private.chores where come_to is not null order by 1")]
    assert begun == ["badges", "streaks"]
    # Who signs up meanwhile has their turn as well, or at the next hour.
    actors.run("insert into auth.users (id, email) values (gen_random_uuid(), 'late@example.test')")
    assert tick(actors) == ["badges", "streaks"]
    assert tick(actors) == []
    assert [person.select("users")[0]["current_streak"] for person in club.everybody] == [1, 1, 1]
