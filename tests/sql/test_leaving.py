"""Leaving: what somebody takes along, what deleting an account takes, and how a person is taken out of newsletters."""

from __future__ import annotations

import json
import time
from uuid import UUID, uuid4

import pytest

from tests.support.actors import Actor, Actors, Row
from tests.support.stories import Club, found_club, grant_tokens


@pytest.fixture
def club(actors: Actors) -> Club:
    return found_club(actors, "Boris", "Chloe")


def sign_in(actors: Actors, person: Actor, ago: str = "1 minute", amr: object = None) -> Actor:
    """The person with a session that began so long ago, and what its token says of how."""
    session_id = uuid4()
    actors.run(
        "insert into auth.sessions (id, user_id, created_at) values (%s, %s, now() - %s::interval)",
        session_id, person.id, ago,
    )  # fmt: skip
    session = {"session": str(session_id), "amr": amr}
    return InSession(actors, person.role, person.id, person.name, person.app_metadata | session)


class InSession(Actor):
    """Somebody whose token names a session."""

    def act(self) -> None:
        super().act()
        claims = {"role": self.role, "sub": str(self.id), "session_id": self.app_metadata["session"]}
        if self.app_metadata.get("amr") is not None:
            claims["amr"] = self.app_metadata["amr"]
        self.actors.connection.execute("select set_config('request.jwt.claims', %s, true)", [json.dumps(claims)])


def email_of(actors: Actors, person: Actor) -> str:
    email: str = actors.one("select email from auth.users where id = %s", person.id)
    return email


def exported(person: Actor, part: str) -> list[Row]:
    """All rows of a part, two at a time."""
    rows: list[Row] = []
    after = None
    while page := person.rows("export_account", part=part, after=after, row_limit=2):
        rows += [row["data"] for row in page]
        after = page[-1]["key"]
    return rows


# What somebody takes along -------------------------------------------------------------------------------------------


def test_every_table_that_names_people_says_what_of_it_is_theirs(actors: Actors) -> None:
    """A new table without a row in private.personal_data fails here: give it one, or a reason why it has none."""
    tables = actors.run(
        """
        select distinct conrelid::regclass::text as name
        from pg_catalog.pg_constraint
        where contype = 'f' and connamespace in ('public'::regnamespace, 'private'::regnamespace)
          and confrelid in ('public.users'::regclass, 'auth.users'::regclass)
        """
    )
    known = {row["relation"] for row in actors.run("select relation from private.personal_data")}
    assert {row["name"] if "." in row["name"] else f"public.{row['name']}" for row in tables} - known == set()
    for row in actors.run("select * from private.personal_data"):
        columns = actors.run(
            "select attname from pg_catalog.pg_attribute where attrelid = %s::regclass and attnum > 0", row["relation"]
        )
        assert set(row["person_columns"]) <= {column["attname"] for column in columns}, row["part"]


def test_an_export_has_everything_of_ones_own_and_nothing_else(actors: Actors, club: Club) -> None:
    boris, chloe = club.members
    (prompt,) = club.ask("What did you read?")
    club.respond(prompt)
    newsletter = club.publish_week()
    grant_tokens(actors, boris, 1000)
    boris.call("purchase_item", item_id=boris.select("store_items", code="theme_midnight")[0]["id"])
    boris.call("transfer_tokens", recipient_id=chloe.id, amount=5, message="For you")
    boris.call("set_space_emails", space_id=club.id, is_on=False)
    boris.call("withdraw_reading_link", newsletter_id=newsletter["id"])
    boris.rows("check_badges")
    club.ask("And now?")
    actors.run("select private.refresh_streaks(now() + interval '1 hour')")
    code = club.leader.call("set_member_role", space_id=club.id, user_id=boris.id, role="ADMIN") and boris.call(
        "create_invite", space_id=club.id
    )
    names = {part: exported(boris, part) for part in boris_parts(boris)}
    nothing = {"files", "new_password", "newsletters", "paid_streaks", "prompts", "removals", "spaces"}
    assert {part for part, rows in names.items() if not rows} <= nothing
    everything = json.dumps(names, default=str)
    assert "Boris responds" in everything and "For you" in everything and str(newsletter["id"]) in everything
    for foreign in (
        "Chloe responds",
        "Ada responds",
        email_of(actors, chloe),
        code["code"],
        "encrypted_password",
        "token",
    ):
        assert f'"{foreign}"' not in everything, foreign
    # Whoever is asked for, only the caller's own come.
    assert exported(chloe, "profile")[0]["display_name"] == "Chloe"
    assert [row["id"] for row in names["responses"]] == [
        str(row["id"]) for row in boris.select("responses", user_id=boris.id)
    ]


def boris_parts(person: Actor) -> list[str]:
    return [row["export_parts"] for row in person.rows("export_parts")]


def test_what_one_wrote_is_ones_own_after_leaving_too(actors: Actors, club: Club) -> None:
    boris, _ = club.members
    club.week()
    prompts = club.ask("And now?")
    boris.run("select public.leave_space(%s)", club.id)
    assert len(exported(boris, "responses")) == 1
    assert [row["id"] for row in exported(boris, "prompts")] == [str(row["id"]) for row in prompts]
    (printed,) = exported(boris, "printed_responses")
    assert [response["content"] for response in printed["responses"]] == ["Boris responds"]
    path = f"{club.id}/{boris.id}/a.png"
    actors.run("insert into storage.objects (bucket_id, name) values ('responses', %s)", path)
    assert [row["name"] for row in exported(boris, "files")] == [path]


@pytest.mark.parametrize("part", ["secrets", "private.mails", "users; drop table public.users", "", None])
def test_an_unknown_part_is_refused(actors: Actors, part: str | None) -> None:
    person = actors.person("Boris")
    with person.refused("MG001"):
        person.rows("export_account", part=part)
    for limit in (0, -1, 1001, None):
        with person.refused("MG001"):
            person.rows("export_account", part="profile", row_limit=limit)
    with actors.anon().refused("42501"):
        actors.anon().rows("export_account", part="profile")


# Deleting one's account ----------------------------------------------------------------------------------------------


def test_an_account_is_deleted_by_its_owner_with_address_and_fresh_sign_in(actors: Actors, club: Club) -> None:
    boris = sign_in(actors, club.members[0])
    email = email_of(actors, boris)
    for wrong in (None, "", "no", email_of(actors, club.leader), str(boris.id)):
        with boris.refused("MG310"):
            boris.call("delete_account", confirm=wrong)
    boris.call("delete_account", confirm=f" {email.upper()} ")
    assert actors.run("select id from auth.users where id = %s", boris.id) == []
    assert actors.run("select id from auth.sessions where user_id = %s", boris.id) == []
    assert actors.run("select id from public.users where id = %s", boris.id) == []
    boris.call("delete_account", confirm=email)  # Again, by the token that is still valid.


@pytest.mark.parametrize("ago", ["61 minutes", "30 days", None])
def test_an_old_sign_in_or_a_token_without_one_is_not_enough(actors: Actors, ago: str | None) -> None:
    person = actors.person("Boris")
    acting = person if ago is None else sign_in(actors, person, ago)
    with acting.refused("MG311"):
        acting.call("delete_account", confirm=email_of(actors, person))


def test_somebody_elses_session_is_not_enough(actors: Actors) -> None:
    boris, chloe = actors.person("Boris"), sign_in(actors, actors.person("Chloe"))
    thief = InSession(actors, boris.role, boris.id, "Boris", chloe.app_metadata)
    with thief.refused("MG311"):
        thief.call("delete_account", confirm=email_of(actors, boris))


def entry(method: object, minutes: float = 1) -> dict[str, object]:
    """What a token says of a sign-in so long ago."""
    return {"method": method, "timestamp": int(time.time() - 60 * minutes)}


def set_password(actors: Actors, person: Actor, ago: str = "0 minutes", password: str | None = "new") -> None:
    actors.run("update auth.users set encrypted_password = %s where id = %s", password, person.id)
    actors.run("update private.new_passwords set set_at = now() - %s::interval where user_id = %s", ago, person.id)


@pytest.mark.parametrize(
    "amr",
    [
        None, [], {}, "otp", ["otp"], [entry("password")], [entry("totp"), entry("password")], [entry("oauth")],
        [entry("email_change")], [entry("token_refresh")], [entry("otp", minutes=62)], [entry(None)],
        [{"method": "otp"}], [{"method": "otp", "timestamp": "now"}], [entry("otp", minutes=62), entry("password")],
    ],
)  # fmt: skip
def test_a_new_password_does_not_prove_whose_account_it_is(actors: Actors, amr: object) -> None:
    """Whoever holds a session of the last day can set one, sign in with it, and has a sign-in of the last hour."""
    person = actors.person("Boris")
    for password, ago in (("first", "1 minute"), ("second", "23 hours")):
        set_password(actors, person, ago, password)
        thief = sign_in(actors, person, amr=amr)
        with thief.refused("MG311") as caught:
            thief.call("delete_account", confirm=email_of(actors, person))
        assert caught.value.diag.message_detail == "new_password"
        assert "a link or a code that is sent" in str(caught.value.diag.message_hint)


@pytest.mark.parametrize("method", ["otp", "magiclink", "recovery", "email/signup", "invite"])
def test_who_has_the_mailbox_deletes_the_account_whatever_its_password(actors: Actors, method: str) -> None:
    person = actors.person("Boris")
    set_password(actors, person)
    owner = sign_in(actors, person, amr=[entry("password"), entry(method, minutes=59)])
    owner.call("delete_account", confirm=email_of(actors, person))
    assert actors.run("select from auth.users where id = %s", person.id) == []
    assert actors.run("select from private.new_passwords where user_id = %s", person.id) == []


def test_a_password_is_new_for_a_day(actors: Actors) -> None:
    """Neither is the one of the sign-up, nor one that is taken away or written anew as it was."""
    boris, chloe, dmitri, eleni = (actors.person(name) for name in ("Boris", "Chloe", "Dmitri", "Eleni"))
    set_password(actors, boris, ago="24 hours")
    set_password(actors, dmitri, password="")
    actors.run("update auth.users set encrypted_password = encrypted_password where id = %s", eleni.id)
    for person in (boris, chloe, dmitri, eleni):
        signed_in = sign_in(actors, person, amr=[entry("password")])
        signed_in.call("delete_account", confirm=email_of(actors, person))
        assert actors.run("select from auth.users where id = %s", person.id) == []


def test_when_a_password_was_set_is_exported_and_forgotten(actors: Actors) -> None:
    boris, chloe = actors.person("Boris"), actors.person("Chloe")
    set_password(actors, boris, ago="23 hours")
    assert [set(row) for row in exported(boris, "new_password")] == [{"set_at"}]
    assert exported(chloe, "new_password") == []
    actors.run("select private.sweep()")
    assert len(exported(boris, "new_password")) == 1
    actors.run("select private.sweep(now() + interval '2 hours')")
    assert exported(boris, "new_password") == []


def test_an_account_without_an_address_confirms_with_its_id(actors: Actors) -> None:
    person = actors.person("Boris")
    actors.run("update auth.users set email = null where id = %s", person.id)
    sign_in(actors, person).call("delete_account", confirm=str(person.id))
    assert actors.run("select id from auth.users where id = %s", person.id) == []


# Taking words out ----------------------------------------------------------------------------------------------------


def test_a_soft_deletion_is_a_deletion(actors: Actors, club: Club) -> None:
    leader, heir = club.leader, club.members[0]
    actors.run("update auth.users set email = 'digest', deleted_at = now() where id = %s", leader.id)
    (space,) = heir.select("spaces", id=club.id)
    assert space["leader_id"] != leader.id and space["current_curator_id"] != leader.id
    assert actors.one("select count(*) from public.users where id = %s", leader.id) == 0
    assert actors.one("select count(*) from auth.users where id = %s", leader.id) == 0
    # Nothing else of an account that is written with that column is one.
    actors.run("update auth.users set deleted_at = null, phone = null where id = %s", heir.id)
    assert heir.select("spaces", id=club.id)


@pytest.mark.parametrize("rotation", ["MANUAL", "RANDOM", "ROUND_ROBIN"])
def test_a_banned_account_gets_no_email_and_does_not_become_curator(actors: Actors, club: Club, rotation: str) -> None:
    banned = (club.leader, club.members[0]) if rotation != "MANUAL" else (club.members[0],)
    for person in banned:
        actors.run("update auth.users set banned_until = now() + interval '1 day' where id = %s", person.id)
        state = "select private.mail_exclusion(%s, %s, 'PROMPTS_PUBLISHED')"
        assert actors.one(state, person.id, club.id) == "OFF"
    next_one = "select private.next_curator(%s, %s::public.rotation_type, %s)"
    for _ in range(5):
        taken = actors.one(next_one, club.id, rotation, club.members[0].id)
        assert taken not in [person.id for person in banned]
    actors.run("update auth.users set banned_until = now() - interval '1 second'")
    assert actors.one(state, banned[0].id, club.id) is None


def test_a_person_is_taken_out_of_every_newsletter(actors: Actors, club: Club) -> None:
    boris, chloe = club.members
    boris.update("users", boris.id, username="boris", avatar_path=f"{boris.id}/face.png")
    first = club.week()
    assert club.curator is boris
    (prompt,) = club.ask()
    response = boris.insert(
        "responses", prompt_id=prompt["id"], content="Mine", image_path=f"{club.id}/{boris.id}/cat.png",
        image_caption="My cat", music={"url": "https://a.b/c"}, is_published=True,
    )  # fmt: skip
    club.respond(prompt, [chloe])
    ids = [response["id"], *(row["id"] for row in chloe.select("responses", week_number=2, user_id=chloe.id))]
    club.leader.rows("select_responses", space_id=club.id, response_ids=ids)
    second = club.leader.call("generate_newsletter", space_id=club.id)
    other = found_club(actors, leader="Olga").week()
    actors.run("update public.newsletters set html_path = 'a', pdf_path = 'b' where is_published")
    actors.run("insert into private.newsletter_mails (newsletter_id, content) values (%s, '{}')", first["id"])

    # Also when the account has gone before.
    actors.run("delete from auth.users where id = %s", boris.id)
    actors.run("delete from private.outbox")
    assert actors.service().call("redact_user", user_id=boris.id) == 1

    newsletters = {row["id"]: row for row in actors.run("select * from public.newsletters")}
    for newsletter in (newsletters[first["id"]], newsletters[second["id"]]):
        text = json.dumps(newsletter["content"], default=str)
        for word in (str(boris.id), "Boris", "boris", "Mine", "cat.png", "My cat", "https://a.b/c"):
            assert word not in text, word
        assert "Chloe responds" in text
    published = newsletters[first["id"]]
    somebody = {"id": None, "display_name": "Somebody who left", "username": None, "avatar_path": None}
    entries = [entry for entry in published["content"]["prompts"][0]["responses"] if entry["author"] == somebody]
    parts = ("content", "image_path", "image_caption", "music")
    assert [[entry[part] for part in parts] for entry in entries] == [[None] * 4]
    assert newsletters[second["id"]]["content"]["curator"] is None
    # Page, PDF and email are made anew, and out of reach until then.
    assert (published["html_path"], published["pdf_path"]) == (None, None) and published["redacted_at"] is not None
    assert actors.run("select 1 from private.newsletter_mails where newsletter_id = %s", first["id"]) == []
    jobs = actors.run("select * from private.outbox order by id")
    assert [job["kind"] for job in jobs] == ["newsletter.mail", "newsletter.render", "newsletter.pdf"]
    for job in jobs:
        assert job["payload"] == {"newsletter_id": str(first["id"])} and job["key"] != f"{job['kind']}:{first['id']}"
    (redaction,) = actors.run("select * from private.redactions")
    assert redaction["newsletter_id"] == first["id"]
    assert (redaction["old_code"], redaction["new_code"]) == (first["code"], published["code"])
    assert (
        first["code"]
        != published["code"]
        == actors.one("select private.newsletter_code(newsletters) from public.newsletters where id = %s", first["id"])
    )
    # Neither a copy that somebody kept nor the new one counts as tampered with.
    for code, status in ((first["code"], "REDACTED"), (published["code"], "ACCOUNT_CLOSED")):
        found = actors.one("select private.verify_newsletter(%s, %s, null)", code, first["id"])
        assert found["status"] == status
    assert newsletters[other["id"]]["redacted_at"] is None and newsletters[other["id"]]["html_path"] == "a"
    # Again changes nothing.
    assert actors.service().call("redact_user", user_id=boris.id) is None
    assert len(actors.run("select * from private.redactions")) == 1


def test_only_a_secret_key_takes_somebody_out(actors: Actors, club: Club) -> None:
    for person in (*club.everybody, actors.anon()):
        with person.refused("42501"):
            person.call("redact_user", user_id=club.leader.id)
    newsletter = club.week()
    with club.leader.refused("42501"):
        club.leader.update("newsletters", newsletter["id"], redacted_at="2026-01-01")


def test_finding_somebodys_newsletters_reads_an_index(actors: Actors, club: Club) -> None:
    club.week()
    actors.run("set local enable_seqscan = off")
    plan = actors.run(
        "explain select id from public.newsletters where private.people_in(content) @> array[%s]", UUID(int=0)
    )
    assert "idx_newsletters_people" in str(plan)


def test_the_newsletter_that_shows_a_response_is_found_by_an_index_and_by_no_client(actors: Actors, club: Club) -> None:
    newsletter = club.week()
    (response, *_) = [one["id"] for prompt in newsletter["content"]["prompts"] for one in prompt["responses"]]
    service = actors.service()
    assert str(service.call("newsletter_with_response", response_id=response)) == str(newsletter["id"])
    assert service.call("newsletter_with_response", response_id=UUID(int=0)) is None
    with club.leader.refused("42501"):
        club.leader.call("newsletter_with_response", response_id=response)
    actors.run("set local enable_seqscan = off")
    plan = actors.run(
        "explain select id from public.newsletters where private.responses_in(content) @> array[%s]", UUID(int=0)
    )
    assert "idx_newsletters_responses" in str(plan)


# Links ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("visibility", "gone"), [("PUBLIC", True), ("MEMBERS", False)])
def test_a_link_to_what_everybody_could_read_says_that_it_is_gone(actors: Actors, visibility: str, gone: bool) -> None:
    club = found_club(actors, "Boris", newsletter_visibility=visibility)
    (published, draft) = club.week(), club.leader.call("generate_newsletter", space_id=club.id)
    anybody = actors.person("Olga")
    assert anybody.call("is_newsletter_gone", newsletter_id=published["id"]) is False
    club.leader.delete("newsletters", draft["id"])
    club.leader.delete("spaces" if gone else "newsletters", club.id if gone else published["id"])
    assert anybody.call("is_newsletter_gone", newsletter_id=published["id"]) is gone
    assert anybody.call("is_newsletter_gone", newsletter_id=draft["id"]) is False
