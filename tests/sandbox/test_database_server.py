"""A private database server ends with whoever started it, however that ends, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from sandbox.city.database_server import DatabaseServer
from tests.platforms import databases

pytestmark = pytest.mark.slow


@pytest.fixture(params=["postgresql", "mysql"])
def server(request: pytest.FixtureRequest) -> Iterator[DatabaseServer]:
    with databases.server(request.param) as running:
        yield running


def keeper(server: DatabaseServer) -> psutil.Process:
    """Who keeps the server; its child is the server itself."""
    folder = server.socket.parents[1]
    for child in psutil.Process().children():
        with suppress(psutil.Error):
            if any(Path(grandchild.cwd()).is_relative_to(folder) for grandchild in child.children()):
                return child
    raise AssertionError(f"nobody keeps {folder}")


def soon(is_so: Callable[[], bool]) -> bool:
    return any(is_so() or time.sleep(0.05) for _ in range(200))


def test_server_that_is_stopped_is_gone_with_its_folder(server: DatabaseServer) -> None:
    programs = keeper(server).children(recursive=True)
    server.stop()
    assert not server.socket.parents[1].exists()
    assert not [program for program in programs if program.is_running()]


def test_keeper_that_is_told_to_end_more_than_once_still_tidies_up(server: DatabaseServer) -> None:
    process = keeper(server)
    for _ in range(5):
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGTERM)
        time.sleep(0.01)
    server.stop()
    assert not server.socket.parents[1].exists()


def test_keeper_that_is_killed_takes_its_server_along_and_the_next_one_tidies_up(server: DatabaseServer) -> None:
    folder, process = server.socket.parents[1], keeper(server)
    (program,) = process.children()
    process.kill()
    assert soon(lambda: not program.is_running() or program.status() == psutil.STATUS_ZOMBIE)
    assert folder.exists()
    another = DatabaseServer(server.dialect)
    assert another.socket.exists()
    assert not folder.exists()
    another.stop()
