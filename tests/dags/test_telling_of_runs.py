"""What runs tell of themselves: lineage by Airflow's own provider into a file, metrics to a collector."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from motcua import warehouse
from motcua.publishing.disclosure import Watch
from motcua.registry import load_registry
from motcua.settings import Settings
from motcua.warehouse import Role

from tests.cli.shell import environment_of
from tests.dags.conftest import CHECKOUT, airflow_environ, run_python
from tests.publishing.metrics.collector import Collector, collecting
from tests.sandbox.city_client import CityClient
from tests.steps.conftest import city_home, installed, running_city

__all__ = ["city_home", "running_city"]  # fixtures

pytestmark = pytest.mark.slow

SOURCE, DOWN = "le_chan.an_bien", "le_chan.an_duong"
AS_OF = "2018-12-25T17:00:00+07:00"


Event = dict[str, Any]
Name = tuple[str, str]


@dataclass(frozen=True)
class Told:
    """Of one source's cycle and the publication after it: the events, and what the collector got."""

    settings: Settings
    events: list[Event]
    collector: Collector
    began: float


@pytest.fixture(scope="module")
def told(
    postgres: sa.URL, template_database: str, city_home: Path, running_city: CityClient,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Told]:  # fmt: skip
    running_city.misbehave(source=DOWN, mode="html_login")
    home, began = tmp_path_factory.mktemp("airflow"), time.time()
    file = home / "events.json"
    with (
        installed(postgres, template_database, city_home, tmp_path_factory.mktemp("home")) as pipeline,
        collecting() as collector,
    ):
        environ = airflow_environ(
            home, **environment_of(pipeline.settings),
            AIRFLOW__SECRETS__BACKEND="airflow.secrets.local_filesystem.LocalFilesystemBackend",
            AIRFLOW__SECRETS__BACKEND_KWARGS=json.dumps({"connections_file_path": str(city_home / "connections.json")}),
            AIRFLOW__OPENLINEAGE__TRANSPORT=json.dumps({"type": "file", "log_file_path": str(file), "append": True}),
            AIRFLOW__OPENLINEAGE__EXTRACTORS="lineage_extractor.TaskLineage",
            AIRFLOW__OPENLINEAGE__NAMESPACE="motcua",
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.address,
        )  # fmt: skip
        for dag, form in (("collect_dossiers", {"sources": [SOURCE, DOWN]}), ("publish_progress", {})):
            done = subprocess.run(
                [sys.executable, "-m", "tests.dags.run", dag, json.dumps({"as_of": AS_OF, **form})],
                env=environ, cwd=CHECKOUT, check=False, capture_output=True, text=True, timeout=500,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            (outcome,) = json.loads(done.stdout.splitlines()[-1])
            assert outcome["run"] == "success"
        events = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        yield Told(pipeline.settings, events, collector, began)


def ended(events: list[Event], job: str) -> Event:
    """The one event of that task's good end."""
    (found,) = [one for one in events if one["job"]["name"] == job and one["eventType"] == "COMPLETE"]
    return found


def names(datasets: list[dict[str, Any]]) -> list[Name]:
    return [(one["namespace"], one["name"]) for one in datasets]


def test_a_dossier_is_followed_from_its_source_to_the_feed(told: Told) -> None:
    chain = [
        ended(told.events, job)
        for job in (
            "collect_dossiers.collect_igate", "collect_dossiers.load.judge", "collect_dossiers.load.consolidate",
            "publish_progress.publish",
        )
    ]  # fmt: skip
    registry = load_registry()
    # one that is down has told nothing
    assert names(chain[0]["inputs"]) == [(f"igate://{registry.sources[SOURCE].connection}", SOURCE)]
    raw = [("file", f"{told.settings.home}/archive/{SOURCE}")]
    assert names(chain[0]["outputs"]) == raw == names(chain[1]["inputs"])
    assert (
        names(chain[1]["outputs"]) == names(chain[2]["inputs"]) == [("file", f"{told.settings.home}/staging/{SOURCE}")]
    )
    database = sa.make_url(str(told.settings.database_url)).database
    dossiers = ("postgres://localhost", f"{database}.core.dossier")
    assert dossiers in names(chain[2]["outputs"])
    assert names(chain[3]["inputs"]) == [dossiers]
    assert names(chain[3]["outputs"]) == [("file", f"{told.settings.home}/feeds/v1")]
    rows = chain[0]["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"]
    engine = warehouse.engine(told.settings, Role.WATCHER)
    with engine.connect() as connection:
        assert (
            connection.execute(sa.text("SELECT fetched FROM api.batch WHERE state = 'merged'")).scalar_one() == rows > 0
        )
    engine.dispose()


def test_each_task_has_a_run_of_its_own_below_that_of_its_dag(told: Told) -> None:
    of_tasks = [one for one in told.events if "." in one["job"]["name"]]
    runs: dict[str, list[Event]] = {}
    for one in of_tasks:
        runs.setdefault(one["run"]["runId"], []).append(one)
    assert {tuple(one["eventType"] for one in some) for some in runs.values()} == {("START", "COMPLETE")}
    assert {one["job"]["namespace"] for one in of_tasks} == {"motcua"}
    for one in of_tasks:
        parent = one["run"]["facets"]["parent"]
        assert parent["job"]["name"] == one["job"]["name"].partition(".")[0]
        assert parent["run"]["runId"] not in runs


def test_no_person_and_no_secret_is_told(told: Told, city_home: Path) -> None:
    text = json.dumps(told.events, ensure_ascii=False)
    connections = json.loads((city_home / "connections.json").read_text(encoding="utf-8"))
    # a log-in that is called as we are says nothing; addresses on loopback are Airflow's as well
    secrets = {one[key] for one in connections.values() for key in ("login", "password", "host") if one.get(key)}
    secrets = {secret for secret in secrets if secret != "motcua" and not secret.startswith("127.0.0.1")}
    assert len(secrets) > 5
    assert {secret for secret in secrets if secret in text} == set()
    assert Watch(load_registry().canaries).kinds_met(text.encode()) - {"number"} == set()
    engine = warehouse.engine(told.settings, None)
    with engine.connect() as connection:
        people = connection.execute(sa.text("SELECT name, identity_number, phone FROM private.applicant LIMIT 200"))
        personal = {value for row in people for value in row if value}
    engine.dispose()
    assert len(personal) > 3
    assert {value for value in personal if value in text} == set()


def test_the_end_of_a_cycle_and_of_a_publication_is_measured(told: Told) -> None:
    gauges = told.collector.gauges
    assert len(told.collector.ours) == 2
    assert list(gauges["motcua_feed_version"].values()) == [1]
    down = {
        dict(labels)["source"]
        for labels, value in gauges["motcua_source_state"].items()
        if ("state", "down") in labels and value == 1
    }
    assert down == {DOWN}
    (moment,) = gauges["motcua_measured_timestamp_seconds"].values()
    assert told.began < moment < time.time()


def test_without_a_transport_nobody_loads_it(tmp_path: Path) -> None:
    ask = (
        "import json, sys\n"
        "from airflow import plugins_manager as manager\n"
        "manager.get_plugin_info()\n"
        "print(json.dumps([name for name in sys.modules if name.split('.')[0] == 'openlineage']))"
    )
    assert run_python(["-c", ask], airflow_environ(tmp_path)) == []
