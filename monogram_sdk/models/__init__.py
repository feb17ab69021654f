"""The values that the SDK returns: frozen pydantic models, in one module for each topic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monogram_sdk._lazy import lazily

if TYPE_CHECKING:
    from monogram_sdk.models._base import Model
    from monogram_sdk.models.auth import AuthUser, OAuthStart, Session, SignUp
    from monogram_sdk.models.badges import Badge, BadgeCriteria, BadgeProgress, EarnedBadge, UserBadge
    from monogram_sdk.models.enums import (
        AuthEvent,
        BalanceVisibility,
        DeliveryStatus,
        LiveStatus,
        MailEvent,
        MailFault,
        MailOutcome,
        MailState,
        MembershipRole,
        NewsletterVisibility,
        NotificationKind,
        PictureRefusal,
        PreviewWarningKind,
        RotationType,
        StoreItemKind,
        TransactionType,
    )
    from monogram_sdk.models.events import (
        CuratorAssigned,
        CuratorDetails,
        MemberDetails,
        MemberJoined,
        MemberLeft,
        NewMemberDetails,
        NewsletterDetails,
        NewsletterPublished,
        Present,
        PromptsDetails,
        PromptsPublished,
        ResponseDeleted,
        ResponseDetails,
        ResponsePublished,
        ResponseUpdated,
        SpaceEvent,
        WeekAdvanced,
        WeekDetails,
    )
    from monogram_sdk.models.mails import EmailSubscription, MailBatch, MailResult, MailToSend, QueuedMail
    from monogram_sdk.models.newsletters import (
        MailPreview,
        Newsletter,
        NewsletterAuthor,
        NewsletterContent,
        NewsletterPreview,
        NewsletterPrompt,
        NewsletterResponse,
        NewsletterSpace,
        PreviewWarning,
        RecipientDelivery,
    )
    from monogram_sdk.models.notifications import Notification
    from monogram_sdk.models.operations import (
        DeadLetter,
        EmailSuppression,
        Job,
        LedgerFault,
        MailProviderState,
        NewsletterStatus,
        NewsletterVerification,
        OutboxState,
    )
    from monogram_sdk.models.profiles import LeaderboardEntry, MemberProfile, Person, Profile, PublicBadge
    from monogram_sdk.models.prompts import Prompt
    from monogram_sdk.models.responses import Music, Response
    from monogram_sdk.models.settings import Settings
    from monogram_sdk.models.spaces import CuratorRotation, Invite, Membership, NewInvite, RotationPreview, Space
    from monogram_sdk.models.store import Purchase, StoreItem
    from monogram_sdk.models.themes import Theme, ThemeColours
    from monogram_sdk.models.tokens import LedgerProof, ProofStep, RewardRule, TokenGift, Transaction, WeeklyEarnings
    from monogram_sdk.models.weeks import AnsweredPrompt, AuthoredResponse, SpaceWeek

# Python loads a module when one of its names is first used: making all classes takes as long as importing pydantic.
_HOMES = {
    "_base": "Model",
    "auth": "AuthUser OAuthStart Session SignUp",
    "badges": "Badge BadgeCriteria BadgeProgress EarnedBadge UserBadge",
    "enums": (
        "AuthEvent BalanceVisibility DeliveryStatus LiveStatus MailEvent MailFault MailOutcome MailState "
        "MembershipRole NewsletterVisibility NotificationKind PictureRefusal PreviewWarningKind RotationType "
        "StoreItemKind TransactionType"
    ),
    "events": (
        "CuratorAssigned CuratorDetails MemberDetails MemberJoined MemberLeft NewMemberDetails NewsletterDetails "
        "NewsletterPublished Present PromptsDetails PromptsPublished ResponseDeleted ResponseDetails "
        "ResponsePublished ResponseUpdated SpaceEvent WeekAdvanced WeekDetails"
    ),
    "mails": "EmailSubscription MailBatch MailResult MailToSend QueuedMail",
    "newsletters": (
        "MailPreview Newsletter NewsletterAuthor NewsletterContent NewsletterPreview NewsletterPrompt "
        "NewsletterResponse NewsletterSpace PreviewWarning RecipientDelivery"
    ),
    "notifications": "Notification",
    "operations": (
        "DeadLetter EmailSuppression Job LedgerFault MailProviderState NewsletterStatus NewsletterVerification "
        "OutboxState"
    ),
    "profiles": "LeaderboardEntry MemberProfile Person Profile PublicBadge",
    "prompts": "Prompt",
    "responses": "Music Response",
    "settings": "Settings",
    "spaces": "CuratorRotation Invite Membership NewInvite RotationPreview Space",
    "store": "Purchase StoreItem",
    "themes": "Theme ThemeColours",
    "tokens": "LedgerProof ProofStep RewardRule TokenGift Transaction WeeklyEarnings",
    "weeks": "AnsweredPrompt AuthoredResponse SpaceWeek",
}

__all__ = [
    "AnsweredPrompt",
    "AuthEvent",
    "AuthUser",
    "AuthoredResponse",
    "Badge",
    "BadgeCriteria",
    "BadgeProgress",
    "BalanceVisibility",
    "CuratorAssigned",
    "CuratorDetails",
    "CuratorRotation",
    "DeadLetter",
    "DeliveryStatus",
    "EarnedBadge",
    "EmailSubscription",
    "EmailSuppression",
    "Invite",
    "Job",
    "LeaderboardEntry",
    "LedgerFault",
    "LedgerProof",
    "LiveStatus",
    "MailBatch",
    "MailEvent",
    "MailFault",
    "MailOutcome",
    "MailPreview",
    "MailProviderState",
    "MailResult",
    "MailState",
    "MailToSend",
    "MemberDetails",
    "MemberJoined",
    "MemberLeft",
    "MemberProfile",
    "Membership",
    "MembershipRole",
    "Model",
    "Music",
    "NewInvite",
    "NewMemberDetails",
    "Newsletter",
    "NewsletterAuthor",
    "NewsletterContent",
    "NewsletterDetails",
    "NewsletterPreview",
    "NewsletterPrompt",
    "NewsletterPublished",
    "NewsletterResponse",
    "NewsletterSpace",
    "NewsletterStatus",
    "NewsletterVerification",
    "NewsletterVisibility",
    "Notification",
    "NotificationKind",
    "OAuthStart",
    "OutboxState",
    "Person",
    "PictureRefusal",
    "Present",
    "PreviewWarning",
    "PreviewWarningKind",
    "Profile",
    "Prompt",
    "PromptsDetails",
    "PromptsPublished",
    "ProofStep",
    "PublicBadge",
    "Purchase",
    "QueuedMail",
    "RecipientDelivery",
    "Response",
    "ResponseDeleted",
    "ResponseDetails",
    "ResponsePublished",
    "ResponseUpdated",
    "RewardRule",
    "RotationPreview",
    "RotationType",
    "Session",
    "Settings",
    "SignUp",
    "Space",
    "SpaceEvent",
    "SpaceWeek",
    "StoreItem",
    "StoreItemKind",
    "Theme",
    "ThemeColours",
    "TokenGift",
    "Transaction",
    "TransactionType",
    "UserBadge",
    "WeekAdvanced",
    "WeekDetails",
    "WeeklyEarnings",
]

if not TYPE_CHECKING:  # With a `__getattr__`, type checkers would accept any name.
    __getattr__, __dir__ = lazily(
        __name__, {name: f".{module}" for module, names in _HOMES.items() for name in names.split()}
    )
