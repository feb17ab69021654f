"""The closed sets of values, as the database has them."""

from __future__ import annotations

from enum import StrEnum


class MembershipRole(StrEnum):
    """What a member may do in a space."""

    MEMBER = "MEMBER"
    """Reads and answers."""
    CURATOR = "CURATOR"
    """Holds the pen: writes this week's prompts. Comes and goes with the pen."""
    ADMIN = "ADMIN"
    """Invites people. The leader always is one."""


class RotationType(StrEnum):
    """How the pen travels from week to week."""

    ROUND_ROBIN = "ROUND_ROBIN"
    """To the member who has waited longest."""
    RANDOM = "RANDOM"
    """To anyone but the present curator."""
    MANUAL = "MANUAL"
    """To whom the leader names."""


class MailState(StrEnum):
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
    NO_ADDRESS = "NO_ADDRESS"
    """None: the account has no email address."""


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


class MailEvent(StrEnum):
    """What a provider tells of an email after it has taken it."""

    BOUNCED = "BOUNCED"
    """It came back for good."""
    COMPLAINED = "COMPLAINED"
    """Its reader does not want such mail."""


class NewsletterVisibility(StrEnum):
    """Who reads a published newsletter."""

    PUBLIC = "PUBLIC"
    """Everybody."""
    MEMBERS = "MEMBERS"
    """Members of the space."""


class DeliveryStatus(StrEnum):
    """Whether a message has gone out."""

    PENDING = "PENDING"
    SENT = "SENT"
    FAILED = "FAILED"


class TransactionType(StrEnum):
    """What a change of the token balance was for."""

    EARN_RESPONSE = "EARN_RESPONSE"
    EARN_CURATOR = "EARN_CURATOR"
    EARN_STREAK = "EARN_STREAK"
    EARN_BADGE = "EARN_BADGE"
    EARN_GIFT = "EARN_GIFT"
    SPEND_PURCHASE = "SPEND_PURCHASE"
    SPEND_GIFT = "SPEND_GIFT"


class StoreItemKind(StrEnum):
    """What kind of thing the store sells."""

    THEME = "THEME"
    AVATAR_FRAME = "AVATAR_FRAME"
    PROFILE_FLAIR = "PROFILE_FLAIR"
    STICKER_PACK = "STICKER_PACK"


class NotificationKind(StrEnum):
    """What a person is told."""

    CURATOR_ASSIGNED = "CURATOR_ASSIGNED"
    PROMPTS_PUBLISHED = "PROMPTS_PUBLISHED"
    RESPONSE_REMINDER = "RESPONSE_REMINDER"
    NEWSLETTER_PUBLISHED = "NEWSLETTER_PUBLISHED"
    BADGE_EARNED = "BADGE_EARNED"
    GIFT_RECEIVED = "GIFT_RECEIVED"


class AuthEvent(StrEnum):
    """What happened to a client's session."""

    SIGNED_IN = "SIGNED_IN"
    SIGNED_OUT = "SIGNED_OUT"
    TOKEN_REFRESHED = "TOKEN_REFRESHED"
    USER_UPDATED = "USER_UPDATED"
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
