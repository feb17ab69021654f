"""Errors that the client finds itself: its configuration, the network, and replies that cannot be used."""

from __future__ import annotations

from ._base import MonogramError

# The program or its environment -------------------------------------------------------------------------------------


class ConfigError(MonogramError):
    """The client is not configured for this call: check its arguments and the environment."""


class SecretKeySessionError(ConfigError):
    """Nobody can sign in on a client with a secret key: make another client, with the publishable key, to sign in.

    A secret key bypasses every access rule. If one client could have both, it would depend on the order of calls
    whether a request is sent with the rights of the person or with those of the service.
    """


class SecretKeyRequiredError(ConfigError):
    """This call needs a secret key: make a client with `admin_client()`."""


class MigrationsMissingError(ConfigError, code=("PGRST202", "PGRST205", "PGRST204", "42P01", "42703", "42883")):
    """The project's database lacks what this call needs: apply Monogram's migrations, or update the SDK."""


class ClientClosedError(ConfigError):
    """The client has been closed: make a new one."""


# No reply -----------------------------------------------------------------------------------------------------------


class TransportError(MonogramError):
    """No reply came from the server: check the network, and try again."""


class ConnectionFailedError(TransportError):
    """The server could not be reached, or the connection was lost: check the network, and try again."""


class DeadlineExceededError(TransportError):
    """The call took longer than its deadline: allow more time with `with_options(timeout=...)`."""


# A reply that cannot be used ----------------------------------------------------------------------------------------


class ReplyError(MonogramError):
    """The server's reply cannot be used: update the SDK or the project's migrations, whichever is older."""


class InvalidReplyError(ReplyError):
    """The server's reply does not fit the SDK's model: update the SDK or the project's migrations."""


class TruncatedReplyError(ReplyError):
    """The server cut its reply at the row limit: ask for fewer rows."""
