"""Find the cache, the embedded server's source, and a project's SQL and functions."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from supabase_embedded.errors import FolderError

PACKAGE = Path(__file__).parent
SERVER_DIR = PACKAGE / "server"

# The distribution that contains this package.
INSTALL = "Install it with: pip install 'monogram-sdk[local]'"

_CACHE_VARIABLE = "SUPABASE_EMBEDDED_CACHE_DIR"


def cache_dir() -> Path:
    """Return the folder for files that can be downloaded or computed again, by default in the user's cache.

    The environment variable `SUPABASE_EMBEDDED_CACHE_DIR` overrides it.

    Raises:
        FolderError: It cannot be created.
    """
    override = os.environ.get(_CACHE_VARIABLE)
    folder = Path(override) if override else _user_cache()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FolderError(
            f"The cache folder {folder} cannot be created: {error.strerror}. "
            f"Set {_CACHE_VARIABLE} to a folder that you can write to."
        ) from error
    return folder.absolute()


def _user_cache() -> Path:
    import platformdirs

    return platformdirs.user_cache_path("supabase-embedded", appauthor=False)


@dataclass(frozen=True)
class Project:
    """A project's folder `supabase/`, laid out as for the `supabase` command."""

    supabase_dir: Path

    @property
    def migrations_dir(self) -> Path:
        """The folder of the migrations, `<version>_<name>.sql`."""
        return self.supabase_dir / "migrations"

    @property
    def seed_path(self) -> Path:
        """The file with the seed data of a new database; it may be missing."""
        return self.supabase_dir / "seed.sql"

    @property
    def functions_dir(self) -> Path:
        """The folder of the edge functions; it may be missing."""
        return self.supabase_dir / "functions"

    @classmethod
    def find(cls, folder: Path | None = None) -> Project:
        """Return the project of a folder.

        Args:
            folder: The folder that contains `supabase/migrations`; by default the working folder.

        Raises:
            FolderError: The folder has no `supabase/migrations`.
        """
        folder = Path.cwd() if folder is None else Path(folder)
        found = cls(folder.absolute() / "supabase")
        if not found.migrations_dir.is_dir():
            raise FolderError(
                f"{folder} has no folder supabase/migrations. Choose the folder that contains supabase with --project."
            )
        return found
