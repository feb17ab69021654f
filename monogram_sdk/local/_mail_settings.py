"""Look at a project's settings of email before the stack starts."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from supabase_embedded import FolderError, Project, deno

_MAIL_SETTINGS = frozenset(
    {"MAIL_FROM", "MAIL_REPLY_TO", "SMTP_URL", "RESEND_API_KEY", "APP_URL", "UNSUBSCRIBE_URL", "NEWSLETTER_URL"}
)


def check_mail_settings(project: Project, given: Mapping[str, str]) -> None:
    """Check what functions are told of mail, as `deliver` will, which says so in its log only.

    Args:
        project: The project; its `supabase/functions/.env` overrides what is given.
        given: What they are told besides.

    Raises:
        FolderError: A setting is damaged; the message says which, and what it has to be.
    """
    folder = project.functions_dir
    check, file = folder / "_shared" / "deliver" / "check.ts", folder / ".env"
    told = dict(given)
    if file.is_file():
        told |= {name: value or "" for name, value in dotenv_values(file, interpolate=False).items()}
    told = {name: value for name, value in told.items() if name in _MAIL_SETTINGS}
    if not told or not check.exists():
        return
    usual = {"SMTP_URL": "smtp://127.0.0.1", "MAIL_FROM": "monogram@example.org"}
    command: list[str | Path] = [deno.executable(), "run", "--quiet", "--no-check", "--no-config", "--allow-env", check]
    environment = deno.environment() | usual | told
    checked = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if checked.returncode != 0:
        where = file if file.is_file() else "The settings of mail"
        raise FolderError(f"{where}: {(checked.stdout or checked.stderr).strip()[:1000]}")
