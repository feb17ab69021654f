"""The embedded stack: PostgreSQL, the platform's schemas, the project's migrations and seed, and the API server.

```python
with Stack(Path(".supabase")) as stack:
    print(stack.api_url, stack.publishable_key)
```

A stack belongs to the process that started it, which restarts its two servers when they die. Other processes find it
through its folder: `StackStatus.of(folder)`, `runs.reset(folder)`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg

from supabase_embedded import _project_config, deno
from supabase_embedded._control import Control
from supabase_embedded._folder import DATABASE, Run, StackFolder, State
from supabase_embedded._keys import Keys
from supabase_embedded._ports import LOOPBACK, check_port, pick_port
from supabase_embedded._processes import ProcessIdentity
from supabase_embedded._server import ApiServer, ServerConfig
from supabase_embedded._status import SITE_URL, StackStatus
from supabase_embedded.application import STANDALONE, Addresses, Application
from supabase_embedded.databases import Databases
from supabase_embedded.errors import LocalStackError, NotRunningError, PortInUseError
from supabase_embedded.migrations import MigrationReport
from supabase_embedded.postgres import PostgresServer, ServerAddress
from supabase_embedded.project import Project
from supabase_embedded.runs import end_leftovers, reset

_WATCH_INTERVAL = 0.2  # Seconds between two checks of the processes.
_MAINTENANCE_INTERVAL = 3600.0  # Seconds.
_MAX_PAUSE = 5.0  # Seconds between two attempts to start a server.

_log = logging.getLogger(__name__)


class Stack:
    """The embedded stack in one folder; as a context manager it starts on entry and stops on exit."""

    def __init__(
        self,
        directory: Path,
        *,
        application: Application = STANDALONE,
        project: Path | None = None,
        seed: bool = True,
        port: int | None = None,
        db_port: int | None = None,
        durable: bool = True,
        site_url: str | None = None,
        function_hosts: Sequence[str] = (),
        function_environment: Mapping[str, str] | None = None,
        server_options: Mapping[str, bool | int] | None = None,
        report: Callable[[str], None] | None = None,
    ) -> None:
        """Describe the stack; nothing happens before `start()`.

        Args:
            directory: The folder for everything that the stack keeps; created if it is missing.
            application: The application that is built on the stack; by default none.
            project: The folder that contains `supabase/`; by default the application's, or the working folder.
            seed: Whether new databases get the project's seed data.
            port: The API's port; by default that of the last run, or a free one.
            db_port: The database's port; the default is chosen in the same way.
            durable: Whether committed data survives a crash of the machine. `False` is faster, for tests.
            site_url: Where links in emails lead unless a call names another URL; by default the value in the project's
                `config.toml`, or `http://127.0.0.1:3000`.
            function_hosts: Hosts that edge functions may connect to besides this machine, such as `api.resend.com`.
            function_environment: Variables for edge functions. `supabase/functions/.env` overrides them.
            server_options: More settings for the API server, such as `bcrypt_cost`. They override those of the
                project's `config.toml`, where `confirm_email`, for example, is `enable_confirmations`.
            report: Called with one line for each thing that takes time or needs attention; by default it is logged.
        """
        self._folder = StackFolder(directory, application)
        self._application = application
        self._project_argument = project
        self._with_seed = seed
        self._port = port
        self._db_port = db_port
        self._durable = durable
        self._site_url = site_url
        self._report = report or _log.info
        self._function_hosts = tuple(function_hosts)
        self._function_environment = dict(function_environment or {})
        self._server = ApiServer(
            self._folder.logs / "server.log", options=server_options, record=self._folder.record_server
        )
        self._postgres: PostgresServer | None = None
        self._databases: Databases | None = None
        self._config: ServerConfig | None = None
        self._control: Control | None = None
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def __repr__(self) -> str:
        return f"Stack({str(self._folder.root)!r})"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    # How to reach it

    @property
    def api_url(self) -> str:
        """The base URL of the API."""
        return self.status().api_url

    @property
    def db_url(self) -> str:
        """A connection URL as `postgres`, the role of migrations."""
        return self.status().db_url

    @property
    def mailbox_url(self) -> str:
        """The page that shows the emails that were sent."""
        return self.status().mailbox_url

    @property
    def publishable_key(self) -> str:
        """The API key of clients."""
        return self.status().publishable_key

    @property
    def secret_key(self) -> str:
        """The API key that bypasses row level security."""
        return self.status().secret_key

    @property
    def jwt_secret(self) -> str:
        """The secret that signs users' tokens."""
        return self.status().jwt_secret

    @property
    def server_log(self) -> Path:
        """The API server's log: one JSON object a line."""
        return self._server.log_path

    @property
    def project(self) -> Project:
        """The project whose migrations, seed and edge functions the stack runs."""
        return self.databases.project

    @property
    def databases(self) -> Databases:
        """The databases of the stack, for more copies of the template."""
        if self._databases is None:
            raise NotRunningError("This stack is not running; call start() first.")
        return self._databases

    def status(self) -> StackStatus:
        """Return how to reach the stack.

        Raises:
            NotRunningError: It is not running.
        """
        return StackStatus.of(self._folder.root, application=self._application)

    # Start and stop

    def start(self) -> None:
        """Start everything and return when the API accepts requests.

        The first start in a folder creates the database; later ones apply new migrations to it.

        Raises:
            AlreadyRunningError: A stack runs in this folder.
            FolderError: The folder cannot be used.
            MigrationError: A migration or the seed was refused.
            PortInUseError: A requested port is taken.
            LocalStackError: A part of the stack did not start for another reason.
        """
        project = Project.find(self._project_argument or self._application.project)
        self._folder.open()
        self._stopping.clear()
        try:
            self._start(project)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop everything and keep the data. Does nothing if the stack is not running."""
        self._stopping.set()
        if self._control is not None:
            self._control.close()
        self._server.stop()
        if self._postgres is not None:
            self._postgres.stop()
        for thread in self._threads:
            thread.join()
        # A thread may have restarted one of them meanwhile.
        self._server.stop()
        if self._postgres is not None:
            self._postgres.stop()
        self._threads = []
        self._postgres = self._databases = self._config = self._control = None
        if self._folder.is_locked:
            try:
                self._folder.end_run()
            finally:
                self._folder.close()

    def reset(self) -> None:
        """Replace the database with a fresh, seeded one, and delete stored files and emails.

        Raises:
            MigrationError: A migration or the seed was refused; the old database is kept.
        """
        reset(self._folder.root, application=self._application)

    def clone_database(self, name: str) -> str:
        """Create another fresh, seeded database, and return its URL as `postgres`."""
        return self.databases.clone(name)

    # The parts

    def _start(self, project: Project) -> None:
        # Report bad settings before anything is created.
        settings = _project_config.auth(project), _project_config.functions(project)
        if self._application.check is not None:
            self._application.check(project, self._function_environment)
        if unsupported := _project_config.unsupported(project):
            self._report(f"The embedded stack ignores these settings below [auth]: {', '.join(unsupported)}.")
        folder, state = self._folder, self._folder.read_state()
        if state.run is not None or state.starting is not None:  # It was killed; its servers may still run.
            end_leftovers(folder, state)
        check_port(self._port, purpose="the API", option="--port")
        api_ports = () if self._port is None else (self._port,)
        check_port(self._db_port, purpose="the database", option="--db-port", taken=api_ports)
        folder.write_state(replace(state, starting=ProcessIdentity.current(), server=None))
        keys = Keys.of(folder.keys, may_generate=not folder.postgres.exists())
        deno.ensure_cached(self._report)
        deno.ensure_functions_cached(project, self._report)

        self._postgres = PostgresServer(
            folder.postgres,
            password=keys.service_password,
            port=self._db_port,
            # The port of the last run may now be requested for the API, which starts later.
            preferred_port=None if state.db_port in api_ports else state.db_port,
            durable=self._durable,
            log_path=folder.logs / "postgres.log",
        )
        if not self._postgres.initialised:
            self._report("Creating a new database ...")
        self._postgres.start()
        address = self._postgres.address
        self._databases = Databases(address, project, keys.service_password, with_seed=self._with_seed)
        self._report_migrations(self._databases.open())

        self._config = self._start_server(address, keys, project, state, *settings)
        self._control = Control(self.reset)
        self._write_state(project)
        self._run_in_thread(self._control.serve)
        self._run_in_thread(self._watch)
        self._run_in_thread(self._maintain)
        for worker in self._application.workers:
            self._run_in_thread(worker, self, self._stopping)
        folder.tidy_request.touch()

    def _start_server(
        self,
        address: ServerAddress,
        keys: Keys,
        project: Project,
        state: State,
        auth: _project_config.AuthSettings,
        functions: dict[str, _project_config.FunctionSettings],
    ) -> ServerConfig:
        attempts_left = 3
        auth["site_url"] = self._site_url or auth.get("site_url") or SITE_URL
        while True:
            attempts_left -= 1
            port = pick_port(requested=self._port, remembered=state.api_port, purpose="the API", option="--port")
            taken, mailbox = (port,), state.smtp_port
            smtp_port = pick_port(requested=None, remembered=mailbox, purpose="email", option="--port", taken=taken)
            config = ServerConfig(
                host=LOOPBACK,
                port=port,
                smtp_port=smtp_port,
                db_url=address.dsn(DATABASE),
                authenticator_db_url=address.dsn(DATABASE, user="authenticator", password=keys.service_password),
                publishable_key=keys.publishable_key,
                secret_key=keys.secret_key,
                jwt_secret=keys.jwt_secret,
                anon_key=keys.anon_key,
                service_role_key=keys.service_role_key,
                storage_dir=str(self._folder.storage),
                mail_dir=str(self._folder.mail),
                functions_dir=str(project.functions_dir),
                functions=functions,
                functions_environment=self._functions_environment(address, port, smtp_port),
                function_hosts=self._function_hosts,
                application=self._application.name,
                command=self._application.command,
                sender=self._application.sender,
                **auth,
            )
            try:
                self._server.start(config)
            except PortInUseError:
                # Another program took it before the server did.
                if self._port is not None or attempts_left == 0:
                    raise
            else:
                return config

    def _write_state(self, project: Project) -> None:
        assert self._config is not None and self._postgres is not None and self._control is not None
        supervisor, server = ProcessIdentity.current(), ProcessIdentity.of(self._server.pid or 0)
        if server is None:
            raise LocalStackError(f"The API server ended right after its start; see {self._server.log_path}.")
        self._folder.write_state(
            State(
                api_port=self._config.port,
                db_port=self._postgres.port,
                smtp_port=self._config.smtp_port,
                run=Run(
                    supervisor,
                    server,
                    str(project.supabase_dir),
                    self._with_seed,
                    control_port=self._control.port,
                    control_token=self._control.token,
                ),
                server=server,
            )
        )

    def _report_migrations(self, report: MigrationReport) -> None:
        for line in report.describe(self._application.command):
            self._report(line)
        if not self.databases.fits_this_version():
            command = self._application.command
            self._report(f"Another version of the stack created this database. `{command} reset` creates it again.")

    def _watch(self) -> None:
        """Restart a server that has died, and do the slow part of the next reset."""
        assert self._postgres is not None and self._config is not None
        pause = _WATCH_INTERVAL
        while not self._stopping.wait(pause):
            try:
                if not self._postgres.running:
                    _log.warning("The database server ended unexpectedly; starting it again.")
                    self._postgres.start()
                    _log.info("The database server is back.")
                if not self._server.running and not self._stopping.is_set():
                    _log.warning("The API server ended unexpectedly; starting it again.")
                    self._server.start(self._config)
                    self._write_state(self.databases.project)
                    _log.info("The API server is back.")
                if self._folder.tidy_request.exists():
                    self._folder.tidy_request.unlink()
                    self.databases.tidy()
                pause = _WATCH_INTERVAL
            except (LocalStackError, OSError, psycopg.Error) as error:
                if self._stopping.is_set():
                    return
                pause = min(2 * pause, _MAX_PAUSE)
                _log.error("%s (Trying again in %.1f s.)", error, pause)

    def _maintain(self) -> None:
        """Create and drop the partitions for realtime messages."""
        while not self._stopping.wait(_MAINTENANCE_INTERVAL):
            try:
                self.databases.maintain()
            except psycopg.Error as error:
                if self._stopping.is_set():
                    return
                _log.error("The partitions for realtime messages could not be created: %s", error)

    def _run_in_thread(self, target: Callable[..., None], *arguments: object) -> None:
        """Run a function in a thread that ends with the stack."""
        thread = threading.Thread(target=target, args=arguments, name=f"stack {target.__name__}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _functions_environment(self, address: ServerAddress, port: int, smtp_port: int) -> dict[str, str]:
        """Return the variables of edge functions, in addition to the platform's."""
        mailbox = Addresses(smtp_url=f"smtp://{LOOPBACK}:{smtp_port}", mailpit_url=f"http://{LOOPBACK}:{port}")
        variables = {"SUPABASE_DB_URL": address.dsn(DATABASE, user="postgres", password="postgres")}
        return variables | dict(self._application.function_environment(mailbox)) | self._function_environment
