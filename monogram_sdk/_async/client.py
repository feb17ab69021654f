"""The client."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, NoReturn, Self

from monogram_sdk._config import Options, resolve
from monogram_sdk._forks import importing
from monogram_sdk._lazy import late
from monogram_sdk.errors import ConfigError
from monogram_sdk.session_storage import AnySessionStorage

if TYPE_CHECKING:
    import httpx

    from .admin import AsyncAdminAPI
    from .auth import AsyncAuthAPI
    from .badges import AsyncBadgesAPI
    from .live import AsyncLiveAPI
    from .mails import AsyncMailsAPI
    from .newsletters import AsyncNewslettersAPI
    from .notifications import AsyncNotificationsAPI
    from .profiles import AsyncProfilesAPI
    from .prompts import AsyncPromptsAPI
    from .responses import AsyncResponsesAPI
    from .settings import AsyncSettingsAPI
    from .spaces import AsyncSpacesAPI
    from .store import AsyncStoreAPI
    from .tokens import AsyncTokensAPI

TIMEOUT_SECONDS = 30.0
RETRIES = 3


class AsyncMonogram:
    """A client for a Monogram project, for one person or for one service.

    Without arguments, the project comes from the environment or from ``.env`` in the working folder: ``SUPABASE_URL``
    and ``SUPABASE_PUBLISHABLE_KEY`` (or the older ``SUPABASE_ANON_KEY``). The secret key is never used unless it is
    asked for, by `admin_client` or by passing it as ``key``.

        async with AsyncMonogram() as client:
            await client.auth.sign_in_with_password(email="ada@example.com", password="...")
            space = await client.spaces.create(name="Test Book Club")

    A client may be used by many tasks at once. Close it when you are done, or use it in ``async with``.

    Args:
        url: The project's URL.
        key: The project's publishable key, or a secret one to act as a service.
        timeout: The deadline of a call in seconds, retries included. Files get more time by their size.
        retries: How often a call is retried at most, when that can do no harm.
        session_storage: Where to keep the session; in memory unless given.
        transport: A transport of httpx to send with, such as one with certificates of your own. You close it yourself.
            After a fork, the child process needs one of its own.
        allow_secret_over_http: Whether a secret key may be sent unencrypted to another machine, in a trusted network.
        allow_url_from_env_file: Whether a secret key that does not come from ``.env`` in the working folder may be sent
            to the URL in that file.

    Raises:
        ConfigError: The URL or the key is missing or malformed.
    """

    def __init__(
        self,
        *,
        url: str | None = None,
        key: str | None = None,
        timeout: float = TIMEOUT_SECONDS,
        retries: int = RETRIES,
        session_storage: AnySessionStorage | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        allow_secret_over_http: bool = False,
        allow_url_from_env_file: bool = False,
    ) -> None:
        config = resolve(
            url,
            key,
            secret=False,
            allow_secret_over_http=allow_secret_over_http,
            allow_url_from_env_file=allow_url_from_env_file,
        )
        options = Options(timeout=timeout, retries=retries)
        with importing():
            from ._wiring import connect

        self._core = connect(config, options, session_storage, transport)

    def __reduce__(self) -> NoReturn:
        raise ConfigError(
            "A client cannot be copied or sent to another process, because of its connections and its session.",
            hint="Make a client in each process. Processes of one person can share a FileSessionStorage.",
        )

    @classmethod
    def admin_client(
        cls,
        *,
        url: str | None = None,
        key: str | None = None,
        timeout: float = TIMEOUT_SECONDS,
        retries: int = RETRIES,
        transport: httpx.AsyncBaseTransport | None = None,
        allow_secret_over_http: bool = False,
        allow_url_from_env_file: bool = False,
    ) -> Self:
        """Make a client with a secret key, which bypasses the access rules. For servers only.

        Without arguments, the key comes from ``SUPABASE_SECRET_KEY`` (or the older ``SUPABASE_SERVICE_ROLE_KEY``).
        Nobody can sign in on such a client.

        Args:
            url: The project's URL.
            key: The secret key.
            timeout: The deadline of a call in seconds, retries included.
            retries: How often a call is retried at most.
            transport: A transport of httpx to send with. You close it yourself.
            allow_secret_over_http: Whether the key may be sent unencrypted to another machine, in a trusted network.
            allow_url_from_env_file: Whether a key that does not come from ``.env`` in the working folder may be sent to
                the URL in that file.

        Raises:
            ConfigError: The URL or the key is missing or malformed, or the key is not secret.
        """
        config = resolve(
            url,
            key,
            secret=True,
            allow_secret_over_http=allow_secret_over_http,
            allow_url_from_env_file=allow_url_from_env_file,
        )
        return cls(
            url=config.url,
            key=config.key,
            timeout=timeout,
            retries=retries,
            transport=transport,
            allow_secret_over_http=allow_secret_over_http,
        )

    def with_options(self, *, timeout: float | None = None, retries: int | None = None) -> Self:
        """Return a client with other options that shares the connections and the session of this one.

            await client.with_options(timeout=120).newsletters.generate(space.id)

        Closing it does nothing; the first client closes the connections.

        Args:
            timeout: The deadline of a call in seconds, retries included; by default that of this client.
            retries: How often a call is retried at most; by default as often as in this client.
        """
        present = self._core.engine.options
        options = Options(
            timeout=present.timeout if timeout is None else timeout,
            retries=present.retries if retries is None else retries,
        )
        client = self.__class__.__new__(self.__class__)
        client._core = self._core.with_options(options)
        return client

    @property
    def url(self) -> str:
        """The project's URL."""
        return self._core.engine.config.url

    @property
    def is_admin(self) -> bool:
        """Whether this client has a secret key."""
        return self._core.engine.config.is_secret

    async def aclose(self) -> None:
        """Close the connections. Later calls raise `ClientClosedError`. The session stays in its storage."""
        if self._core.owns_connections:
            await self._core.socket.aclose()
            await self._core.engine.network.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(url={self.url!r}{', is_admin=True' if self.is_admin else ''})"

    # Resources; the module of each is imported when it is first used --------------------------------------------------

    @late
    def admin(self) -> AsyncAdminAPI:
        """Accounts and operations; needs a secret key."""
        from .admin import AsyncAdminAPI

        return AsyncAdminAPI(self._core.engine, self._core.service)

    @late
    def auth(self) -> AsyncAuthAPI:
        """Sign up, sign in, and who is signed in."""
        from .auth import AsyncAuthAPI

        return AsyncAuthAPI(self._core.engine, self._core.service)

    @late
    def badges(self) -> AsyncBadgesAPI:
        """Badges that can be earned, and those that you have."""
        from .badges import AsyncBadgesAPI

        return AsyncBadgesAPI(self._core.engine)

    @late
    def live(self) -> AsyncLiveAPI:
        """Events in spaces as they happen, and who is present."""
        from .live import AsyncLiveAPI

        return AsyncLiveAPI(self._core.engine, self._core.socket)

    @late
    def mails(self) -> AsyncMailsAPI:
        """Sending emails with a program of your own; needs a secret key."""
        from .mails import AsyncMailsAPI

        return AsyncMailsAPI(self._core.engine)

    @late
    def newsletters(self) -> AsyncNewslettersAPI:
        """Make, publish and read newsletters."""
        from .newsletters import AsyncNewslettersAPI

        return AsyncNewslettersAPI(self._core.engine)

    @late
    def notifications(self) -> AsyncNotificationsAPI:
        """Your notifications."""
        from .notifications import AsyncNotificationsAPI

        return AsyncNotificationsAPI(self._core.engine)

    @late
    def profiles(self) -> AsyncProfilesAPI:
        """The person who is signed in, as others see them."""
        from .profiles import AsyncProfilesAPI

        return AsyncProfilesAPI(self._core.engine, self._core.files)

    @late
    def prompts(self) -> AsyncPromptsAPI:
        """The curator's questions."""
        from .prompts import AsyncPromptsAPI

        return AsyncPromptsAPI(self._core.engine)

    @late
    def responses(self) -> AsyncResponsesAPI:
        """Members' responses to prompts."""
        from .responses import AsyncResponsesAPI

        return AsyncResponsesAPI(self._core.engine, self._core.files)

    @late
    def settings(self) -> AsyncSettingsAPI:
        """Your settings."""
        from .settings import AsyncSettingsAPI

        return AsyncSettingsAPI(self._core.engine)

    @late
    def spaces(self) -> AsyncSpacesAPI:
        """Spaces, their members, invites and rotation."""
        from .spaces import AsyncSpacesAPI

        return AsyncSpacesAPI(self._core.engine, self._core.files)

    @late
    def store(self) -> AsyncStoreAPI:
        """What tokens can buy."""
        from .store import AsyncStoreAPI

        return AsyncStoreAPI(self._core.engine)

    @late
    def tokens(self) -> AsyncTokensAPI:
        """The balance, the ledger behind it, and gifts."""
        from .tokens import AsyncTokensAPI

        return AsyncTokensAPI(self._core.engine)
