"""`client.tokens`: what taking part earns, and what becomes of it."""

from __future__ import annotations

from monogram_sdk._config import shown
from monogram_sdk._engine.call import async_call
from monogram_sdk._paging import PAGE_SIZE, Listing
from monogram_sdk._values import Id, as_uuid, own_key, set_values
from monogram_sdk.errors import InvalidValueError, NotFoundError
from monogram_sdk.models.profiles import LeaderboardEntry, Profile
from monogram_sdk.models.tokens import LedgerProof, RewardRule, TokenGift, Transaction, WeeklyEarnings

from ._pages import AsyncPages
from ._resource import AsyncResource, by_id

_MOST_PLACES = 100


class AsyncTokensAPI(AsyncResource):
    """Tokens: the balance, the ledger behind it, and gifts."""

    @async_call
    async def balance(self) -> int:
        """Return how many tokens you have.

        Raises:
            NotSignedInError: Nobody is signed in.
        """
        me = await self._sessions.require_user_id()
        return (await self._get(Profile, "users", NotFoundError, by_id(me))).token_balance

    def statement(self, *, after: str | None = None, page_size: int = PAGE_SIZE) -> AsyncPages[Transaction]:
        """List what changed your balance, newest first.

        Args:
            after: Where to begin: a cursor from `Page`.
            page_size: How many to ask for at once, 1-1,000.
        """
        listing = Listing("transactions", Transaction, ("seq",), descending=True, owner="user_id")
        return self._pages(listing, after, page_size)

    @async_call
    async def gift(
        self, user_id: Id, *, amount: int, message: str | None = None, idempotency_key: str | None = None
    ) -> TokenGift:
        """Give tokens to somebody.

        Args:
            user_id: Who receives them.
            amount: How many, 1 or more.
            message: Words that go with it, up to 280 characters. Blank ones are none.
            idempotency_key: The same key again answers the same gift and gives nothing twice, also tomorrow and from
                another process. One is made for each call unless given, so the SDK's own retries never give twice.

        Raises:
            InsufficientTokensError: You have fewer.
            GiftToSelfError: The recipient is you.
            RecipientNotFoundError: There is no such person.
            IdempotencyConflictError: The key was used for another gift.
            BalanceTooLargeError: The recipient has as much as anybody can have.
        """
        arguments = set_values(
            recipient_id=as_uuid(user_id, "user_id"),
            amount=amount,
            message=None if message is None or not message.strip() else message,
            idempotency_key=own_key(idempotency_key),
        )
        return await self._rpc(TokenGift, "transfer_tokens", arguments)

    def gifts_sent(self, *, after: str | None = None, page_size: int = PAGE_SIZE) -> AsyncPages[TokenGift]:
        """List the gifts that you gave, newest first.

        Args:
            after: Where to begin: a cursor from `Page`.
            page_size: How many to ask for at once, 1-1,000.
        """
        return self._gifts("sender_id", after, page_size)

    def gifts_received(self, *, after: str | None = None, page_size: int = PAGE_SIZE) -> AsyncPages[TokenGift]:
        """List the gifts that you received, newest first.

        Args:
            after: Where to begin: a cursor from `Page`.
            page_size: How many to ask for at once, 1-1,000.
        """
        return self._gifts("recipient_id", after, page_size)

    @async_call
    async def leaderboard(self, *, space_id: Id | None = None, limit: int = 10) -> list[LeaderboardEntry]:
        """Return who has the most tokens, among those who do not mind being seen.

        Args:
            space_id: Only members of this space, which must be yours; everybody unless given.
            limit: How many places, 1-100.

        Raises:
            InvalidValueError: `limit` is something else.
            SpaceNotFoundError: There is no such space, or you are not a member.
        """
        if not 1 <= limit <= _MOST_PLACES:
            raise InvalidValueError(f"limit is between 1 and {_MOST_PLACES}, not {shown(limit)}.", detail="limit")
        space = None if space_id is None else as_uuid(space_id, "space_id")
        return await self._rpc_rows(LeaderboardEntry, "leaderboard", set_values(space_id=space, limit_count=limit))

    def reward_rules(self, *, after: str | None = None, page_size: int = PAGE_SIZE) -> AsyncPages[RewardRule]:
        """List how much each kind of earning pays.

        Args:
            after: Where to begin: a cursor from `Page`.
            page_size: How many to ask for at once, 1-1,000.
        """
        return self._pages(Listing("reward_rules", RewardRule, ("code",)), after, page_size)

    @async_call
    async def weekly_earnings(self) -> list[WeeklyEarnings]:
        """Return what responses and curation have paid you in this calendar week, and whether they still do.

        Each pays so often a week, over all spaces; what is above earns nothing. In `statement` the transaction with
        which a limit was reached says so in `limit_reached`.
        """
        return await self._rpc_rows(WeeklyEarnings, "weekly_earnings", {})

    @async_call
    async def proof(self, newsletter_id: Id) -> LedgerProof:
        """Return the proof that your ledger is part of what a newsletter's printed code stands for.

        Args:
            newsletter_id: A newsletter that was published while you were a member of its space.

        Raises:
            ProofNotFoundError: There is no such newsletter, or you were no member when it was published.
        """
        arguments = {"newsletter_id": as_uuid(newsletter_id, "newsletter_id")}
        return await self._rpc(LedgerProof, "ledger_proof", arguments)

    def _gifts(self, owner: str, after: str | None, page_size: int) -> AsyncPages[TokenGift]:
        listing = Listing("token_gifts", TokenGift, ("created_at", "id"), descending=True, owner=owner)
        return self._pages(listing, after, page_size)
