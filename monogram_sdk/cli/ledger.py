"""`monogram ledger verify` and `monogram verify FILE`: whether anybody changed what was written.

Both ask the project with its secret key, from SUPABASE_URL and SUPABASE_SECRET_KEY in the environment or a .env file.

Exit codes: 0 all is as it was written, or was changed on purpose and says so; 1 something is wrong (as a copy that
is altered), or it could not be found out, and one message on standard error says why; 2 the command was written
wrongly; 3 nothing is known to be wrong, but whether the copy is the newsletter cannot be told (as of a page that a
browser saved in its own way, or where the newsletter was deleted since).
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

from monogram_sdk.cli._copies import Comparison, Outcome, compare, marks_of
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
    "balance": "the balance is not the sum of the transactions, or not what the newest one says",
    "running_balance": "the balance after this transaction does not follow from the one before",
    "chain": "this transaction is not what was written, or something before it is missing",
    "head": "the end of the ledger is missing, or was added to",
    "checkpoint": "what was checked earlier is not there any more",
    "gift": "the gift has not exactly its two entries, or an entry has no gift",
    "purchase": "the purchase has not exactly its one entry, or an entry has no purchase",
    "no_account": "this is a transaction of nobody",
}

_CANNOT_BE_TOLD = 3
"""The exit code where nothing says that a copy is altered, and nothing that it is not."""

_UNTOLD = (Outcome.SAME_LETTER, Outcome.SAME_WORDS_ONLY, Outcome.DRAWN_ANEW)

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


@dataclass(frozen=True)
class Mark:
    """What a newsletter's page and PDF hold for programs; a keepsake has the response, too."""

    newsletter_id: UUID
    code: str
    ledger_root: str
    response_id: UUID | None = None


@app.callback()
def ledger() -> None:
    """Check the ledger. Needs the project's secret key."""


@app.command()
def verify(
    recent: Annotated[
        bool, typer.Option("--recent", help="Only what was posted since the check that runs daily.")
    ] = False,
    json: Json = False,
) -> None:
    """Check balances, running balances, the chain of hashes, and gifts and purchases with their entries.

    What --json prints is one object: "whole" is true or false, "faults" a list, empty where all is whole.
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
    file: Annotated[Path, typer.Argument(help="The page (.html) or the PDF of a newsletter that somebody kept.")],
    json: Json = False,
) -> None:
    """Say whether a newsletter that somebody kept is what was published.

    Takes a page as its address, a reading link or newsletters.html() gave it, a PDF of any size and paper, and a
    keepsake. These are genuine byte for byte; line ends, and the comment "saved from url" of a browser, may differ.
    "cannot be told" is a page that a browser saved by "Save page as" and changed only as browsers do, a PDF that
    another program saved or drew anew, and a page that leads to a newsletter that the project does not have. Any
    other copy is "altered".

    Exit codes: 0 genuine; 1 altered, tampered, unknown, or it could not be found out; 3 it cannot be told. In what
    --json prints, "copy" is SAME, SAME_LINES, SAME_LETTER (but for a link around it), SAME_WORDS_ONLY (saved anew),
    DRAWN_ANEW (a PDF), ALTERED, or null where there is nothing to compare with. Needs the project's secret key.
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
        answer = found.model_dump(mode="json") | {"copy": compared.outcome.value if compared else None}
        _out.print(dumps(answer), markup=False, soft_wrap=True)
    else:
        _out.print(sentence(found, compared), markup=False, soft_wrap=True)
    if failure is not None:
        _err.print("monogram: The file could not be compared:", markup=False, style="red", soft_wrap=True)
        raise _stop(failure)
    if not found.is_trustworthy or (compared is not None and compared.outcome is Outcome.ALTERED):
        raise typer.Exit(1)
    if compared is None or compared.outcome in _UNTOLD:
        raise typer.Exit(_CANNOT_BE_TOLD)


def read(file: Path) -> bytes:
    """Return what is in a file.

    Raises:
        typer.Exit: The file cannot be read.
    """
    try:
        return file.read_bytes()
    except OSError as error:
        _err.print(f"monogram: {file}: {error.strerror}", markup=False, style="red", soft_wrap=True)
        raise typer.Exit(1) from None


def read_mark(file: Path, content: bytes) -> Mark:
    """Return what a newsletter's file says that it is.

    Raises:
        typer.Exit: It is no newsletter that was published with a code.
    """
    marks = {found.groups() for found in map(_MARK.fullmatch, marks_of(content)) if found is not None}
    if len(marks) != 1:
        what = "holds the codes of several newsletters" if marks else "holds no code of a newsletter"
        _err.print(
            f"monogram: {file} {what}: pass the page or the PDF as Monogram made it. A draft has none, nor has a copy "
            "that was fetched before its pictures were made; and what a browser printed, or saved as .mhtml, does not "
            "hold it.",
            markup=False, style="red", soft_wrap=True,
        )  # fmt: skip
        raise typer.Exit(1)
    ((newsletter_id, code, root, response_id),) = marks
    return Mark(UUID(newsletter_id), code, root, UUID(response_id) if response_id else None)


def sentence(found: NewsletterVerification, compared: Comparison | None = None) -> str:
    """Return what became of a newsletter, and what of this copy was compared with it, for people."""
    closed = f"{found.closed_accounts} of {found.members} members have deleted their accounts since"
    redacted = f"Words were taken out on purpose on {found.redacted_at:%Y-%m-%d}" if found.redacted_at else ""
    not_compared = "The words of this copy were not compared: the project does not have them any more."
    if compared is not None and compared.outcome is Outcome.ALTERED:
        what = (
            f"altered. This copy is not what the project shows: {compared.difference}. The project's own is untouched."
        )
    elif compared is not None and compared.outcome is Outcome.SAME_WORDS_ONLY:
        what = (
            "cannot be told. The words and links of this copy are those of the published newsletter, its markup is "
            f"not: what a browser or a reader shows of it may differ. {compared.difference}."
        )
    elif compared is not None and compared.outcome is Outcome.SAME_LETTER:
        what = f"cannot be told. {compared.difference}."
    elif compared is not None and compared.outcome is Outcome.DRAWN_ANEW:
        what = (
            "cannot be told. This PDF is drawn in another way than the project's, so nothing is known of what it "
            f"shows. {compared.difference}."
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
            "DELETED": f"deleted. It was published, and the newsletter is gone since. {not_compared}",
            "CHANGED": "tampered. What the database has is not what was published.",
            "LEDGER_CHANGED": f"tampered. {found.changed_ledgers or 'Some'} of {found.members} ledgers that it stands "
            "for were written anew.",
            "UNKNOWN": "unknown. This project has published no newsletter with the code of this copy.",
        }[found.status]
    if compared is not None and compared.outcome is Outcome.SAME:
        what += " This copy is the same, byte for byte."
    elif compared is not None and compared.outcome is Outcome.SAME_LINES:
        what += " This copy is the same but for line ends and what programs add when they save it, which nobody sees."
    if compared is not None and compared.lacks_pictures:
        what += " Its pictures are in other files, and were not compared."
    return _name(found) + what


def _name(found: NewsletterVerification) -> str:
    """Return which newsletter it is; not where the database has another title than the one that was published."""
    if not found.title or found.status == "CHANGED":
        return ""
    week = f"week {found.week_number}"
    return f"{found.title}: " if found.title.endswith(week) else f"{found.title}, {week}: "


def _stop(error: MonogramError) -> typer.Exit:
    print_error(error)
    return typer.Exit(1)
