"""A private PostgreSQL cluster from Debian's packages, independent of any other cluster on the machine.

Gotchas
- PostgreSQL refuses to run as root. Root's cluster runs as the package's account `postgres`, which must be able
  to reach the folder: one below `/root` does not work.
- A Unix socket's path may have 107 bytes. A deep folder gets its socket in a short one under `/tmp`.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import sql

from deploy import children, ports, secret_files
from deploy.folder_lock import FolderInUse, FolderLock

_VERSIONS = Path("/usr/lib/postgresql")
_SUPERUSER = "portico"
_PACKAGE_ACCOUNT = "postgres"
_SOCKET_PATH_LIMIT = 107


class PostgresError(RuntimeError):
    """The cluster was not made, or did not start."""


class Postgres:
    """One private cluster on 127.0.0.1:`port`, with all files under `folder`.

    `durable=False` turns fsync off, for tests that do not crash the server.
    """

    def __init__(self, folder: Path, port: int, *, durable: bool = True) -> None:
        self.folder = folder.resolve()
        self.port = port
        self.durable = durable
        self._server: subprocess.Popen[bytes] | None = None
        self._socket_folder: Path | None = None
        self._lock = FolderLock(self.folder)

    @property
    def log(self) -> Path:
        """The server's output."""
        return self.folder / "postgres.log"

    @property
    def pid(self) -> int | None:
        """The postmaster's process id, or None while it is down."""
        if self._server is None or self._server.poll() is not None:
            return None
        return self._server.pid

    def url(self, database: str, role: str = _SUPERUSER, password: str | None = None) -> str:
        """SQLAlchemy URL of `database`, by default for the cluster's superuser."""
        return f"postgresql+psycopg2://{role}:{password or self._password}@127.0.0.1:{self.port}/{database}"

    def start(self, timeout_s: float = 60) -> None:
        """Make the cluster if the folder is new, start it, wait for a login. Raises PostgresError."""
        if self.pid is not None:
            return
        try:
            self._lock.take()
            self._end_leftover()
            self._require_port()
            self._prepare_folder()
            if not (self._data / "PG_VERSION").exists():
                self._make_cluster()
            self._launch()
            self._wait_for_login(time.monotonic() + timeout_s)
        except FolderInUse as error:
            raise PostgresError(str(error)) from error
        except BaseException:
            self.stop(timeout_s=5)
            raise

    def stop(self, timeout_s: float = 30) -> None:
        """Fast shutdown: open transactions are rolled back, then the server ends."""
        if self._server is not None:
            children.end(self._server, timeout_s=timeout_s, sig=signal.SIGINT)
        self._server = None
        if self._socket_folder is not None and self._socket_folder != self.folder:
            shutil.rmtree(self._socket_folder, ignore_errors=True)
        self._socket_folder = None
        self._lock.give_back()

    def kill(self) -> None:
        """SIGKILL the server and its back ends, as a crash would. The next `start` recovers."""
        if self._server is not None:
            children.kill_group(self._server)
            self._server.wait(10)
        self._server = None

    def create_role(self, name: str, password: str) -> None:
        """Create a role that may log in and nothing else, or give the existing one this password."""
        exists = self.admin_sql("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,))
        verb = sql.SQL("ALTER" if exists else "CREATE")
        self.admin_sql(
            sql.SQL("{} ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD {}").format(
                verb, sql.Identifier(name), sql.Literal(password)
            )
        )

    def create_database(self, name: str, *, owner: str | None = None) -> str:
        """Create an empty database unless it exists; returns its URL for the superuser.

        With an owner, nobody but the owner may connect to it.
        """
        exists = self.admin_sql("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
        if not exists:
            # template0 gives the same byte-wise order whatever the machine's locale is.
            self.admin_sql(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        if owner is not None:
            names = {"database": sql.Identifier(name), "owner": sql.Identifier(owner)}
            self.admin_sql(sql.SQL("ALTER DATABASE {database} OWNER TO {owner}").format(**names))
            self.admin_sql(sql.SQL("REVOKE ALL ON DATABASE {database} FROM PUBLIC").format(**names))
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drop a database if it exists, and end its open sessions."""
        self.admin_sql(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def admin_sql(
        self, statement: str | sql.Composable, parameters: Sequence[Any] = ()
    ) -> list[tuple[Any, ...]]:
        """Run one statement as superuser in the database `postgres`, outside a transaction; returns its rows."""
        connection = self._connect()
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement, parameters or None)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _password(self) -> str:
        return secret_files.kept_secret(self.folder / "superuser-password")

    def _connect(self) -> Any:
        return psycopg2.connect(
            host="127.0.0.1",
            port=self.port,
            user=_SUPERUSER,
            password=self._password,
            dbname="postgres",
            connect_timeout=5,
        )

    def _prepare_folder(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        # Made before the folder gets its owner: the server's account must read it during `initdb`.
        secret_files.kept_secret(self.folder / "superuser-password")
        account = _account()
        if account is not None:
            shutil.chown(self.folder, account, account)
            shutil.chown(self.folder / "superuser-password", account, account)
            self._require_reachable(account)
        self._socket_folder = self._place_for_socket(account)

    def _require_reachable(self, account: str) -> None:
        probe = subprocess.run(
            ["test", "-x", str(self.folder)], user=account, group=account, extra_groups=[], check=False
        )
        if probe.returncode != 0:
            raise PostgresError(
                f"root's PostgreSQL runs as '{account}', which cannot reach {self.folder}; choose a folder outside /root"
            )

    def _place_for_socket(self, account: str | None) -> Path:
        if len(str(self.folder / f".s.PGSQL.{self.port}").encode()) < _SOCKET_PATH_LIMIT:
            return self.folder
        short = Path(tempfile.mkdtemp(prefix="portico-pg-", dir="/tmp"))
        if account is not None:
            shutil.chown(short, account, account)
        return short

    def _make_cluster(self) -> None:
        command = [
            str(_programs() / "initdb"),
            f"--pgdata={self._data}",
            f"--username={_SUPERUSER}",
            f"--pwfile={self.folder / 'superuser-password'}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
        ]
        if not self.durable:
            command.append("--no-sync")
        account = _account()
        made = subprocess.run(
            command,
            env=_env(),
            cwd=self.folder,
            user=account,
            group=account,
            extra_groups=None if account is None else [],
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode != 0:
            shutil.rmtree(self._data, ignore_errors=True)
            raise PostgresError(f"initdb failed:\n{made.stderr.strip()}")

    def _server_command(self) -> list[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self._socket_folder),
            "fsync": "on" if self.durable else "off",
            # Five services and their replicas, each with a pool of its own.
            "max_connections": "300",
        }
        command = [str(_programs() / "postgres"), "-D", str(self._data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        return command

    def _require_port(self) -> None:
        if not ports.is_free(self.port):
            raise PostgresError(f"port {self.port} (PostgreSQL) is taken by another program")

    def _launch(self) -> None:
        with self.log.open("ab") as output:
            self._server = children.spawn(
                self._server_command(),
                env=_env(),
                output=output,
                cwd=self.folder,
                user=_account(),
                # SIGINT is PostgreSQL's fast shutdown: SIGTERM would wait for clients.
                death_signal=signal.SIGINT,
            )

    def _wait_for_login(self, deadline: float) -> None:
        while True:
            if self.pid is None:
                raise PostgresError(f"PostgreSQL stopped while starting:\n{children.tail(self.log)}")
            try:
                self._connect().close()
            except psycopg2.OperationalError as error:
                if time.monotonic() > deadline:
                    raise PostgresError(f"no login:\n{children.tail(self.log)}") from error
                time.sleep(0.1)
            else:
                return

    def _end_leftover(self) -> None:
        """End a server that an earlier, killed owner of this folder left behind."""
        kept = self._data / "postmaster.pid"
        if not kept.exists():
            return
        children.end_foreign(int(kept.read_text().split()[0]), str(self._data), sig=signal.SIGINT)


def _account() -> str | None:
    """The account that the server runs as: the package's if we are root, otherwise None (our own)."""
    return _PACKAGE_ACCOUNT if os.geteuid() == 0 else None


def program(name: str) -> str:
    """The path of a client program such as `pg_dump`: the newest of Debian's packages, or that on the PATH."""
    with contextlib.suppress(PostgresError):
        if (_programs() / name).exists():
            return str(_programs() / name)
    return shutil.which(name) or name


def _programs() -> Path:
    """The `bin` folder of the newest PostgreSQL that is installed."""
    found = [folder for folder in _VERSIONS.glob("*/bin") if (folder / "initdb").exists()]
    if not found:
        raise PostgresError("PostgreSQL was not found; install the package postgresql")
    return max(found, key=lambda folder: int(re.sub(r"\D", "", folder.parent.name) or 0))


def _env() -> dict[str, str]:
    # A clean environment, because PG* variables of the caller could point the programs to another server.
    return {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TZ": "UTC"}
