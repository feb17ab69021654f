"""What SQL makes is what TypeScript expects: the kinds of emails, and the snapshot of a newsletter."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from supabase_embedded.deno import environment, executable
from tests.functions.render.conftest import FUNCTIONS
from tests.support.actors import Actors
from tests.support.stories import found_club


def contracts(*snapshots: object) -> dict[str, Any]:
    """Return what the functions know of the database (see `contracts.ts`), and what is wrong with these snapshots."""
    program = Path(__file__).parent / "contracts.ts"
    command = [executable(), "run", "--quiet", "--frozen", "--no-check", f"--config={FUNCTIONS / 'deno.json'}", program]
    result = subprocess.run(
        command, input=json.dumps(snapshots), env=environment(), capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_every_kind_of_notification_is_known_with_the_email_that_it_makes(actors: Actors) -> None:
    """A kind that the database has and the functions do not know would go out without words of its own."""
    club = found_club(actors, "Boris")
    reader = club.members[0].id
    made = {}
    for (kind,) in actors.connection.execute(
        "select unnest(enum_range(null::public.notification_kind))::text"
    ).fetchall():
        payload = {"sender_id": str(club.leader.id), "sender_name": "Ada", "amount": 1, "message": None}
        actors.connection.execute("savepoint kind")
        actors.connection.execute("delete from private.mails where user_id = %s", [reader])
        if kind != "DIGEST":  # Never notified by itself: it collects the others.
            actors.connection.execute(
                "select private.queue_news(array[%s]::uuid[], %s, %s, %s, 'key')",
                [reader, kind, club.id, Jsonb(payload)],
            )
        query = "select kind::text from private.mails where user_id = %s"
        mails = [mail for (mail,) in actors.connection.execute(query, [reader]).fetchall()]
        actors.connection.execute("rollback to savepoint kind")
        assert len(mails) <= 1, (kind, mails)
        made[kind] = "DIGESTED" if mails == ["DIGEST"] else "EMAIL" if mails == [kind] else "NONE"
    made |= {"DIGEST": "EMAIL"}
    assert contracts()["kinds"] == made


@pytest.mark.parametrize("state", ["whole", "bare", "redacted"])
def test_a_snapshot_has_the_shape_that_rendering_expects(actors: Actors, state: str) -> None:
    """No key is missing or unknown, whether everything is set, hardly anything, or somebody was redacted."""
    club = found_club(actors, "Boris", description="Books" if state != "bare" else None)
    boris = club.members[0]
    (prompt, *_) = club.ask("What did you read?", "And then?")
    values: dict[str, Any] = {"prompt_id": prompt["id"], "is_published": True, "content": "Middlemarch, again."}
    if state != "bare":
        music = {"url": "https://example.org/a", "provider": "Example", "title": "A", "artist": "B"}
        values |= {"music": Jsonb(music)}
    response = boris.insert("responses", **values)
    if state == "whole":
        # As it is once a picture was uploaded.
        actors.run(
            "update public.responses set image_path = %s, image_caption = 'A cat' where id = %s",
            f"{club.id}/{boris.id}/cat.jpg",
            response["id"],
        )
    newsletter = club.publish_week()
    if state == "redacted":
        actors.run("select private.redact_user(%s)", boris.id)
    content = actors.one("select content from public.newsletters where id = %s", newsletter["id"])
    assert content["prompts"][0]["responses"], content
    assert contracts(content)["problems"] == [[]]
