"""`monogram watch SPACE`: print the events of a space as they happen.

Exit codes: 0 it was stopped, or with `--once` has finished; 1 failure, with one message on standard error; 2 wrong
usage.
"""

from __future__ import annotations

from collections.abc import Iterable
from json import dumps
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.text import Text

from monogram_sdk.cli._output import print_error
from monogram_sdk.cli._sign_in import EMAIL, signed_in

if TYPE_CHECKING:
    from monogram_sdk import LiveStatus, Monogram
    from monogram_sdk.models import Response, SpaceEvent
    from monogram_sdk.models.events import PromptsDetails, ResponseDetails

_out = Console(highlight=False)
_err = Console(stderr=True, highlight=False)

_LONGEST_QUOTE = 100
_SOMEBODY = "Somebody"


def _cursor(given: str | None) -> str | None:
    """Return the given cursor, after checking it."""
    from monogram_sdk import errors
    from monogram_sdk._cursor import Cursor

    try:
        return None if given is None else str(Cursor.parse(given))
    except errors.InvalidValueError as error:
        raise typer.BadParameter(error.message) from None


def watch(
    space: Annotated[str, typer.Argument(help="A space that you are a member of: its id, or its name.")],
    after: Annotated[
        str | None,
        typer.Option(
            metavar="CURSOR",
            callback=_cursor,
            help="Begin after this event: its number, or number:id as --json prints it; 0 for all. "
            "From now on when left out.",
        ),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Print what has happened so far, and exit.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line, for programs.")] = False,
    email: Annotated[str | None, typer.Option(help=f"Who you are; or set {EMAIL}.", show_default=False)] = None,
) -> None:
    """Print what happens in a space, as it happens, until Ctrl-C. No event is lost, doubled or out of order.

    The project comes from SUPABASE_URL and SUPABASE_PUBLISHABLE_KEY, in the environment or a .env file. You are asked
    for your password once; after that you stay signed in.
    """
    from monogram_sdk import errors

    try:
        with signed_in(email) as client:
            _watch(client, _find(client, space), after, once=once, as_json=json)
    except errors.MonogramError as error:
        print_error(error)
        if isinstance(error, errors.HistoryReplacedError):
            _err.print(f"monogram: To go on from here: --after {error.resume}", markup=False, soft_wrap=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def _watch(client: Monogram, space_id: UUID, after: str | None, *, once: bool, as_json: bool) -> None:
    events: Iterable[SpaceEvent]
    if once:
        events = client.spaces.events(space_id, after=after or 0)
    else:
        events = client.live.events(space_id, after=after, on_status=_print_status)
    narrator = Narrator(client, space_id)
    for event in events:
        if as_json:
            line = {**event.model_dump(mode="json"), "cursor": event.cursor}
            _out.print(dumps(line), markup=False, soft_wrap=True)
        else:
            _out.print(narrator.line(event), soft_wrap=True)


def _find(client: Monogram, space: str) -> UUID:
    """Return the id of a space, given its id or its name.

    Raises:
        SpaceNotFoundError: You are not in a space with this name.
        InvalidValueError: You are in several spaces with this name.
    """
    from monogram_sdk import errors

    try:
        return UUID(space)
    except ValueError:
        found = [one for one in client.spaces.list() if one.name.casefold() == space.casefold()]
    if not found:
        raise errors.SpaceNotFoundError(f"You are not in a space with the name {space!r}.")
    if len(found) > 1:
        raise errors.InvalidValueError(
            f"You are in {len(found)} spaces with this name: {', '.join(str(one.id) for one in found)}.",
            hint="Use the id.",
        )
    return found[0].id


def _print_status(status: LiveStatus, reason: str) -> None:
    symbol = "●" if status == "LIVE" else "○"
    _err.print(f"{symbol} {status.lower()}: {reason}", style="dim", markup=False, soft_wrap=True)


class Narrator:
    """Describes events in words, with what the person may see.

    Args:
        client: The person's client.
        space_id: The space.
    """

    def __init__(self, client: Monogram, space_id: UUID) -> None:
        self._client = client
        self._space_id = space_id
        self._names: dict[UUID, str] = {}
        self._questions: dict[UUID, str] = {}

    def line(self, event: SpaceEvent) -> Text:
        """Return a line about an event."""
        line = Text(f"{event.seq:>5}  ", style="dim")
        line.append(f"{event.created_at.astimezone():%b %d %H:%M:%S}  ")
        words = self._words(event)
        words.stylize("default not dim")
        return line.append_text(words)

    def _words(self, event: SpaceEvent) -> Text:
        from monogram_sdk import models

        match event:
            case models.ResponsePublished():
                return self._about_response(event.payload, "responded to")
            case models.ResponseUpdated():
                return self._about_response(event.payload, "changed the response to")
            case models.ResponseDeleted():
                return self._name(event.payload.user_id).append(" deleted a response")
            case models.PromptsPublished():
                return self._prompts(event.payload)
            case models.NewsletterPublished():
                return Text(f"The newsletter of week {event.payload.week_number} is out", style="bold green")
            case models.CuratorAssigned():
                return self._name(event.payload.user_id).append(f" is the curator of week {event.payload.week_number}")
            case models.MemberJoined():
                return self._name(event.payload.user_id, anew=True).append(" joined")
            case models.MemberLeft():
                return self._name(event.payload.user_id).append(" left")
            case models.WeekAdvanced():
                return Text(f"Week {event.payload.week_number} begins", style="bold")
            case _:
                return Text(event.kind)

    def _about_response(self, payload: ResponseDetails, verb: str) -> Text:
        words = self._name(payload.user_id).append(f" {verb} ")
        words.append(f"“{self._question(payload.prompt_id)}”", style="italic")
        response = self._response(payload.response_id)
        if response is None:
            return words.append(" (and has deleted it since)", style="dim")
        return words.append(": ").append(_quote(_gist(response)))

    def _prompts(self, payload: PromptsDetails) -> Text:
        words = Text(f"Week {payload.week_number} asks:", style="bold cyan")
        for prompt_id in payload.prompt_ids:
            words.append(f" “{self._question(prompt_id)}”", style="italic not bold")
        return words

    def _name(self, user_id: UUID | None, *, anew: bool = False) -> Text:
        """Return a member's name; "Somebody" if they have left before this command began."""
        if user_id is not None and (anew or user_id not in self._names):
            for member in self._client.spaces.members(self._space_id):
                self._names[member.user_id] = member.display_name
            self._names.setdefault(user_id, _SOMEBODY)
        return Text(_clean(self._names[user_id]) if user_id else _SOMEBODY, style="bold")

    def _question(self, prompt_id: UUID) -> str:
        from monogram_sdk import errors

        if prompt_id not in self._questions:
            try:
                self._questions[prompt_id] = _clean(self._client.prompts.get(prompt_id).question)
            except errors.NotFoundError:
                self._questions[prompt_id] = "a prompt that is gone"
        return self._questions[prompt_id]

    def _response(self, response_id: UUID) -> Response | None:
        from monogram_sdk import errors

        try:
            return self._client.responses.get(response_id)
        except errors.NotFoundError:
            return None


def _gist(response: Response) -> str:
    """Return the content of a response, in a few words."""
    parts = [response.content or ""]
    if response.image_path is not None:
        parts.append("[image]" if response.image_caption is None else f"[image: {response.image_caption}]")
    if response.music is not None:
        parts.append(f"[music: {response.music.title or response.music.url}]")
    return " ".join(part for part in parts if part)


def _quote(text: str) -> str:
    text = _clean(text)
    return text if len(text) <= _LONGEST_QUOTE else text[: _LONGEST_QUOTE - 1].rstrip() + "…"


def _clean(text: str) -> str:
    """Return a text in one line, without control characters."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
