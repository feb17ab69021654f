"""People in every relation that somebody can have to a row, and rows in every table.

Ada leads the private book club and holds the role ADMIN. Boris is the curator of the open week, 2. Chloe is a member
and the author of what is hers: responses, gifts, purchases. Eleni is a member and nothing else. Dmitri
was a member and left. Olga never was one. Rosa is a platform admin and not in the club either.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from tests.support.actors import Actor, Actors
from tests.support.stories import Club, found_club, grant_tokens


@dataclass(frozen=True)
class World:
    actors: Actors
    club: Club
    cast: dict[str, Actor]
    ids: dict[str, Any]
    """What statements may refer to: people by name, rows by what they are."""

    def arguments(self, actor: Actor) -> dict[str, Any]:
        """The ids, and the actor's own as `me`; whoever has none acts for Eleni."""
        return self.ids | {"me": actor.user_id or self.ids["eleni"]}


@contextmanager
def world_in(dsn: str) -> Iterator[World]:
    """Build the world in a transaction that is rolled back.

    What a function asks is planned once for all arguments, as PostgreSQL 17 and older do: 18 leaves out of a plan for
    known arguments what they rule out, and with it the rights that the rest needs.
    """
    with psycopg.connect(dsn, options="-c plan_cache_mode=force_generic_plan") as connection:
        with Actors(connection) as actors:
            yield build_world(actors)


def is_mistake(error: psycopg.Error) -> bool:
    """Whether a function lacks a right itself: nothing that refuses on purpose, and nothing to take for "no"."""
    said, place = error.diag.message_primary or "", error.diag.context
    return said.startswith("permission denied for") and place is not None


def build_world(actors: Actors) -> World:
    club = found_club(actors, "Boris", "Chloe", "Dmitri", "Eleni")
    ada = club.leader
    boris, chloe, dmitri, eleni = club.members
    olga, stranger, rosa = actors.person("Olga"), actors.person("Sam"), actors.person("Rosa", role="admin")
    for person in (ada, boris, chloe, dmitri, eleni, olga, rosa):
        grant_tokens(actors, person, 1000)

    # Week 1: everybody responds, the newsletter is published, Boris is the next curator.
    (first_prompt,) = club.ask("What did you read?")
    club.respond(first_prompt)
    published = club.publish_week()
    dmitri.run("select public.leave_space(%s)", club.id)
    assert club.curator is boris

    # Week 2: two open prompts, one of them with responses; one that only Boris and Ada see.
    responded, unanswered = club.ask("Which sentence stayed?", "Where do you read?")
    unpublished = boris.insert("prompts", space_id=club.id, question="Why?")
    response = chloe.insert("responses", prompt_id=responded["id"], content="This one.", is_published=True)
    draft = chloe.insert("responses", prompt_id=unanswered["id"], content="Perhaps")
    ada.rows("select_responses", space_id=club.id, week_number=2, response_ids=[response["id"]])
    newsletter = ada.call("generate_newsletter", space_id=club.id)

    family = found_club(actors, "Chloe's sister", leader="Femi", newsletter_visibility="MEMBERS")
    family_newsletter = family.week()
    park = olga.insert("spaces", name="Park Readers", is_public=True)
    invite = ada.call("create_invite", space_id=club.id)

    theme, frame = (
        chloe.select("store_items", code="theme_riso")[0],
        chloe.select("store_items", code="frame_laurel")[0],
    )
    service = actors.service()
    retired = service.insert("store_items", code="retired", name="Retired", kind="THEME", price=5)
    withdrawn = service.insert(
        "store_items", code="withdrawn", name="Withdrawn", kind="THEME", price=5, is_available=False
    )
    purchase = chloe.call("purchase_item", item_id=retired["id"])
    service.update("store_items", retired["id"], is_available=False)
    gift = chloe.call("transfer_tokens", recipient_id=dmitri.id, amount=5)

    def one(query: str) -> Any:
        return actors.one(query, chloe.id)

    ids = {
        **{person.name.lower(): person.id for person in (*club.everybody, olga, rosa)},
        "stranger": stranger.id,
        "club": club.id,
        "park": park["id"],
        "invite": invite["id"],
        "invite_code": invite["code"],
        "membership": one("select id from public.memberships where user_id = %s"),
        "rotation": actors.one(
            "select id from public.curator_rotations where space_id = %s and week_number = 2", club.id
        ),
        "prompt": responded["id"],
        "unanswered_prompt": unanswered["id"],
        "unpublished_prompt": unpublished["id"],
        "response": response["id"],
        "draft": draft["id"],
        "old_response": actors.one("select id from public.responses where user_id = %s", dmitri.id),
        "newsletter": published["id"],
        "newsletter_draft": newsletter["id"],
        "family_newsletter": family_newsletter["id"],
        "transaction": one("select id from public.transactions where user_id = %s limit 1"),
        "badge": one("select badge_id from public.user_badges where user_id = %s limit 1"),
        "user_badge": one("select id from public.user_badges where user_id = %s limit 1"),
        "other_badge": actors.one("select id from public.badges where code = 'generous'"),
        "item": frame["id"],
        "theme": theme["id"],
        "owned_item": retired["id"],
        "withdrawn_item": withdrawn["id"],
        "purchase": purchase["id"],
        "gift": gift["id"],
        "notification": one("select id from public.notifications where user_id = %s limit 1"),
    }
    cast = {
        "anon": actors.anon(),
        "outsider": olga,
        "ex_member": dmitri,
        "member": eleni,
        "author": chloe,
        "curator": boris,
        "leader": ada,
        "admin": rosa,
        "service": service,
    }
    return World(actors, club, cast, ids)
