"""Two Celery workers and a real broker; one is lost in the middle of its task, as a machine that loses its power.

What it was doing is done again by the other: the run ends green, nothing is lost, and nothing stands twice.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
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
from tests.e2e.evidence import Evidence
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
# nothing else of ours leaves a transaction open for so long
OPEN = """
SELECT pid FROM pg_stat_activity
WHERE datname = 'motcua' AND state = 'idle in transaction' AND state_change < clock_timestamp() - interval '5 s'
"""
AGAIN = """
SELECT task_id, map_index, try_number, state FROM task_instance
WHERE run_id = %s AND try_number > 1 ORDER BY task_id, map_index
"""


@dataclass(slots=True)
class TwoWorkers:
    """A stack in which a worker may be lost."""

    whole_city: WholeCity
    sound: Program
    lost: list[dict[str, object]] = field(default_factory=list)

    def cycle_that_loses_a_worker(self, as_of: str, *, point: str) -> Evidence:
        """A worker stops at its first task that passes the point, and is lost there, while the run goes on."""
        stack = self.whole_city.stack
        doomed = stack.start_worker(f"doomed-{point}", {"MOTCUA_FAILPOINT": f"{point}:{HOLD}"})
        with ThreadPoolExecutor(1) as pool:
            running_cycle = pool.submit(self.whole_city.cycle, as_of)
            wait_until(lambda: running_cycle.done() or self._in_the_middle())
            assert self._in_the_middle(), "the run has ended before the worker came to its task"
            stack.programs.lose(doomed)
            wait_until(lambda: not self._in_the_middle())
            evidence = running_cycle.result()
        run = max(
            (run for run in stack.airflow.runs_since("2018-01-01") if run["dag_id"] == "collect_dossiers"),
            key=lambda run: run["run_after"],
        )
        self.lost = self._ask(AGAIN, run["dag_run_id"])
        return evidence

    def unsettled(self) -> int:
        """Messages that the broker has handed out and nobody has settled."""
        ports = self.whole_city.stack.plan.ports
        password = self.whole_city.stack.environment["AIRFLOW__CELERY__BROKER_URL"].split(":")[2].partition("@")[0]
        with redis.Redis(port=ports.broker, password=password) as client:
            return int(client.hlen("unacked"))

    def _in_the_middle(self) -> bool:
        with psycopg.connect(self.whole_city.stack.database_url.replace("+psycopg", "")) as connection:
            return connection.execute(OPEN).fetchone() is not None

    def _ask(self, query: str, *values: object) -> list[dict[str, object]]:
        address = self.whole_city.stack.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg", "")
        with psycopg.connect(address, row_factory=dict_row) as connection:
            return connection.execute(query.encode(), values).fetchall()


def wait_until(holds: object) -> None:
    assert callable(holds)
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


def test_what_a_lost_worker_was_reading_is_read_again(
    two_workers: TwoWorkers, lost_while_reading: Evidence, tables: RegistryTables
) -> None:
    findings = check(lost_while_reading, tables)
    assert not findings, told(findings)
    assert {str(task["task_id"]).partition("_")[0] for task in two_workers.lost} == {"collect"}
    assert {task["state"] for task in two_workers.lost} == {"success"}


def test_what_a_lost_worker_was_merging_is_merged_again_and_once(
    two_workers: TwoWorkers, lost_while_reading: Evidence, tables: RegistryTables
) -> None:
    evidence = two_workers.cycle_that_loses_a_worker(IN_DECEMBER, point="merge.after_source_rows")
    findings = check(evidence, tables)
    assert not findings, told(findings)
    assert {task["task_id"] for task in two_workers.lost} == {"load.consolidate"}
    assert {task["state"] for task in two_workers.lost} == {"success"}


def test_what_the_broker_hands_out_again_is_not_done_again(
    two_workers: TwoWorkers, lost_while_reading: Evidence, tables: RegistryTables
) -> None:
    """The messages of the lost worker come back after the visibility timeout; their tasks were done long ago."""
    wait_until(lambda: two_workers.unsettled() == 0)
