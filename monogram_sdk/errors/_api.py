"""The branches of what a server refuses."""

from __future__ import annotations

from datetime import datetime

from ._base import MonogramError


class APIError(MonogramError):
    """The server refused the call."""


class AuthenticationError(
    APIError, code=("PGRST301", "PGRST302", "PGRST303", "bad_jwt", "no_authorization", "invalid_jwt")
):
    """The server does not accept the session or the API key: sign in again, and check the API key."""


class PermissionDeniedError(APIError, code=("42501", "not_admin", "signup_disabled", "user_banned", "AccessDenied")):
    """You are not allowed to do this."""


class NotFoundError(APIError, code=("PGRST116", "user_not_found", "not_found", "NoSuchKey", "NoSuchBucket")):
    """This does not exist, or you cannot see it."""


class ConflictError(APIError, code=("23505", "23503", "conflict", "Duplicate", "KeyAlreadyExists")):
    """The present state does not allow this: read it again, and decide what to do."""


class InvalidValueError(
    APIError,
    code=("MG001", "22P02", "22001", "22003", "22007", "22008", "23502", "23514", "validation_failed", "bad_json"),
):
    """A value is not acceptable: the message or the detail names it."""


class RateLimitError(
    APIError, code=("over_request_rate_limit", "over_email_send_rate_limit", "over_sms_send_rate_limit")
):
    """There were too many requests: wait, and try again.

    Attributes:
        retry_after: How many seconds to wait, if the server says so.
    """

    retry_after: float | None = None


class LimitReachedError(ConflictError, code="MG002"):
    """The limit for this is reached: try again later. The message and `retry_at` say when, in UTC."""

    @property
    def retry_at(self) -> datetime | None:
        """When to try again, with its time zone; ``None`` if the server did not say."""
        try:
            return datetime.fromisoformat(self.detail or "")
        except ValueError:
            return None


class ReplyTooSlowError(InvalidValueError, code="MG003"):
    """Reading back this change takes too long, so it was not made: ask for less in the reply."""


class ServerError(APIError):
    """The server failed: try again later."""


class StatementTimeoutError(ServerError, code="57014"):
    """The database stopped the statement because it took too long: try again later, or ask for less."""


class BusyError(ServerError, code="55P03"):
    """Others are changing the same thing, and the database did not wait for them: try again."""
