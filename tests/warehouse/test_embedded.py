from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from motcua.warehouse.embedded import DATABASE, FORGOTTEN_SECONDS, server

pytestmark = pytest.mark.slow

START_SECONDS = 60

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "home"
    shutil.rmtree((tmp_path / "home" / "database").resolve(), ignore_errors=True)


@pytest.fixture
def start(home: Path) -> Iterator[Start]:
    """Starts a process that uses the server of this home; all end with the test, in order."""
    started: list[subprocess.Popen[str]] = []

    def run(*options: str) -> subprocess.Popen[str]:
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", "motcua.warehouse.embedded", "--home", str(home), *options],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )
        )  # fmt: skip
        return started[-1]

    yield run
    for process in started:
        process.terminate()
        process.communicate(timeout=START_SECONDS)


def _urls(user: subprocess.Popen[str]) -> dict[str, str]:
    assert user.stdout is not None
    found: dict[str, str] = json.loads(user.stdout.readline())["urls"]
    return found


def _postmaster(home: Path) -> int | None:
    """Process of the server, by its own note; None when it has stopped."""
    note = (home / "database").resolve() / "data" / "postmaster.pid"
    return int(note.read_text(encoding="utf-8").split()[0]) if note.exists() else None


def _is_alive(process: int) -> bool:
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _ask(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def _stop(user: subprocess.Popen[str]) -> None:
    user.terminate()
    assert (user.wait(START_SECONDS), user.stderr.read() if user.stderr else "") == (0, "")


def test_two_who_come_at_once_share_one_server_and_the_last_to_leave_stops_it(home: Path, start: Start) -> None:
    first, second = start(), start("--database", "other", "--database", DATABASE)
    urls, others = _urls(first), _urls(second)
    assert list(urls) == [DATABASE]
    assert list(others) == ["other", DATABASE]
    assert urls[DATABASE] == others[DATABASE]
    running = _postmaster(home)
    assert running is not None
    _ask(urls[DATABASE], "CREATE TABLE kept (n int)")
    _stop(first)
    assert _postmaster(home) == running
    assert _ask(others[DATABASE], "SELECT * FROM kept") == []
    _stop(second)
    assert _postmaster(home) is None
    assert not _is_alive(running)


def test_server_whose_user_was_killed_is_found_by_the_next_one_who_stops_it(home: Path, start: Start) -> None:
    killed = start()
    url = _urls(killed)[DATABASE]
    _ask(url, "CREATE TABLE kept AS SELECT 17 AS n")
    running = _postmaster(home)
    killed.kill()
    killed.communicate()
    assert _postmaster(home) == running
    _stop_after_use(start, url)
    assert _postmaster(home) is None
    with server(home) as again:
        assert _ask(again.url(), "SELECT n FROM kept") == [(17,)]
    assert _postmaster(home) is None


def _stop_after_use(start: Start, url: str) -> None:
    after = start()
    assert _urls(after)[DATABASE] == url
    assert _ask(url, "SELECT n FROM kept") == [(17,)]
    _stop(after)


def test_server_that_broke_off_starts_again_with_what_was_committed(home: Path) -> None:
    with server(home) as running:
        _ask(running.url(), "CREATE TABLE kept AS SELECT 17 AS n")
        process = _postmaster(home)
        assert process is not None
        os.kill(process, signal.SIGQUIT)  # PostgreSQL's own way to break off: without a checkpoint
        while _is_alive(process):
            time.sleep(0.01)
    with server(home) as again:
        assert _ask(again.url(), "SELECT n FROM kept") == [(17,)]


def test_nobody_but_its_owner_reaches_it_over_the_network(home: Path) -> None:
    with server(home) as running:
        assert _ask(running.url(), "SHOW listen_addresses") == [("",)]
        assert _ask(running.url(), "SHOW fsync") == [("on",)]
        assert running.data.stat().st_mode & 0o077 == 0


def test_directories_that_no_home_points_to_are_removed_a_day_later(home: Path, tmp_path: Path) -> None:
    forgotten = tmp_path / "forgotten"
    with server(forgotten) as once:
        abandoned = once.directory
    shutil.rmtree(forgotten)
    with server(home):
        assert abandoned.exists()
    yesterday = time.time() - FORGOTTEN_SECONDS - 60
    os.utime(abandoned / "home", (yesterday, yesterday))
    with server(home):
        assert not abandoned.exists()
