"""The sets of values, as the database has them.

A newer database may have values that this version of the SDK does not know. Reading one gives a member of that name,
which is equal to its text and not among those listed here, so that one such row never hides the others.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class _OpenEnum(StrEnum):
    """A set to which a newer database may add."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = member._value_ = value
        return member


class MembershipRole(_OpenEnum):
    """What a member may do in a space."""

    MEMBER = "MEMBER"
    """Reads and answers."""
    CURATOR = "CURATOR"
    """Holds the pen: writes this week's prompts. Comes and goes with the pen."""
    ADMIN = "ADMIN"
    """Invites people. The leader always is one."""


class RotationType(_OpenEnum):
    """How the pen travels from week to week."""

    ROUND_ROBIN = "ROUND_ROBIN"
    """To the member who has waited longest."""
    RANDOM = "RANDOM"
    """To anyone but the present curator."""
    MANUAL = "MANUAL"
    """To whom the leader names."""


class PreviewWarningKind(_OpenEnum):
    """What will not look as it was written."""

    NO_TYPEFACE = "NO_TYPEFACE"
    """No typeface has these characters."""
    TYPEFACE_MISSING = "TYPEFACE_MISSING"
    """The typeface of these characters is not stored in the project."""
    PICTURE_LEFT_OUT = "PICTURE_LEFT_OUT"
    """A picture is not shown; words stand in its place."""
    INTRO_SHORTENED = "INTRO_SHORTENED"
    """The email has the beginning of the intro, and a link to the rest."""
    RESPONSE_SHORTENED = "RESPONSE_SHORTENED"
    """The email has the beginning of a response, and a link to the rest."""
    RESPONSE_LEFT_OUT = "RESPONSE_LEFT_OUT"
    """A response is on the web only: the email has no room for it."""
    EMAIL_CLIPPED = "EMAIL_CLIPPED"
    """The email is larger than what Gmail shows of one."""
    PDF_SHORTENED = "PDF_SHORTENED"
    """The PDF has the beginning of a response, and a link to the rest: all of them would be more than it can hold."""


class PictureRefusal(_OpenEnum):
    """Why a picture is not shown."""

    MISSING = "MISSING"
    """There is no such file."""
    UNKNOWN_FORMAT = "UNKNOWN_FORMAT"
    """It is not a JPEG, PNG, WebP or GIF."""
    UNSUPPORTED_FORMAT = "UNSUPPORTED_FORMAT"
    """It is an AVIF or HEIC, which functions cannot convert: have it submitted as a JPEG."""
    DAMAGED = "DAMAGED"
    """Nothing of it can be read."""
    TOO_MANY_PIXELS = "TOO_MANY_PIXELS"
    """It has more pixels than a function can convert."""
    TOO_MANY_BYTES = "TOO_MANY_BYTES"
    """It is larger than 10 MB."""
    TOO_HEAVY = "TOO_HEAVY"
    """It could not be converted, however often that was tried: see `admin.dead_letters` and the log of `pictures`."""
    NO_ROOM = "NO_ROOM"
    """The letter has too many pictures."""


class MailState(_OpenEnum):
    """Where the email to one member stands, or why there is none."""

    QUEUED = "QUEUED"
    """To be sent, or to be tried again later."""
    SENDING = "SENDING"
    """On its way to the provider."""
    UNCERTAIN = "UNCERTAIN"
    """The provider did not answer; it is being found out whether it has the email."""
    SENT = "SENT"
    """The provider has taken it."""
    FAILED = "FAILED"
    """The provider refused it, it bounced, or no attempt helped."""
    SUPPRESSED = "SUPPRESSED"
    """None: mail to this address bounced, or its owner complained."""
    UNSUBSCRIBED = "UNSUBSCRIBED"
    """None: the member wants no email from this space."""
    OFF = "OFF"
    """None: the member has switched such emails off."""
    LEFT = "LEFT"
    """None: the member left the space, or was removed, before it was sent."""
    NO_ADDRESS = "NO_ADDRESS"
    """None: the account has no email address."""
    UNCONFIRMED = "UNCONFIRMED"
    """None: the address was never confirmed, so it may be somebody else's."""
    CLOSED = "CLOSED"
    """None: it was news of a week that was closed before it was sent."""


class MailOutcome(StrEnum):
    """What became of an email that a program tried to send."""

    SENT = "SENT"
    """The provider has it."""
    REJECTED = "REJECTED"
    """The provider will not take it, however often it is asked."""
    RETRY = "RETRY"
    """The provider certainly does not have it; another time may do."""
    UNCERTAIN = "UNCERTAIN"
    """Nobody knows. It has to be found out before it is sent again."""


class MailFault(StrEnum):
    """Why a mail server did not take an email."""

    NO_MAILBOX = "NO_MAILBOX"
    """There is no such mailbox, or it was closed."""
    MAILBOX_FULL = "MAILBOX_FULL"
    """The mailbox is full."""
    SENDER = "SENDER"
    """The sender's: not signed in, no right to relay, on a blocklist, over a quota. Every email would fare the same."""
    RATE = "RATE"
    """Too much at once."""
    CONTENT = "CONTENT"
    """What the email says is not wanted."""
    AWAY = "AWAY"
    """The server could not be reached."""
    OTHER = "OTHER"
    """None of these, or not said."""


class MailEvent(StrEnum):
    """What a provider tells of an email after it has taken it."""

    BOUNCED = "BOUNCED"
    """There is no such mailbox. The address gets no more email."""
    COMPLAINED = "COMPLAINED"
    """Its reader does not want such email. The address gets no more."""
    SUPPRESSED = "SUPPRESSED"
    """The provider sends nothing to this address. It gets no more email."""
    FAILED = "FAILED"
    """It did not arrive, for another reason. The address gets the next one."""
    UNSENT = "UNSENT"
    """It never left, for the sender's sake: a quota, a domain. It goes out again."""


class NewsletterVisibility(_OpenEnum):
    """Who reads a published newsletter."""

    PUBLIC = "PUBLIC"
    """Everybody."""
    MEMBERS = "MEMBERS"
    """Members of the space."""


class BalanceVisibility(_OpenEnum):
    """Who sees a person's balance, in leaderboards and member lists."""

    NOBODY = "NOBODY"
    """Nobody else."""
    SPACES = "SPACES"
    """People of the same spaces."""
    EVERYBODY = "EVERYBODY"
    """Everybody who is signed in."""


class DeliveryStatus(_OpenEnum):
    """Whether a message has gone out."""

    PENDING = "PENDING"
    SENT = "SENT"
    FAILED = "FAILED"


class TransactionType(_OpenEnum):
    """What a change of the token balance was for."""

    EARN_RESPONSE = "EARN_RESPONSE"
    EARN_CURATOR = "EARN_CURATOR"
    EARN_STREAK = "EARN_STREAK"
    EARN_BADGE = "EARN_BADGE"
    EARN_GIFT = "EARN_GIFT"
    SPEND_PURCHASE = "SPEND_PURCHASE"
    SPEND_GIFT = "SPEND_GIFT"


class StoreItemKind(_OpenEnum):
    """What kind of thing the store sells."""

    THEME = "THEME"
    AVATAR_FRAME = "AVATAR_FRAME"
    PROFILE_FLAIR = "PROFILE_FLAIR"
    STICKER_PACK = "STICKER_PACK"


class NotificationKind(_OpenEnum):
    """What a person is told."""

    CURATOR_ASSIGNED = "CURATOR_ASSIGNED"
    PROMPTS_PUBLISHED = "PROMPTS_PUBLISHED"
    RESPONSE_REMINDER = "RESPONSE_REMINDER"
    NEWSLETTER_PUBLISHED = "NEWSLETTER_PUBLISHED"
    BADGE_EARNED = "BADGE_EARNED"
    GIFT_RECEIVED = "GIFT_RECEIVED"
    DIGEST = "DIGEST"
    """Of emails only: the rest of a day's news in one."""


class AuthEvent(StrEnum):
    """What happened to a client's session."""

    SIGNED_IN = "SIGNED_IN"
    SIGNED_OUT = "SIGNED_OUT"
    TOKEN_REFRESHED = "TOKEN_REFRESHED"
    USER_UPDATED = "USER_UPDATED"
    """The account was changed: by `update_user`, by the last code of a change of address, or elsewhere, as a refresh
    shows."""
    PASSWORD_RECOVERY = "PASSWORD_RECOVERY"
    """Signed in by a password-reset code; ask for a new password now."""


class LiveStatus(StrEnum):
    """How a feed gets to know what happens."""

    CONNECTING = "CONNECTING"
    """It has just begun."""
    LIVE = "LIVE"
    """Realtime tells it, at once."""
    POLLING = "POLLING"
    """Realtime does not answer or refuses. The feed asks the database every few seconds, and goes on trying."""
    OFFLINE = "OFFLINE"
    """The database does not answer either. The feed goes on trying."""
