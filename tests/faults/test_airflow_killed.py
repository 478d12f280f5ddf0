"""Row 36: a component of Airflow dies in the middle of a run. The run ends all the same, and nothing is done twice.

Real components on PostgreSQL with the LocalExecutor. What is killed is killed while a source is being read: its answer
is slow, and the lock on it is held. A worker that dies leaves its task behind alive, beside the one that is retried.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections import Counter
from collections.abc import Iterator

import psutil
import psycopg
import pytest

from sandbox.stack import Plan, Stack, running
from tests.sandbox.city_client import CityClient

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("airflow killed"), pytest.mark.timeout(1800)]

# one a platform, the first is the slow one
SOURCES = ("le_chan.quan", "an_duong.huyen", "do_son.quan", "kien_an.quan", "vinh_bao.vinh_tien")
MOMENTS = {
    "worker": "2018-11-09T17:00:00+07:00", "scheduler": "2018-12-01T17:00:00+07:00",
    "api-server": "2018-12-25T17:00:00+07:00",
}  # fmt: skip
SLOW_SECONDS = 20
ENDS_WITHIN_SECONDS = 420
# what production has is meant for machines that are busy for minutes
IMPATIENT = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "10",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "10",
}
IS_READ = """
SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted
               AND ((classid::bigint << 32) | objid::bigint) = hashtextextended('reading ' || %s, 0))
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    home = tmp_path_factory.mktemp("killed")
    try:
        with running(Plan(home=home, scale=0.01, as_of=MOMENTS["worker"], airflow_settings=IMPATIENT)) as started:
            yield started
    finally:
        shutil.rmtree((home / "database").resolve(), ignore_errors=True)  # the data lies outside the home


@pytest.fixture(scope="module")
def city(stack: Stack) -> Iterator[CityClient]:
    connections = json.loads((stack.home / "city" / "connections.json").read_text(encoding="utf-8"))
    client = CityClient(stack.urls["city"], connections)
    with contextlib.closing(client.http):
        yield client


@pytest.mark.parametrize("component", MOMENTS)
def test_row_36_a_run_ends_though_a_component_was_killed_and_nothing_is_done_twice(
    stack: Stack, city: CityClient, component: str
) -> None:
    city.move_clock(MOMENTS[component])
    city.misbehave(source=SOURCES[0], mode="slow", seconds=SLOW_SECONDS)
    run = stack.airflow.trigger("collect_dossiers", {"as_of": MOMENTS[component], "sources": list(SOURCES)})
    wait_until(lambda: bool(asked(stack, IS_READ, SOURCES[0])[0][0]), "the source is being read")
    if component == "worker":
        kill_worker(stack)
    else:
        stack.restart(component)
    city.misbehave(source=SOURCES[0], mode="off")
    wait_until(lambda: state(stack, run["dag_run_id"]) in {"success", "failed"}, "the run ends")
    assert state(stack, run["dag_run_id"]) == "success"
    wait_until(lambda: has_followed(stack, run["run_after"]), "publication and delivery follow")
    assert_once(stack, city, run["dag_run_id"], MOMENTS[component])


def kill_worker(stack: Stack) -> None:
    """Kills the worker whose task reads; the task itself is left behind, as it is by the kernel's out-of-memory."""
    (scheduler,) = (one for one in stack.programs.started if one.name == "airflow-scheduler")
    busy = [one for one in psutil.Process(scheduler.process.pid).children() if one.children()]
    assert busy, "no worker is at work"
    for worker in busy:
        worker.kill()


def assert_once(stack: Stack, city: CityClient, run_id: str, as_of: str) -> None:
    """Each source merged once in the run's cycle, each version once in the warehouse and at the portal.

    The one that was being read may be left to the next run: its first try may live on for seconds beside the second,
    which then finds it `BUSY`.
    """
    batches = asked(
        stack,
        "SELECT source_id, state, error_kind FROM api.batch JOIN api.cycle USING (cycle_id) WHERE run_key = %s",
        run_id,
    )
    left = (SOURCES[0], "failed", "BUSY")
    assert sorted(source for source, *_ in batches) == sorted(SOURCES)
    assert {batch for batch in batches if batch[1] != "merged"} <= {left}
    if left in batches:
        again = stack.airflow.trigger("collect_dossiers", {"as_of": as_of, "sources": [SOURCES[0]]})
        wait_until(lambda: state(stack, again["dag_run_id"]) in {"success", "failed"}, "the next run ends")
        wait_until(lambda: has_followed(stack, again["run_after"]), "publication and delivery follow it")
        found = "SELECT state FROM api.batch JOIN api.cycle USING (cycle_id) WHERE run_key = %s"
        assert asked(stack, found, again["dag_run_id"]) == [("merged",)]
    gaps = "SELECT code FROM api.dossier_version GROUP BY code HAVING count(*) <> max(version)"
    assert asked(stack, gaps) == []
    lines = city.http.get(f"{city.url}/control/portal/ledger").text.splitlines()
    effects = Counter(tuple(json.loads(line)[name] for name in ("code", "version", "service")) for line in lines)
    assert effects
    assert [effect for effect, count in effects.items() if count > 1] == []


def has_followed(stack: Stack, since: str) -> bool:
    """Whether a publication and a delivery began after a moment, and all of them ended well."""
    runs = [run for run in stack.airflow.runs_since(since) if run["dag_id"] in {"publish_progress", "drain_government"}]
    return {run["dag_id"] for run in runs if run["state"] == "success"} == {"publish_progress", "drain_government"}


def state(stack: Stack, run_id: str) -> str:
    # while the API server is away nobody knows
    with contextlib.suppress(OSError):
        return str(stack.airflow.run("collect_dossiers", run_id)["state"])
    return "unknown"


def asked(stack: Stack, query: str, *values: object) -> list[tuple[object, ...]]:
    with psycopg.connect(stack.database_url.replace("+psycopg", "")) as connection:
        return connection.execute(query.encode(), values).fetchall()


def wait_until(condition: object, what: str) -> None:
    assert callable(condition)
    deadline = time.monotonic() + ENDS_WITHIN_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {ENDS_WITHIN_SECONDS} s"
        time.sleep(0.5)
