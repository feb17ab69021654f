"""The story of a space, step by step, until each of which something may be deleted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support.actors import Actor, Actors
from tests.support.stories import Club, grant_tokens
from tests.support.work import work


@dataclass
class Story:
    """A space of Ada, Boris and Chloe, as far as it has been played."""

    actors: Actors
    club: Club
    ids: dict[str, Any] = field(default_factory=dict)

    @property
    def ada(self) -> Actor:
        return self.club.leader

    @property
    def boris(self) -> Actor:
        return self.club.members[0]

    @property
    def chloe(self) -> Actor:
        return self.club.members[1]

    def store(self, bucket: str, *names: str) -> str:
        """Put files there; the first one's name."""
        for name in names:
            self.actors.run("insert into storage.objects (bucket_id, name) values (%s, %s)", bucket, name)
        return names[0]

    def respond(self, key: str, person: Actor, prompt: str, *, publish: bool) -> None:
        """Write a response with a picture."""
        path = self.store("responses", f"{self.club.id}/{person.id}/{key}.png")
        values = {"prompt_id": self.ids[prompt], "content": key, "image_path": path, "is_published": publish}
        self.ids[key] = person.insert("responses", **values)["id"]

    def files(self) -> set[str]:
        rows = self.actors.run("select bucket_id || '/' || name as file from storage.objects")
        return {row["file"] for row in rows}


def founded(story: Story) -> None:
    for person in story.club.everybody:
        face = story.store("avatars", f"{person.id}/face.png", f"{person.id}/face.small.webp", f"{person.id}/old.gif")
        person.update("users", person.id, avatar_path=face)
    cover = story.store("covers", f"{story.club.id}/cover.jpg", f"{story.club.id}/cover.large.jpg")
    story.ada.update("spaces", story.club.id, cover_path=cover)
    grant_tokens(story.actors, story.boris, 50)
    grant_tokens(story.actors, story.chloe, 1000)


def invited(story: Story) -> None:
    invite = story.ada.call("create_invite", space_id=story.club.id)
    story.ids |= {"invite": invite["id"], "code": invite["code"]}
    story.club.join(story.actors.person("Eleni"))


def asked(story: Story) -> None:
    for key in ("first", "second"):
        story.ids[key] = story.ada.insert("prompts", space_id=story.club.id, question=f"{key}?")["id"]


def prompts_published(story: Story) -> None:
    story.ada.rows("publish_prompts", space_id=story.club.id)


def drafted(story: Story) -> None:
    story.respond("draft", story.chloe, "second", publish=False)
    story.respond("other draft", story.boris, "second", publish=False)


def responded(story: Story) -> None:
    for key, person in (("response", story.chloe), ("of Boris", story.boris), ("of Ada", story.ada)):
        story.respond(key, person, "first", publish=True)
    story.boris.call("transfer_tokens", recipient_id=story.chloe.id, amount=5)
    story.chloe.call("transfer_tokens", recipient_id=story.boris.id, amount=7)
    theme = story.chloe.select("store_items", code="theme_midnight")[0]
    story.chloe.call("purchase_item", item_id=theme["id"])


def selected(story: Story) -> None:
    ids = [story.ids[key] for key in ("response", "of Boris", "of Ada")]
    story.ada.rows("select_responses", space_id=story.club.id, response_ids=ids)


def generated(story: Story) -> None:
    story.ids["newsletter"] = story.ada.call("generate_newsletter", space_id=story.club.id)["id"]


def published(story: Story) -> None:
    story.ada.call("publish_newsletter", newsletter_id=story.ids["newsletter"])


def rendered(story: Story) -> None:
    work(story.actors)


def emailed_in_part(story: Story) -> None:
    story.actors.run(
        "update private.mails set state = 'SENT', sent_at = clock_timestamp() where user_id = %s and state = 'QUEUED'",
        story.ada.id,
    )


def next_week(story: Story) -> None:
    curator = story.boris
    story.ada.call("assign_curator", space_id=story.club.id, user_id=curator.id)
    story.ids["third"] = curator.insert("prompts", space_id=story.club.id, question="third?")["id"]
    curator.rows("publish_prompts", space_id=story.club.id)
    story.respond("next draft", story.chloe, "third", publish=False)
    story.respond("next response", story.boris, "third", publish=True)
    story.ada.rows("select_responses", space_id=story.club.id, response_ids=[story.ids["next response"]])
    story.ids["next newsletter"] = story.ada.call("generate_newsletter", space_id=story.club.id)["id"]


STEPS: tuple[Callable[[Story], None], ...] = (
    founded, invited, asked, prompts_published, drafted, responded, selected, generated, published, rendered,
    emailed_in_part, next_week,
)  # fmt: skip
