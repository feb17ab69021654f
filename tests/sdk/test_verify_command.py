"""`monogram verify FILE`: copies of newsletters."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from pypdf import PdfWriter
from typer.testing import CliRunner

from monogram_sdk import Monogram
from monogram_sdk.cli.app import app
from monogram_sdk.cli.verify import sentence
from monogram_sdk.local import Stack
from monogram_sdk.models import Newsletter, NewsletterVerification
from tests.conftest import Api
from tests.sdk.pdf_copies import covered, mark_of, page_saying, saved_again
from tests.sdk.support import PASSWORD, new_email
from tests.sdk.test_ledger_command import run


@pytest.fixture
def client(api: Api) -> Iterator[Monogram]:
    with Monogram(url=api.url, key=api.publishable_key) as client:
        client.auth.sign_up(email=new_email("Ada"), password=PASSWORD, display_name="Ada")
        yield client


@pytest.fixture
def newsletter(client: Monogram) -> Newsletter:
    space = client.spaces.create(name="Test Book Club")
    return client.newsletters.publish(client.newsletters.generate(space.id).id)


def kept(folder: Path, newsletter: Newsletter, name: str = "letter.html") -> Path:
    """A file that says what it is as a page does."""
    file = folder / name
    mark = f"monogram:{newsletter.id}:{newsletter.code}:{newsletter.ledger_root}"
    file.write_bytes(f'<html><head><meta name="monogram" content="{mark}"></head>'.encode())
    return file


def page(folder: Path, client: Monogram, newsletter: Newsletter) -> Path:
    """The page itself, as a reader keeps it."""
    file = folder / "page.html"
    file.write_bytes(client.newsletters.html(newsletter.id))
    return file


def test_a_newsletter_that_somebody_kept(api: Api, client: Monogram, newsletter: Newsletter, tmp_path: Path) -> None:
    assert newsletter.title == "Test Book Club, week 1"
    file = page(tmp_path, client, newsletter)
    said = f"{newsletter.title}: intact. The project has what was published. This copy is the same, byte for byte.\n"
    assert run(api, "verify", file).stdout == said
    for size, paper in (("A4", "print"), ("LETTER", "screen")):
        pdf = tmp_path / f"{size}.pdf"
        pdf.write_bytes(client.newsletters.pdf(newsletter.id, size=size, paper=paper))
        assert run(api, "verify", pdf).stdout == said
    answer = json.loads(run(api, "verify", file, "--json").stdout)
    assert (answer["status"], answer["copy"]) == ("INTACT", "SAME")
    forged = newsletter.model_copy(update={"ledger_root": "0" * 64})
    assert "tampered" in run(api, "verify", kept(tmp_path, forged), code=1).stdout
    client.newsletters.delete(newsletter.id)
    found = run(api, "verify", file, code=3).stdout
    assert found.startswith("deleted.") and "was not compared" in found


@pytest.mark.long
def test_an_altered_copy_is_not_intact(api: Api, client: Monogram, tmp_path: Path) -> None:
    space = client.spaces.create(name="Readers")
    prompt = client.prompts.create(space.id, question="What did you read?")
    client.prompts.publish(space.id)
    answer = client.responses.submit(prompt.id, content="I was reading Middlemarch.", music="https://example.org/a")
    client.responses.select(space.id, [answer.id])
    newsletter = client.newsletters.publish(client.newsletters.generate(space.id).id)
    original, pdf = client.newsletters.html(newsletter.id), client.newsletters.pdf(newsletter.id)
    writer = PdfWriter(clone_from=io.BytesIO(pdf))
    writer.add_blank_page(100, 100)
    writer.pages[0].merge_page(page_saying("Ulysses"))
    forged = io.BytesIO()
    writer.write(forged)
    assert b"Middlemarch" in original and b"https://example.org/a" in original
    altered = {
        "words.html": original.replace(b"Middlemarch", b"Ulysses"),
        "link.html": original.replace(b"https://example.org/a", b"https://example.org/b"),
        "program.html": original.replace(b"</body>", b"<script>document.title = ''</script></body>"),
        "less.html": original.replace(b"I was reading Middlemarch.", b""),
        "cut.pdf": pdf[: len(pdf) // 2] + mark_of(newsletter),
        "forged.pdf": forged.getvalue() + mark_of(newsletter),
    }
    for name, content in altered.items():
        file = tmp_path / name
        file.write_bytes(content)
        found = run(api, "verify", file, code=1).stdout
        assert found.startswith("Readers, week 1: altered. This copy differs from the project's: "), name
        assert "intact" not in found
        assert json.loads(run(api, "verify", file, "--json", code=1).stdout)["copy"] == "ALTERED"
    found = run(api, "verify", tmp_path / "words.html", code=1).stdout
    assert "Ulysses" in found and "where the newsletter says" in found and "Middlemarch" in found


P = b"I was reading Middlemarch."


SHOWN = b"I never liked it."


@pytest.fixture
def responded(client: Monogram) -> Newsletter:
    """A newsletter with P in it."""
    space = client.spaces.create(name="Readers")
    prompt = client.prompts.create(space.id, question="What did you read?")
    client.prompts.publish(space.id)
    answer = client.responses.submit(prompt.id, content=P.decode(), music="https://example.org/a")
    client.responses.select(space.id, [answer.id])
    return client.newsletters.publish(client.newsletters.generate(space.id).id)


@pytest.mark.long
def test_a_copy_with_other_markup_cannot_be_told(
    api: Api, client: Monogram, responded: Newsletter, tmp_path: Path
) -> None:
    original, pdf = client.newsletters.html(responded.id), client.newsletters.pdf(responded.id)
    assert original.count(P) == 1 and original.count(b"<title>") == 1
    hidden = b"<span hidden>" + P + b"</span>"
    copies = {
        "saved.html": original.replace(b"<p>", b"<p >"),
        "encoding.html": original.replace(
            b"<head>", b'<head><meta http-equiv="Content-Type" content="text/html; charset=UTF-8">'
        ),
        "saved.pdf": saved_again(pdf),
        "after.pdf": pdf + mark_of(responded),
    }
    for name, content in copies.items():
        file = tmp_path / name
        file.write_bytes(content)
        assert content not in (original, pdf), name
        found = run(api, "verify", file, code=3).stdout
        said = "Readers, week 1: cannot be told. The text and links of this copy are those of the published newsletter,"
        assert found.startswith(said), (name, found)
        assert "intact" not in found and "altered" not in found
        how = ("saved the PDF", "newsletters.pdf()") if name.endswith("pdf") else ("“Save as”", ".html()")
        assert all(words in found for words in how), (name, found)
    for name in ("saved.html", "saved.pdf"):
        answer = json.loads(run(api, "verify", tmp_path / name, "--json", code=3).stdout)
        assert (answer["status"], answer["copy"]) == ("INTACT", "SAME_WORDS_ONLY")
    foreign = {
        "input": b'<input value="' + SHOWN + b'">',
        "frame": b'<iframe src="data:text/plain,' + SHOWN + b'"></iframe>',
        "object": b'<object data="data:text/plain,' + SHOWN + b'"></object>',
        "select": b'<select><optgroup label="' + SHOWN + b'"></select>',
        "template": b"<template></template>",
        "noscript": b"<noscript></noscript>",
    }
    for name, element in foreign.items():
        file = tmp_path / f"{name}.html"
        file.write_bytes(original.replace(P, P + element))
        found = run(api, "verify", file, code=1).stdout
        assert (
            f"altered. This copy differs from the project's: it has an element <{'i' * (name == 'frame')}{name}>"
            in found
        )
    for name, content in {
        "hidden.html": original.replace(P, hidden),
        "class.html": original.replace(P, b'<span class="skip">' + P + b"</span>"),
        "comment.html": original.replace(P, P + b"<!-- saved from url=(0014)about:internet -->"),
        "title.html": original.replace(b"<title>", b"<title hidden>"),
        "covered.pdf": covered(pdf, ""),
    }.items():
        (tmp_path / name).write_bytes(content)
        assert "altered." in run(api, "verify", tmp_path / name, code=1).stdout, name
    noted = tmp_path / "noted.pdf"
    noted.write_bytes(covered(pdf, SHOWN.decode()) + mark_of(responded))
    found = run(api, "verify", noted, code=1).stdout
    assert "altered." in found and SHOWN.decode() in found


def test_what_nobody_sees_leaves_a_copy_intact(
    api: Api, client: Monogram, responded: Newsletter, tmp_path: Path
) -> None:
    original, pdf = client.newsletters.html(responded.id), client.newsletters.pdf(responded.id)
    comment = b"<!-- saved from url=(0027)https://example.org/readers -->"
    saved = re.sub(rb"(?i)\A<!doctype html>", lambda found: found[0] + b"\n" + comment, original)
    assert comment in saved
    for name, content in {
        "crlf.html": b"\xef\xbb\xbf" + original.replace(b"\n", b"\r\n"),
        "space.html": original.replace(b"\n", b" \t\n") + b"\n\n",
        "saved.html": saved,
        "both.html": saved.replace(b"\n", b"\r\n"),
        "space.pdf": pdf + b"\n \n",
    }.items():
        file = tmp_path / name
        file.write_bytes(content)
        assert content not in (original, pdf), name
        found = run(api, "verify", file).stdout
        assert found.startswith("Readers, week 1: intact.") and "the same, apart from line ends" in found, name
        assert json.loads(run(api, "verify", file, "--json").stdout)["copy"] == "SAME_LINES"


def test_a_difference_is_told_in_short(api: Api, client: Monogram, responded: Newsletter, tmp_path: Path) -> None:
    original = client.newsletters.html(responded.id)
    link, long = b"https://example.org/a", b"https://example.org/" + b"a" * 5000
    assert b"base64" in original and link in original
    for name, (content, told) in {
        "title": (original.replace(b"<title>", b"<title>Forged "), "“Forged "),
        "base": (original.replace(b"<head>", b'<head><base href="https://example.com/">'), "an element <base>, which"),
        "style": (original.replace(b"<style>", b"<style>p{display:none}"), "it has another style than the newsletter"),
        "attribute": (original.replace(P, b'<b style="color:red">' + P + b"</b>"), "an element <b>, which"),
        "data": (
            original.replace(P, b'<a href="data:text/html;base64,' + b"QUJD" * 999 + b'">' + P),
            "an element <a>, which",
        ),
        "long": (original.replace(link, long), "…mple.org/aaaa"),
        "terminal": (original.replace(P, b"\x1b[2JI\xe2\x80\x8b was"), "\\u001b[2JI\\u200b was"),
    }.items():
        file = tmp_path / f"{name}.html"
        file.write_bytes(content)
        assert content != original, name
        found = run(api, "verify", file, code=1).stdout
        assert found.startswith("Readers, week 1: altered.") and told in found, (name, found)
        assert len(found) < 350 and "base64" not in found and "font-face" not in found, name
        assert all(len(excerpt) <= 61 for excerpt in re.findall("“([^”]*)”", found)), name


def test_the_help_says_which_copies_are_intact(api: Api) -> None:
    found = " ".join(run(api, "verify", "--help").stdout.split())
    for said in ("a keepsake", "cannot be told", "SAME_WORDS_ONLY", "0 genuine; 1 altered", "3 it cannot be told"):
        assert said in found


def test_a_page_that_was_taken_after_a_redaction_says_so(api: Api, client: Monogram, tmp_path: Path) -> None:
    space = client.spaces.create(name="Readers", is_public=True)
    prompt = client.prompts.create(space.id, question="What did you read?")
    client.prompts.publish(space.id)
    with Monogram(url=api.url, key=api.publishable_key) as boris:
        boris.auth.sign_up(email=new_email("Boris"), password=PASSWORD, display_name="Boris")
        boris.spaces.join(space.id)
        answer = boris.responses.submit(prompt.id, content="Middlemarch.")
        gone = boris.profiles.get().id
    client.responses.select(space.id, [answer.id])
    newsletter = client.newsletters.publish(client.newsletters.generate(space.id).id)
    before = page(tmp_path, client, newsletter)
    other = tmp_path / "before.html"
    before.rename(other)
    with Monogram.admin_client(url=api.url, key=api.secret_key) as service:
        service.admin.erase_user(gone)
        after = page(tmp_path, service, newsletter)
    found = run(api, "verify", after).stdout
    assert "redacted. Text was removed on purpose on " in found and ", before this copy" in found
    assert "This copy is the same" in found and "intact" not in found
    assert "after this copy" in run(api, "verify", other, code=3).stdout


def test_a_pdf_without_its_end_is_told_in_words(
    api: Api, client: Monogram, newsletter: Newsletter, tmp_path: Path
) -> None:
    file = tmp_path / "cut.pdf"
    whole = client.newsletters.pdf(newsletter.id)
    file.write_bytes(whole[: whole.rindex(b"startxref")])
    found = run(api, "verify", file, code=1)
    assert "it cannot be opened: it is damaged or incomplete" in found.stdout and found.stderr == ""
    file.write_bytes(whole[: len(whole) * 9 // 10])
    found = run(api, "verify", file, code=1)
    assert "Error" not in found.stdout + found.stderr and "EOF" not in found.stderr


def test_a_newsletter_is_not_named_by_a_forged_title(
    api: Api, stack: Stack, client: Monogram, newsletter: Newsletter, tmp_path: Path
) -> None:
    file = page(tmp_path, client, newsletter)
    with psycopg.connect(stack.db_url, autocommit=True) as connection:
        connection.execute("alter table public.newsletters disable trigger user")
        connection.execute("update public.newsletters set title = 'forged' where id = %s", [newsletter.id])
        connection.execute("alter table public.newsletters enable trigger user")
    found = run(api, "verify", file, code=1).stdout
    assert found.startswith("tampered.") and "forged" not in found


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "contains no code"),
        (b"monogram:no", "contains no code"),
        (None, "No such file"),
        (
            b" ".join(
                f'<meta name="monogram" content="monogram:00000000-0000-4000-8000-00000000000{n}:'
                f'00000-00000-00000-00000:{"0" * 64}">'.encode()
                for n in range(2)
            ),
            "codes of several",
        ),
    ],
)
def test_a_file_that_is_not_a_newsletter(api: Api, tmp_path: Path, content: bytes | None, said: str) -> None:
    file = tmp_path / "letter.html"
    if content is not None:
        file.write_bytes(content)
    found = run(api, "verify", file, code=1)
    assert said in found.stderr


def test_without_a_secret_key(api: Api, newsletter: Newsletter, tmp_path: Path) -> None:
    for arguments in (("ledger", "verify"), ("verify", kept(tmp_path, newsletter))):
        found = run(api, *arguments, code=1, key=api.publishable_key).stderr
        assert found.startswith("monogram: The key in SUPABASE_SECRET_KEY is not a secret key. Secret keys begin with ")


def test_errors_say_what_can_be_done_at_a_command_line(
    api: Api, newsletter: Newsletter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = kept(tmp_path, newsletter)
    given: list[tuple[str, dict[str, str | None], str]] = [
        (
            f"SUPABASE_URL={api.url}",
            {"SUPABASE_SECRET_KEY": "sb_secret_x"},
            "Set SUPABASE_URL in the environment, next",
        ),
        ("", {"SUPABASE_SECRET_KEY": "sb_secret_x"}, "Set SUPABASE_URL in the environment or in .env"),
        ("", {"SUPABASE_URL": api.url}, "Set SUPABASE_SECRET_KEY in the environment"),
        ("", {"SUPABASE_URL": "http://example.test", "SUPABASE_SECRET_KEY": "sb_secret_x"}, "Use https://."),
    ]
    for dotenv, variables, said in given:
        (tmp_path / ".env").write_text(dotenv)
        env = {"SUPABASE_URL": None, "SUPABASE_SECRET_KEY": None, "SUPABASE_SERVICE_ROLE_KEY": None, **variables}
        for arguments in (["verify", str(file)], ["ledger", "verify"]):
            found = CliRunner().invoke(app, arguments, env=env)
            assert found.exit_code == 1
            assert said in found.stderr
            for of_python in ("=True", "url=", "key=", "admin_client"):
                assert of_python not in found.stderr


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("INTACT", "intact"), ("ACCOUNT_CLOSED", "account closed"), ("REDACTED", "redacted"), ("DELETED", "deleted"),
        ("CHANGED", "tampered"), ("LEDGER_CHANGED", "tampered"), ("UNKNOWN", "unknown"),
    ],
)  # fmt: skip
def test_every_status_has_its_words(status: str, said: str) -> None:
    found = NewsletterVerification.model_validate(
        {
            "status": status, "code": "00000-00000-00000-00000", "newsletter_id": None, "title": "A week",
            "week_number": 3, "published_at": None, "redacted_at": "2026-11-29T00:00:00Z", "deleted_at": None,
            "members": 5, "closed_accounts": 1, "changed_ledgers": 2,
        }
    )  # fmt: skip
    if status in ("INTACT", "ACCOUNT_CLOSED"):
        assert sentence(found).startswith("A week, week 3: redacted.")
        found = found.model_copy(update={"redacted_at": None})
    name = "" if status == "CHANGED" else "A week, week 3: "
    assert sentence(found).startswith(f"{name}{said}.")
    assert found.is_trustworthy == (said not in ("tampered", "unknown"))
