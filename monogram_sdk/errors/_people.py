"""Errors about accounts, signing in, profiles and files."""

from __future__ import annotations

from ._api import AuthenticationError, ConflictError, InvalidValueError

# Signing in ---------------------------------------------------------------------------------------------------------


class NotSignedInError(AuthenticationError):
    """Nobody is signed in: call `auth.sign_in_with_password` or another way to sign in first."""


class SessionExpiredError(
    AuthenticationError,
    code=("session_expired", "session_not_found", "refresh_token_not_found", "refresh_token_already_used"),
):
    """The session has ended: sign in again."""


class SessionReplacedError(SessionExpiredError):
    """Somebody else has signed in, in the session storage that this client shares: sign in again, or make a new client.

    A new client with the same storage acts as that person.
    """


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
    """An account with this address exists already: sign in instead."""


class WeakPasswordError(InvalidValueError, code=("weak_password", "same_password")):
    """The password is not acceptable: choose a longer or less common one."""


# Accounts -----------------------------------------------------------------------------------------------------------


class ConfirmationRequiredError(InvalidValueError, code="MG310"):
    """Deleting an account must be confirmed: pass the account's email address as `confirm`."""


class SignInTooOldError(ConflictError, code="MG311"):
    """Deleting an account needs a sign-in within the last hour: sign in again first."""


class AccountGoneError(AuthenticationError, code="MG902"):
    """This account does not exist any more: sign out, then sign up or sign in with another account."""


class UsernameTakenError(ConflictError, code="MG801"):
    """This user name is taken: choose another one. Upper and lower case count as the same."""


class IdTakenError(ConflictError, code="MG901"):
    """This id cannot be used: leave it out, or use a new random one."""


# Files --------------------------------------------------------------------------------------------------------------


class InvalidImageError(InvalidValueError, code=("invalid_mime_type", "InvalidMimeType")):
    """This is not a JPEG, PNG, WebP or GIF image: convert it first."""


class FileTooLargeError(InvalidValueError, code=("EntityTooLarge", "Payload too large")):
    """The file is too large: make it smaller first."""
