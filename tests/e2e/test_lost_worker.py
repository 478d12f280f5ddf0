"""Celery workers and a real broker; one is lost while it reads, the next while it merges, as machines lose their power.

What they were doing is done again by the others: the run ends green, nothing is lost, and nothing stands twice.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import socket
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import psutil
import psycopg
import pytest
import redis

from sandbox.stack import Plan, running
from sandbox.stack.processes import Program, patiently
from tests.deploy import compose
from tests.e2e.checker import check
from tests.e2e.conftest import IN_DECEMBER, WholeCity
from tests.e2e.evidence import Evidence, read_warehouse
from tests.e2e.findings import told
from tests.e2e.registry_tables import RegistryTables
from tests.sandbox.city_client import CityClient

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),  # minutes even on two idle cores
    pytest.mark.xdist_group("two_workers"),
    pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed: see `make test`"),
]

PATIENCE_SECONDS = 900
# found lost sooner than in production, and told again by the broker sooner, too
SOONER = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": "120",
}
AGAIN = """
SELECT task_id, state FROM task_instance WHERE dag_id = 'collect_dossiers' AND try_number > 1
"""
MESSAGES = re.compile(r"execute_workload\[([0-9a-f-]+)\] (received|succeeded|raised)")


@dataclass(slots=True)
class Workers:
    """A stack with two Celery workers at any time, of which one is lost.

    Attributes:
        started: every worker so far.
    """

    whole_city: WholeCity
    started: list[Program] = field(default_factory=list)

    def start(self, name: str, *, stops_at: str = "") -> Program:
        """One more; with `stops_at` it stops for ever at its first task that passes this point."""
        told = {"MOTCUA_FAILPOINT": f"{stops_at}:stop"} if stops_at else {}
        self.started.append(self.whole_city.stack.start_worker(name, told))
        return self.started[-1]

    def lose(self, worker: Program, *, cycle: Future[Evidence]) -> None:
        """Waits until the worker stands in the middle of its task, and kills it there."""
        try:
            wait_until(lambda: cycle.done() or stands(worker))
            assert stands(worker), "the run has ended before the worker came to its task"
        finally:
            self.whole_city.stack.programs.lose(worker)

    def tried_again(self) -> set[tuple[str, str]]:
        """Tasks of the run that had another try, and how that ended."""
        address = self.whole_city.stack.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg", "")
        with psycopg.connect(address) as connection:
            return {(str(task), str(state)) for task, state in connection.execute(AGAIN)}

    def lost_messages(self) -> set[str]:
        """What workers that are lost had taken and not settled."""
        alive = self.whole_city.stack.programs.started
        logs = [messages(worker) for worker in self.started if worker not in alive]
        return set().union(*(log["received"].keys() - log["succeeded"].keys() - log["raised"].keys() for log in logs))

    def told(self, what: str) -> Counter[str]:
        """How many workers tell of each message that they have `received` it, or that it has `succeeded`."""
        return sum((messages(worker)[what] for worker in self.started), Counter())

    def unsettled(self) -> int:
        """Messages that the broker has handed out and nobody has settled."""
        with redis.Redis.from_url(self.whole_city.stack.environment["AIRFLOW__CELERY__BROKER_URL"]) as client:
            return int(client.hlen("unacked"))


def stands(worker: Program) -> bool:
    """Whether a task of the worker has stopped in its middle."""
    with contextlib.suppress(psutil.NoSuchProcess):
        below = psutil.Process(worker.process.pid).children(recursive=True)
        return any(process.status() == psutil.STATUS_STOPPED for process in below)
    return False


def messages(worker: Program) -> dict[str, Counter[str]]:
    """What a worker's log tells of each message, by what became of it."""
    text = worker.log.read_text(encoding="utf-8", errors="replace")
    found: dict[str, Counter[str]] = {"received": Counter(), "succeeded": Counter(), "raised": Counter()}
    for message, said in MESSAGES.findall(text):
        found[said][message] += 1
    return found


def wait_until(holds: Callable[[], bool]) -> None:
    for _ in patiently(PATIENCE_SECONDS, pause_seconds=0.5):
        if holds():
            return
    raise AssertionError(f"nothing has moved for {PATIENCE_SECONDS} s")


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    home = tmp_path_factory.mktemp("stack")
    plan = Plan(home=home, scale=0.01, as_of=IN_DECEMBER, executor="CeleryExecutor", workers=0, airflow_settings=SOONER)
    try:
        with running(plan) as stack:
            connections = json.loads((home / "city" / "connections.json").read_text(encoding="utf-8"))
            city = CityClient(stack.urls["city"], connections)
            with contextlib.closing(city.http):
                yield Workers(WholeCity(stack, city))
    finally:
        shutil.rmtree((home / "database").resolve(), ignore_errors=True)  # the data lies outside the home


@pytest.fixture(scope="module")
def evidence(workers: Workers) -> Evidence:
    """After a run that lost one worker while it read, and the next while it merged."""
    reading = workers.start("reading", stops_at="collect.before_batch_committed")
    merging = workers.start("merging", stops_at="merge.after_source_rows")
    with ThreadPoolExecutor(1) as pool:
        cycle = pool.submit(workers.whole_city.cycle, IN_DECEMBER)
        workers.lose(reading, cycle=cycle)
        # at this size there are few parts to merge: only who is alone is sure to be given one
        wait_until(lambda: cycle.done() or stands(merging))
        workers.start("sound")
        workers.lose(merging, cycle=cycle)
        return cycle.result()


def test_what_lost_workers_were_doing_is_done_again_and_once(
    workers: Workers, evidence: Evidence, tables: RegistryTables
) -> None:
    findings = check(evidence, tables)
    assert not findings, told(findings)
    tried_again = workers.tried_again()
    assert {task.partition("_")[0] for task, _ in tried_again} >= {"collect", "load.consolidate"}
    assert {state for _, state in tried_again} == {"success"}


def test_what_the_broker_hands_out_once_more_is_not_done_once_more(workers: Workers, evidence: Evidence) -> None:
    """The messages of the lost workers come back after a while; by then somebody has done their tasks."""
    wait_until(lambda: workers.unsettled() == 0)
    lost, received = workers.lost_messages(), workers.told("received")
    assert len(lost) >= 2
    assert {message for message in lost if received[message] < 2} == set()
    assert lost & workers.told("succeeded").keys() == set()
    assert read_warehouse(workers.whole_city.stack.database_url) == evidence.warehouse


@pytest.mark.parametrize(("name", "is_there"), [("sound", True), ("merging", False)])
def test_a_worker_is_asked_how_it_is_as_in_production(
    workers: Workers, evidence: Evidence, name: str, is_there: bool
) -> None:
    _, script = compose.parsed()["services"]["airflow-worker"]["healthcheck"]["test"]
    script = script.replace("celery@$${HOSTNAME}", f"{name}@{socket.gethostname()}")
    done = subprocess.run(
        script, shell=True, env=workers.whole_city.stack.environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode == 0, "pong" in done.stdout) == (is_there, is_there)
