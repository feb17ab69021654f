"""Images, sessions' files, cursors and filters: what is worked out before anything is sent."""

from __future__ import annotations

import io
import json
import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from monogram_sdk import (
    NOT_GIVEN,
    FileSessionStorage,
    ImageSource,
    MemorySessionStorage,
    SessionStorage,
    _images,
    _query,
    errors,
)
from monogram_sdk._paging import Listing
from monogram_sdk._values import as_language, as_uuid, changes
from monogram_sdk.models import Space, Transaction
from tests.sdk.support import PNG

KINDS = {
    "JPEG": ("image/jpeg", "jpg"),
    "PNG": ("image/png", "png"),
    "GIF": ("image/gif", "gif"),
    "WEBP": ("image/webp", "webp"),
}


@pytest.mark.parametrize("form", KINDS)
def test_images_are_known_by_their_first_bytes(form: str, tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.new("L", (1, 1)).save(file, form)
    path = tmp_path / "image.txt"
    path.write_bytes(file.getvalue())
    sources: list[ImageSource] = [file.getvalue(), path, str(path), io.BytesIO(file.getvalue())]
    for image in (_images.load(source, limit=1024) for source in sources):
        assert (image.content_type, image.extension) == KINDS[form]
        assert image.new_name() != image.new_name()
        assert image.data == file.getvalue() and repr(image).find("data") == -1


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(errors.InvalidImageError, match="JPEG, PNG, WebP or GIF"):
        _images.load(b"<svg onload=alert(1)>", limit=1024)
    with pytest.raises(errors.FileTooLargeError, match="10 MB"):
        _images.load(PNG[:8] + bytes(_images.AVATAR_LIMIT), limit=_images.AVATAR_LIMIT)
    with pytest.raises(errors.InvalidValueError, match="cannot be read: No such file"):
        _images.load(tmp_path / "none.png", limit=1024)
    with pytest.raises(errors.InvalidValueError, match="opened as text"):
        _images.load(io.StringIO("text"), limit=1024)  # type: ignore[arg-type]


def storages(tmp_path: Path) -> list[SessionStorage]:
    """Return one storage of each kind."""
    return [MemorySessionStorage(), FileSessionStorage(tmp_path / "a" / "b" / "session.json")]


def test_storages_keep_and_forget(tmp_path: Path) -> None:
    for storage in storages(tmp_path):
        assert storage.get_item("a") is None
        storage.remove_item("a")
        storage.set_item("a", "1")
        storage.set_item("b", "2")
        storage.remove_item("a")
        assert (storage.get_item("a"), storage.get_item("b")) == (None, "2")


def test_the_file_is_for_its_owner_only_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "private" / "session.json"
    umask = os.umask(0)
    try:
        FileSessionStorage(path).set_item("a", "1")
    finally:
        os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(path.parent.iterdir()) == [path], "no temporary file is left"
    assert FileSessionStorage(path).get_item("a") == "1"


@pytest.mark.parametrize("text", ["not json", "[]", json.dumps({"a": 1})])
def test_another_file_is_not_overwritten(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.json"
    path.write_text(text)
    with pytest.raises(errors.ConfigError, match="not a session file"):
        FileSessionStorage(path).set_item("a", "1")
    assert path.read_text() == text


def test_a_place_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("{}")
    with pytest.raises(errors.ConfigError, match="cannot be read: Not a directory"):
        FileSessionStorage(tmp_path / "file" / "session.json").get_item("a")
    with pytest.raises(errors.ConfigError, match="cannot be written"):
        FileSessionStorage(Path("/proc/no/session.json")).set_item("a", "1")


def test_a_place_in_a_list_survives_the_trip_as_a_cursor() -> None:
    listing = Listing("spaces", Space, ("created_at", "id"))
    row = Space.model_construct(
        created_at=datetime(2026, 11, 23, 0, 4, 29, 673123, tzinfo=UTC), id=UUID("5eed0000-0000-4000-8000-000000000001")
    )
    path = listing.call(listing.cursor(row, None), 10, None).path
    assert "order=created_at.asc,id.asc&limit=10" in path
    assert (
        "created_at=gte.2026-11-23T00%3A04%3A29.673123%2B00%3A00&"
        "or=(created_at.gt.%222026-11-23T00%3A04%3A29.673123%2B00%3A00%22,"
        "and(created_at.eq.%222026-11-23T00%3A04%3A29.673123%2B00%3A00%22,"
        "id.gt.%225eed0000-0000-4000-8000-000000000001%22))" in path
    )


def test_one_key_needs_no_alternatives() -> None:
    listing = Listing("transactions", Transaction, ("seq",), descending=True, owner="user_id")
    me = UUID("5eed0000-0000-4000-8000-000000000001")
    path = listing.call(listing.cursor(Transaction.model_construct(seq=41), me), 10, me).path
    assert f"&user_id=eq.{me}&seq=lt.41&order=seq.desc&limit=10" in path


@given(st.text() | st.text(st.sampled_from("a\x00\ud800")))
def test_no_value_escapes_from_its_filter(value: str) -> None:
    try:
        value.encode()
        sendable = "\x00" not in value
    except UnicodeEncodeError:
        sendable = False
    if not sendable:
        with pytest.raises(errors.InvalidValueError, match=r"NUL|surrogate"):
            _query.equals("name", value)
        with pytest.raises(errors.InvalidValueError, match=r"NUL|surrogate"):
            _query.beyond(("name", "id"), [value, "x"], descending=False)
        return
    bound, alternatives = _query.beyond(("name", "id"), [value, "x"], descending=False)
    for written in (_query.equals("name", value), *_query.beyond(("name",), [value], descending=False), bound):
        assert "&" not in written and "#" not in written and "+" not in written and written.isascii()
    assert "&" not in alternatives and "#" not in alternatives and alternatives.isascii()


def test_ids_and_changes_are_checked() -> None:
    with pytest.raises(errors.InvalidValueError, match="space_id must be a UUID, not 5"):
        as_uuid(5, "space_id")  # type: ignore[arg-type]
    assert changes(a=None, b=NOT_GIVEN) == {"a": None}
    with pytest.raises(errors.InvalidValueError, match="Pass at least one of a, b"):
        changes(a=NOT_GIVEN, b=NOT_GIVEN)
    assert repr(NOT_GIVEN) == "NOT_GIVEN"


@pytest.mark.parametrize(
    ("given", "usual"),
    [
        ("pt-br", "pt-BR"),
        ("DE", "de"),
        ("ZH-hant-tw", "zh-Hant-TW"),
        ("es-419", "es-419"),
        # These are left to the database, which refuses them.
        ("de-CH-1996", "de-CH-1996"),
        ("ca-valencia", "ca-valencia"),
        ("pt_BR", "pt_BR"),
        ("de\n", "de\n"),
        ("", ""),
    ],
)
def test_a_language_gets_its_usual_case(given: str, usual: str) -> None:
    assert as_language(given) == usual
    assert as_language(None) is None and as_language(NOT_GIVEN) is NOT_GIVEN
