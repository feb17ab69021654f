"""`client.tokens`: the token balance, the ledger behind it, and gifts."""

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
            page_size: How many to read at once, 1-1,000.
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
            message: A message that goes with it, up to 280 characters; a blank one is left out.
            idempotency_key: A second call with the same key, even much later and from another process, returns the same
                gift and gives nothing. Unless given, each call makes its own, so that retries by the SDK never give
                twice.

        Raises:
            InsufficientTokensError: You have fewer.
            GiftToSelfError: The recipient is you.
            RecipientNotFoundError: No such person.
            IdempotencyConflictError: The key was used for another gift.
            BalanceTooLargeError: The recipient's balance would exceed the limit.
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
            page_size: How many to read at once, 1-1,000.
        """
        return self._gifts("sender_id", after, page_size)

    def gifts_received(self, *, after: str | None = None, page_size: int = PAGE_SIZE) -> AsyncPages[TokenGift]:
        """List the gifts that you received, newest first.

        Args:
            after: Where to begin: a cursor from `Page`.
            page_size: How many to read at once, 1-1,000.
        """
        return self._gifts("recipient_id", after, page_size)

    @async_call
    async def leaderboard(self, *, space_id: Id | None = None, limit: int = 10) -> list[LeaderboardEntry]:
        """Return the people with the most tokens, among those whose settings allow it.

        Args:
            space_id: Only members of this space, of which you must be one; everybody unless given.
            limit: How many places, 1-100.

        Raises:
            InvalidValueError: `limit` is out of range.
            SpaceNotFoundError: No such space, or you are not a member.
        """
        if not 1 <= limit <= _MOST_PLACES:
            raise InvalidValueError(f"limit must be between 1 and {_MOST_PLACES}, not {shown(limit)}.", detail="limit")
        space = None if space_id is None else as_uuid(space_id, "space_id")
        return await self._rpc_rows(LeaderboardEntry, "leaderboard", set_values(space_id=space, limit_count=limit))

    def reward_rules(self, *, after: str | None = None, page_size: int = PAGE_SIZE) -> AsyncPages[RewardRule]:
        """List how much each kind of earning pays.

        Args:
            after: Where to begin: a cursor from `Page`.
            page_size: How many to read at once, 1-1,000.
        """
        return self._pages(Listing("reward_rules", RewardRule, ("code",)), after, page_size)

    @async_call
    async def weekly_earnings(self) -> list[WeeklyEarnings]:
        """Return what responses and curation have earned you in this calendar week, and whether they still earn tokens.

        Each earns tokens a limited number of times a week, over all spaces. In `statement`, the transaction that
        reached the limit has `limit_reached`.
        """
        return await self._rpc_rows(WeeklyEarnings, "weekly_earnings", {})

    @async_call
    async def proof(self, newsletter_id: Id) -> LedgerProof:
        """Return the proof that the printed code of a newsletter covers your ledger.

        Args:
            newsletter_id: A newsletter that was published while you were a member of its space.

        Raises:
            ProofNotFoundError: No such newsletter, or you were not a member when it was published.
        """
        arguments = {"newsletter_id": as_uuid(newsletter_id, "newsletter_id")}
        return await self._rpc(LedgerProof, "ledger_proof", arguments)

    def _gifts(self, owner: str, after: str | None, page_size: int) -> AsyncPages[TokenGift]:
        listing = Listing("token_gifts", TokenGift, ("created_at", "id"), descending=True, owner=owner)
        return self._pages(listing, after, page_size)
