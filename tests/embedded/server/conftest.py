"""A running server with a small application, and people who use it over real HTTP."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import httpx
import jwt
import pytest

from supabase import Client, ClientOptions, create_client
from supabase_embedded import deno
from supabase_embedded._server import ApiServer, ServerConfig
from supabase_embedded.databases import Databases
from supabase_embedded.postgres import PostgresServer
from supabase_embedded.project import Project

PROJECT = Path(__file__).parent / "project"
PASSWORD = "correct horse"
SERVICE_PASSWORD = "only-for-tests"


# TLS is not used here, but each client would read all certificates of the system, which takes longer than a test.
_TLS = ssl.create_default_context()
_open: list[httpx.Client] = []


def opened(client: httpx.Client) -> httpx.Client:
    """Close a client at the end of the test."""
    _open.append(client)
    return client


@pytest.fixture(autouse=True)
def close_clients() -> Iterator[None]:
    """Close the clients that the test opened."""
    yield
    while _open:
        _open.pop().close()


@dataclass(frozen=True)
class Server:
    """A running server, with its process and its database."""

    config: ServerConfig
    process: ApiServer
    databases: Databases
    database: str

    @property
    def url(self) -> str:
        return f"http://{self.config.host}:{self.config.port}"

    @property
    def superuser_dsn(self) -> str:
        return self.config.db_url

    def http(self, key: str | None = None, token: str | None = None) -> httpx.Client:
        """Return a plain HTTP client, by default with the publishable key."""
        headers = {"apikey": self.config.publishable_key if key is None else key} if key != "" else {}
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        return opened(httpx.Client(base_url=self.url, headers=headers, timeout=30, verify=_TLS))

    def client(self, key: str | None = None) -> Client:
        """Return a Supabase client, by default with the publishable key."""
        # The HTTP client that supabase-py creates itself raises a warning.
        options = ClientOptions(httpx_client=opened(httpx.Client(timeout=30, verify=_TLS)), auto_refresh_token=False)
        return create_client(self.url, key or self.config.publishable_key, options)


@dataclass(frozen=True)
class Person:
    """A person who has signed up and is signed in."""

    id: str
    email: str
    token: str = field(repr=False)
    client: Client = field(repr=False)


def free_ports(count: int) -> list[int]:
    """Return free ports."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [taken.getsockname()[1] for taken in sockets]
    for taken in sockets:
        taken.close()
    return ports


def make_config(databases: Databases, database: str, folder: Path) -> ServerConfig:
    """Return the configuration of a server for one database, with its files below a folder."""
    port, smtp_port = free_ports(2)
    jwt_secret = f"{uuid4().hex}{uuid4().hex}"
    return ServerConfig(
        host="127.0.0.1",
        port=port,
        application="Supabase",
        command="python -m supabase_embedded dev",
        sender="Supabase <no-reply@supabase.localhost>",
        smtp_port=smtp_port,
        storage_dir=str(folder / "storage"),
        mail_dir=str(folder / "mail"),
        functions_dir=str(folder / "functions"),
        site_url="http://localhost:3000",
        db_url=databases.dsn(database, user="supabase_admin"),
        authenticator_db_url=databases.dsn(database, user="authenticator"),
        publishable_key=f"sb_publishable_{uuid4().hex}",
        secret_key=f"sb_secret_{uuid4().hex}",
        jwt_secret=jwt_secret,
        anon_key=_role_token("anon", jwt_secret),
        service_role_key=_role_token("service_role", jwt_secret),
        secure_password_change=True,
    )


def _role_token(role: str, jwt_secret: str) -> str:
    return jwt.encode({"role": role, "iat": 1_700_000_000, "exp": 4_000_000_000}, jwt_secret, algorithm="HS256")


@pytest.fixture(scope="session")
def notes_databases() -> Iterator[Databases]:
    """The databases of the small application."""
    deno.ensure_cached(lambda _line: None)
    with PostgresServer.temporary(durable=False) as postgres:
        databases = Databases(postgres.address, Project.find(PROJECT), service_password=SERVICE_PASSWORD)
        databases.prepare()
        yield databases


StartServer = Callable[..., Server]


@pytest.fixture
def start_server(notes_databases: Databases, tmp_path: Path) -> Iterator[StartServer]:
    """Start servers for this test alone, each with its own database; keywords are settings of the server."""
    started: list[Server] = []

    def start(**options: bool | int | str) -> Server:
        started.append(_start(notes_databases, tmp_path / uuid4().hex, options))
        return started[-1]

    yield start
    for server in started:
        server.process.stop()
        notes_databases.drop(server.database)


@pytest.fixture(scope="session")
def server(notes_databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server that tests share. They must not disturb each other: each uses new people and names."""
    server = _start(notes_databases, tmp_path_factory.mktemp("server"), {})
    yield server
    server.process.stop()


def _start(databases: Databases, folder: Path, options: dict[str, bool | int | str]) -> Server:
    folder.mkdir(exist_ok=True)
    (folder / "functions").mkdir()
    database = f"server_{uuid4().hex}"
    databases.clone(database)
    config = make_config(databases, database, folder)
    process = ApiServer(folder / "server.log", options={"bcrypt_cost": 4} | options)
    process.start(config)
    return Server(config, process, databases, database)


@pytest.fixture
def secret(server: Server) -> Client:
    """A client with the secret key."""
    return server.client(server.config.secret_key)


@pytest.fixture
def anonymous(server: Server) -> Client:
    """A client without a signed-in user."""
    return server.client()


SignUp = Callable[..., Person]


@pytest.fixture
def sign_up(server: Server) -> SignUp:
    """Sign a new person up."""

    def person(name: str = "Ada") -> Person:
        client = server.client()
        email = f"{name.lower()}-{uuid4().hex}@example.test"
        reply = client.auth.sign_up({"email": email, "password": PASSWORD, "options": {"data": {"name": name}}})
        assert reply.user is not None
        assert reply.session is not None
        return Person(reply.user.id, email, reply.session.access_token, client)

    return person


@pytest.fixture
def ada(sign_up: SignUp) -> Person:
    """A person for this test alone."""
    return sign_up("Ada")


@pytest.fixture
def boris(sign_up: SignUp) -> Person:
    """Another person."""
    return sign_up("Boris")
