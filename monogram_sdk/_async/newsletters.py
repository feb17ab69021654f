"""`client.newsletters`: what comes of a week."""

from __future__ import annotations

from monogram_sdk._http import Outgoing, Reply
from monogram_sdk._paging import PAGE_SIZE, Listing
from monogram_sdk._parse import parse
from monogram_sdk._query import equals
from monogram_sdk._values import NOT_GIVEN, Id, NotGiven, as_uuid, changes, set_values
from monogram_sdk.errors import InvalidValueError, NewsletterNotFoundError
from monogram_sdk.models.newsletters import PAGE_SIZES, Newsletter, NewsletterPreview, PageSize, RecipientDelivery
from monogram_sdk.models.spaces import Space

from ._pages import AsyncPages
from ._resource import AsyncResource, by_id

TABLE = "newsletters"
FUNCTION = "/functions/v1/newsletter"


class AsyncNewslettersAPI(AsyncResource):
    """Newsletters. The leader makes them; published ones are for everybody, or for members if the space wants that."""

    async def generate(self, space_id: Id, *, week_number: int | None = None) -> Newsletter:
        """Make the draft of a week's newsletter from its selected answers, or make it anew.

        Args:
            space_id: A space that you lead.
            week_number: The week; the open one unless given.

        Raises:
            NothingSelectedError: There are answers, but none is selected: use `responses.select`.
            NewsletterPublishedError: It is out already.
            PermissionDeniedError: You do not lead the space.
        """
        space = as_uuid(space_id, "space_id")
        if week_number is None:
            # Named, so that a request which the network holds back or repeats cannot begin the letter of a later week.
            found = await self._find(Space, "spaces", by_id(space))
            week_number = None if found is None else found.current_week
        arguments = set_values(space_id=space, week_number=week_number)
        return await self._rpc(Newsletter, "generate_newsletter", arguments)

    async def get(self, newsletter_id: Id) -> Newsletter:
        """Return a newsletter. Published ones of spaces that allow it are there for everybody, signed in or not.

        Raises:
            NewsletterNotFoundError: There is no such newsletter, or you cannot see it.
        """
        own = by_id(as_uuid(newsletter_id, "newsletter_id"))
        return await self._get(Newsletter, TABLE, NewsletterNotFoundError, own)

    async def for_week(self, space_id: Id, week_number: int) -> Newsletter | None:
        """Return a week's newsletter, or ``None`` if there is none that you can see."""
        space = as_uuid(space_id, "space_id")
        filters = equals("space_id", space), equals("week_number", int(week_number))
        return await self._find(Newsletter, TABLE, *filters)

    def list(
        self, space_id: Id, *, published: bool | None = None, after: str | None = None, page_size: int = PAGE_SIZE
    ) -> AsyncPages[Newsletter]:
        """List the newsletters of a space that you can see, newest first.

        Args:
            space_id: The space.
            published: Only those that are (or are not) published.
            after: Where to begin: a cursor from `Page`.
            page_size: How many to ask for at once, 1-1,000.
        """
        filters = [equals("space_id", as_uuid(space_id, "space_id"))]
        if published is not None:
            filters.append(equals("is_published", published))
        listing = Listing(TABLE, Newsletter, ("week_number",), descending=True, filters=tuple(filters))
        return self._pages(listing, after, page_size)

    async def update(
        self, newsletter_id: Id, *, title: str | NotGiven = NOT_GIVEN, intro: str | NotGiven | None = NOT_GIVEN
    ) -> Newsletter:
        """Change the words around a draft. What is not given stays; ``None`` takes a value away.

        Args:
            newsletter_id: A draft of a space that you lead.
            title: The title, 1-200 characters.
            intro: Opening words, up to 5,000 characters.

        Raises:
            NewsletterPublishedError: It is out already.
            NewsletterNotFoundError: There is no such newsletter.
            PermissionDeniedError: You do not lead the space.
        """
        values = changes(title=title, intro=intro)
        own = by_id(as_uuid(newsletter_id, "newsletter_id"))
        return await self._update(Newsletter, TABLE, NewsletterNotFoundError, values, own)

    async def publish(self, newsletter_id: Id) -> Newsletter:
        """Publish a newsletter: the week closes, the next one opens and the pen moves on. Again changes nothing.

        Page, PDF and emails follow; this does not wait for them.

        Args:
            newsletter_id: A draft of a space that you lead.

        Raises:
            NewsletterNotFoundError: There is no such newsletter, or you do not lead its space.
        """
        return await self._rpc(
            Newsletter, "publish_newsletter", {"newsletter_id": as_uuid(newsletter_id, "newsletter_id")}
        )

    async def preview(self, newsletter_id: Id) -> NewsletterPreview:
        """Return how a newsletter will look, as a page and as an email, drafts included. Nothing is stored or sent.

        Args:
            newsletter_id: A newsletter that you can see.

        Raises:
            NewsletterNotFoundError: There is no such newsletter, or you cannot see it.
        """
        return parse(NewsletterPreview, await self._read(newsletter_id, "/preview"))

    async def html(self, newsletter_id: Id) -> bytes:
        """Return a newsletter as a web page (UTF-8), whole by itself: pictures and typeface are inside.

        Args:
            newsletter_id: A newsletter that you can see; a draft says that it is one.

        Raises:
            NewsletterNotFoundError: There is no such newsletter, or you cannot see it.
        """
        return (await self._read(newsletter_id, "")).content

    async def pdf(self, newsletter_id: Id, *, size: PageSize = "A4") -> bytes:
        """Return a newsletter as a PDF to print and keep.

        Args:
            newsletter_id: A newsletter that you can see; a draft says that it is one.
            size: The paper: ``"A4"`` or ``"LETTER"``.

        Raises:
            InvalidValueError: There is no such paper.
            NewsletterNotFoundError: There is no such newsletter, or you cannot see it.
        """
        if size not in PAGE_SIZES:
            raise InvalidValueError(f"size is one of {', '.join(PAGE_SIZES)}, not {size!r}.")
        return (await self._read(newsletter_id, f".pdf?size={size}")).content

    def page_url(self, newsletter_id: Id) -> str:
        """Return the address of a newsletter's page, to share. It opens for whoever may see the newsletter.

        The platform shows pages as pages only on a domain of your own: mount `monogram_sdk.asgi` there otherwise.

        Args:
            newsletter_id: The newsletter.
        """
        return f"{self._transport.config.url}{FUNCTION}/{as_uuid(newsletter_id, 'newsletter_id')}"

    async def _read(self, newsletter_id: Id, what: str) -> Reply:
        """Ask the edge function `newsletter`, which renders what is not stored yet."""
        url = f"{self.page_url(newsletter_id)}{what}"
        headers = {"accept": "*/*"}
        outgoing = Outgoing("GET", url, headers, None, repeatable=True)
        return await self._transport.run(outgoing)

    def delivery(
        self, newsletter_id: Id, *, after: str | None = None, page_size: int = PAGE_SIZE
    ) -> AsyncPages[RecipientDelivery]:
        """List how far the emails of a published newsletter are, by name, with those who get none and why.

        Reading it raises `NewsletterNotFoundError` if there is no such newsletter, or you do not lead its space.

        Args:
            newsletter_id: A newsletter of a space that you lead.
            after: Where to begin: a cursor from `Page`.
            page_size: How many to ask for at once, 1-1,000.
        """
        arguments = {"newsletter_id": as_uuid(newsletter_id, "newsletter_id")}
        keys = ("display_name", "user_id")
        listing = Listing("newsletter_delivery", RecipientDelivery, keys, arguments=arguments)
        return self._pages(listing, after, page_size)

    async def delete(self, newsletter_id: Id) -> None:
        """Delete a newsletter of a space that you lead. The week of a published one stays closed.

        Raises:
            NewsletterNotFoundError: There is no such newsletter.
            PermissionDeniedError: You do not lead the space.
        """
        await self._delete(Newsletter, TABLE, NewsletterNotFoundError, by_id(as_uuid(newsletter_id, "newsletter_id")))
