"""Monogram, as the embedded stack sees it. It is quick to import, because `monogram dev status` needs no more."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from supabase_embedded.application import Addresses, Application

if TYPE_CHECKING:
    from supabase_embedded import Project, Stack

_PACKAGE = Path(__file__).parent.parent


def _project() -> Path:
    """Return the folder that contains Monogram's `supabase/`: of the wheel, or else of the checkout."""
    packed = _PACKAGE / "_project"
    return packed if packed.exists() else _PACKAGE.parent


def _function_environment(addresses: Addresses) -> Mapping[str, str]:
    """Return where the function `deliver` sends emails: to the mailbox."""
    return {
        "SMTP_URL": addresses.smtp_url,
        "SMTP_SEARCH_URL": addresses.mailpit_url,
        "MAIL_FROM": "Monogram <newsletter@monogram.localhost>",
    }


def _check(project: Project, given: Mapping[str, str]) -> None:
    from monogram_sdk.local._mail_settings import check_mail_settings

    check_mail_settings(project, given)


def run_scheduled_jobs(stack: Stack, stopping: threading.Event) -> None:
    """Run what `pg_cron` would, once a minute."""
    from monogram_sdk.local._ticker import Ticker

    Ticker(stack.databases.dsn()).run(stopping)


def deliver(stack: Stack, stopping: threading.Event) -> None:
    """Call the functions that render pictures and newsletters and send emails, as soon as there is work for them."""
    if (stack.project.functions_dir / "deliver" / "index.ts").exists():
        from monogram_sdk.local._deliverer import Deliverer

        status = stack.status()
        Deliverer(stack.databases.dsn(), f"{status.api_url}/functions/v1", status.secret_key).run(stopping)


MONOGRAM = Application(
    name="Monogram",
    command="monogram dev",
    directory=Path(".monogram"),
    project=_project(),
    sender="Monogram <no-reply@monogram.localhost>",
    function_environment=_function_environment,
    check=_check,
    workers=(run_scheduled_jobs, deliver),
)
"""What Monogram adds to `supabase_embedded.Stack`; `dataclasses.replace()` makes a variant of it."""
