"""Where things are: the cache, the embedded server's source, and a project's SQL."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from monogram_sdk.local._errors import FolderError

PACKAGE = Path(__file__).parent
SERVER_DIR = PACKAGE / "server"


def cache_dir() -> Path:
    """Return the folder for what can be downloaded or computed again: `$MONOGRAM_CACHE_DIR`, or the user's cache."""
    override = os.environ.get("MONOGRAM_CACHE_DIR")
    folder = Path(override) if override else platformdirs.user_cache_path("monogram", appauthor=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FolderError(
            f"The cache folder {folder} cannot be made: {error.strerror}. Set MONOGRAM_CACHE_DIR to a folder that can."
        ) from error
    return folder.absolute()


@dataclass(frozen=True)
class Project:
    """The database half of a project: a folder laid out as the `supabase` command wants it."""

    supabase_dir: Path

    @property
    def migrations_dir(self) -> Path:
        """The folder of the migrations, `<version>_<name>.sql`."""
        return self.supabase_dir / "migrations"

    @property
    def seed_path(self) -> Path:
        """The file with the data of a new database; it may be missing."""
        return self.supabase_dir / "seed.sql"

    @property
    def functions_dir(self) -> Path:
        """The folder of the edge functions; it may be missing."""
        return self.supabase_dir / "functions"

    @classmethod
    def find(cls, project: Path | None = None) -> Project:
        """Find the SQL to run: that of `project`, or Monogram's own.

        Args:
            project: A folder that contains `supabase/migrations`. When left out, the SQL that came with this package:
                `supabase/` of the checkout, or the copy inside an installed wheel.

        Raises:
            FolderError: There are no migrations there.
        """
        if project is not None:
            found = cls(Path(project).absolute() / "supabase")
            if not found.migrations_dir.is_dir():
                raise FolderError(
                    f"{project} has no folder supabase/migrations. Name the folder that contains `supabase`."
                )
            return found
        for candidate in (PACKAGE / "_supabase", PACKAGE.parent.parent / "supabase"):
            if (candidate / "migrations").is_dir():
                return cls(candidate)
        raise FolderError("This installation has no migrations. Install monogram-sdk again, or name a project folder.")
