"""A server on Monogram's own database, with a few more tables and policies that tests need."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, LiteralString
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from supabase_embedded import deno
from supabase_embedded._server import ApiServer, ServerConfig
from supabase_embedded.databases import Databases
from supabase_embedded.postgres import PostgresServer
from tests.embedded.realtime.wire import Wire
from tests.embedded.server.conftest import make_config
from tests.support.actors import Actor, Actors
from tests.support.ready import databases_of, server_with_template
from tests.support.stories import Club, found_club

# Every user receives on the board, and only the secret key sends there. The policy of `broken` fails.
EXTRAS: LiteralString = """\
create policy "everybody reads the board" on realtime.messages for select to authenticated, anon
  using (realtime.topic() = 'board' and extension in ('broadcast', 'presence'));
create policy "nobody knows" on realtime.messages for select to authenticated
  using (realtime.topic() = 'broken' and 1 / (length(topic) - 6) = 1);
create policy "who is here is no secret" on realtime.messages for select to authenticated
  using (realtime.topic() = 'lobby' and extension = 'presence');
create policy "what a policy can know" on realtime.messages for select to authenticated
  using (
    realtime.topic() = 'claims'
    and topic = 'claims'
    and event is null and payload is null and not private
    and inserted_at is not null and updated_at is not null
    and current_setting('request.jwt.claim.sub') = (select auth.uid()::text)
    and current_setting('request.jwt.claim.role') = 'authenticated'
    and current_setting('request.jwt.claims')::jsonb ->> 'level' = '7'
    and current_setting('request.headers')::jsonb = '{"x-door": "open"}'
  );
create function public.gives_up() returns boolean language plpgsql set search_path = '' as
  $$ begin raise exception 'canceling statement due to statement timeout' using errcode = '57014'; end $$;
grant execute on function public.gives_up() to authenticated;
create policy "takes too long" on realtime.messages for select to authenticated
  using (case when realtime.topic() = 'slow' then public.gives_up() else false end);

create type public.mood as enum ('calm', 'wild');
create type public.point as (x integer, y integer);
create table public.samples (
  id bigint primary key,
  owner_id uuid not null,
  word text,
  number integer,
  amount numeric,
  flag boolean,
  body jsonb,
  at timestamptz,
  day date,
  tags text[],
  feeling public.mood,
  spot public.point,
  secret text
);
alter table public.samples enable row level security;
create policy "own samples" on public.samples for select to authenticated using (owner_id = (select auth.uid()));
grant select (id, owner_id, word, number, amount, flag, body, at, day, tags, feeling, spot)
  on public.samples to authenticated;
grant select on public.samples to service_role;

create table public.open_samples (id integer primary key, word text);
alter table public.open_samples replica identity full;
grant select on public.open_samples to anon, authenticated;

create table public.guarded (id integer primary key, owner_id uuid not null, word text);
alter table public.guarded enable row level security;
alter table public.guarded replica identity full;
create policy "own rows" on public.guarded for select to authenticated using (owner_id = (select auth.uid()));
grant select on public.guarded to authenticated;

create table public.keyless (word text);
alter table public.keyless replica identity full;
grant select on public.keyless to authenticated;

create table public.unreadable (id integer primary key);

create table public.failing (id integer primary key);
alter table public.failing enable row level security;
create policy "fails" on public.failing for select to authenticated using (1 / (id - id) = 1);
grant select on public.failing to authenticated;

create table public.unpublished (id integer primary key);
grant select on public.unpublished to authenticated;

alter publication supabase_realtime add table
  public.samples, public.open_samples, public.guarded, public.keyless, public.unreadable, public.failing;
"""


@dataclass(frozen=True)
class RealtimeServer:
    """A running server with its database, and methods to use both."""

    config: ServerConfig
    process: ApiServer
    databases: Databases
    database: str
    _connections: list[psycopg.Connection] = field(default_factory=list, repr=False)

    @property
    def dsn(self) -> str:
        return self.databases.dsn(self.database)

    @property
    def http_url(self) -> str:
        return f"http://{self.config.host}:{self.config.port}"

    @property
    def realtime_url(self) -> str:
        """The URL for client libraries."""
        return f"ws://{self.config.host}:{self.config.port}/realtime/v1"

    def wire(self, key: str | None = None, *, version: int = 1) -> Wire:
        """Return a client, by default with the publishable key."""
        return Wire(f"{self.realtime_url}/websocket?apikey={key or self.config.publishable_key}", version=version)

    def token(self, person: Actor, *, lasts: float = 3600, **claims: Any) -> str:
        """Return an access token, as Auth issues it."""
        return self.sign({"role": "authenticated", "sub": str(person.id), "exp": int(time.time() + lasts)} | claims)

    def sign(self, claims: dict[str, Any], *, secret: str | None = None) -> str:
        def encode(data: bytes) -> str:
            return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

        head = encode(b'{"alg":"HS256","typ":"JWT"}') + "." + encode(json.dumps(claims).encode())
        signature = hmac.new((secret or self.config.jwt_secret).encode(), head.encode(), hashlib.sha256).digest()
        return f"{head}.{encode(signature)}"

    def connect(self) -> psycopg.Connection:
        """Connect as the owner of the database, until `close()`."""
        self._connections.append(psycopg.connect(self.dsn))
        return self._connections[-1]

    def club(self, *members: str) -> Club:
        """Create a space for this test alone."""
        club = found_club(Actors(self.connect(), commit=True), *members)
        done(club)
        return club

    def person(self, name: str) -> Actor:
        """Sign up a person without a space."""
        actors = Actors(self.connect(), commit=True)
        person = actors.person(name)
        actors.connection.commit()
        return person

    def run(self, query: LiteralString | sql.Composed, *arguments: Any) -> None:
        """Run a statement as the owner of the database, and commit."""
        connection = next((one for one in self._connections if not one.broken), None) or self.connect()
        connection.execute(query, [Jsonb(value) if isinstance(value, dict) else value for value in arguments])
        connection.commit()

    def send(self, name: str, event: str, payload: dict[str, Any], *, private: bool = True) -> None:
        """Broadcast from the database."""
        self.run("select realtime.send(%s, %s, %s, %s)", payload, event, name, private)

    def close(self) -> None:
        """Close the connections to the database."""
        while self._connections:
            self._connections.pop().close()


def done(club: Club) -> None:
    """Commit the changes of the people."""
    club.actors.connection.commit()


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """The Postgres server of the tests that do not stop it."""
    with server_with_template(tmp_path_factory) as server:
        yield server


@pytest.fixture(scope="session")
def server(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealtimeServer]:
    """The server that tests share. Each test creates a space, topics and rows of its own."""
    with closing(open_server(postgres_server, "realtime", tmp_path_factory.mktemp("realtime"))) as server:
        yield server
        server.process.stop()


@pytest.fixture(scope="session")
def spare_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """The Postgres server of the tests that stop it."""
    with server_with_template(tmp_path_factory) as server:
        yield server


@pytest.fixture
def own_postgres(spare_postgres: PostgresServer) -> PostgresServer:
    """A Postgres server that the test may stop."""
    spare_postgres.start()  # A failed test may have left it stopped.
    return spare_postgres


@pytest.fixture
def own_server(own_postgres: PostgresServer, tmp_path: Path) -> Iterator[RealtimeServer]:
    """A server that the test may stop, on a Postgres server that it may stop."""
    with closing(open_server(own_postgres, "own", tmp_path)) as server:
        yield server
        server.process.stop()


def open_server(postgres: PostgresServer, database: str, folder: Path) -> RealtimeServer:
    deno.ensure_cached(lambda _line: None)
    databases = databases_of(postgres)
    dsn = databases.clone(database)
    with psycopg.connect(dsn) as connection:
        connection.execute(EXTRAS)
    (folder / "functions").mkdir()
    config = make_config(databases, database, folder)
    process = ApiServer(folder / "server.log", options={"bcrypt_cost": 4})
    process.start(config)
    return RealtimeServer(config, process, databases, database)


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"room-{uuid4().hex[:12]}"
