"""Rows 30 to 33: PostgreSQL restarts, loses a session, loses an answer, or makes somebody wait."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from motcua import warehouse
from motcua.settings import Settings

from tests.faults.databases import own_settings
from tests.faults.invariants import broken
from tests.faults.offices import Offices
from tests.faults.outcome import Run
from tests.faults.proxy import Proxy, Toxic
from tests.faults.rig import Rig
from tests.faults.server import Server, line_to, running_server
from tests.sandbox.city_client import CityClient
from tests.steps.pipeline import AS_OF, Pipeline

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults of our own")]

# as often as a task is tried again
TRIES = 3
SOON = AS_OF + timedelta(minutes=20)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server() as running:
        running.execute("CREATE DATABASE motcua_template")
        template = running.url.set(database="motcua_template").render_as_string(hide_password=False)
        bare = Settings.from_environment({"MOTCUA_HOME": "/nonexistent"})
        warehouse.migrate(replace(bare, database_url=template))
        yield running


@pytest.fixture
def line(server: Server) -> Iterator[Proxy]:
    with line_to(server) as opened:
        yield opened


@pytest.fixture
def rig(
    server: Server, line: Proxy, city: CityClient, offices: Offices, own_registry: Path, tmp_path: Path
) -> Iterator[Rig]:
    """An installation whose warehouse is on that server, over that line."""
    with own_settings(server.url, "motcua_template", tmp_path) as settings:
        straight = sa.make_url(str(settings.database_url))
        over = straight.set(host="127.0.0.1", port=line.port, query={})
        own = replace(settings, database_url=over.render_as_string(hide_password=False))
        with Rig(own, city, offices, own_registry).open() as opened:
            opened.database_url = straight.render_as_string(hide_password=False)
            yield opened


def loaded(pipeline: Pipeline, cycle_id: int, server: Server) -> None:
    """Loads as a task does that is tried again, after a while, when it was cut off."""
    for left in reversed(range(TRIES)):
        try:
            pipeline.load(cycle_id)
        except sa.exc.DBAPIError:
            if not left:
                raise
            server.wait_until_up()
        else:
            return


@contextmanager
def holding(rig: Rig, statement: str) -> Iterator[psycopg.Connection]:
    """A session that keeps what a statement locks, until the block ends or the session is gone."""
    connection = psycopg.connect(rig.database_url.replace("+psycopg", ""))
    try:
        connection.execute(statement)
        yield connection
    finally:
        connection.close()


def waiting(server: Server) -> list[int]:
    """Processes of the sessions that wait for a lock."""
    return [pid for (pid,) in server.execute("SELECT DISTINCT pid FROM pg_locks WHERE NOT granted")]


def when_somebody_waits(server: Server, act: Callable[[int], object]) -> threading.Thread:
    """Acts, in a thread, on the first session that waits for a lock."""

    def watch() -> None:
        deadline = time.monotonic() + 60
        while not (pids := waiting(server)):
            assert time.monotonic() < deadline, "nobody ever waited for the lock"
            time.sleep(0.01)
        act(pids[0])

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


LAST_TABLE = "LOCK TABLE core.source_state IN EXCLUSIVE MODE"


@pytest.mark.parametrize(
    "shot",
    [
        pytest.param(lambda server: lambda _: server.restart_at_once(), id="row_30_restart"),
        pytest.param(lambda server: server.kill_backend, id="row_31_killed_session"),
    ],
)
def test_rows_30_31_database_that_goes_down_in_the_middle_of_a_merge(
    rig: Rig, server: Server, clean: Run, shot: Callable[[Server], Callable[[int], object]]
) -> None:
    def load(pipeline: Pipeline, cycle_id: int) -> None:
        with holding(rig, LAST_TABLE):  # goes down with the server, and its lock with it
            shooting = when_somebody_waits(server, shot(server))
            loaded(pipeline, cycle_id, server)
            shooting.join()

    run = rig.run(load=load)
    assert broken(rig.evidence(run, clean, {})) == []
    assert {state for state, _ in run.states().values()} == {"merged"}


def test_row_32_lost_answer_to_a_commit_is_no_second_merge(rig: Rig, line: Proxy, clean: Run) -> None:
    line.spoil(Toxic(loses_answer_to=b"COMMIT", once_past=b"state = 'merged'"))

    def load(pipeline: Pipeline, cycle_id: int) -> None:
        try:
            pipeline.load(cycle_id)
        except sa.exc.DBAPIError:
            assert rig.standing().of("core.batch", state="merged"), "the commit was to be carried out"
        line.mend()
        pipeline.load(cycle_id)

    run = rig.run(load=load)
    assert line.lost >= 1
    assert broken(rig.evidence(run, clean, {})) == []
    assert {state for state, _ in run.states().values()} == {"merged"}


def test_row_33_merge_outlasts_somebody_who_holds_its_rows_for_a_while(rig: Rig, server: Server, clean: Run) -> None:
    def load(pipeline: Pipeline, cycle_id: int) -> None:
        with holding(rig, LAST_TABLE) as holder:
            letting_go = when_somebody_waits(server, lambda _: (time.sleep(1.0), holder.rollback()))
            pipeline.load(cycle_id)
            letting_go.join()

    with server.noting() as noted:
        run = rig.run(load=load)
    assert re.search(r"SET lock_timeout = '[0-9]+s'", noted()), "it would wait for ever"
    assert broken(rig.evidence(run, clean, {})) == []


def test_row_33_merge_that_loses_a_deadlock_is_tried_again(rig: Rig, server: Server, clean: Run) -> None:
    victim = rig.offices.victims["igate"]
    rig.run()
    rig.city.move_clock(f"{SOON:%Y-%m-%dT%H:%M:%S}")
    rig.edit(victim, op="update", count=3)

    def load(pipeline: Pipeline, cycle_id: int) -> None:
        """The other session has the row that the merge writes last, and asks for one that it has written."""
        with holding(rig, "SELECT FROM core.source_state FOR UPDATE") as holder:
            asking = when_somebody_waits(
                server, lambda _: (holder.execute("SELECT FROM core.dossier FOR UPDATE"), holder.rollback())
            )
            pipeline.load(cycle_id)
            asking.join()

    run = rig.run(load=load, sources=[victim], as_of=SOON)
    deadlocks = server.execute("SELECT sum(deadlocks) FROM pg_stat_database")
    assert int(deadlocks[0][0]) >= 1
    assert run.states() == {victim: ("merged", None)}
    assert broken(rig.evidence(run, clean, {victim: set()}, moves_much=False)) == []
