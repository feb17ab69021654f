"""`monogram ledger verify` and `monogram verify FILE`: check whether the ledger or a newsletter was tampered with.

Both need the project's secret key, from SUPABASE_URL and SUPABASE_SECRET_KEY in the environment or a .env file.

Exit codes: 0 everything is as it was written, or was changed on purpose and says so; 1 something is wrong (for example,
the copy is altered), or the check failed, with one message on standard error; 2 wrong usage; 3 nothing is known to be
wrong, but it is not certain that the copy is the newsletter (for example, a browser saved the page in its own way, or
the newsletter was deleted).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer
from rich.console import Console

from monogram_sdk.cli._compare_copies import Comparison, Outcome, compare, marks_of
from monogram_sdk.cli._output import print_error

if TYPE_CHECKING:
    from monogram_sdk import MonogramError
    from monogram_sdk.models import NewsletterVerification

app = typer.Typer(help="Check the ledger. Needs the project's secret key.", no_args_is_help=True)

_out = Console(highlight=False)
_err = Console(stderr=True, highlight=False)

_MARK = re.compile(
    r"monogram:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):([0-9A-Z]{5}(?:-[0-9A-Z]{5}){3}):([0-9a-f]{64})"
    r"(?::([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}))?"
)

_PROBLEMS = {
    "balance": "the balance is not the sum of the transactions, or differs from the newest transaction",
    "running_balance": "the balance after this transaction does not follow from the one before it",
    "chain": "this transaction was changed, or one before it is missing",
    "head": "transactions at the end of the ledger are missing, or were added",
    "checkpoint": "transactions that were checked earlier are missing",
    "gift": "the gift does not have exactly two entries, or an entry has no gift",
    "purchase": "the purchase does not have exactly one entry, or an entry has no purchase",
    "no_account": "this transaction does not belong to an account",
}

_NOT_CERTAIN = 3
"""The exit code if it is not certain whether a copy is genuine or altered."""

_NOT_CERTAIN_OUTCOMES = (Outcome.SAME_LETTER, Outcome.SAME_WORDS_ONLY, Outcome.DRAWN_ANEW)

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


@dataclass(frozen=True)
class Mark:
    """The mark in a newsletter's page and PDF; that of a keepsake also has the response."""

    newsletter_id: UUID
    code: str
    ledger_root: str
    response_id: UUID | None = None


@app.callback()
def ledger() -> None:
    """Check the ledger. Needs the project's secret key."""


@app.command()
def verify(
    recent: Annotated[bool, typer.Option("--recent", help="Only what was posted since the last daily check.")] = False,
    json: Json = False,
) -> None:
    """Check balances, running balances, the chain of hashes, and gifts and purchases with their entries.

    --json prints one object: "whole" is true or false, and "faults" is a list, empty if the ledger is whole.
    """
    from monogram_sdk import Monogram, errors

    try:
        with Monogram.admin_client() as client:
            faults = client.admin.verify_ledger(complete=not recent).all()
    except errors.MonogramError as error:
        raise _stop(error) from None
    if json:
        found = {"whole": not faults, "faults": [fault.model_dump(mode="json") for fault in faults]}
        _out.print(dumps(found), markup=False, soft_wrap=True)
    else:
        for fault in faults:
            of = f" {fault.subject_id}" if fault.subject_id else ""
            what = (
                f"{fault.problem}{of} (person {fault.user_id or 'unknown'}): {_PROBLEMS.get(fault.problem, 'unknown')}."
            )
            _out.print(what, markup=False, soft_wrap=True)
    if faults:
        hint = "" if json else " --json prints what was expected and found."
        _err.print(f"monogram: the ledger has {len(faults)} faults.{hint}", markup=False, style="red", soft_wrap=True)
        raise typer.Exit(1)
    if not json:
        _out.print("The ledger is whole.")


def verify_newsletter(
    file: Annotated[Path, typer.Argument(help="A copy of a newsletter: its page (.html) or its PDF.")],
    json: Json = False,
) -> None:
    """Check whether a copy of a newsletter is what was published.

    Accepts a page as served at its URL, at a reading link or by newsletters.html(), a PDF of any size and paper, and a
    keepsake. A genuine copy is the same byte for byte, apart from line ends and a browser's comment "saved from url".
    The result is "cannot be told" for a page that a browser saved with "Save page as" and changed only as browsers do,
    for a PDF that another program saved or printed, and for a page with a link to a newsletter that the project does
    not have. Any other copy is "altered".

    Exit codes: 0 genuine; 1 altered, tampered, unknown, or the check failed; 3 it cannot be told. In the output of
    --json, "copy" is SAME, SAME_LINES, SAME_LETTER (apart from a link), SAME_WORDS_ONLY (saved by a program),
    DRAWN_ANEW (a PDF), ALTERED, or null if there is nothing to compare with. Needs the project's secret key.
    """
    from monogram_sdk import Monogram, errors

    content = read(file)
    mark = read_mark(file, content)
    compared: Comparison | None = None
    failure: errors.MonogramError | None = None
    try:
        with Monogram.admin_client() as client:
            found = client.admin.verify_newsletter(
                mark.code, newsletter_id=mark.newsletter_id, ledger_root=mark.ledger_root
            )
            if found.status in ("INTACT", "ACCOUNT_CLOSED"):
                try:
                    compared = compare(client, mark.newsletter_id, content, response_id=mark.response_id)
                except errors.MonogramError as error:
                    failure = error
    except errors.MonogramError as error:
        raise _stop(error) from None
    if json:
        result = found.model_dump(mode="json") | {"copy": compared.outcome.value if compared else None}
        _out.print(dumps(result), markup=False, soft_wrap=True)
    else:
        _out.print(sentence(found, compared), markup=False, soft_wrap=True)
    if failure is not None:
        _err.print("monogram: The file could not be compared:", markup=False, style="red", soft_wrap=True)
        raise _stop(failure)
    if not found.is_trustworthy or (compared is not None and compared.outcome is Outcome.ALTERED):
        raise typer.Exit(1)
    if compared is None or compared.outcome in _NOT_CERTAIN_OUTCOMES:
        raise typer.Exit(_NOT_CERTAIN)


def read(file: Path) -> bytes:
    """Return the content of a file.

    Raises:
        typer.Exit: The file cannot be read.
    """
    try:
        return file.read_bytes()
    except OSError as error:
        _err.print(f"monogram: {file}: {error.strerror}", markup=False, style="red", soft_wrap=True)
        raise typer.Exit(1) from None


def read_mark(file: Path, content: bytes) -> Mark:
    """Return the mark in a newsletter's file.

    Raises:
        typer.Exit: The file is not a published newsletter with a code.
    """
    marks = {found.groups() for found in map(_MARK.fullmatch, marks_of(content)) if found is not None}
    if len(marks) != 1:
        what = "contains the codes of several newsletters" if marks else "contains no code of a newsletter"
        _err.print(
            f"monogram: {file} {what}. Pass the page or the PDF as Monogram made it. Drafts, copies that were fetched "
            "before the pictures were ready, and pages that a browser printed or saved as .mhtml contain no code.",
            markup=False, style="red", soft_wrap=True,
        )  # fmt: skip
        raise typer.Exit(1)
    ((newsletter_id, code, root, response_id),) = marks
    return Mark(UUID(newsletter_id), code, root, UUID(response_id) if response_id else None)


def sentence(found: NewsletterVerification, compared: Comparison | None = None) -> str:
    """Return the result in words: the state of the newsletter, and how the copy compares with it."""
    closed = f"{found.closed_accounts} of {found.members} members have deleted their accounts since"
    redacted = f"Text was removed on purpose on {found.redacted_at:%Y-%m-%d}" if found.redacted_at else ""
    not_compared = "The text of this copy was not compared: the project does not have it any more."
    if compared is not None and compared.outcome is Outcome.ALTERED:
        what = f"altered. This copy differs from the project's: {compared.difference}. The project's own is untouched."
    elif compared is not None and compared.outcome is Outcome.SAME_WORDS_ONLY:
        what = (
            "cannot be told. The text and links of this copy are those of the published newsletter, but its markup is "
            f"not, so it may look different. {compared.difference}."
        )
    elif compared is not None and compared.outcome is Outcome.SAME_LETTER:
        what = f"cannot be told. {compared.difference}."
    elif compared is not None and compared.outcome is Outcome.DRAWN_ANEW:
        what = (
            "cannot be told. This PDF is drawn differently from the project's, so what it shows cannot be compared. "
            f"{compared.difference}."
        )
    else:
        what = {
            "INTACT": f"redacted. {redacted}, before this copy."
            if redacted
            else "intact. The project has what was published.",
            "ACCOUNT_CLOSED": f"redacted. {redacted}, before this copy; {closed}."
            if redacted
            else f"account closed. The project has what was published; {closed}.",
            "REDACTED": f"redacted. {redacted}, after this copy. {not_compared}",
            "DELETED": f"deleted. It was published, and the newsletter has been deleted since. {not_compared}",
            "CHANGED": "tampered. The newsletter in the database is not what was published.",
            "LEDGER_CHANGED": f"tampered. {found.changed_ledgers or 'Some'} of {found.members} ledgers that its code "
            "covers were rewritten.",
            "UNKNOWN": "unknown. This project has published no newsletter with the code of this copy.",
        }[found.status]
    if compared is not None and compared.outcome is Outcome.SAME:
        what += " This copy is the same, byte for byte."
    elif compared is not None and compared.outcome is Outcome.SAME_LINES:
        what += " This copy is the same, apart from line ends and invisible additions by the program that saved it."
    if compared is not None and compared.lacks_pictures:
        what += " Its pictures are in other files and were not compared."
    return _name(found) + what


def _name(found: NewsletterVerification) -> str:
    """Return the title of the newsletter; empty if the title in the database may be forged."""
    if not found.title or found.status == "CHANGED":
        return ""
    week = f"week {found.week_number}"
    return f"{found.title}: " if found.title.endswith(week) else f"{found.title}, {week}: "


def _stop(error: MonogramError) -> typer.Exit:
    print_error(error)
    return typer.Exit(1)
