"""`client.responses`: what members write to prompts."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from pydantic import ValidationError

from monogram_sdk import _images
from monogram_sdk._config import Options
from monogram_sdk._engine._async.engine import AsyncEngine
from monogram_sdk._engine.call import async_call
from monogram_sdk._engine.request import JSON, Request, as_json
from monogram_sdk._images import Image, ImageSource
from monogram_sdk._paging import PAGE_SIZE, Listing
from monogram_sdk._parse import Rows, parse
from monogram_sdk._query import equals
from monogram_sdk._values import NOT_GIVEN, Id, NotGiven, as_int, as_uuid, changes, set_values, versioned
from monogram_sdk.errors import (
    APIError,
    InvalidValueError,
    MonogramError,
    NotFoundError,
    PromptNotFoundError,
    ResponseNotFoundError,
)
from monogram_sdk.models.prompts import Prompt
from monogram_sdk.models.responses import Music, Response

from ._files import RESPONSES, AsyncFiles
from ._pages import AsyncPages
from ._resource import AsyncResource, by_id

_log = logging.getLogger("monogram_sdk")

TABLE = "responses"
BY_AGE = ("created_at", "id")
URL_SECONDS = 3600
MUSIC_FUNCTION = "/functions/v1/music"
MUSIC_OPTIONS = Options(timeout=5.0, retries=0)


class AsyncResponsesAPI(AsyncResource):
    """Responses to prompts. A draft is its author's alone; a published response is for the members of the space."""

    def __init__(self, engine: AsyncEngine, files: AsyncFiles) -> None:
        super().__init__(engine)
        self._files = files

    @async_call
    async def submit(
        self,
        prompt_id: Id,
        *,
        content: str | None = None,
        image: ImageSource | None = None,
        image_caption: str | None = None,
        music: Music | str | None = None,
    ) -> Response:
        """Respond to a prompt of the open week, and publish the response at once. Each prompt earns tokens once.

        Args:
            prompt_id: A published prompt.
            content: The text, up to 10,000 characters.
            image: A JPEG, PNG, WebP or GIF image of up to 10 MB: a path, bytes or an open file. It is uploaded first,
                and deleted again if the response is refused. Metadata about place, time and camera is removed.
            image_caption: A line about the image, up to 300 characters. The newsletter shows it under the image; it is
                also the image's alternative text.
            music: A piece of music, or just its URL.

        Raises:
            ResponseEmptyError: It has neither text, nor an image, nor music.
            ResponseExistsError: You have a response or a draft already: use `edit` and `publish`.
            PromptNotOpenError: The prompt is not published yet.
            WeekClosedError: Its week is over.
            InvalidImageError: The image is of another type.
            FileTooLargeError: The image is larger.
            CaptionWithoutImageError: There is a caption, but no image.
        """
        return await self._create(prompt_id, content, image, image_caption, music, is_published=True)

    @async_call
    async def draft(
        self,
        prompt_id: Id,
        *,
        content: str | None = None,
        image: ImageSource | None = None,
        image_caption: str | None = None,
        music: Music | str | None = None,
    ) -> Response:
        """Begin a response that nobody else sees until it is published.

        Args:
            prompt_id: A published prompt.
            content: The text, up to 10,000 characters.
            image: A JPEG, PNG, WebP or GIF image of up to 10 MB: a path, bytes or an open file.
                Metadata about place, time and camera is removed.
            image_caption: A line about the image, up to 300 characters, as in `submit`.
            music: A piece of music, or just its URL.

        Raises:
            ResponseExistsError: You have a response or a draft already: use `edit`.
            PromptNotOpenError: The prompt is not published yet.
            WeekClosedError: Its week is over.
            CaptionWithoutImageError: There is a caption, but no image.
        """
        return await self._create(prompt_id, content, image, image_caption, music, is_published=False)

    @async_call
    async def get(self, response_id: Id) -> Response:
        """Return a response.

        Raises:
            ResponseNotFoundError: No such response, or you cannot see it.
        """
        return await self._get(Response, TABLE, ResponseNotFoundError, by_id(as_uuid(response_id, "response_id")))

    @async_call
    async def mine(self, prompt_id: Id) -> Response | None:
        """Return your own response to a prompt, or your draft, or ``None``."""
        me = await self._sessions.require_user_id()
        prompt = as_uuid(prompt_id, "prompt_id")
        return await self._find(Response, TABLE, equals("prompt_id", prompt), equals("user_id", me))

    def list(
        self,
        space_id: Id,
        *,
        week_number: int | None = None,
        prompt_id: Id | None = None,
        user_id: Id | None = None,
        selected: bool | None = None,
        after: str | None = None,
        page_size: int = PAGE_SIZE,
    ) -> AsyncPages[Response]:
        """List the responses in a space that you may see: published ones, and your own drafts; oldest first.

        Args:
            space_id: A space that you are a member of.
            week_number: Of one week only.
            prompt_id: To one prompt only.
            user_id: By one person only.
            selected: Only those that are (or are not) selected for the newsletter.
            after: Where to begin: a cursor from `Page`.
            page_size: How many to read at once, 1-1,000.
        """
        space = as_uuid(space_id, "space_id")
        week = None if week_number is None else as_int(week_number, "week_number")
        if prompt_id is None and user_id is None:
            # These lists may be long, and only the function begins to read them at the cursor.
            arguments = {"space_id": space, "week_number": week, "is_selected": selected}
            listing = Listing("space_responses", Response, BY_AGE, arguments=arguments, pages_itself=True)
            return self._pages(listing, after, page_size)
        filters = [equals("space_id", space)]
        if week is not None:
            filters.append(equals("week_number", week))
        if prompt_id is not None:
            filters.append(equals("prompt_id", as_uuid(prompt_id, "prompt_id")))
        if user_id is not None:
            filters.append(equals("user_id", as_uuid(user_id, "user_id")))
        if selected is not None:
            filters.append(equals("is_selected", selected))
        return self._pages(Listing(TABLE, Response, BY_AGE, filters=tuple(filters)), after, page_size)

    @async_call
    async def edit(
        self,
        response_id: Id,
        *,
        content: str | NotGiven | None = NOT_GIVEN,
        image: ImageSource | NotGiven | None = NOT_GIVEN,
        image_caption: str | NotGiven | None = NOT_GIVEN,
        music: Music | str | NotGiven | None = NOT_GIVEN,
        if_version: int | None = None,
    ) -> Response:
        """Change your response or draft while its week is open. What is not given stays; ``None`` removes a part.

        Args:
            response_id: Your response.
            content: The text, up to 10,000 characters.
            image: Another image, as in `submit`; the present one is deleted. The caption stays, unless another is
                given; ``None`` removes both.
            image_caption: Another line about the image.
            music: Another piece of music, or just its URL.
            if_version: The `version` that your change is based on. If it has changed since, nothing is written.

        Raises:
            EditConflictError: It was changed since `if_version`; the error has both texts.
            ResponseEmptyError: A published response would be empty.
            CaptionWithoutImageError: There is a caption, but no image.
            WeekClosedError: Its week is over.
            ResponseNotFoundError: No such response.
            PermissionDeniedError: It is not yours.
        """
        given = changes(content=content, image=image, image_caption=image_caption, music=music)
        values: dict[str, Any] = {name: value for name, value in given.items() if name in ("content", "image_caption")}
        if "music" in given:
            values["music"] = await self._named(given["music"])
        values = versioned(values, if_version)
        own = by_id(as_uuid(response_id, "response_id"))
        if "image" not in given:
            return await self._update(Response, TABLE, ResponseNotFoundError, values, own)

        picture = None if given["image"] is None else _images.load(given["image"], limit=_images.RESPONSE_IMAGE_LIMIT)
        before = await self.get(response_id)
        path = None if picture is None else await self._upload(before.space_id, picture)
        try:
            response = await self._update(Response, TABLE, ResponseNotFoundError, {**values, "image_path": path}, own)
        except APIError as error:
            if path is not None:
                await self._discard(error, self._files, RESPONSES, path, Response, TABLE, "image_path")
            raise
        if before.image_path is not None:
            await self._files.remove(RESPONSES, before.image_path)
        return response

    @async_call
    async def publish(self, response_id: Id, *, if_version: int | None = None) -> Response:
        """Publish your draft. Doing so again changes nothing.

        Args:
            response_id: Your draft.
            if_version: The `version` that you mean to publish. If it has changed since, nothing is written.

        Raises:
            EditConflictError: It was changed since `if_version`; the error has both texts.
            ResponseEmptyError: It is empty.
            WeekClosedError: Its week is over.
            ResponseNotFoundError: No such draft.
            PermissionDeniedError: It is not yours.
        """
        own = by_id(as_uuid(response_id, "response_id"))
        values = versioned({"is_published": True}, if_version)
        return await self._update(Response, TABLE, ResponseNotFoundError, values, own)

    @async_call
    async def delete(self, response_id: Id) -> None:
        """Delete your response or draft, with its image. Published newsletters that show it stay as they are.

        Raises:
            ResponseNotFoundError: No such response.
            PermissionDeniedError: It is not yours.
        """
        before = await self.get(response_id)
        await self._delete(Response, TABLE, ResponseNotFoundError, by_id(before.id))
        if before.image_path is not None:
            await self._files.remove(RESPONSES, before.image_path)

    @async_call
    async def select(
        self, space_id: Id, response_ids: Sequence[Id], *, week_number: int | None = None
    ) -> Rows[Response]:
        """Choose the responses for the newsletter: these, and no others of the week.

        Args:
            space_id: A space that you lead.
            response_ids: Published responses of the week; an empty list leaves all of them out of the newsletter.
            week_number: The week that you mean; if it is not the open one any more, nothing is selected. By default the
                open week.

        Returns:
            The selected responses, in the order of the newsletter.

        Raises:
            ResponseNotSelectableError: One of them is not a published response of this week.
            WeekClosedError: The week is over.
            PermissionDeniedError: You do not lead the space.
        """
        arguments = set_values(
            space_id=as_uuid(space_id, "space_id"),
            response_ids=[as_uuid(response_id, "response_ids") for response_id in response_ids],
            week_number=week_number,
        )
        return await self._rpc_rows(Response, "select_responses", arguments, expected=len({*arguments["response_ids"]}))

    # Music ----------------------------------------------------------------------------------------------------------

    @async_call
    async def resolve_music(self, url: str) -> Music:
        """Look up the title of a piece of music at its provider, as `submit`, `draft` and `edit` do with a bare URL.

        What cannot be found out within a few seconds stays ``None``, so that a response never waits for long.

        Args:
            url: Where it plays. Titles are looked up at Spotify, YouTube, SoundCloud, Deezer and Apple Music.

        Raises:
            InvalidValueError: It is not an address on the web, of up to 2,000 characters and without spaces.
            NotSignedInError: Nobody is signed in.
        """
        music = _checked(url)
        await self._sessions.require_user_id()
        question = Request("POST", MUSIC_FUNCTION, as_json({"url": music.url}), JSON, has_effect=False)
        try:
            reply = await self._engine.with_options(MUSIC_OPTIONS).send(question)
            return parse(Music, reply)
        except MonogramError as error:
            _log.info("The title of the music could not be looked up: %s", error)
            return music

    async def _named(self, music: Music | str | None) -> dict[str, Any] | None:
        """Return a piece of music in the form of the database."""
        if isinstance(music, str):
            music = await self.resolve_music(music)
        return None if music is None else music.model_dump(exclude_none=True)

    # Images ---------------------------------------------------------------------------------------------------------

    @async_call
    async def image_url(self, image_path: str, *, seconds: int = URL_SECONDS) -> str:
        """Return a URL of a response's image that works for some time, without signing in.

        Args:
            image_path: `Response.image_path`.
            seconds: How long it works.

        Raises:
            NotFoundError: No such image, or you cannot see it.
        """
        urls = await self.image_urls([image_path], seconds=seconds)
        if image_path not in urls:
            raise NotFoundError("No such image, or you cannot see it.", detail=image_path)
        return urls[image_path]

    @async_call
    async def image_urls(self, image_paths: Sequence[str], *, seconds: int = URL_SECONDS) -> dict[str, str]:
        """Return the URLs of many images at once, with one request for each 1,000 of them.

        Args:
            image_paths: The paths.
            seconds: How long the URLs work.

        Returns:
            A URL for each path whose image you can see; others are missing.
        """
        if seconds < 1:
            raise InvalidValueError(f"seconds must be 1 or more, not {seconds}.", detail="seconds")
        return await self._files.sign(RESPONSES, image_paths, seconds)

    @async_call
    async def image_bytes(self, image_path: str) -> bytes:
        """Return the image of a response.

        Args:
            image_path: `Response.image_path`.

        Raises:
            NotFoundError: No such image, or you cannot see it.
        """
        return await self._files.download(RESPONSES, image_path)

    async def _create(
        self,
        prompt_id: Id,
        content: str | None,
        image: ImageSource | None,
        image_caption: str | None,
        music: Music | str | None,
        *,
        is_published: bool,
    ) -> Response:
        prompt = as_uuid(prompt_id, "prompt_id")
        response_id = uuid4()
        row: dict[str, Any] = {
            "id": response_id,
            "prompt_id": prompt,
            "content": content,
            "image_caption": image_caption,
            "music": await self._named(music),
            "is_published": is_published,
        }
        if image is None:
            return await self._insert(Response, TABLE, row, by_id(response_id))

        picture = _images.load(image, limit=_images.RESPONSE_IMAGE_LIMIT)
        found = await self._get(Prompt, "prompts", PromptNotFoundError, by_id(prompt))
        path = await self._upload(found.space_id, picture)
        try:
            return await self._insert(Response, TABLE, {**row, "image_path": path}, by_id(response_id))
        except APIError as error:
            await self._discard(error, self._files, RESPONSES, path, Response, TABLE, "image_path")
            raise

    async def _upload(self, space_id: UUID, picture: Image) -> str:
        me = await self._sessions.require_user_id()
        path = f"{space_id}/{me}/{picture.new_name()}"
        await self._files.upload(RESPONSES, path, picture)
        return path


def _checked(url: str) -> Music:
    try:
        return Music(url=url)
    except ValidationError as exc:
        reason = exc.errors()[0].get("ctx", {}).get("error", "must be valid Unicode")
        raise InvalidValueError("The URL of the music is not valid.", detail="music", hint=f"It {reason}.") from exc
