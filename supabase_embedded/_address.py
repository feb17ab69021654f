"""The address of a database server, and how to log in."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import quote

from supabase_embedded._ports import LOOPBACK

SUPERUSER = "supabase_admin"
"""The bootstrap superuser, named as on the platform. Migrations run as `postgres`, which is not a superuser."""


@dataclass(frozen=True)
class ServerAddress:
    """The address of a server, with the password of its superuser."""

    port: int
    password: str = field(repr=False)
    """The superuser's password."""

    def dsn(self, database: str = "postgres", *, user: str = SUPERUSER, password: str | None = None) -> str:
        """Return a connection URL, by default the superuser's.

        Args:
            database: The database to connect to.
            user: The role to connect as.
            password: The role's password; by default the superuser's.
        """
        secret = quote(password if password is not None else self.password, safe="")
        return f"postgresql://{quote(user, safe='')}:{secret}@{LOOPBACK}:{self.port}/{quote(database, safe='')}"
