"""`client.newsletters`: what comes of a week."""

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
    """Newsletters. The leader makes them; published ones are for everybody, or for members if the space wants that."""

    @async_call
    async def generate(self, space_id: Id, *, week_number: int | None = None) -> Newsletter:
        """Make the draft of a week's newsletter from its selected answers, or make it anew.

        It shows the prompts that have a selected answer, and those that nobody has answered.

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

    @async_call
    async def get(self, newsletter_id: Id) -> Newsletter:
        """Return a newsletter. Published ones of spaces that allow it are there for everybody, signed in or not.

        Raises:
            NewsletterNotFoundError: There is no such newsletter, or you cannot see it.
        """
        own = by_id(as_uuid(newsletter_id, "newsletter_id"))
        return await self._get(Newsletter, TABLE, NewsletterNotFoundError, own)

    @async_call
    async def for_week(self, space_id: Id, week_number: int) -> Newsletter | None:
        """Return a week's newsletter, or ``None`` if there is none that you can see."""
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
            page_size: How many to ask for at once, 1-1,000.
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
        """Change the words around a draft. What is not given stays; ``None`` takes the intro away.

        Args:
            newsletter_id: A draft of a space that you lead.
            title: The title, 1-200 characters.
            intro: Opening words, up to 5,000 characters.
            if_version: The `version` that you changed. If there is another by now, nothing is written.

        Raises:
            EditConflictError: It was changed since `if_version`; the error has both texts.
            NewsletterPublishedError: It is out already.
            NewsletterNotFoundError: There is no such newsletter.
            PermissionDeniedError: You do not lead the space.
        """
        values = changes(title=title, intro=intro)
        own = by_id(as_uuid(newsletter_id, "newsletter_id"))
        return await self._update(Newsletter, TABLE, NewsletterNotFoundError, versioned(values, if_version), own)

    @async_call
    async def publish(self, newsletter_id: Id) -> Newsletter:
        """Publish a newsletter: the week closes, the next one opens and the pen moves on. Again changes nothing.

        Page, PDF and emails follow; this does not wait for them.

        Args:
            newsletter_id: A draft of a space that you lead.

        Raises:
            NewsletterNotFoundError: There is no such newsletter, or you do not lead its space.
            NewsletterStaleError: Something that it shows was changed, or selected, since it was generated.
                ``error.response_ids`` and ``error.prompt_ids`` say what; generate it again. Responses that were
                deleted, or are not selected any more, are left out without a word.
            NothingSelectedError: None of its responses is there and selected any more.
        """
        return await self._rpc(
            Newsletter, "publish_newsletter", {"newsletter_id": as_uuid(newsletter_id, "newsletter_id")}
        )

    @async_call
    async def set_visibility(self, newsletter_id: Id, visibility: NewsletterVisibility) -> Newsletter:
        """Open one published newsletter to everybody, or close it to all but members, whatever its space says.

        A newsletter keeps the visibility that its space had when it was published. Narrowing the space narrows all its
        newsletters; widening it opens later ones only.

        Args:
            newsletter_id: A published newsletter of a space that you lead.
            visibility: Who reads it from now on.

        Raises:
            NewsletterDraftError: It is not published: it has the visibility of its space.
            NewsletterNotFoundError: There is no such newsletter, or you do not lead its space.
        """
        arguments = {"newsletter_id": as_uuid(newsletter_id, "newsletter_id"), "visibility": visibility}
        return await self._rpc(Newsletter, "set_newsletter_visibility", arguments)

    @async_call
    async def preview(self, newsletter_id: Id) -> NewsletterPreview:
        """Return how a newsletter will look, as a page and as an email, drafts included. Nothing is stored or sent.

        Args:
            newsletter_id: A newsletter that you can see.

        Raises:
            NewsletterNotFoundError: There is no such newsletter, or you cannot see it.
        """
        return parse(NewsletterPreview, await self._read(newsletter_id, "/preview", contents.of(NewsletterPreview)))

    @async_call
    async def html(self, newsletter_id: Id) -> bytes:
        """Return a newsletter as a web page (UTF-8), whole by itself: pictures and typeface are inside.

        While pictures of it are still being made, which takes seconds, the page says so in their place and has no
        code to verify it by; so do `pdf` and `keepsake`. ``newsletters.get(id).pdf_path`` is set when all is final.

        Args:
            newsletter_id: A newsletter that you can see; a draft says that it is one.

        Raises:
            NewsletterNotFoundError: There is no such newsletter, or you cannot see it.
        """
        return (await self._read(newsletter_id, ".html", contents.LETTER)).content

    @async_call
    async def pdf(self, newsletter_id: Id, *, size: PageSize = "A4", paper: Paper = "print") -> bytes:
        """Return a newsletter as a PDF to print and keep.

        Args:
            newsletter_id: A newsletter that you can see; a draft says that it is one.
            size: ``"A4"`` or ``"LETTER"``, in capital or small letters.
            paper: ``"print"`` is white, with the accent of a theme; ``"screen"`` has the colours of the page.

        Raises:
            InvalidValueError: There is no such size or paper.
            NewsletterNotFoundError: There is no such newsletter, or you cannot see it.
        """
        return (await self._read(newsletter_id, f".pdf?size={size}&paper={paper}", contents.PDF)).content

    @async_call
    async def keepsake(self, response_id: Id) -> bytes:
        """Return a keepsake, a PDF of A5: one response of a published newsletter, with its question and its picture.

        The seal of the space is below it. Words that one sheet does not hold go on to the next.

        Args:
            response_id: A response that a published newsletter shows, and that you may read there.

        Raises:
            NewsletterNotFoundError: No published newsletter that you can see shows such a response, or its author was
                taken out.
        """
        return (await self._ask(f"/keepsakes/{as_uuid(response_id, 'response_id')}.pdf", contents.PDF)).content

    def page_url(self, newsletter_id: Id) -> str:
        """Return the address of a newsletter's page, to share. It opens for whoever may see the newsletter.

        The platform shows pages as pages only on a domain of your own: mount `monogram_sdk.asgi` there otherwise.

        Args:
            newsletter_id: The newsletter.
        """
        return f"{self._engine.config.url}{FUNCTION}/{as_uuid(newsletter_id, 'newsletter_id')}"

    def archive_url(self, space_id: Id) -> str:
        """Return the address of the page of all newsletters of a space that its reader may see.

        It opens for everybody where the space is public, and for its members, with their access token.

        Args:
            space_id: The space.
        """
        return f"{self._engine.config.url}{FUNCTION}/spaces/{as_uuid(space_id, 'space_id')}"

    def feed_url(self, space_id: Id) -> str:
        """Return the address of the feed (Atom, RFC 4287) of a public space, for feed readers.

        It has the title and the introduction of the newest 30 newsletters that everybody may read. Where the space is
        not public there is no feed (404).

        Args:
            space_id: The space.
        """
        return f"{self.archive_url(space_id)}/feed.atom"

    @async_call
    async def withdraw_link(self, newsletter_id: Id, *, user_id: Id | None = None) -> None:
        """Let the link in one member's email of a newsletter open nothing any more, for good.

        Each member's email has addresses of its own: page, PDF and pictures open with them without a sign-in, for
        whoever has them. Whoever passed such an email on takes the link back with this; pictures in it end, too.
        Again changes nothing.

        Args:
            newsletter_id: A published newsletter of one of your spaces.
            user_id: The member whose link it is: you unless given; another one if you lead the space. A secret key is
                nobody's, and has to name one; it withdraws anybody's.

        Raises:
            InvalidValueError: A secret key named nobody.
            NewsletterNotFoundError: There is no such published newsletter, or you are no member of its space, or the
                link is another member's and you do not lead it.
            NotAMemberError: They are no member of the space, and so have no link.
        """
        arguments = set_values(
            newsletter_id=as_uuid(newsletter_id, "newsletter_id"),
            user_id=None if user_id is None else as_uuid(user_id, "user_id"),
        )
        await self._engine.send(_query.rpc("withdraw_reading_link", arguments, answers=False))

    async def _read(self, newsletter_id: Id, what: str, content: Content) -> Reply:
        """Ask the edge function `newsletter`, which renders what is not stored yet."""
        return await self._ask(f"/{as_uuid(newsletter_id, 'newsletter_id')}{what}", content)

    async def _ask(self, path: str, content: Content) -> Reply:
        return await self._engine.send(Request("GET", FUNCTION + path, headers={"accept": "*/*"}, content=content))

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

    @async_call
    async def is_gone(self, newsletter_id: Id) -> bool:
        """Return True if there was a published newsletter of this id that everybody could read, and it was deleted.

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
            NewsletterNotFoundError: There is no such newsletter.
            PermissionDeniedError: You do not lead the space.
        """
        await self._delete(Newsletter, TABLE, NewsletterNotFoundError, by_id(as_uuid(newsletter_id, "newsletter_id")))
