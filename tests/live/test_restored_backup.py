"""A backup is restored: the numbers of what was lost are given to other events, and every cursor finds out."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from uuid import UUID

import pytest
from typer.testing import CliRunner

from monogram_sdk import Monogram, errors
from monogram_sdk.cli.app import app
from monogram_sdk.local import Stack
from supabase_embedded import databases
from supabase_embedded.postgres import programs
from tests.live.conftest import Ground


class Backup:
    """A dump of a stack's database, made and restored as an operator does.

    It is restored beside the database and takes its place when it is complete: who reads the schema on the way there
    would keep half of it, since a restore announces nothing on the channel `pgrst`.
    """

    def __init__(self, stack: Stack, folder: Path) -> None:
        self._databases = stack.databases
        self._file = folder / "backup.dump"
        self._run("pg_dump", "postgres", "--format=custom", f"--file={self._file}")

    def restore(self) -> None:
        """Put the dump into the place of the database, whoever is connected to it."""
        with self._databases._session() as session:
            databases._drop(session, "restored")
            databases._create(session, "restored", template="template0")
            databases._run(session, "alter database {} owner to postgres", "restored")
            self._run("pg_restore", "restored", "--exit-on-error", str(self._file))
            databases._drop(session, "postgres")
            databases._rename(session, "restored", "postgres")

    def _run(self, program: str, database: str, *arguments: str) -> None:
        folder = programs.wheel() / "pginstall" / "bin"
        dsn = self._databases.server.dsn(database)
        subprocess.run([folder / program, f"--dbname={dsn}", *arguments], check=True)


def emit(ground: Ground, space_id: UUID, *numbers: int) -> None:
    with ground.connect() as connection:
        for number in numbers:
            ground.emit(connection, space_id, number)


@pytest.mark.long
def test_dump_more_events_restore_other_events(ground: Ground, tmp_path: Path) -> None:
    user_id, storage = ground.session_of_somebody_new()
    (space_id,) = ground.spaces(1, [user_id])
    backup = Backup(ground.stack, tmp_path)
    kept = ground.last(space_id)
    emit(ground, space_id, 1, 2, 3)

    with Monogram(url=ground.proxy.url, key=ground.stack.publishable_key, session_storage=storage) as client:
        running = client.live.events(space_id, after=0, poll_seconds=0.2)
        seen = [next(running) for _ in range(kept + 3)]
        cursor, plain = seen[-1].cursor, seen[-1].seq
        assert running.cursor == cursor
        assert client.spaces.events(space_id, after=seen[-2].cursor).all() == seen[-1:]
        ground.close()

        backup.restore()
        emit(ground, space_id, 10)
        # The feed ends before the cursor, by its id and by its plain number.
        for after in (cursor, plain, str(plain)):
            with pytest.raises(errors.HistoryReplacedError, match="is beyond it"):
                next(client.live.events(space_id, after=after))
            with pytest.raises(errors.HistoryReplacedError, match="is beyond it"):
                client.spaces.events(space_id, after=after).all()

        emit(ground, space_id, 11, 12, 13)
        # Now there are other events of the same numbers. The running feed was connected all the time.
        with pytest.raises(errors.HistoryReplacedError, match="is another event") as caught:
            next(running)
        error = caught.value
        assert error.code == "HISTORY_REPLACED"
        with pytest.raises(errors.HistoryReplacedError, match="is another event"):
            next(client.live.events(space_id, after=cursor))
        with pytest.raises(errors.HistoryReplacedError, match="is another event"):
            next(client.live.responses(space_id, after=cursor))
        with pytest.raises(errors.HistoryReplacedError, match="is another event"):
            client.spaces.events(space_id, after=cursor).all()
        # What was there before the backup is there still.
        assert next(client.live.events(space_id, after=seen[kept - 1].cursor)).seq == kept + 1

        # The way on: behind the newest event.
        resumed = client.live.events(space_id, after=error.resume)
        emit(ground, space_id, 14)
        event = next(resumed)
        assert (event.seq, event.payload.week_number) == (kept + 5, 14)
        assert [event.seq for event in client.spaces.events(space_id, after=error.resume)] == [kept + 5]

    session_file = tmp_path / "session.json"
    session_file.write_text(json.dumps(dict(storage._items)))
    session_file.chmod(0o600)
    environment = {
        "SUPABASE_URL": ground.proxy.url,
        "SUPABASE_PUBLISHABLE_KEY": ground.stack.publishable_key,
        "MONOGRAM_SESSION_FILE": str(session_file),
    }
    command = ["watch", str(space_id), "--once", "--json", "--after"]
    result = CliRunner().invoke(app, [*command, cursor], env=environment)
    assert result.exit_code == 1 and "is another event" in result.output
    resume = result.output.rpartition("--after ")[2].strip()
    assert resume.partition(":")[0] == str(kept + 5)
    result = CliRunner().invoke(app, [*command, str(kept + 4)], env=environment)
    assert json.loads(result.stdout)["cursor"] == resume


@pytest.mark.long
async def test_the_client_for_asyncio_finds_out_too(ground: Ground, tmp_path: Path) -> None:
    from monogram_sdk import AsyncMonogram

    user_id, storage = ground.session_of_somebody_new()
    (space_id,) = ground.spaces(1, [user_id])
    backup = Backup(ground.stack, tmp_path)
    emit(ground, space_id, 1, 2)
    async with AsyncMonogram(url=ground.proxy.url, key=ground.stack.publishable_key, session_storage=storage) as client:
        events = await client.spaces.events(space_id).all()
        ground.close()
        backup.restore()
        emit(ground, space_id, 10, 11, 12)
        with pytest.raises(errors.HistoryReplacedError, match="is another event") as caught:
            await anext(client.live.events(space_id, after=events[-1].cursor))
        with pytest.raises(errors.HistoryReplacedError, match="is another event"):
            await client.spaces.events(space_id, after=events[-1].cursor).all()
        assert await client.spaces.events(space_id, after=caught.value.resume).all() == []
