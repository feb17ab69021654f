"""`client.newsletters`: make, publish and read newsletters."""

from __future__ import annotations

from monogram_sdk import _contents as contents
from monogram_sdk import _query
from monogram_sdk._contents import Content
from monogram_sdk._engine.call import async_call
from monogram_sdk._engine.reply import Reply
from monogram_sdk._engine.request import Request
from monogram_sdk._paging import PAGE_SIZE, Listing
from monogram_sdk._parse import parse
from monogram_sdk._query import equals
from monogram_sdk._values import NOT_GIVEN, Id, NotGiven, as_int, as_uuid, changes, set_values, versioned
from monogram_sdk.errors import NewsletterNotFoundError
from monogram_sdk.models.enums import NewsletterVisibility
from monogram_sdk.models.newsletters import Newsletter, NewsletterPreview, PageSize, Paper, RecipientDelivery
from monogram_sdk.models.spaces import Space

from ._pages import AsyncPages
from ._resource import AsyncResource, by_id

TABLE = "newsletters"
FUNCTION = "/functions/v1/newsletter"


class AsyncNewslettersAPI(AsyncResource):
    """Newsletters. The leader makes them; published ones are public, or for members only, as the space is set."""

    @async_call
    async def generate(self, space_id: Id, *, week_number: int | None = None) -> Newsletter:
        """Make the draft of a week's newsletter from its selected responses, or make it anew.

        It shows the prompts that have a selected response, and those to which nobody has responded.

        Args:
            space_id: A space that you lead.
            week_number: The week; the open one unless given.

        Raises:
            NothingSelectedError: There are responses, but none is selected: use `responses.select`.
            NewsletterPublishedError: It is published already.
            PermissionDeniedError: You do not lead the space.
        """
        space = as_uuid(space_id, "space_id")
        if week_number is None:
            # With the number, a request that is delayed or repeated cannot generate the newsletter of a later week.
            found = await self._find(Space, "spaces", by_id(space))
            week_number = None if found is None else found.current_week
        arguments = set_values(space_id=space, week_number=week_number)
        return await self._rpc(Newsletter, "generate_newsletter", arguments)

    @async_call
    async def get(self, newsletter_id: Id) -> Newsletter:
        """Return a newsletter. Public ones can be read by everybody, signed in or not.

        Raises:
            NewsletterNotFoundError: No such newsletter, or you cannot see it.
        """
        own = by_id(as_uuid(newsletter_id, "newsletter_id"))
        return await self._get(Newsletter, TABLE, NewsletterNotFoundError, own)

    @async_call
    async def for_week(self, space_id: Id, week_number: int) -> Newsletter | None:
        """Return a week's newsletter; ``None`` if it does not exist or you cannot see it."""
        space = as_uuid(space_id, "space_id")
        filters = equals("space_id", space), equals("week_number", as_int(week_number, "week_number"))
        return await self._find(Newsletter, TABLE, *filters)

    def list(
        self, space_id: Id, *, published: bool | None = None, after: str | None = None, page_size: int = PAGE_SIZE
    ) -> AsyncPages[Newsletter]:
        """List the newsletters of a space that you can see, newest first.

        Args:
            space_id: The space.
            published: Only those that are (or are not) published.
            after: Where to begin: a cursor from `Page`.
            page_size: How many to read at once, 1-1,000.
        """
        filters = [equals("space_id", as_uuid(space_id, "space_id"))]
        if published is not None:
            filters.append(equals("is_published", published))
        listing = Listing(TABLE, Newsletter, ("week_number",), descending=True, filters=tuple(filters))
        return self._pages(listing, after, page_size)

    @async_call
    async def update(
        self,
        newsletter_id: Id,
        *,
        title: str | NotGiven = NOT_GIVEN,
        intro: str | NotGiven | None = NOT_GIVEN,
        if_version: int | None = None,
    ) -> Newsletter:
        """Change the title or the intro of a draft. What is not given stays; ``None`` removes the intro.

        Args:
            newsletter_id: A draft of a space that you lead.
            title: The title, 1-200 characters.
            intro: Opening words, up to 5,000 characters.
            if_version: The `version` that your change is based on. If it has changed since, nothing is written.

        Raises:
            EditConflictError: It was changed since `if_version`; the error has both texts.
            NewsletterPublishedError: It is published already.
            NewsletterNotFoundError: No such newsletter.
            PermissionDeniedError: You do not lead the space.
        """
        values = changes(title=title, intro=intro)
        own = by_id(as_uuid(newsletter_id, "newsletter_id"))
        return await self._update(Newsletter, TABLE, NewsletterNotFoundError, versioned(values, if_version), own)

    @async_call
    async def publish(self, newsletter_id: Id) -> Newsletter:
        """Publish a newsletter: its week closes, and the next one opens with another curator.

        Doing so again changes nothing. The page, the PDF and the emails are made afterwards; this does not wait for
        them.

        Args:
            newsletter_id: A draft of a space that you lead.

        Raises:
            NewsletterNotFoundError: No such newsletter, or you do not lead its space.
            NewsletterStaleError: Something that it shows was changed, or selected, since it was generated.
                ``error.response_ids`` and ``error.prompt_ids`` say what; generate it again. Responses that were
                deleted, or are not selected any more, are left out without an error.
            NothingSelectedError: All its responses were deleted or are not selected any more.
        """
        return await self._rpc(
            Newsletter, "publish_newsletter", {"newsletter_id": as_uuid(newsletter_id, "newsletter_id")}
        )

    @async_call
    async def set_visibility(self, newsletter_id: Id, visibility: NewsletterVisibility) -> Newsletter:
        """Make one published newsletter public, or restrict it to members, whatever the setting of its space.

        A newsletter keeps the visibility that its space had when it was published. Narrowing the space narrows all its
        newsletters; widening it opens later ones only.

        Args:
            newsletter_id: A published newsletter of a space that you lead.
            visibility: Who reads it from now on.

        Raises:
            NewsletterDraftError: It is a draft, which has the visibility of its space.
            NewsletterNotFoundError: No such newsletter, or you do not lead its space.
        """
        arguments = {"newsletter_id": as_uuid(newsletter_id, "newsletter_id"), "visibility": visibility}
        return await self._rpc(Newsletter, "set_newsletter_visibility", arguments)

    @async_call
    async def preview(self, newsletter_id: Id) -> NewsletterPreview:
        """Render a newsletter, or a draft, as a page and as an email, without storing or sending anything.

        Args:
            newsletter_id: A newsletter that you can see.

        Raises:
            NewsletterNotFoundError: No such newsletter, or you cannot see it.
        """
        return parse(NewsletterPreview, await self._read(newsletter_id, "/preview", contents.of(NewsletterPreview)))

    @async_call
    async def html(self, newsletter_id: Id) -> bytes:
        """Return a newsletter as a web page (UTF-8) that contains its pictures and typeface.

        While its pictures are still being processed, which takes seconds, the page says so in their place and has no
        verification code; the same goes for `pdf` and `keepsake`. ``newsletters.get(id).pdf_path`` is set when they
        are final.

        Args:
            newsletter_id: A newsletter that you can see; a draft is marked as one.

        Raises:
            NewsletterNotFoundError: No such newsletter, or you cannot see it.
        """
        return (await self._read(newsletter_id, ".html", contents.NEWSLETTER)).content

    @async_call
    async def pdf(self, newsletter_id: Id, *, size: PageSize = "A4", paper: Paper = "print") -> bytes:
        """Return a newsletter as a PDF to print and keep.

        Args:
            newsletter_id: A newsletter that you can see; a draft is marked as one.
            size: ``"A4"`` or ``"LETTER"``, in upper or lower case.
            paper: ``"print"`` is white, with the accent colour of the theme; ``"screen"`` has the colours of the page.

        Raises:
            InvalidValueError: No such size or paper.
            NewsletterNotFoundError: No such newsletter, or you cannot see it.
        """
        return (await self._read(newsletter_id, f".pdf?size={size}&paper={paper}", contents.PDF)).content

    @async_call
    async def keepsake(self, response_id: Id) -> bytes:
        """Return a keepsake, a PDF in A5: one response of a published newsletter, with its question and its picture.

        The seal of the space is below it. A long response continues on a second sheet.

        Args:
            response_id: A response that a published newsletter shows, and that you may read there.

        Raises:
            NewsletterNotFoundError: No published newsletter that you can see shows this response, or its author was
                removed from it.
        """
        return (await self._ask(f"/keepsakes/{as_uuid(response_id, 'response_id')}.pdf", contents.PDF)).content

    def page_url(self, newsletter_id: Id) -> str:
        """Return the URL of a newsletter's page, to share. It opens for everybody who may see the newsletter.

        Hosted Supabase serves HTML as such only on a custom domain. Without one, mount `monogram_sdk.asgi` in your own
        application.

        Args:
            newsletter_id: The newsletter.
        """
        return f"{self._engine.config.url}{FUNCTION}/{as_uuid(newsletter_id, 'newsletter_id')}"

    def archive_url(self, space_id: Id) -> str:
        """Return the URL of the page that lists all newsletters of a space that its reader may see.

        It opens for everybody if the space is public, and for members with their access token.

        Args:
            space_id: The space.
        """
        return f"{self._engine.config.url}{FUNCTION}/spaces/{as_uuid(space_id, 'space_id')}"

    def feed_url(self, space_id: Id) -> str:
        """Return the URL of the feed (Atom, RFC 4287) of a public space, for feed readers.

        It has the title and the intro of the newest 30 public newsletters. A space that is not public has no feed
        (404).

        Args:
            space_id: The space.
        """
        return f"{self.archive_url(space_id)}/feed.atom"

    @async_call
    async def withdraw_link(self, newsletter_id: Id, *, user_id: Id | None = None) -> None:
        """Withdraw the link in one member's email of a newsletter, for good.

        Each member's email has links of its own, which open the page, the PDF and the pictures without signing in, for
        everybody who has the email. A member who has forwarded it can withdraw them with this; the pictures in the
        email then stop loading, too. Doing so again changes nothing.

        Args:
            newsletter_id: A published newsletter of one of your spaces.
            user_id: The member whose link it is; you unless given. Leaders may name another member; a client with a
                secret key must name one.

        Raises:
            InvalidValueError: A client with a secret key named no member.
            NewsletterNotFoundError: No such published newsletter, or you are not a member of its space, or the
                link is another member's and you do not lead it.
            NotAMemberError: They are not a member of the space, and so have no link.
        """
        arguments = set_values(
            newsletter_id=as_uuid(newsletter_id, "newsletter_id"),
            user_id=None if user_id is None else as_uuid(user_id, "user_id"),
        )
        await self._engine.send(_query.rpc("withdraw_reading_link", arguments, has_result=False))

    async def _read(self, newsletter_id: Id, what: str, content: Content) -> Reply:
        """Call the edge function `newsletter`, which renders what is not stored yet."""
        return await self._ask(f"/{as_uuid(newsletter_id, 'newsletter_id')}{what}", content)

    async def _ask(self, path: str, content: Content) -> Reply:
        return await self._engine.send(Request("GET", FUNCTION + path, headers={"accept": "*/*"}, content=content))

    def delivery(
        self, newsletter_id: Id, *, after: str | None = None, page_size: int = PAGE_SIZE
    ) -> AsyncPages[RecipientDelivery]:
        """List the state of the emails of a published newsletter by recipient, including those who get none, and why.

        Reading it raises `NewsletterNotFoundError` if the newsletter does not exist, or you do not lead its space.

        Args:
            newsletter_id: A newsletter of a space that you lead.
            after: Where to begin: a cursor from `Page`.
            page_size: How many to read at once, 1-1,000.
        """
        arguments = {"newsletter_id": as_uuid(newsletter_id, "newsletter_id")}
        keys = ("display_name", "user_id")
        listing = Listing("newsletter_delivery", RecipientDelivery, keys, arguments=arguments)
        return self._pages(listing, after, page_size)

    @async_call
    async def is_gone(self, newsletter_id: Id) -> bool:
        """Return True if this id was that of a public newsletter that has been deleted.

        Args:
            newsletter_id: The id, such as from an old link.

        Raises:
            NotSignedInError: Nobody is signed in.
        """
        return await self._rpc(bool, "is_newsletter_gone", {"newsletter_id": as_uuid(newsletter_id, "newsletter_id")})

    @async_call
    async def delete(self, newsletter_id: Id) -> None:
        """Delete a newsletter of a space that you lead. The week of a published one stays closed.

        Raises:
            NewsletterNotFoundError: No such newsletter.
            PermissionDeniedError: You do not lead the space.
        """
        await self._delete(Newsletter, TABLE, NewsletterNotFoundError, by_id(as_uuid(newsletter_id, "newsletter_id")))
