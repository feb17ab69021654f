"""Newsletters: choose, take the snapshot, publish; the newsletter stays what it was and the next week begins."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.support.actors import Actors, Row
from tests.support.stories import Club, found_club


@pytest.fixture
def club(actors: Actors) -> Club:
    """Ada leads and has asked two questions; Boris and Chloe have responded to the first."""
    club = found_club(actors, "Boris", "Chloe")
    first, _ = club.ask("What did you read?", "Where?")
    club.respond(first, club.members)
    return club


def choose(club: Club, *people: str) -> list[str]:
    """Let the leader select the responses of these people; the contents that are selected now."""
    authors = {person.name: person.id for person in club.everybody}
    ids = [row["id"] for name in people for row in club.leader.select("responses", user_id=authors[name])]
    rows = club.leader.rows("select_responses", space_id=club.id, week_number=1, response_ids=ids)
    return [row["content"] for row in rows]


def test_generating_again_refreshes_the_draft(club: Club) -> None:
    choose(club, "Boris")
    first = club.leader.call("generate_newsletter", space_id=club.id)
    club.leader.update("newsletters", first["id"], title="Ours", intro="Dear all")
    club.members[0].update("users", club.members[0].id, display_name="Борис")
    choose(club, "Boris", "Chloe")
    second = club.leader.call("generate_newsletter", space_id=club.id, week_number=1)
    assert (second["id"], second["title"], second["intro"]) == (first["id"], "Ours", "Dear all")
    names = [response["author"]["display_name"] for response in second["content"]["prompts"][0]["responses"]]
    assert sorted(names) == ["Chloe", "Борис"]


def test_a_title_that_nobody_gave_says_what_the_space_is_called(club: Club) -> None:
    choose(club, "Boris")
    draft = club.leader.call("generate_newsletter", space_id=club.id)
    name = draft["content"]["space"]["name"]
    assert draft["title"] == f"{name}, week 1"
    club.leader.update("spaces", club.id, name="Beta Club")
    draft = club.leader.call("generate_newsletter", space_id=club.id)
    assert draft["title"] == "Beta Club, week 1"
    club.leader.update("newsletters", draft["id"], title="Ours")
    club.leader.update("spaces", club.id, name="Gamma Club")
    assert club.leader.call("generate_newsletter", space_id=club.id)["title"] == "Ours"
    for nothing in ("", None):
        club.leader.update("newsletters", draft["id"], title="Ours")
        (given_back,) = club.leader.update("newsletters", draft["id"], title=nothing)
        assert given_back["title"] == "Gamma Club, week 1"
    club.leader.update("spaces", club.id, name="Delta Club")
    assert club.leader.call("generate_newsletter", space_id=club.id)["title"] == "Delta Club, week 1"


def test_a_published_newsletter_stays_what_it_was(actors: Actors, club: Club) -> None:
    choose(club, "Boris", "Chloe")
    newsletter = club.publish_week()
    boris, chloe = club.members
    boris.run("delete from public.responses where user_id = auth.uid()")
    boris.update("users", boris.id, display_name="Somebody else")
    actors.run("delete from auth.users where id = %s", chloe.id)
    (row,) = club.leader.select("newsletters", id=newsletter["id"])
    assert row["content"] == newsletter["content"]
    for change in ({"title": "Rewritten"}, {"intro": "Rewritten"}, {"is_published": False}):
        with club.leader.refused("MG402"):
            club.leader.update("newsletters", newsletter["id"], **change)
    with club.leader.refused("MG402"):
        club.leader.call("generate_newsletter", space_id=club.id, week_number=1)
    with actors.service().refused("MG402"):
        actors.run("update public.newsletters set content = '{}' where id = %s", newsletter["id"])


def printed(newsletter: Row) -> list[str]:
    """The responses in a snapshot."""
    return [response["content"] for prompt in newsletter["content"]["prompts"] for response in prompt["responses"]]


@pytest.mark.parametrize("how", ["deleted", "deselected", "account", "removed and deleted"])
def test_what_is_gone_since_is_not_published(actors: Actors, club: Club, how: str) -> None:
    boris, _ = club.members
    choose(club, "Boris", "Chloe")
    draft = club.leader.call("generate_newsletter", space_id=club.id)
    if how == "deselected":
        choose(club, "Chloe")
    elif how == "account":
        actors.run("delete from auth.users where id = %s", boris.id)
    else:
        if how == "removed and deleted":
            club.leader.rows("remove_member", space_id=club.id, user_id=boris.id)
        boris.run("delete from public.responses where user_id = auth.uid()")
    (row,) = club.leader.select("newsletters", id=draft["id"])
    assert sorted(printed(row)) == (["Boris responds", "Chloe responds"] if how == "deselected" else ["Chloe responds"])
    newsletter = club.leader.call("publish_newsletter", newsletter_id=draft["id"])
    assert printed(newsletter) == ["Chloe responds"]
    assert [prompt["order"] for prompt in newsletter["content"]["prompts"]] == [1, 2]


def test_nothing_left_of_it_is_refused(club: Club) -> None:
    choose(club, "Boris")
    draft = club.leader.call("generate_newsletter", space_id=club.id)
    club.members[0].run("delete from public.responses where user_id = auth.uid()")
    with club.leader.refused("MG403"):
        club.leader.call("publish_newsletter", newsletter_id=draft["id"])


@pytest.mark.parametrize(
    "change", ["content", "image_path", "image_caption", "music", "selected", "question", "order", "cover"]
)
def test_what_changed_since_is_named_until_it_is_generated_again(club: Club, change: str) -> None:
    boris, chloe = club.members
    choose(club, "Boris")
    if change == "image_caption":
        boris.run("update responses set image_path = %s", f"{club.id}/{boris.id}/cat.png")
    draft = club.leader.call("generate_newsletter", space_id=club.id)
    (response,) = boris.select("responses", user_id=boris.id)
    first, second = club.leader.select("prompts", space_id=club.id)
    detail = f"responses: {response['id']}"
    if change == "selected":
        choose(club, "Boris", "Chloe")
        detail = f"responses: {chloe.select('responses', user_id=chloe.id)[0]['id']}"
    elif change == "question":
        unanswered = first if first["question"] == "Where?" else second
        club.leader.update("prompts", unanswered["id"], question="Where to?")
        detail = f"prompts: {unanswered['id']}"
    elif change == "order":
        rows = club.leader.rows("reorder_prompts", space_id=club.id, prompt_ids=[second["id"], first["id"]])
        detail = "prompts: " + ", ".join(str(row["id"]) for row in reversed(rows))
    elif change == "cover":
        club.leader.update("spaces", club.id, cover_path=f"{club.id}/new.png")
        detail = "cover"
    else:
        values = {
            "content": "Other words",
            "image_path": f"{club.id}/{boris.id}/cat.png",
            "image_caption": "A cat",
            "music": {"url": "https://a.b/c"},
        }
        boris.update("responses", response["id"], **{change: values[change]})
    with club.leader.refused("MG404") as caught:
        club.leader.call("publish_newsletter", newsletter_id=draft["id"])
    assert caught.value.diag.message_detail == detail
    with club.leader.refused("MG404"):
        club.leader.update("newsletters", draft["id"], is_published=True)
    club.leader.call("generate_newsletter", space_id=club.id)
    assert club.leader.call("publish_newsletter", newsletter_id=draft["id"])["is_published"]


def test_names_go_out_as_they_were_seen_and_faces_if_they_are_still_there(club: Club) -> None:
    boris, chloe = club.members
    for person in club.members:
        person.update("users", person.id, avatar_path=f"{person.id}/face.png")
    choose(club, "Boris", "Chloe")
    draft = club.leader.call("generate_newsletter", space_id=club.id)
    boris.update("users", boris.id, display_name="Somebody rude", avatar_path=f"{boris.id}/other.png")
    club.leader.update("newsletters", draft["id"], title="Ours", intro="Dear all")
    newsletter = club.leader.call("publish_newsletter", newsletter_id=draft["id"])
    authors = [response["author"] for response in newsletter["content"]["prompts"][0]["responses"]]
    assert {(author["display_name"], author["avatar_path"]) for author in authors} == {
        ("Boris", None), ("Chloe", f"{chloe.id}/face.png"),
    }  # fmt: skip
    assert (newsletter["title"], newsletter["intro"]) == ("Ours", "Dear all")


def test_a_curator_who_is_gone_is_not_named(actors: Actors, club: Club) -> None:
    _, chloe = club.members
    club.leader.call("assign_curator", space_id=club.id, user_id=chloe.id)
    choose(club, "Boris")
    draft = club.leader.call("generate_newsletter", space_id=club.id)
    assert draft["content"]["curator"]["display_name"] == "Chloe"
    actors.run("delete from auth.users where id = %s", chloe.id)
    newsletter = club.leader.call("publish_newsletter", newsletter_id=draft["id"])
    assert newsletter["content"]["curator"] is None


def test_everybody_left_out_is_refused(club: Club) -> None:
    with club.leader.refused("MG403"):
        club.leader.call("generate_newsletter", space_id=club.id)
    with club.leader.refused("MG403"):
        club.leader.insert("newsletters", space_id=club.id)


def test_a_quiet_week_may_close(actors: Actors) -> None:
    club = found_club(actors, "Boris")
    newsletter = club.leader.call("generate_newsletter", space_id=club.id)
    assert newsletter["content"]["prompts"] == []
    club.leader.call("publish_newsletter", newsletter_id=newsletter["id"])
    assert club.row()["current_week"] == 2


def test_a_plain_insert_and_a_plain_update_are_the_same_commands(club: Club) -> None:
    choose(club, "Boris")
    newsletter = club.leader.insert("newsletters", space_id=club.id, intro="Dear all")
    assert len(newsletter["content"]["prompts"][0]["responses"]) == 1
    (row,) = club.leader.update("newsletters", newsletter["id"], is_published=True)
    assert row["published_at"] is not None
    assert club.row()["current_week"] == 2


def test_another_week_is_refused(club: Club) -> None:
    choose(club, "Boris")
    for week in (0, 2, 7):
        with club.leader.refused("MG202"):
            club.leader.call("generate_newsletter", space_id=club.id, week_number=week)
    with club.leader.refused("MG202"):
        club.leader.insert("newsletters", space_id=club.id, week_number=2)


def test_publishing_sets_everything_off(actors: Actors, club: Club) -> None:
    boris, chloe = club.members
    chloe.run("update public.settings set email_newsletters = false where user_id = auth.uid()")
    choose(club, "Boris")
    newsletter = club.publish_week()

    space = club.row()
    assert (space["current_week"], space["current_curator_id"]) == (2, boris.id)
    (rotation,) = boris.select("curator_rotations", week_number=2)
    assert rotation["curator_id"] == boris.id
    jobs = actors.run("select kind, key from private.outbox where key like 'newsletter%%' order by id")
    assert jobs == [
        {"kind": kind, "key": f"{kind}:{newsletter['id']}"}
        for kind in ("newsletter.mail", "newsletter.render", "newsletter.pdf")
    ]
    emails = actors.run("select user_id, state from private.mails where newsletter_id = %s", newsletter["id"])
    assert {email["user_id"]: email["state"] for email in emails} == {
        club.leader.id: "QUEUED", boris.id: "QUEUED", chloe.id: "OFF",
    }  # fmt: skip
    for person in club.everybody:
        (news,) = person.select("notifications", kind="NEWSLETTER_PUBLISHED")
        assert news["payload"] == {
            "newsletter_id": str(newsletter["id"]),
            "week_number": 1,
            "title": newsletter["title"],
        }
    assert boris.select("notifications", kind="CURATOR_ASSIGNED")
    kinds = [row["kind"] for row in boris.select("space_events", space_id=club.id)]
    assert kinds[-3:] == ["newsletter.published", "week.advanced", "curator.assigned"]


def test_publishing_twice_changes_nothing_the_second_time(actors: Actors, club: Club) -> None:
    choose(club, "Boris")
    newsletter = club.publish_week()

    def everything() -> dict[str, list[Row]]:
        tables = (
            "public.spaces", "public.space_events", "public.notifications", "public.transactions",
            "public.curator_rotations", "public.newsletters", "private.outbox", "private.mails",
        )  # fmt: skip
        found = {table: actors.run(f"select * from {table} order by 1, 2") for table in tables}
        for rows in found.values():
            for row in rows:
                row.pop("updated_at", None)
        return found

    before = everything()
    again = club.leader.call("publish_newsletter", newsletter_id=newsletter["id"])
    assert again == newsletter
    club.leader.update("newsletters", newsletter["id"], is_published=True)
    assert everything() == before


def test_only_the_leader_publishes(actors: Actors, club: Club) -> None:
    choose(club, "Boris")
    newsletter = club.leader.call("generate_newsletter", space_id=club.id)
    for person in (*club.members, actors.person("Olga")):
        with person.refused("MG401"):
            person.call("publish_newsletter", newsletter_id=newsletter["id"])
        assert person.update("newsletters", newsletter["id"], is_published=True) == []
    assert club.row()["current_week"] == 1


def test_narrowing_closes_all_and_widening_opens_later_ones(actors: Actors, club: Club) -> None:
    choose(club, "Boris")
    newsletter = club.publish_week()
    olga, anon = actors.person("Olga"), actors.anon()
    assert anon.select("newsletters", id=newsletter["id"]) and olga.select("newsletters", id=newsletter["id"])
    club.leader.update("spaces", club.id, newsletter_visibility="MEMBERS")
    assert anon.select("newsletters", id=newsletter["id"]) == olga.select("newsletters", id=newsletter["id"]) == []
    assert club.members[0].select("newsletters", id=newsletter["id"])
    for_members = club.week()
    club.ask("And now?")
    draft = club.leader.call("generate_newsletter", space_id=club.id)
    assert draft["visibility"] == "MEMBERS"
    club.leader.update("spaces", club.id, newsletter_visibility="PUBLIC")
    # What was written for members stays theirs; the draft follows the space.
    assert [row["id"] for row in anon.select("newsletters", space_id=club.id)] == []
    published = club.leader.call("publish_newsletter", newsletter_id=draft["id"])
    assert published["visibility"] == "PUBLIC"
    assert [row["id"] for row in anon.select("newsletters", space_id=club.id)] == [draft["id"]]
    assert {row["id"] for row in club.members[0].select("newsletters", space_id=club.id)} == {
        newsletter["id"],
        for_members["id"],
        draft["id"],
    }


def test_the_leader_opens_and_closes_one_newsletter(actors: Actors, club: Club) -> None:
    club.leader.update("spaces", club.id, newsletter_visibility="MEMBERS")
    first, second = club.publish_week(), club.week()
    anon, olga = actors.anon(), actors.person("Olga")
    opened = club.leader.call("set_newsletter_visibility", newsletter_id=first["id"], visibility="PUBLIC")
    assert (opened["id"], opened["visibility"]) == (first["id"], "PUBLIC")
    assert [row["id"] for row in anon.select("newsletters", space_id=club.id)] == [first["id"]]
    for person in (*club.members, olga):
        for named in (second["id"], first["id"], uuid4()):
            with person.refused("MG401"):
                person.call("set_newsletter_visibility", newsletter_id=named, visibility="PUBLIC")
    with anon.refused("42501"):
        anon.call("set_newsletter_visibility", newsletter_id=second["id"], visibility="PUBLIC")
    with club.leader.refused("MG001"):
        club.leader.call("set_newsletter_visibility", newsletter_id=first["id"], visibility=None)
    club.ask("And now?")
    draft = club.leader.call("generate_newsletter", space_id=club.id)
    with club.leader.refused("MG309"):
        club.leader.call("set_newsletter_visibility", newsletter_id=draft["id"], visibility="PUBLIC")
    club.leader.call("set_newsletter_visibility", newsletter_id=first["id"], visibility="MEMBERS")
    assert anon.select("newsletters", space_id=club.id) == []


def test_an_unpublished_prompt_is_not_in_the_newsletter(club: Club) -> None:
    club.leader.insert("prompts", space_id=club.id, question="Never asked?")
    choose(club, "Boris")
    newsletter = club.leader.call("generate_newsletter", space_id=club.id)
    assert "Never asked?" not in [prompt["question"] for prompt in newsletter["content"]["prompts"]]


def test_the_renderer_notes_its_files(actors: Actors, club: Club) -> None:
    choose(club, "Boris")
    newsletter = club.publish_week()
    paths = {
        "html_path": f"{club.id}/{newsletter['id']}/letter.html",
        "pdf_path": f"{club.id}/{newsletter['id']}/letter.pdf",
    }
    (row,) = actors.service().update("newsletters", newsletter["id"], **paths)
    assert {name: row[name] for name in paths} == paths
    with club.leader.refused("42501"):
        club.leader.update("newsletters", newsletter["id"], html_path="elsewhere")
