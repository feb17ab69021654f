"""Pictures: asked for when they are named, made once, waited for by newsletters, and gone with their originals."""

from __future__ import annotations

import json
from collections.abc import Callable

import psycopg
import pytest

from tests.support.actors import Actor, Actors, Row
from tests.support.stories import Club, found_club

FILES = {"page": {"name": "page.jpeg", "width": 1600, "height": 1200, "bytes": 9}}


@pytest.fixture
def club(actors: Actors) -> Club:
    """Ada and Boris, and a prompt for both."""
    club = found_club(actors, "Ada", "Boris")
    club.ask("What did you see?")
    actors.run("update private.outbox set state = 'DONE', finished_at = now()")
    return club


def store(actors: Actors, bucket: str, name: str) -> str:
    actors.run("insert into storage.objects (bucket_id, name) values (%s, %s)", bucket, name)
    return name


def remove(actors: Actors, bucket: str, name: str) -> None:
    """Delete a file as the storage server does."""
    actors.run("select set_config('storage.allow_delete_query', 'true', true)")
    actors.run("delete from storage.objects where bucket_id = %s and name = %s", bucket, name)


def asked(actors: Actors) -> list[str]:
    rows = actors.run(
        "select payload ->> 'bucket_id' || '/' || (payload ->> 'path') as file from private.outbox"
        " where kind = 'picture.derive' order by id"
    )
    return [row["file"] for row in rows]


def claim(actors: Actors, *kinds: str, at: str = "0") -> list[Row]:
    query = "select * from public.claim_jobs('worker', 20, 60, now() + %s::interval, %s) order by id"
    return actors.service().run(query, at, list(kinds) or None)


def respond(club: Club, person: Actor, *, publish: bool = True) -> Row:
    """Respond to the prompt with a picture."""
    path = store(club.actors, "responses", f"{club.id}/{person.id}/cat.jpg")
    prompt = club.actors.one("select id from public.prompts where space_id = %s", club.id)
    return person.insert("responses", prompt_id=prompt, image_path=path, is_published=publish)


def settle(actors: Actors, bucket: str, path: str, **result: object) -> bool:
    values = result or {"width": 4000, "height": 3000, "files": FILES}
    respond: bool = actors.service().call("settle_picture", bucket_id=bucket, path=path, **values)
    return respond


def test_a_picture_is_asked_for_when_it_is_submitted_and_not_before(actors: Actors, club: Club) -> None:
    boris = club.members[0]
    draft = respond(club, boris, publish=False)
    assert asked(actors) == []
    boris.update("responses", draft["id"], is_published=True)
    assert asked(actors) == [f"responses/{draft['image_path']}"]
    boris.update("responses", draft["id"], content="With words, too.")
    assert len(asked(actors)) == 1


def test_so_are_faces_and_covers(actors: Actors, club: Club) -> None:
    boris = club.members[0]
    face = store(actors, "avatars", f"{boris.id}/me.png")
    cover = store(actors, "covers", f"{club.id}/cover.png")
    boris.update("users", boris.id, avatar_path=face)
    club.leader.update("spaces", club.id, cover_path=cover)
    assert asked(actors) == [f"avatars/{face}", f"covers/{cover}"]
    boris.update("users", boris.id, bio="Nothing about the picture.")
    assert len(asked(actors)) == 2


def test_what_is_made_is_not_asked_for_again(actors: Actors, club: Club) -> None:
    boris = club.members[0]
    face = store(actors, "avatars", f"{boris.id}/me.png")
    settle(actors, "avatars", face)
    boris.update("users", boris.id, avatar_path=face)
    assert asked(actors) == []


def publish(club: Club, *responses: Row) -> Row:
    club.leader.rows("select_responses", space_id=club.id, response_ids=[row["id"] for row in responses])
    newsletter = club.leader.call("generate_newsletter", space_id=club.id)
    club.leader.call("publish_newsletter", newsletter_id=newsletter["id"])
    return newsletter


def test_a_newsletter_waits_for_its_pictures_and_for_no_others(actors: Actors, club: Club) -> None:
    boris = club.members[0]
    response = respond(club, boris)
    newsletter = publish(club, response)
    store(actors, "avatars", f"{boris.id}/me.png")
    boris.update("users", boris.id, avatar_path=f"{boris.id}/me.png")
    renderings = ("newsletter.mail", "newsletter.render", "newsletter.pdf")
    assert claim(actors, *renderings) == []
    assert actors.one("select private.is_work_due()") is False or claim(actors, "storage.remove") == []
    assert actors.one("select private.is_picture_due()")
    service = actors.service()
    (state,) = service.rows("newsletter_pictures", newsletter_id=newsletter["id"])
    assert (state["path"], state["is_pending"], state["refusal"]) == (response["image_path"], True, None)

    picture, _ = claim(actors, "picture.derive")
    assert claim(actors, *renderings) == []
    settle(actors, "responses", response["image_path"])
    service.call("finish_job", job_id=picture["id"], worker="worker")
    (state,) = service.rows("newsletter_pictures", newsletter_id=newsletter["id"])
    assert (state["is_pending"], state["width"], state["files"]) == (False, 4000, FILES)
    assert [job["kind"] for job in claim(actors, *renderings)] == list(renderings)


def test_what_cannot_be_made_keeps_no_newsletter(actors: Actors, club: Club) -> None:
    response = respond(club, club.members[0])
    newsletter = publish(club, response)
    (picture,) = claim(actors, "picture.derive")
    service = actors.service()
    failed = service.call("fail_job", job_id=picture["id"], worker="worker", error="away", max_attempts=1)
    assert failed == "DEAD"
    (state,) = service.rows("newsletter_pictures", newsletter_id=newsletter["id"])
    assert (state["is_pending"], state["refusal"]) == (False, "TOO_HEAVY")
    assert len(claim(actors, "newsletter.mail")) == 1
    settle(actors, "responses", response["image_path"], refusal="DAMAGED")
    (state,) = service.rows("newsletter_pictures", newsletter_id=newsletter["id"])
    assert (state["refusal"], state["files"]) == ("DAMAGED", None)


@pytest.mark.parametrize(
    "end",
    ["update public.newsletters set html_path = 'there' where id = %s", "delete from public.newsletters where id = %s"],
)
def test_what_waits_is_not_looked_at_by_every_claim(actors: Actors, club: Club, end: str) -> None:
    boris = club.members[0]
    response = respond(club, boris)
    newsletter = publish(club, response)
    boris.delete("responses", response["id"])
    actors.run("delete from private.mails")
    actors.run("select private.drop_file('responses', %s)", response["image_path"])
    actors.run("select private.drop_folder('responses', %s)", f"{club.id}/{boris.id}")
    actors.run("select private.drop_folder('responses', %s)", str(club.id))
    actors.run("select private.drop_folder('avatars', %s)", str(boris.id))
    waiting = ("newsletter.mail", "newsletter.pdf", "newsletter.render", "storage.remove")
    (alone,) = claim(actors, *waiting)
    assert alone["payload"] == {"bucket_id": "avatars", "folder": str(boris.id)}
    actors.service().call("finish_job", job_id=alone["id"], worker="worker")

    held = "select distinct kind from private.outbox where is_held and run_at = now() + %s::interval order by kind"
    assert [row["kind"] for row in actors.run(held, "1 minute")] == list(waiting)
    looked_at = "create or replace function private.is_job_held(kind text, payload jsonb) returns boolean"
    with actors.connection.transaction(force_rollback=True):
        actors.run(f"{looked_at} language plpgsql as 'begin raise exception $$looked at$$; end'")
        assert claim(actors, *waiting, at="59 seconds") == []
        assert not actors.one("select private.is_work_due(now() + interval '59 seconds')")
    # The longer it has waited, the longer until the next look.
    assert claim(actors, *waiting, at="16 minutes") == []
    assert len(actors.run(held, "18 minutes")) == 4

    # What it waited for is done.
    (picture,) = claim(actors, "picture.derive")
    actors.service().call("finish_job", job_id=picture["id"], worker="worker")
    ready = claim(actors, *waiting)
    assert sorted(job["kind"] for job in ready) == ["newsletter.mail", "newsletter.pdf", "newsletter.render"]
    assert claim(actors, *waiting) == []
    actors.run(end, newsletter["id"])
    removals = [job["payload"] for job in claim(actors, *waiting) if job["payload"]["bucket_id"] == "responses"]
    assert [removal.get("path") or removal["folder"] for removal in removals] == [
        response["image_path"], f"{club.id}/{boris.id}", str(club.id),
    ]  # fmt: skip


def test_much_that_waits_keeps_a_claim_from_nothing(actors: Actors, club: Club) -> None:
    response = respond(club, club.members[0])
    publish(club, response)
    actors.run("delete from private.outbox where kind <> 'picture.derive'")
    actors.run(
        "insert into private.outbox (kind, key, payload, turn, owner_id)"
        " select 'storage.remove', 'held-' || n, jsonb_build_object('bucket_id', 'responses', 'path', %s::text), n, %s"
        " from generate_series(1, 2500) as n",
        response["image_path"],
        club.members[0].id,
    )
    actors.run("select private.drop_folder('avatars', %s)", str(club.leader.id))
    assert [job["payload"]["folder"] for job in claim(actors, "storage.remove")] == [str(club.leader.id)]
    count = "select count(*) from private.outbox where is_held"
    assert 1900 <= actors.one(count) <= 2000
    assert claim(actors, "storage.remove") == []
    assert actors.one(count) == 2500


def test_what_a_newsletter_names_is_noted_and_its_text_not_searched(actors: Actors, club: Club) -> None:
    response = respond(club, club.members[0])
    newsletter = publish(club, response)
    actors.run("alter table public.newsletters disable trigger user")
    actors.run("update public.newsletters set content = '{}' where id = %s", newsletter["id"])
    actors.run("alter table public.newsletters enable trigger user")
    assert actors.one("select private.is_file_needed('responses', %s)", response["image_path"])
    in_print = "select private.is_in_print('responses', %s)"
    folder = response["image_path"].rpartition("/")[0]
    assert actors.one(in_print, f"{folder}/") and actors.one(in_print, f"{club.id}/")
    for other in (folder, f"{folder}/cat.jp", f"{folder}/cat.jpg2", f"{folder}/cats/", f"{club.id}0/"):
        assert not actors.one(in_print, other)
    assert not actors.one("select private.is_in_print('covers', %s)", f"{club.id}/")
    assert claim(actors, "newsletter.mail", "newsletter.render", "newsletter.pdf") == []


def test_a_newsletter_that_is_restored_notes_what_it_names(actors: Actors, club: Club) -> None:
    response = respond(club, club.members[0])
    newsletter = publish(club, response)
    (row,) = actors.run("delete from public.newsletters where id = %s returning *", newsletter["id"])
    in_print = "select private.is_in_print('responses', %s)"
    assert not actors.one(in_print, response["image_path"])
    for trigger in ("fill", "take_id"):
        actors.run(f"alter table public.newsletters disable trigger newsletters__{trigger}")
    actors.run(
        "insert into public.newsletters select * from jsonb_populate_record(null::public.newsletters, %s::jsonb)",
        json.dumps(row, default=str),
    )
    assert actors.one(in_print, response["image_path"])


def test_a_newsletter_asks_for_pictures_that_nobody_asked_for(actors: Actors, club: Club) -> None:
    response = respond(club, club.members[0])
    actors.run("delete from private.outbox where kind = 'picture.derive'")
    publish(club, response)
    assert asked(actors) == [f"responses/{response['image_path']}"]


def test_a_draft_keeps_no_picture_that_its_owner_has_replaced(actors: Actors, club: Club) -> None:
    """Files are a newsletter's own from its publication on: until then what is gone, or replaced, is not in it."""
    boris = club.members[0]
    former = store(actors, "avatars", f"{boris.id}/before.png")
    boris.update("users", boris.id, avatar_path=former)
    response = respond(club, boris)
    club.leader.rows("select_responses", space_id=club.id, response_ids=[response["id"]])
    newsletter = club.leader.call("generate_newsletter", space_id=club.id)
    boris.update("users", boris.id, avatar_path=store(actors, "avatars", f"{boris.id}/after.png"))
    assert [job["payload"]["path"] for job in claim(actors, "storage.remove")] == [former]
    assert former not in [job["payload"]["path"] for job in claim(actors, "picture.derive")]
    club.leader.call("publish_newsletter", newsletter_id=newsletter["id"])
    content = actors.one("select content::text from public.newsletters where id = %s", newsletter["id"])
    assert former not in content and response["image_path"] in content


def test_each_worker_that_does_not_come_back_is_counted(actors: Actors, club: Club) -> None:
    respond(club, club.members[0])
    lost = [claim(actors, at=f"{2 * number} minutes")[0]["payload"].get("lost", 0) for number in range(4)]
    assert lost == [0, 1, 2, 3]


def test_what_was_made_goes_with_the_picture(actors: Actors, club: Club) -> None:
    response = respond(club, club.members[0])
    path = response["image_path"]
    store(actors, "derived", f"responses/{path}/page.jpeg")
    assert settle(actors, "responses", path)
    remove(actors, "responses", path)
    assert actors.run("select * from private.pictures") == []
    removals = [job["payload"] for job in claim(actors, "storage.remove")]
    assert {"bucket_id": "derived", "folder": f"responses/{path}"} in removals


def test_what_is_made_of_a_picture_that_is_gone_by_then_goes(actors: Actors, club: Club) -> None:
    path = respond(club, club.members[0])["image_path"]
    remove(actors, "responses", path)
    with pytest.raises(psycopg.errors.InsufficientPrivilege), actors.connection.transaction():
        store(actors, "derived", f"responses/{path}/page.jpeg")
    assert not settle(actors, "responses", path)
    assert actors.run("select * from private.pictures") == []
    assert actors.one("select count(*) from private.outbox where key = %s", f"storage.remove:derived/responses/{path}/")


def test_what_is_left_of_pictures_that_are_gone_is_swept(actors: Actors, club: Club) -> None:
    path = respond(club, club.members[0])["image_path"]
    store(actors, "derived", f"responses/{path}/page.jpeg")
    # Its worker died between storing and saying so.
    remove(actors, "responses", path)
    assert actors.one("select private.drop_orphan_pictures()") == 1


@pytest.mark.parametrize(
    "name",
    ["responses/page.jpeg", "newsletters/a/b/page.jpeg", "derived/a/page.jpeg", "page.jpeg", "avatars/x/y/page.jpeg"],
)
def test_nothing_else_is_stored_there(actors: Actors, name: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        store(actors, "derived", name)


def test_nobody_but_the_functions_reaches_any_of_it(actors: Actors, club: Club) -> None:
    path = respond(club, club.members[0])["image_path"]
    store(actors, "derived", f"responses/{path}/page.jpeg")
    calls: tuple[Callable[[Actor], object], ...] = (
        lambda person: person.run("select * from public.newsletter_pictures(gen_random_uuid())"),
        lambda person: person.run("select public.settle_picture('responses', 'x', refusal => 'DAMAGED')"),
        lambda person: person.run("select * from private.pictures"),
    )
    for person in (club.leader, club.members[0], actors.anon()):
        for call in calls:
            with person.refused("42501"):
                call(person)
        assert person.run("select * from storage.objects where bucket_id = 'derived'") == []
