"""What a project says about its edge functions: `[functions.<name>]` in its config.toml."""

from __future__ import annotations

import tomllib
from typing import cast

from monogram_sdk.local._errors import FolderError
from monogram_sdk.local._paths import Project

Settings = dict[str, bool | str]


def settings(project: Project) -> dict[str, Settings]:
    """Read the settings of each function that has some, with absolute paths.

    A function that is not mentioned has the platform's defaults: `verify_jwt = true`.

    Raises:
        FolderError: The file is damaged.
    """
    path = project.supabase_dir / "config.toml"
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FolderError(f"{path} is no TOML: {error}") from error
    functions = cast("dict[str, dict[str, object]]", content.get("functions", {}))
    return {name: _of(project, given) for name, given in functions.items()}


def _of(project: Project, given: dict[str, object]) -> Settings:
    known: Settings = {name: bool(given.get(name, True)) for name in ("verify_jwt", "enabled")}
    for name in ("entrypoint", "import_map"):
        if name in given:
            known[name] = str((project.supabase_dir / str(given[name])).resolve())
    return known
