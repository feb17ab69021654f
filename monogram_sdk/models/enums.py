"""The enums of the database.

A newer database may have values that this version of the SDK does not know. Such a value is read as a member of that
name, which is equal to its text but not listed here, so that rows with it can be read.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class _OpenEnum(StrEnum):
    """An enum to which a newer database may add values."""

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
    """May read and respond."""
    CURATOR = "CURATOR"
    """Writes this week's prompts. A member has this role while they are the curator."""
    ADMIN = "ADMIN"
    """May invite people. The leader is always an admin."""


class RotationType(_OpenEnum):
    """How the curator changes from week to week."""

    ROUND_ROBIN = "ROUND_ROBIN"
    """The member who has waited longest is next."""
    RANDOM = "RANDOM"
    """A random member other than the present curator is next."""
    MANUAL = "MANUAL"
    """The leader chooses."""


class PreviewWarningKind(_OpenEnum):
    """A part of a newsletter that will not look as it was written."""

    NO_TYPEFACE = "NO_TYPEFACE"
    """No typeface has these characters."""
    TYPEFACE_MISSING = "TYPEFACE_MISSING"
    """The typeface of these characters is not stored in the project."""
    PICTURE_LEFT_OUT = "PICTURE_LEFT_OUT"
    """A picture is not shown; text stands in its place."""
    INTRO_SHORTENED = "INTRO_SHORTENED"
    """The email has the beginning of the intro, and a link to the rest."""
    RESPONSE_SHORTENED = "RESPONSE_SHORTENED"
    """The email has the beginning of a response, and a link to the rest."""
    RESPONSE_LEFT_OUT = "RESPONSE_LEFT_OUT"
    """A response is on the web only: the email has no room for it."""
    EMAIL_CLIPPED = "EMAIL_CLIPPED"
    """The email is larger than Gmail shows."""
    PDF_SHORTENED = "PDF_SHORTENED"
    """The PDF has the beginning of a response, and a link to the rest: all responses together are too long for it."""


class PictureRefusal(_OpenEnum):
    """Why a picture is not shown."""

    MISSING = "MISSING"
    """The file does not exist."""
    UNKNOWN_FORMAT = "UNKNOWN_FORMAT"
    """It is not a JPEG, PNG, WebP or GIF."""
    UNSUPPORTED_FORMAT = "UNSUPPORTED_FORMAT"
    """It is an AVIF or HEIC, which functions cannot convert: it must be submitted as a JPEG."""
    DAMAGED = "DAMAGED"
    """It cannot be read."""
    TOO_MANY_PIXELS = "TOO_MANY_PIXELS"
    """It has more pixels than a function can convert."""
    TOO_MANY_BYTES = "TOO_MANY_BYTES"
    """It is larger than 10 MB."""
    TOO_HEAVY = "TOO_HEAVY"
    """Converting it failed repeatedly: see `admin.dead_letters` and the log of the function `pictures`."""
    NO_ROOM = "NO_ROOM"
    """The newsletter has too many pictures."""


class MailState(_OpenEnum):
    """The state of the email to one member, or the reason why they get none."""

    QUEUED = "QUEUED"
    """It is waiting to be sent, or to be tried again."""
    SENDING = "SENDING"
    """It is being sent to the provider."""
    UNCERTAIN = "UNCERTAIN"
    """The provider did not reply; Monogram is checking whether it has the email."""
    SENT = "SENT"
    """The provider has accepted it."""
    FAILED = "FAILED"
    """The provider refused it, it bounced, or all attempts failed."""
    SUPPRESSED = "SUPPRESSED"
    """Not sent: an earlier email to this address bounced, or its owner complained."""
    UNSUBSCRIBED = "UNSUBSCRIBED"
    """Not sent: the member has unsubscribed from emails of this space."""
    OFF = "OFF"
    """Not sent: the member has switched off such emails."""
    LEFT = "LEFT"
    """Not sent: the member left the space, or was removed, before it was sent."""
    NO_ADDRESS = "NO_ADDRESS"
    """Not sent: the account has no email address."""
    UNCONFIRMED = "UNCONFIRMED"
    """Not sent: the address was never confirmed, so it may be somebody else's."""
    CLOSED = "CLOSED"
    """Not sent: it was about a week that was closed before it was sent."""


class MailOutcome(StrEnum):
    """The result of an attempt to send an email."""

    SENT = "SENT"
    """The provider has accepted it."""
    REJECTED = "REJECTED"
    """The provider refused it for good."""
    RETRY = "RETRY"
    """The provider certainly does not have it; try again later."""
    UNCERTAIN = "UNCERTAIN"
    """The provider may have it. Find out before sending it again."""


class MailFault(StrEnum):
    """Why a mail server did not accept an email."""

    NO_MAILBOX = "NO_MAILBOX"
    """The mailbox does not exist, or was closed."""
    MAILBOX_FULL = "MAILBOX_FULL"
    """The mailbox is full."""
    SENDER = "SENDER"
    """The sender is refused: not signed in, no right to relay, on a blocklist, over a quota. All emails would fail."""
    RATE = "RATE"
    """Too many emails at once."""
    CONTENT = "CONTENT"
    """The content of the email is refused."""
    AWAY = "AWAY"
    """The server could not be reached."""
    OTHER = "OTHER"
    """Another reason, or an unknown one."""


class MailEvent(StrEnum):
    """What a provider reports about an email after it has accepted it."""

    BOUNCED = "BOUNCED"
    """The mailbox does not exist. The address gets no more email."""
    COMPLAINED = "COMPLAINED"
    """The recipient reported it as spam. The address gets no more email."""
    SUPPRESSED = "SUPPRESSED"
    """The provider does not send to this address. It gets no more email."""
    FAILED = "FAILED"
    """It was not delivered, for another reason. The address gets the next email."""
    UNSENT = "UNSENT"
    """The provider did not send it because of the sender, such as a quota or a domain. It is sent again."""


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
    """Members of the same spaces."""
    EVERYBODY = "EVERYBODY"
    """Everybody who is signed in."""


class DeliveryStatus(_OpenEnum):
    """Whether a message has been sent."""

    PENDING = "PENDING"
    SENT = "SENT"
    FAILED = "FAILED"


class TransactionType(_OpenEnum):
    """The reason for a change of a token balance."""

    EARN_RESPONSE = "EARN_RESPONSE"
    EARN_CURATOR = "EARN_CURATOR"
    EARN_STREAK = "EARN_STREAK"
    EARN_BADGE = "EARN_BADGE"
    EARN_GIFT = "EARN_GIFT"
    SPEND_PURCHASE = "SPEND_PURCHASE"
    SPEND_GIFT = "SPEND_GIFT"


class StoreItemKind(_OpenEnum):
    """The kinds of items in the store."""

    THEME = "THEME"
    AVATAR_FRAME = "AVATAR_FRAME"
    PROFILE_FLAIR = "PROFILE_FLAIR"
    STICKER_PACK = "STICKER_PACK"


class NotificationKind(_OpenEnum):
    """The kinds of notifications."""

    CURATOR_ASSIGNED = "CURATOR_ASSIGNED"
    PROMPTS_PUBLISHED = "PROMPTS_PUBLISHED"
    RESPONSE_REMINDER = "RESPONSE_REMINDER"
    NEWSLETTER_PUBLISHED = "NEWSLETTER_PUBLISHED"
    BADGE_EARNED = "BADGE_EARNED"
    GIFT_RECEIVED = "GIFT_RECEIVED"
    DIGEST = "DIGEST"
    """Only by email: the remaining notifications of a day in one."""


class AuthEvent(StrEnum):
    """What happened to a client's session."""

    SIGNED_IN = "SIGNED_IN"
    SIGNED_OUT = "SIGNED_OUT"
    TOKEN_REFRESHED = "TOKEN_REFRESHED"
    USER_UPDATED = "USER_UPDATED"
    """The account was changed: by `update_user`, by the second code of a change of address, or elsewhere, which a
    refresh reveals."""
    PASSWORD_RECOVERY = "PASSWORD_RECOVERY"
    """Signed in with the code for a forgotten password; ask for a new password now."""


class LiveStatus(StrEnum):
    """How a feed gets its events."""

    CONNECTING = "CONNECTING"
    """The feed has just begun."""
    LIVE = "LIVE"
    """Realtime delivers events at once."""
    POLLING = "POLLING"
    """Realtime does not reply, or refuses. The feed reads the database every few seconds, and keeps trying Realtime."""
    OFFLINE = "OFFLINE"
    """The database does not reply either. The feed keeps trying."""
