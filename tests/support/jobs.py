"""What tests of jobs share: people who queue pictures, renderings and removals, and who is served when."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from tests.support.actors import Actor, Actors, Row
from tests.support.stories import Club

PICTURES = ("picture.derive",)

RENDERINGS = ("newsletter.mail", "newsletter.render", "newsletter.pdf")

OTHERS = (*RENDERINGS, "storage.remove")


def store(actors: Actors, bucket: str, name: str) -> str:
    actors.run("insert into storage.objects (bucket_id, name) values (%s, %s)", bucket, name)
    return name


def picture(club: Club, person: Actor) -> str:
    name = club.actors.one("select gen_random_uuid()")
    return store(club.actors, "responses", f"{club.id}/{person.id}/{name}.png")


def show(club: Club, person: Actor, prompt: Row) -> Row:
    return person.insert("responses", prompt_id=prompt["id"], image_path=picture(club, person), is_published=True)


def respond(club: Club, person: Actor) -> Row:
    """Respond to the club's first prompt with a picture."""
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
