"""Taking a copy of what is one's own, deleting one's account, and being taken out of newsletters."""

from __future__ import annotations

import errno
import io
import json
import os
import socket
import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest

from monogram_sdk import _export, errors
from tests.sdk.support import PASSWORD, PNG

from .conftest import AsyncClub, AsyncPeople


async def test_an_export_holds_rows_and_files(club: AsyncClub, tmp_path: Path) -> None:
    response = await club.member.responses.submit(club.prompt.id, content="Middlemarch. Ælfrida's copy.", image=PNG)
    await club.member.profiles.set_avatar(PNG)
    await club.leader.responses.submit(club.prompt.id, content="Not Boris's words.")
    data = await club.member.auth.export()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        rows = {name[5:-5]: json.loads(archive.read(name)) for name in names if name.startswith("rows/")}
        assert [row["content"] for row in rows["responses"]] == [response.content]
        assert {row["bucket_id"] for row in rows["files"]} == {"avatars", "responses"}
        assert rows["account"][0]["email"].startswith("boris-") and "encrypted_password" not in rows["account"][0]
        assert [row["type"] for row in rows["transactions"]] == ["EARN_RESPONSE", "EARN_BADGE"]
        files = [name for name in names if name.startswith("files/")]
        assert f"files/responses/{response.image_path}" in files and len(files) == 2
        assert all(archive.read(name).startswith(b"\x89PNG") for name in files)
        assert "Not Boris's words." not in "".join(archive.read(name).decode() for name in names if name[-4:] == "json")

    path = tmp_path / "mine.zip"
    path.write_text("an older one")
    assert await club.member.auth.export(path) == path
    with zipfile.ZipFile(path) as archive:
        assert sorted(archive.namelist()) == sorted(names)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


async def test_an_export_needs_somebody_and_somewhere(club: AsyncClub, people: AsyncPeople, tmp_path: Path) -> None:
    with pytest.raises(errors.NotSignedInError):
        await people.nobody().auth.export()
    for path in (tmp_path / "no" / "folder.zip", tmp_path, "a\0b", tmp_path / ("x" * 300)):
        with pytest.raises(errors.InvalidValueError):
            await club.member.auth.export(path)
    assert list(tmp_path.iterdir()) == []


async def test_an_export_replaces_nothing_but_a_file(
    club: AsyncClub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pipe, folder, listening = tmp_path / "pipe", tmp_path / "folder", tmp_path / "socket"
    os.mkfifo(pipe)
    folder.mkdir()
    there = socket.socket(socket.AF_UNIX)
    there.bind(listening.name)
    kinds = {path: stat.S_IFMT(path.stat().st_mode) for path in (pipe, folder, listening)}
    for name, of in (("to-pipe", pipe), ("to-folder", folder), ("to-device", "/dev/full"), ("loop", "loop")):
        (tmp_path / name).symlink_to(of)
    before = sorted(tmp_path.iterdir())
    export = club.member.auth.export
    odd: tuple[Any, ...] = (
        "",
        ".",
        "/",
        "/dev/full",
        tmp_path / "no" / "x.zip",
        "\ud800",
        5,
        b"x.zip",
        ["x.zip"],
        True,
    )
    for path in (*odd, *before):
        with pytest.raises(errors.InvalidValueError) as caught:
            await export(path)
        assert caught.value.detail == "path", path
        if isinstance(path, str | Path) and str(path).isascii():
            assert repr(str(path)) in str(caught.value)
    assert sorted(tmp_path.iterdir()) == before
    assert kinds == {path: stat.S_IFMT(path.stat().st_mode) for path in kinds}
    there.close()

    # What is behind a link is written, whether it is there or not.
    real, link = tmp_path / "real.zip", Path("link.zip")
    link.symlink_to("real.zip")
    for _ in range(2):
        assert await export(link) == link
        assert link.is_symlink() and zipfile.is_zipfile(real)
        assert not real.is_symlink()
        real.write_text("an older one")


async def test_an_export_to_a_full_disk_says_so(
    club: AsyncClub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(_export.Part, "add", full)
    with pytest.raises(errors.InvalidValueError, match=r"x.zip'.*: No space left on device"):
        await club.member.auth.export(tmp_path / "x.zip")
    assert list(tmp_path.iterdir()) == []


async def test_an_account_is_deleted_by_its_owner(club: AsyncClub, people: AsyncPeople) -> None:
    await club.member.responses.submit(club.prompt.id, content="Gone soon.")
    user = await club.member.auth.user()
    assert user.email is not None
    for wrong in ("", "somebody@example.test"):
        with pytest.raises(errors.ConfirmationRequiredError):
            await club.member.auth.delete_account(confirm=wrong)
    heard: list[str] = []
    club.member.auth.on_auth_change(lambda event, _session: heard.append(event.value))
    await club.member.auth.delete_account(confirm=user.email.upper())
    assert heard == ["SIGNED_OUT"]
    assert await club.member.auth.session() is None
    with pytest.raises(errors.NotSignedInError):
        await club.member.auth.delete_account(confirm=user.email)
    with pytest.raises(errors.InvalidCredentialsError):
        await club.member.auth.sign_in_with_password(email=user.email, password=PASSWORD)
    assert [member.display_name async for member in club.leader.spaces.members(club.space.id)] == ["Ada"]
    with pytest.raises(errors.SecretKeySessionError):
        await people.service().auth.delete_account(confirm=user.email)


async def test_a_person_is_erased_with_their_words(club: AsyncClub, people: AsyncPeople) -> None:
    response = await club.member.responses.submit(club.prompt.id, content="Take this away.")
    await club.leader.responses.select(club.space.id, [response.id])
    newsletter = await club.leader.newsletters.publish((await club.leader.newsletters.generate(club.space.id)).id)
    service, boris = people.service(), (await club.member.profiles.get()).id
    assert await service.admin.erase_user(boris) == 1
    found = await club.leader.newsletters.get(newsletter.id)
    (response,) = found.content.prompts[0].responses
    assert (response.author.display_name, response.author.id, response.content) == ("Somebody who left", None, None)
    assert found.redacted_at is not None
    page = (await club.leader.newsletters.html(newsletter.id)).decode()
    assert "Somebody who left" in page and "Take this away." not in page and "Boris" not in page
    # Nobody is left to be found, neither as an account nor in a newsletter.
    for redact in (True, False):
        with pytest.raises(errors.NotFoundError):
            await service.admin.erase_user(boris, redact=redact)
    with pytest.raises(errors.SecretKeyRequiredError):
        await club.leader.admin.erase_user(boris)


async def test_words_stay_unless_they_are_to_go(club: AsyncClub, people: AsyncPeople) -> None:
    response = await club.member.responses.submit(club.prompt.id, content="Printed.")
    await club.leader.responses.select(club.space.id, [response.id])
    newsletter = await club.leader.newsletters.publish((await club.leader.newsletters.generate(club.space.id)).id)
    boris = (await club.member.profiles.get()).id
    assert await people.service().admin.erase_user(boris, redact=False) == 0
    assert (await club.leader.newsletters.get(newsletter.id)).content == newsletter.content
    # Later, after all.
    assert await people.service().admin.erase_user(boris) == 1


async def test_words_of_gifts_alone_are_something_to_erase(club: AsyncClub, people: AsyncPeople) -> None:
    await club.member.responses.submit(club.prompt.id, content="Pays for the gift.")
    leader, boris = await club.leader.profiles.get(), await club.member.profiles.get()
    await club.member.tokens.gift(leader.id, amount=5, message="From Boris.")
    service = people.service()
    await service.admin.delete_user(boris.id)
    (given,) = [gift async for gift in club.leader.tokens.gifts_received()]
    assert given.message == "From Boris."
    assert await service.admin.erase_user(boris.id) == 0
    (given,) = [gift async for gift in club.leader.tokens.gifts_received()]
    assert given.message is None
    with pytest.raises(errors.NotFoundError):
        await service.admin.erase_user(boris.id)


async def test_a_stale_draft_says_what_changed(club: AsyncClub) -> None:
    response = await club.member.responses.submit(club.prompt.id, content="At first.")
    await club.leader.responses.select(club.space.id, [response.id])
    draft = await club.leader.newsletters.generate(club.space.id)
    await club.member.responses.edit(response.id, content="On second thoughts.")
    with pytest.raises(errors.NewsletterStaleError) as caught:
        await club.leader.newsletters.publish(draft.id)
    assert (caught.value.response_ids, caught.value.prompt_ids) == ((response.id,), ())
    await club.leader.newsletters.generate(club.space.id)
    assert (await club.leader.newsletters.publish(draft.id)).is_published
