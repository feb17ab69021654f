"""A second server that replicates the first one is read under the access rules, and refuses writes."""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from monogram_sdk import APIError, Monogram
from monogram_sdk.session_storage import MemorySessionStorage
from supabase_embedded import deno
from supabase_embedded._server import ApiServer, ServerConfig
from supabase_embedded.postgres import PostgresServer
from supabase_embedded.postgres.account import postgres_account
from supabase_embedded.postgres.programs import Programs
from supabase_embedded.postgres.temporary import memory_folder
from tests.embedded.server.conftest import make_config
from tests.support.actors import Actor, Actors
from tests.support.ready import databases_of, server_with_template
from tests.support.stories import Club, found_club, grant_tokens

pytestmark = pytest.mark.long

DATABASE = "replicated"
GUIDE = Path(__file__).parent.parent.parent / "docs" / "guides" / "growing.md"


@dataclass(frozen=True)
class Pair:
    """A primary and its hot standby, with a club on both."""

    primary: PostgresServer
    standby: PostgresServer
    club: Club
    newsletter_id: Any

    def wait(self) -> None:
        """Wait until the standby has what the primary has committed by now."""
        with (
            psycopg.connect(self.primary.dsn(DATABASE)) as ahead,
            psycopg.connect(self.standby.dsn(DATABASE)) as behind,
        ):
            (place,) = ahead.execute("select pg_current_wal_lsn()").fetchone() or ()
            deadline = time.monotonic() + 30
            while behind.execute("select pg_last_wal_replay_lsn() >= %s", [place]).fetchone() != (True,):
                behind.rollback()
                assert time.monotonic() < deadline
                time.sleep(0.01)


@contextmanager
def standby_of(primary: PostgresServer) -> Iterator[PostgresServer]:
    """Copy a server while it runs, as the guide says, and let the copy follow it."""
    folder = Path(tempfile.mkdtemp(prefix="monogram-standby-", dir=memory_folder()))
    account = postgres_account(primary.data_dir)
    account.give(folder)
    try:
        code, output = Programs().run(
            account,
            [
                primary.bindir / "pg_basebackup", "--pgdata", folder / "data", "--dbname", primary.dsn(),
                "--write-recovery-conf", "--create-slot", "--slot", "replica", "--checkpoint", "fast",
            ],
            reaches=[primary.bindir, folder],
        )  # fmt: skip
        assert code == 0, output
        with PostgresServer(folder / "data", password=primary.address.password, durable=False) as standby:
            yield standby
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with server_with_template(tmp_path_factory) as primary:
        with psycopg.connect(databases_of(primary).clone(DATABASE)) as connection, standby_of(primary) as standby:
            actors = Actors(connection, commit=True)
            club = found_club(actors, "Boris", "Chloe", newsletter_visibility="MEMBERS")
            for person, amount in ((club.leader, 30), *zip(club.members, (20, 10), strict=True)):
                grant_tokens(actors, person, amount)
            newsletter = club.week()
            connection.commit()
            pair = Pair(primary, standby, club, newsletter["id"])
            pair.wait()
            yield pair


@contextmanager
def on_standby(pair: Pair) -> Iterator[Actors]:
    with psycopg.connect(databases_of(pair.standby).dsn(DATABASE)) as connection, Actors(connection) as actors:
        yield actors


def reads(actors: Actors, pair: Pair, person: Actor) -> Any:
    """What the application reads: the places of a space, and a newsletter with its space."""
    reader = actors.known(person.id)
    newsletter = (
        "select newsletters.*, (select is_public from public.spaces where spaces.id = space_id)"
        " from public.newsletters where id = %s"
    )
    places = [row["user_id"] for row in reader.rows("leaderboard")]
    return places, reader.run(newsletter, pair.newsletter_id)


def test_everybody_reads_there_what_they_read_here(pair: Pair) -> None:
    stranger = pair.club.actors.person("Olga")
    pair.club.actors.as_owner()
    pair.club.actors.connection.commit()
    pair.wait()
    with on_standby(pair) as there:
        assert there.one("select pg_is_in_recovery()")
        for person in (*pair.club.everybody, stranger):
            assert reads(there, pair, person) == reads(pair.club.actors, pair, person)
        places, newsletter = reads(there, pair, pair.club.members[0])
        assert len(places) == 3 and newsletter
        assert reads(there, pair, stranger)[1] == []
        with there.known(stranger.id).refused("MG101"):
            there.known(stranger.id).rows("leaderboard", space_id=pair.club.id)


def test_what_writes_is_refused(pair: Pair) -> None:
    with on_standby(pair) as there:
        boris = there.known(pair.club.members[0].id)
        for statement in (
            "insert into public.spaces (name) values ('There')",
            "select public.transfer_tokens(public.users.id, 1) from public.users",
            "select public.mark_notifications_read()",
        ):
            with boris.refused("25006"):
                boris.run(statement)


def test_how_far_it_is_behind_can_be_seen(pair: Pair) -> None:
    with psycopg.connect(pair.primary.dsn(DATABASE), autocommit=True) as primary:
        with paused(pair):
            grant_tokens(pair.club.actors, pair.club.leader, 1)
            pair.club.actors.connection.commit()
            behind = "select pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) from pg_stat_replication"
            assert (primary.execute(behind).fetchone() or (0,))[0] > 0
    with on_standby(pair) as there:
        assert 0 <= there.one("select extract(epoch from now() - pg_last_xact_replay_timestamp())") < 60


def test_a_client_reads_there(pair: Pair, tmp_path: Path) -> None:
    """With the transport of the guide; a second client shows what is true by now, with the same session."""
    from_replica = guide_block("ReadsFrom")["ReadsFrom"]
    deno.ensure_cached(lambda _line: None)
    here = make_config(databases_of(pair.primary), DATABASE, folder(tmp_path / "here"))
    there = make_config(databases_of(pair.standby), DATABASE, folder(tmp_path / "there"))
    secrets = ("publishable_key", "secret_key", "jwt_secret", "anon_key", "service_role_key")
    there = replace(there, **{name: getattr(here, name) for name in secrets})
    session = MemorySessionStorage()
    with serving(here, tmp_path) as url, serving(there, tmp_path) as replica_url:
        with (
            from_replica(replica_url) as transport,
            Sent(replica_url) as elsewhere,
            Monogram(url=url, key=here.publishable_key, session_storage=session) as client,
            Monogram(url=url, key=here.publishable_key, session_storage=session, transport=transport) as reader,
            Monogram(url=url, key=here.publishable_key, session_storage=session, transport=elsewhere) as lost,
        ):
            client.auth.sign_up(email="zoe@example.test", password="correct horse", display_name="Zoe")
            space = client.spaces.create(name="Book club", is_public=True)
            pair.wait()
            with paused(pair):
                client.spaces.update(space.id, name="Chess club")
                assert client.spaces.get(space.id).name == "Chess club"
                assert reader.spaces.get(space.id).name == "Book club"
                (place,) = reader.tokens.leaderboard(space_id=space.id)
                assert place.display_name == "Zoe"
                client.profiles.update(display_name="Zoe Q")
                assert client.tokens.leaderboard(space_id=space.id)[0].display_name == "Zoe Q"
                assert reader.tokens.leaderboard(space_id=space.id)[0].display_name == "Zoe"
            # What writes goes to the primary; at the replica it would be refused with a code of its own.
            assert reader.spaces.update(space.id, name="Tea club").name == "Tea club"
            with pytest.raises(APIError) as refused:
                lost.spaces.create(name="Lost club")
            assert (refused.value.code, refused.value.status) == ("25006", 405)
            assert "replica" in str(refused.value.hint)


class Sent(httpx.HTTPTransport):
    """Sends every request to another address, as a program that mixes the two up."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = httpx.URL(url)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.url = request.url.copy_with(port=self._url.port)
        return super().handle_request(request)


def guide_block(name: str) -> dict[str, Any]:
    """Run the Python in the guide that defines a name."""
    (block,) = [block for block in re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL) if name in block]
    found: dict[str, Any] = {}
    exec(block.partition("\n\nwith ")[0], found)
    return found


@contextmanager
def paused(pair: Pair) -> Iterator[None]:
    """Let the standby fall behind."""
    with psycopg.connect(pair.standby.dsn(DATABASE), autocommit=True) as standby:
        standby.execute("select pg_wal_replay_pause()")
        while standby.execute("select pg_get_wal_replay_pause_state()").fetchone() != ("paused",):
            time.sleep(0.01)
        try:
            yield
        finally:
            standby.execute("select pg_wal_replay_resume()")
    pair.wait()


def folder(path: Path) -> Path:
    (path / "functions").mkdir(parents=True)
    return path


@contextmanager
def serving(config: ServerConfig, tmp_path: Path) -> Iterator[str]:
    server = ApiServer(tmp_path / f"server-{config.port}.log", options={"bcrypt_cost": 4})
    server.start(config)
    try:
        yield f"http://{config.host}:{config.port}"
    finally:
        server.stop()
