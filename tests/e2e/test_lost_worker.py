"""Two Celery workers and a real broker; one is lost in the middle of its task, as a machine that loses its power.

What it was doing is done again by the other: the run ends green, nothing is lost, and nothing stands twice.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import psycopg
import pytest
import redis
from psycopg.rows import dict_row

from sandbox.stack import Plan, running
from sandbox.stack.processes import Program, patiently
from tests.e2e.checker import check
from tests.e2e.conftest import IN_DECEMBER, IN_NOVEMBER, WholeCity
from tests.e2e.evidence import Evidence, read_warehouse
from tests.e2e.findings import told
from tests.e2e.registry_tables import RegistryTables
from tests.sandbox.city_client import CityClient

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("two_workers"),
    pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed: see `make test`"),
]

PATIENCE_SECONDS = 300
HOLD = "sleep 3600"
# found lost sooner than in production, and told again by the broker sooner, too
SOONER = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": "60",
}
# of the worker that stops: at its point it leaves a transaction open for longer than it ever thinks between statements
DOOMED = "doomed"
OPEN = """
SELECT pid FROM pg_stat_activity WHERE application_name = %s AND datname = 'motcua'
AND state = 'idle in transaction' AND state_change < clock_timestamp() - interval '15 s'
"""
AGAIN = """
SELECT task_id, state FROM task_instance WHERE try_number > 1
AND run_id = (SELECT run_id FROM dag_run WHERE dag_id = 'collect_dossiers' ORDER BY id DESC LIMIT 1)
"""
TAKEN = re.compile(r"execute_workload\[([0-9a-f-]+)\] (received|succeeded)")


@dataclass(slots=True)
class TwoWorkers:
    """A stack in which workers are lost; one of them stays.

    Attributes:
        sound: the worker that stays.
        again: tasks of the last run that were tried again, with how they ended.
        unfinished: messages that lost workers had taken and not settled.
    """

    whole_city: WholeCity
    sound: Program
    again: set[tuple[object, object]] = field(default_factory=set)
    unfinished: set[str] = field(default_factory=set)

    def cycle_that_loses_a_worker(self, as_of: str, *, point: str) -> Evidence:
        """A second worker stops at its first task that passes the point, and is lost there while the run goes on."""
        stack = self.whole_city.stack
        told = {"MOTCUA_FAILPOINT": f"{point}:{HOLD}", "PGAPPNAME": DOOMED}
        doomed = stack.start_worker(f"{DOOMED}-{point}", told)
        with ThreadPoolExecutor(1) as pool:
            cycle = pool.submit(self.whole_city.cycle, as_of)
            wait_until(lambda: cycle.done() or self._is_in_the_middle())
            assert self._is_in_the_middle(), "the run has ended before the worker came to its task"
            stack.programs.lose(doomed)
            evidence = cycle.result()
        self.again = {(row["task_id"], row["state"]) for row in self._asked(AGAIN)}
        self.unfinished |= taken(doomed, "received") - taken(doomed, "succeeded")
        return evidence

    def unsettled(self) -> int:
        """Messages that the broker has handed out and nobody has settled."""
        with redis.Redis.from_url(self.whole_city.stack.environment["AIRFLOW__CELERY__BROKER_URL"]) as client:
            return int(client.hlen("unacked"))

    def _is_in_the_middle(self) -> bool:
        with psycopg.connect(self.whole_city.stack.database_url.replace("+psycopg", "")) as connection:
            return connection.execute(OPEN, (DOOMED,)).fetchone() is not None

    def _asked(self, query: str) -> list[dict[str, object]]:
        address = self.whole_city.stack.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg", "")
        with psycopg.connect(address, row_factory=dict_row) as connection:
            return connection.execute(query.encode()).fetchall()


def taken(worker: Program, what: str) -> set[str]:
    """Messages that a worker tells of in its log: `received` or `succeeded`."""
    text = worker.log.read_text(encoding="utf-8", errors="replace")
    return {message for message, said in TAKEN.findall(text) if said == what}


def wait_until(holds: Callable[[], bool]) -> None:
    for _ in patiently(PATIENCE_SECONDS, pause_seconds=0.5):
        if holds():
            return
    raise AssertionError(f"nothing has moved for {PATIENCE_SECONDS} s")


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoWorkers]:
    home = tmp_path_factory.mktemp("stack")
    plan = Plan(home=home, scale=0.01, as_of=IN_NOVEMBER, executor="CeleryExecutor", workers=0, airflow_settings=SOONER)
    try:
        with running(plan) as stack:
            sound = stack.start_worker("sound")
            connections = json.loads((home / "city" / "connections.json").read_text(encoding="utf-8"))
            city = CityClient(stack.urls["city"], connections)
            with contextlib.closing(city.http):
                yield TwoWorkers(WholeCity(stack, city), sound)
    finally:
        shutil.rmtree((home / "database").resolve(), ignore_errors=True)  # the data lies outside the home


@pytest.fixture(scope="module")
def lost_while_reading(two_workers: TwoWorkers) -> Evidence:
    return two_workers.cycle_that_loses_a_worker(IN_NOVEMBER, point="collect.before_batch_committed")


@pytest.fixture(scope="module")
def lost_while_merging(two_workers: TwoWorkers, lost_while_reading: Evidence) -> Evidence:
    return two_workers.cycle_that_loses_a_worker(IN_DECEMBER, point="merge.after_source_rows")


def test_what_a_lost_worker_was_reading_is_read_again(
    two_workers: TwoWorkers, lost_while_reading: Evidence, tables: RegistryTables
) -> None:
    findings = check(lost_while_reading, tables)
    assert not findings, told(findings)
    assert {(str(task).partition("_")[0], state) for task, state in two_workers.again} == {("collect", "success")}


def test_what_a_lost_worker_was_merging_is_merged_again_and_once(
    two_workers: TwoWorkers, lost_while_merging: Evidence, tables: RegistryTables
) -> None:
    findings = check(lost_while_merging, tables)
    assert not findings, told(findings)
    assert two_workers.again == {("load.consolidate", "success")}


def test_what_the_broker_hands_out_once_more_is_not_done_once_more(
    two_workers: TwoWorkers, lost_while_merging: Evidence
) -> None:
    """The messages of the lost workers come back after a while; by then somebody has done their tasks."""
    wait_until(lambda: two_workers.unsettled() == 0)
    assert set() < two_workers.unfinished <= taken(two_workers.sound, "received")
    assert two_workers.unfinished & taken(two_workers.sound, "succeeded") == set()
    assert read_warehouse(two_workers.whole_city.stack.database_url) == lost_while_merging.warehouse
