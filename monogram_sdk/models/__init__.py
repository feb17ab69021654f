"""The values that the SDK answers: frozen pydantic models, one module a topic."""

from __future__ import annotations

from ._base import Model
from .auth import AuthUser, OAuthStart, Session, SignUp
from .badges import Badge, BadgeCriteria, BadgeProgress, EarnedBadge, UserBadge
from .enums import (
    AuthEvent,
    DeliveryStatus,
    MailState,
    MembershipRole,
    NewsletterVisibility,
    NotificationKind,
    RotationType,
    StoreItemKind,
    TransactionType,
)
from .newsletters import (
    Newsletter,
    NewsletterAuthor,
    NewsletterContent,
    NewsletterPrompt,
    NewsletterResponse,
    NewsletterSpace,
    RecipientDelivery,
)
from .notifications import Notification
from .operations import DeadLetter, EmailSuppression, Job, LedgerFault, OutboxState
from .profiles import LeaderboardEntry, MemberProfile, Person, Profile, PublicBadge
from .prompts import Prompt
from .responses import Music, Response
from .settings import Settings
from .spaces import CuratorRotation, Invite, Membership, NewInvite, RotationPreview, Space, SpaceEvent
from .store import Purchase, StoreItem
from .tokens import RewardRule, TokenGift, Transaction
from .weeks import AnsweredPrompt, AuthoredResponse, SpaceWeek

__all__ = [
    "AnsweredPrompt",
    "AuthEvent",
    "AuthUser",
    "AuthoredResponse",
    "Badge",
    "BadgeCriteria",
    "BadgeProgress",
    "CuratorRotation",
    "DeadLetter",
    "DeliveryStatus",
    "EarnedBadge",
    "EmailSuppression",
    "Invite",
    "Job",
    "LeaderboardEntry",
    "LedgerFault",
    "MailState",
    "MemberProfile",
    "Membership",
    "MembershipRole",
    "Model",
    "Music",
    "NewInvite",
    "Newsletter",
    "NewsletterAuthor",
    "NewsletterContent",
    "NewsletterPrompt",
    "NewsletterResponse",
    "NewsletterSpace",
    "NewsletterVisibility",
    "Notification",
    "NotificationKind",
    "OAuthStart",
    "OutboxState",
    "Person",
    "Profile",
    "Prompt",
    "PublicBadge",
    "Purchase",
    "RecipientDelivery",
    "Response",
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
    "TokenGift",
    "Transaction",
    "TransactionType",
    "UserBadge",
]
