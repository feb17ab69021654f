"""Check a project's email settings before the stack starts."""

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
    """Check the email settings of edge functions as `deliver` does, which reports errors only in its log.

    Args:
        project: The project; its `supabase/functions/.env` overrides `given`.
        given: Other variables of the edge functions.

    Raises:
        FolderError: A setting is invalid; the message says which, and what it has to be.
    """
    folder = project.functions_dir
    check, file = folder / "_shared" / "deliver" / "check.ts", folder / ".env"
    settings = dict(given)
    if file.is_file():
        settings |= {name: value or "" for name, value in dotenv_values(file, interpolate=False).items()}
    settings = {name: value for name, value in settings.items() if name in _MAIL_SETTINGS}
    if not settings or not check.exists():
        return
    defaults = {"SMTP_URL": "smtp://127.0.0.1", "MAIL_FROM": "monogram@example.org"}
    command: list[str | Path] = [deno.executable(), "run", "--quiet", "--no-check", "--no-config", "--allow-env", check]
    environment = deno.environment() | defaults | settings
    checked = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if checked.returncode != 0:
        where = file if file.is_file() else "The email settings"
        raise FolderError(f"{where}: {(checked.stdout or checked.stderr).strip()[:1000]}")
