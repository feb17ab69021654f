"""Every error that the SDK raises, in one tree.

The branches are the decisions that a caller makes; the leaves have the names of the rules.

    MonogramError
    ├── ConfigError                  fix the program or its environment
    │   ├── SecretKeySessionError    a secret key never acts as a person
    │   ├── SecretKeyRequiredError   the call needs a secret key
    │   ├── MigrationsMissingError   the project lacks Monogram's migrations, or has others
    │   └── ClientClosedError        the client has been closed
    ├── TransportError               no answer came
    │   ├── ConnectionFailedError    the server could not be reached, or hung up
    │   └── DeadlineExceededError    the call's time is over
    ├── ReplyError                   the server's reply cannot be used
    │   ├── InvalidReplyError        it does not fit the model
    │   └── TruncatedReplyError      it was cut
    └── APIError                     the server refused
        ├── AuthenticationError      sign in (again)
        ├── PermissionDeniedError    somebody else may do this
        ├── NotFoundError            there is no such thing, or it is not yours to see
        ├── ConflictError            right call, wrong moment: the present state forbids it
        ├── InvalidValueError        change the argument (also raised before anything is sent)
        ├── RateLimitError           wait and try again
        └── ServerError              the server's own fault

A class names the codes that it stands for: SQLSTATEs of the database (``MG...`` are Monogram's own) and error codes
of the auth and storage services. `from_code` finds the class. The first paragraph of a docstring is the default
message.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from monogram_sdk.models._base import Model
from uuid import UUID

_OWN_CODE = re.compile(r"MG\d{3}|HISTORY_REPLACED")

_BLANK_LINE = re.compile(r"\n\s*\n")

_SECRETS = re.compile(r"sb_(?:secret|publishable)_[\w-]+|eyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?")


def scrub(text: str, secrets: Iterable[str] = ()) -> str:
    """Replace API keys, tokens and these secrets in a text by ``[secret]``."""
    for secret in secrets:
        text = text.replace(secret, "[secret]")
    return _SECRETS.sub("[secret]", text)


class MonogramError(Exception):
    """Something went wrong in Monogram.

    Attributes:
        message: What happened, in a sentence.
        code: The stable code, such as ``MG501``; ``None`` when the server gave none.
        status: The HTTP status, ``None`` when there was no answer.
        detail: What the server added, for example the name of the column.
        hint: What to do about it.
        method: The HTTP method of the request.
        path: The path of the request, without its query.
        request_id: The server's id of the request, for support.
        uncertain: Whether an attempt of this call went unanswered, so that the server may have carried it out.
    """

    default_code: ClassVar[str | None] = None
    """Monogram's own code of the rule, if it has one: what the SDK refuses itself gets it, and no code of a server."""
    _by_code: ClassVar[dict[str, type[MonogramError]]] = {}

    def __init_subclass__(cls, *, code: str | tuple[str, ...] | None = None, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        codes = (code,) if isinstance(code, str) else code or ()
        cls.default_code = codes[0] if codes and _OWN_CODE.fullmatch(codes[0]) else None
        for one in codes:
            if one in cls._by_code:
                raise TypeError(f"{cls.__name__} and {cls._by_code[one].__name__} both claim the code {one}")
            cls._by_code[one] = cls

    def __init__(
        self,
        message: str | None = None,
        *,
        code: str | None = None,
        status: int | None = None,
        detail: str | None = None,
        hint: str | None = None,
        method: str | None = None,
        path: str | None = None,
        request_id: str | None = None,
        uncertain: bool = False,
    ) -> None:
        self.message = scrub(message or self.default_message())
        super().__init__(self.message)
        self.code = code or self.default_code
        self.status = status
        self.detail = scrub(detail) if detail else None
        self.hint = scrub(hint) if hint else None
        self.method = method
        self.path = path
        self.request_id = request_id
        self.uncertain = uncertain

    @classmethod
    def default_message(cls) -> str:
        """Return the first paragraph of the docstring, in one line."""
        first = _BLANK_LINE.split((cls.__doc__ or cls.__name__).strip(), maxsplit=1)[0]
        return " ".join(first.split())

    def __str__(self) -> str:
        text = self.message
        if self.hint and self.hint != text:
            text += f"{'' if text.endswith(('.', '!', '?')) else '.'} {self.hint}"
        facts = [self.code, f"HTTP {self.status}" if self.status else None]
        if self.method and self.path:
            facts.append(f"{self.method} {self.path}")
        known = ", ".join(fact for fact in facts if fact)
        return f"{text} [{known}]" if known else text

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.__dict__.copy())


def _rebuild(cls: type[MonogramError], state: dict[str, Any]) -> MonogramError:
    error = cls.__new__(cls, state["message"])
    error.__dict__.update(state)
    return error


def from_code(code: str) -> type[MonogramError] | None:
    """Return the class that stands for a code, or ``None`` when nobody knows it."""
    return MonogramError._by_code.get(code)  # pyright: ignore[reportPrivateUsage]


def known_codes() -> dict[str, type[MonogramError]]:
    """Return every registered code with its class."""
    return dict(MonogramError._by_code)  # pyright: ignore[reportPrivateUsage]


# The program or its environment -------------------------------------------------------------------------------------


class ConfigError(MonogramError):
    """The client is not configured as this call needs it."""


class SecretKeySessionError(ConfigError):
    """A client with a secret key cannot act as a person: make a separate client with the publishable key to sign in.

    A secret key passes by every access rule. If one client could be both, a person's session would replace the
    service's rights, or a person would act with the service's rights, depending on who came last.
    """


class SecretKeyRequiredError(ConfigError):
    """This call needs a secret key: make a client with `admin_client()`."""


class MigrationsMissingError(ConfigError, code=("PGRST202", "PGRST205", "PGRST204", "42P01", "42703", "42883")):
    """The project's database does not have what this call needs: apply Monogram's migrations, or update the SDK."""


class ClientClosedError(ConfigError):
    """The client has been closed: make a new one."""


# No answer ----------------------------------------------------------------------------------------------------------


class TransportError(MonogramError):
    """No answer came from the server."""


class ConnectionFailedError(TransportError):
    """The server could not be reached, or the connection was lost."""


class DeadlineExceededError(TransportError):
    """The call took longer than its deadline. Allow more with `with_options(timeout=...)`."""


# A reply that cannot be used ----------------------------------------------------------------------------------------


class ReplyError(MonogramError):
    """The server's reply cannot be used."""


class InvalidReplyError(ReplyError):
    """The server's reply does not fit the SDK's model: SDK and migrations are of different versions."""


class TruncatedReplyError(ReplyError):
    """The server cut its reply at the row limit: ask for fewer rows."""


# The server refused: the branches -----------------------------------------------------------------------------------


class APIError(MonogramError):
    """The server refused the call."""


class AuthenticationError(
    APIError, code=("PGRST301", "PGRST302", "PGRST303", "bad_jwt", "no_authorization", "invalid_jwt")
):
    """The server does not accept who you say you are: sign in again, and check the API key."""


class PermissionDeniedError(APIError, code=("42501", "not_admin", "signup_disabled", "user_banned", "AccessDenied")):
    """You are not allowed to do this."""


class NotFoundError(APIError, code=("PGRST116", "user_not_found", "not_found", "NoSuchKey", "NoSuchBucket")):
    """There is no such thing, or you cannot see it."""


class ConflictError(APIError, code=("23505", "23503", "conflict", "Duplicate", "KeyAlreadyExists")):
    """The present state does not allow this."""


class InvalidValueError(
    APIError,
    code=("MG001", "22P02", "22001", "22003", "22007", "22008", "23502", "23514", "validation_failed", "bad_json"),
):
    """A value is not acceptable. The detail or the message names it."""


class RateLimitError(
    APIError, code=("over_request_rate_limit", "over_email_send_rate_limit", "over_sms_send_rate_limit")
):
    """Too many requests: wait and try again.

    Attributes:
        retry_after: How many seconds to wait, when the server says.
    """

    retry_after: float | None = None


class LimitReachedError(ConflictError, code="MG002"):
    """The limit for this is reached: come back later. The message says when, in UTC, and so does `retry_at`."""

    @property
    def retry_at(self) -> datetime | None:
        """When to come back, with its time zone; ``None`` if the server did not say."""
        try:
            return datetime.fromisoformat(self.detail or "")
        except ValueError:
            return None


class ReplyTooSlowError(InvalidValueError, code="MG003"):
    """The reply to this change takes too long to read, so the change is not made: ask for less with it."""


class ServerError(APIError):
    """The server failed. Trying again later may help."""


class StatementTimeoutError(ServerError, code="57014"):
    """The database stopped the statement because it took too long."""


class BusyError(ServerError, code="55P03"):
    """Others are changing the same thing, and waiting for them would hold up more people: try again."""


# Signing in ---------------------------------------------------------------------------------------------------------


class NotSignedInError(AuthenticationError):
    """Nobody is signed in: call `auth.sign_in_with_password` or another way to sign in first."""


class SessionExpiredError(
    AuthenticationError,
    code=("session_expired", "session_not_found", "refresh_token_not_found", "refresh_token_already_used"),
):
    """The session has ended: sign in again."""


class InvalidCredentialsError(AuthenticationError, code="invalid_credentials"):
    """The email address or the password is wrong."""


class EmailNotConfirmedError(AuthenticationError, code="email_not_confirmed"):
    """The email address is not confirmed: follow the link in the message, or ask for another with `auth.resend`."""


class OneTimeCodeError(
    AuthenticationError,
    code=(
        "otp_expired",
        "reauthentication_not_valid",
        "bad_code_verifier",
        "flow_state_not_found",
        "flow_state_expired",
        "bad_oauth_state",
    ),
):
    """The code or link is wrong or too old: ask for a new one."""


class ReauthenticationRequiredError(AuthenticationError, code="reauthentication_needed"):
    """The sign-in is too old for this: sign in again, or pass the code that `auth.reauthenticate` sends as `nonce`."""


class UserExistsError(
    ConflictError, code=("user_already_exists", "email_exists", "phone_exists", "identity_already_exists")
):
    """There is already an account with this address: sign in instead."""


class WeakPasswordError(InvalidValueError, code=("weak_password", "same_password")):
    """The password is not acceptable: choose a longer or less common one."""


# Files --------------------------------------------------------------------------------------------------------------


class InvalidImageError(InvalidValueError, code=("invalid_mime_type", "InvalidMimeType")):
    """This is not a JPEG, PNG, WebP or GIF image."""


class FileTooLargeError(InvalidValueError, code=("EntityTooLarge", "Payload too large")):
    """The file is larger than this place allows."""


# Spaces, members, invites -------------------------------------------------------------------------------------------


class SpaceNotFoundError(NotFoundError, code="MG101"):
    """There is no such space, or you are not a member of it."""


class NotAMemberError(NotFoundError, code="MG102"):
    """The person named is not a member of this space."""


class InviteInvalidError(NotFoundError, code="MG103"):
    """This invite code is not valid."""


class InviteExpiredError(ConflictError, code="MG104"):
    """This invite has expired: ask an admin of the space for a new one."""


class InviteUsedUpError(ConflictError, code="MG105"):
    """This invite has been used as often as it allows: ask an admin of the space for a new one."""


class AlreadyMemberError(ConflictError, code="MG106"):
    """This person is already a member of the space."""


class LeaderMustStayError(ConflictError, code="MG107"):
    """The leader cannot leave the space: hand it over with `spaces.transfer_leadership`, or delete it."""


class LeaderRoleFixedError(ConflictError, code="MG108"):
    """The leader of a space is always ADMIN: hand the space over with `spaces.transfer_leadership` first."""


class MembershipEndedError(PermissionDeniedError):
    """You are not a member of this space any more, or it has been deleted: what was live about it has ended."""


class InviteRequiredError(PermissionDeniedError, code="MG109"):
    """No space with this id is open to everybody: join with an invite code."""


class PenHolderRoleError(ConflictError, code="MG110"):
    """This member holds the pen, and with it the role CURATOR: hand the pen on with `spaces.assign_curator` first."""


class RemovedFromSpaceError(PermissionDeniedError, code="MG111"):
    """You were removed from this space: ask its leader or an admin for a new invite."""


class InviteWithdrawnError(ConflictError, code="MG112"):
    """A withdrawn invite does not come back: make a new one with `spaces.create_invite`."""


# Prompts ------------------------------------------------------------------------------------------------------------


class PromptNotFoundError(NotFoundError, code="MG201"):
    """There is no such prompt."""


class WeekClosedError(ConflictError, code="MG202"):
    """This week is not the open one: its prompts, answers and newsletter cannot be changed."""


class WeekFullError(ConflictError, code="MG203"):
    """This week already has ten prompts."""


class OrderTakenError(ConflictError, code="MG204"):
    """Another prompt of this week has this order: leave `order` out, or use `prompts.reorder`."""


class PromptAnsweredError(ConflictError, code="MG205"):
    """This prompt has been answered, so it can be neither reworded nor deleted."""


class NoPromptsError(ConflictError, code="MG206"):
    """There is no prompt to publish in the open week."""


class PromptPublishedError(ConflictError, code="MG207"):
    """A published prompt cannot be taken back."""


# Responses ----------------------------------------------------------------------------------------------------------


class PromptNotOpenError(ConflictError, code="MG301"):
    """This prompt is not published yet."""


class ResponseEmptyError(InvalidValueError, code="MG302"):
    """A published response needs text, an image or a piece of music."""


class ResponsePublishedError(ConflictError, code="MG303"):
    """A published response cannot go back to being a draft."""


class ResponseExistsError(ConflictError, code="MG304"):
    """You have already answered this prompt: edit the existing response."""


class ResponseNotSelectableError(ConflictError, code="MG305"):
    """Only published responses of this week can be selected."""


class ImagePathForeignError(InvalidValueError, code="MG306"):
    """The image is not in the author's own folder of this space."""


class ResponseNotFoundError(NotFoundError, code="MG307"):
    """There is no such response."""


class HistoryReplacedError(ConflictError, code="HISTORY_REPLACED"):
    """The events behind this cursor are not those that you have seen: read anew, and go on with `error.resume`.

    Restoring a backup takes back what happened since, and gives the numbers of those events to others. So read anew
    what your program keeps about the space, and go on with ``after=error.resume``.

    Attributes:
        resume: The cursor of the newest event at this moment. Take it before you read anew: then nothing is missed.
    """

    resume: str = "0"


class EditConflictError(ConflictError, code="MG308"):
    """This was changed meanwhile, on another device or by somebody else: put both together, and send that.

    Attributes:
        mine: What the call wanted to write: column -> value.
        theirs: What is there now, as the model that the call returns; ``None`` when it could not be read. Pass its
            `version` as `if_version` next.
    """

    mine: Mapping[str, Any] = MappingProxyType({})
    theirs: Model | None = None


class CaptionWithoutImageError(InvalidValueError, code="MG312"):
    """A caption goes with an image, and this response has none."""


# Leaving ------------------------------------------------------------------------------------------------------------


class ConfirmationRequiredError(InvalidValueError, code="MG310"):
    """Deleting an account takes its email address as a confirmation."""


class SignInTooOldError(ConflictError, code="MG311"):
    """Deleting an account takes a sign-in of the last hour: sign in again first."""


class NewsletterDraftError(ConflictError, code="MG309"):
    """A draft has the visibility of its space until it is published."""


# Newsletters --------------------------------------------------------------------------------------------------------


class NewsletterNotFoundError(NotFoundError, code="MG401"):
    """There is no such newsletter, or it is not yours to see or change."""


class NewsletterPublishedError(ConflictError, code="MG402"):
    """This newsletter is published and stays as it is."""


class NewsletterExistsError(ConflictError, code="MG208"):
    """This week already has a newsletter: change it, or generate it anew."""


class NothingSelectedError(ConflictError, code="MG403"):
    """The week has responses, but none is selected: choose with `responses.select` first."""


class NewsletterStaleError(ConflictError, code="MG404"):
    """The draft is older than what it shows: generate the newsletter again, look at it, then publish it."""

    @property
    def response_ids(self) -> tuple[UUID, ...]:
        """The responses that were edited, or selected, since the newsletter was generated."""
        return self._ids("responses")

    @property
    def prompt_ids(self) -> tuple[UUID, ...]:
        """The prompts that were reworded, or moved, since then."""
        return self._ids("prompts")

    def _ids(self, kind: str) -> tuple[UUID, ...]:
        found = re.search(rf"\b{kind}: ([0-9a-f, -]+)", self.detail or "")
        return tuple(UUID(one) for one in re.findall(r"[0-9a-f-]{36}", found[1])) if found else ()


# Tokens -------------------------------------------------------------------------------------------------------------


class InsufficientTokensError(ConflictError, code="MG501"):
    """There are not enough tokens for this."""


class IdempotencyConflictError(ConflictError, code="MG502"):
    """This idempotency key was used before for something else: use a new key for a new command."""


class GiftToSelfError(InvalidValueError, code="MG503"):
    """Nobody can send a gift to themselves."""


class RecipientNotFoundError(NotFoundError, code="MG504"):
    """There is no such person to receive the gift."""


class LedgerAppendOnlyError(PermissionDeniedError, code="MG505"):
    """Transactions are never changed or deleted."""


class AlreadyPostedError(ConflictError, code="MG506"):
    """The ledger has an entry for this already."""


class BalanceTooLargeError(ConflictError, code="MG507"):
    """No balance can grow that large."""


class ProofNotFoundError(NotFoundError, code="MG508"):
    """There is no proof for you in this newsletter."""


# Store, badges, profiles --------------------------------------------------------------------------------------------


class ItemNotFoundError(NotFoundError, code="MG601"):
    """There is no such item for sale."""


class OutOfStockError(ConflictError, code="MG602"):
    """This item is sold out."""


class AlreadyOwnedError(ConflictError, code="MG603"):
    """You already own this item."""


class PurchaseNotFoundError(NotFoundError, code="MG604"):
    """There is no such purchase of yours."""


class ThemeNotOwnedError(PermissionDeniedError, code="MG605"):
    """The active theme must be a theme that you own: buy it first."""


class BadgeNotEarnedError(ConflictError, code="MG701"):
    """You have not earned this badge: `badges.progress` shows how far you are."""


class UsernameTakenError(ConflictError, code="MG801"):
    """This user name is taken. Upper and lower case count as the same."""


# Accounts and ids ---------------------------------------------------------------------------------------------------


class IdTakenError(ConflictError, code="MG901"):
    """This id cannot be used: leave it out, or draw a new random one."""


class AccountGoneError(AuthenticationError, code="MG902"):
    """This account does not exist any more: sign out, then sign up or sign in with another account."""
