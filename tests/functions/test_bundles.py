"""What the platform makes of a function's code when it is deployed without Docker: all of it, in at most 5 MB."""

from __future__ import annotations

import json
import subprocess
import zlib
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from supabase_embedded.deno import environment, executable
from tests.functions.render.conftest import FUNCTIONS

NAMES = sorted(path.parent.name for path in FUNCTIONS.glob("*/index.ts"))

# The server replies with an unexplained 500 from about here on.
LARGEST = 4_000_000


def deno_info(*arguments: str) -> dict[str, Any]:
    reply = subprocess.run(
        [executable(), "info", "--json", *arguments],
        cwd=FUNCTIONS,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(reply.stdout)


@cache
def packages_folder() -> Path:
    return Path(deno_info()["npmCache"]) / "registry.npmjs.org"


@cache
def compressed(path: Path) -> int:
    return len(zlib.compress(path.read_bytes(), 9))


def parts(name: str) -> dict[str, int]:
    """Return the compressed size of every module of a function, and of every file of the packages that it names."""
    info = deno_info(f"{name}/index.ts")
    sizes = {}
    wanted = []
    for module in info["modules"]:
        if module["kind"] == "npm":
            wanted.append(module["npmPackage"])
        elif module["specifier"].startswith("file:"):
            path = Path(unquote(urlsplit(module["specifier"]).path))
            sizes[str(path.relative_to(FUNCTIONS))] = compressed(path)
    found: set[str] = set()
    while wanted:
        if (key := wanted.pop()) in found:
            continue
        found.add(key)
        package = info["npmPackages"][key]
        wanted += package["dependencies"]
        folder = packages_folder() / package["name"] / package["version"]
        sizes[key] = sum(compressed(path) for path in folder.rglob("*") if path.is_file())
    return sizes


@pytest.mark.parametrize("name", NAMES)
def test_a_function_fits_the_server(name: str) -> None:
    sizes = parts(name)
    largest = sorted(sizes.items(), key=lambda item: -item[1])[:12]
    assert sum(sizes.values()) < LARGEST, (sum(sizes.values()), largest)


def test_typesetting_is_there_once_and_loaded_when_it_is_wanted() -> None:
    """The check above would also pass for a function that has lost its typefaces."""
    assert "_shared/render/pdf/libraries.generated.js" in parts("newsletter")
    assert not any(part.startswith(("pdfkit", "fontkit", "@fontsource")) for part in parts("newsletter"))
