"""Every error that the SDK raises, in one tree.

The branches are the decisions that a caller makes; each leaf is named after the rule that was broken.

    MonogramError
    ├── ConfigError                  fix the program or its environment
    │   ├── SecretKeySessionError    nobody can sign in on a client with a secret key
    │   ├── SecretKeyRequiredError   the call needs a secret key
    │   ├── MigrationsMissingError   the project lacks Monogram's migrations, or has other ones
    │   └── ClientClosedError        the client has been closed
    ├── TransportError               no reply came
    │   ├── ConnectionFailedError    the server could not be reached, or closed the connection
    │   └── DeadlineExceededError    the call took too long
    ├── ReplyError                   the server's reply cannot be used
    │   ├── InvalidReplyError        it does not fit the model
    │   └── TruncatedReplyError      it was cut at the row limit
    └── APIError                     the server refused the call
        ├── AuthenticationError      sign in, or sign in again
        ├── PermissionDeniedError    you are not allowed to do this
        ├── NotFoundError            it does not exist, or you cannot see it
        ├── ConflictError            the present state does not allow it
        ├── InvalidValueError        change the argument (also raised before anything is sent)
        ├── RateLimitError           wait, and try again
        └── ServerError              the server failed

A class lists the codes that it stands for: SQLSTATEs of the database (``MG...`` are Monogram's own) and error codes of
the auth and storage services. `from_code` returns the class for a code. The first paragraph of a class's docstring is
its default message.
"""

from __future__ import annotations

from ._api import (
    APIError,
    AuthenticationError,
    BusyError,
    ConflictError,
    InvalidValueError,
    LimitReachedError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ReplyTooSlowError,
    ServerError,
    StatementTimeoutError,
)
from ._base import (
    MonogramError,
    from_code,
    known_codes,
    scrub,
)
from ._client import (
    ClientClosedError,
    ConfigError,
    ConnectionFailedError,
    DeadlineExceededError,
    InvalidReplyError,
    MigrationsMissingError,
    ReplyError,
    SecretKeyRequiredError,
    SecretKeySessionError,
    TransportError,
    TruncatedReplyError,
)
from ._people import (
    AccountGoneError,
    ConfirmationRequiredError,
    EmailNotConfirmedError,
    FileTooLargeError,
    IdTakenError,
    InvalidCredentialsError,
    InvalidImageError,
    NotSignedInError,
    OneTimeCodeError,
    ReauthenticationRequiredError,
    SessionExpiredError,
    SessionReplacedError,
    SignInTooOldError,
    UserExistsError,
    UsernameTakenError,
    WeakPasswordError,
)
from ._spaces import (
    AlreadyMemberError,
    InviteExpiredError,
    InviteInvalidError,
    InviteRequiredError,
    InviteUsedUpError,
    InviteWithdrawnError,
    LeaderMustStayError,
    LeaderRoleFixedError,
    MembershipEndedError,
    NotAMemberError,
    PenHolderRoleError,
    RemovedFromSpaceError,
    SpaceNotFoundError,
)
from ._tokens import (
    AlreadyOwnedError,
    AlreadyPostedError,
    BadgeNotEarnedError,
    BalanceTooLargeError,
    GiftToSelfError,
    IdempotencyConflictError,
    InsufficientTokensError,
    ItemNotFoundError,
    LedgerAppendOnlyError,
    OutOfStockError,
    ProofNotFoundError,
    PurchaseNotFoundError,
    RecipientNotFoundError,
    ThemeNotOwnedError,
)
from ._weeks import (
    CaptionWithoutImageError,
    EditConflictError,
    HistoryReplacedError,
    ImagePathForeignError,
    NewsletterDraftError,
    NewsletterExistsError,
    NewsletterNotFoundError,
    NewsletterPublishedError,
    NewsletterStaleError,
    NoPromptsError,
    NothingSelectedError,
    OrderTakenError,
    PromptAnsweredError,
    PromptNotFoundError,
    PromptNotOpenError,
    PromptPublishedError,
    ResponseEmptyError,
    ResponseExistsError,
    ResponseNotFoundError,
    ResponseNotSelectableError,
    ResponsePublishedError,
    WeekClosedError,
    WeekFullError,
)

__all__ = [
    "APIError",
    "AccountGoneError",
    "AlreadyMemberError",
    "AlreadyOwnedError",
    "AlreadyPostedError",
    "AuthenticationError",
    "BadgeNotEarnedError",
    "BalanceTooLargeError",
    "BusyError",
    "CaptionWithoutImageError",
    "ClientClosedError",
    "ConfigError",
    "ConfirmationRequiredError",
    "ConflictError",
    "ConnectionFailedError",
    "DeadlineExceededError",
    "EditConflictError",
    "EmailNotConfirmedError",
    "FileTooLargeError",
    "GiftToSelfError",
    "HistoryReplacedError",
    "IdTakenError",
    "IdempotencyConflictError",
    "ImagePathForeignError",
    "InsufficientTokensError",
    "InvalidCredentialsError",
    "InvalidImageError",
    "InvalidReplyError",
    "InvalidValueError",
    "InviteExpiredError",
    "InviteInvalidError",
    "InviteRequiredError",
    "InviteUsedUpError",
    "InviteWithdrawnError",
    "ItemNotFoundError",
    "LeaderMustStayError",
    "LeaderRoleFixedError",
    "LedgerAppendOnlyError",
    "LimitReachedError",
    "MembershipEndedError",
    "MigrationsMissingError",
    "MonogramError",
    "NewsletterDraftError",
    "NewsletterExistsError",
    "NewsletterNotFoundError",
    "NewsletterPublishedError",
    "NewsletterStaleError",
    "NoPromptsError",
    "NotAMemberError",
    "NotFoundError",
    "NotSignedInError",
    "NothingSelectedError",
    "OneTimeCodeError",
    "OrderTakenError",
    "OutOfStockError",
    "PenHolderRoleError",
    "PermissionDeniedError",
    "PromptAnsweredError",
    "PromptNotFoundError",
    "PromptNotOpenError",
    "PromptPublishedError",
    "ProofNotFoundError",
    "PurchaseNotFoundError",
    "RateLimitError",
    "ReauthenticationRequiredError",
    "RecipientNotFoundError",
    "RemovedFromSpaceError",
    "ReplyError",
    "ReplyTooSlowError",
    "ResponseEmptyError",
    "ResponseExistsError",
    "ResponseNotFoundError",
    "ResponseNotSelectableError",
    "ResponsePublishedError",
    "SecretKeyRequiredError",
    "SecretKeySessionError",
    "ServerError",
    "SessionExpiredError",
    "SessionReplacedError",
    "SignInTooOldError",
    "SpaceNotFoundError",
    "StatementTimeoutError",
    "ThemeNotOwnedError",
    "TransportError",
    "TruncatedReplyError",
    "UserExistsError",
    "UsernameTakenError",
    "WeakPasswordError",
    "WeekClosedError",
    "WeekFullError",
    "from_code",
    "known_codes",
    "scrub",
]
