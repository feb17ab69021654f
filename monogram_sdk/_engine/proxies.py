"""The proxy that the environment names for a project (``HTTPS_PROXY``, ``ALL_PROXY``, ``NO_PROXY`` and so on)."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from monogram_sdk._config import ascii_host
from monogram_sdk.errors import ConfigError

if TYPE_CHECKING:
    import httpcore

_SCHEMES = ("http", "https", "socks5", "socks5h")
_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy.

    Attributes:
        scheme: ``http``, ``https``, ``socks5`` or ``socks5h``.
        host: Its host, as ASCII.
        port: Its port.
        auth: User name and password, if the proxy asks for them.
    """

    scheme: str
    host: str
    port: int
    auth: tuple[str, str] | None = field(default=None, repr=False)

    @property
    def is_socks(self) -> bool:
        """Whether it speaks SOCKS rather than HTTP."""
        return self.scheme.startswith("socks")

    def check_installed(self, package: str) -> None:
        """Check that the package for SOCKS is installed, if this is a SOCKS proxy.

        Raises:
            ConfigError: It is not installed.
        """
        if self.is_socks and find_spec(package) is None:
            raise ConfigError(
                "The environment names a SOCKS proxy, and the package that supports SOCKS is not installed.",
                hint="Install it: pip install 'monogram-sdk[socks]'. Or add the project's host to NO_PROXY.",
            )

    def for_pool(self) -> httpcore.Proxy:
        """Return it in the form that httpcore takes."""
        import httpcore

        url = httpcore.URL(scheme=self.scheme.encode(), host=self.host.encode(), port=self.port, target=b"/")
        auth = None if self.auth is None else (self.auth[0].encode(), self.auth[1].encode())
        return httpcore.Proxy(url, auth)

    def for_websockets(self) -> str:
        """Return it in the form that the library websockets takes."""
        user = "" if self.auth is None else f"{quote(self.auth[0], safe='')}:{quote(self.auth[1], safe='')}@"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{user}{host}:{self.port}"


def environment_proxy(url: str) -> Proxy | None:
    """Return the proxy that the environment or the system names for a URL.

    Raises:
        ConfigError: The value is not the address of a proxy, or the proxy is of a kind that is not supported.
    """
    parts = urlsplit(url)
    proxies = getproxies()
    exceptions = proxies.get("no")
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    if (_is_excepted(host, port, exceptions) if exceptions is not None else proxy_bypass(host)) is True:
        return None
    for name in (parts.scheme, "all"):
        if value := (proxies.get(name) or "").strip():
            return _read(value, f"{name.upper()}_PROXY")
    return None


def _is_excepted(host: str, port: int, exceptions: str) -> bool:
    """Return True if ``NO_PROXY`` names a host: itself, a domain above it, a network that it is in, or ``*``."""
    host = host.lower().rstrip(".")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        address = None
    for entry in re.split(r"[,\s]+", exceptions.lower()):
        name = entry.strip().rpartition("://")[2]
        if name == "*":
            return True
        if address is not None and "/" in name:
            try:
                if address in ipaddress.ip_network(name, strict=False):
                    return True
            except ValueError:  # not a network
                pass
            continue
        wanted, colon, at = name.rpartition(":")
        # In an IPv6 address without brackets the colons are its own.
        if colon and at.isdecimal() and (":" not in wanted or wanted.endswith("]")):
            if int(at) != port:
                continue
            name = wanted
        name = name.strip("[]").lstrip("*").strip(".")
        if name and (host == name or host.endswith(f".{name}")):
            return True
    return False


def _read(value: str, variable: str) -> Proxy:
    address = value if "://" in value else f"http://{value}"
    try:
        parts = urlsplit(address)
        port = parts.port
        host = ascii_host(parts.hostname or "")
        user, password = unquote(parts.username or "", errors="strict"), unquote(parts.password or "", errors="strict")
        (user + password).encode()
    except ValueError as exc:
        raise _malformed(variable) from exc
    if parts.scheme not in _SCHEMES:
        raise ConfigError(
            f"{variable} names a proxy of the kind {parts.scheme!r}, which is not supported.",
            hint=f"Use one of {', '.join(_SCHEMES)}, or add the project's host to NO_PROXY.",
        )
    if not host or port == 0 or not host.isascii():
        raise _malformed(variable)
    auth = (user, password) if parts.username is not None else None
    return Proxy(parts.scheme, host, port or _PORTS[parts.scheme], auth)


def _malformed(variable: str) -> ConfigError:
    # Without the value, which may hold a password.
    return ConfigError(
        f"{variable} is not the address of a proxy.",
        hint="An address looks like http://proxy.example:3128. Correct the variable, or unset it.",
    )
