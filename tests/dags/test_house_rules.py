"""The rules of the house for DAGs, read off what the scheduler would know, and off the files."""

from __future__ import annotations

import ast
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from motcua.registry.sources import PLATFORMS

from tests.dags.conftest import CHECKOUT

DAG_FILES = sorted((CHECKOUT / "dags").glob("*.py"))
DAG_IDS = (
    "check_health",
    "collect_dossiers",
    "decide_hold",
    "drain_government",
    "maintain",
    "notify_subscribers",
    "publish_progress",
    "reconcile_government",
    "refresh_catalogues",
    "replay_quarantine",
    "report_quality",
    "sync_source",
    "watch_over",
)
READING = ("collect_dossiers", "sync_source")
MERGING = ("decide_hold", "replay_quarantine")
# What costs seconds to import belongs into tasks; errors are named by the retry policy, and cost nothing.
HEAVY = {"great_expectations", "pandas", "pyarrow", "numpy"}
OUT_OF_AIRFLOW = {"airflow.sdk", "airflow.sdk.exceptions"}


@pytest.fixture(params=DAG_IDS)
def dag(request: pytest.FixtureRequest, parsed: dict[str, Any]) -> dict[str, Any]:
    """Each DAG in turn."""
    return {"id": request.param, **parsed["dags"][request.param]}


@pytest.fixture(scope="module")
def tasks(parsed: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every task, by DAG and id."""
    return {
        f"{dag_id}.{task_id}": task for dag_id, dag in parsed["dags"].items() for task_id, task in dag["tasks"].items()
    }


def test_every_file_is_read_without_an_error(parsed: dict[str, Any]) -> None:
    assert parsed["errors"] == {}
    assert tuple(sorted(parsed["dags"])) == DAG_IDS
    assert parsed["seconds"] < 3  # a tenth of Airflow's limit; it takes a quarter of a second


def test_reading_them_imports_nothing_heavy(parsed: dict[str, Any]) -> None:
    assert {name for name in parsed["modules"] if name in HEAVY} == set()
    assert {name for name in parsed["modules"] if name.startswith("motcua")} == {"motcua", "motcua.errors"}


def test_reading_them_asks_neither_network_nor_database(parsed: dict[str, Any]) -> None:
    assert parsed["reached"] == []


def test_its_docstring_is_its_triage_note(dag: dict[str, Any]) -> None:
    parts = re.findall(r"\*\*(Owner|Rhythm|Red means|First thing to do)\b", dag["doc"])
    assert parts == ["Owner", "Rhythm", "Red means", "First thing to do"]
    assert dag["doc"].strip().startswith(f"### {dag['id']}: ")
    assert dag["description"]


def test_it_runs_once_at_a_time_never_catches_up_and_can_be_found(dag: dict[str, Any]) -> None:
    assert (dag["catchup"], dag["max_active_runs"]) == (False, 1)
    assert len(dag["tags"]) > 1
    assert "motcua" in dag["tags"]


def test_every_task_has_a_time_limit_and_an_owner(tasks: dict[str, dict[str, Any]]) -> None:
    assert {name: task["minutes"] for name, task in tasks.items() if not 0 < (task["minutes"] or 0) <= 60} == {}
    assert {task["owner"] for task in tasks.values()} == {"motcua"}


def test_every_task_is_retried_by_the_kind_of_its_error(tasks: dict[str, dict[str, Any]]) -> None:
    assert {name for name, task in tasks.items() if not task["retries_by_kind_of_error"]} == set()
    # repeating the report cannot turn red tasks green
    assert {name for name, task in tasks.items() if task["retries"] != 2} == {
        "collect_dossiers.report",
        "replay_quarantine.report",
        "sync_source.report",
    }


def test_every_mapped_task_calls_its_instances_by_name(tasks: dict[str, dict[str, Any]]) -> None:
    mapped = {name for name, task in tasks.items() if task["is_mapped"]}
    reading = {f"{dag_id}.collect_{platform}" for dag_id in READING for platform in PLATFORMS}
    merging = {f"{dag_id}.load.{step}" for dag_id in (*READING, *MERGING) for step in ("judge", "consolidate")}
    assert mapped == reading | merging
    assert {tasks[name]["name_of_each"] for name in mapped} == {"{{ label }}"}


def test_every_pool_is_one_that_is_set_up_and_the_other_way_round(tasks: dict[str, dict[str, Any]]) -> None:
    pools = json.loads((CHECKOUT / "config" / "pools.json").read_text(encoding="utf-8"))
    assert {task["pool"] for task in tasks.values()} - {"default_pool"} == pools.keys()
    assert {name: pool for name, pool in pools.items() if not (pool["slots"] > 0 and pool["description"])} == {}


@pytest.mark.parametrize("file", DAG_FILES, ids=lambda file: file.stem)
def test_a_file_is_short_and_imports_no_more_than_it_may(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 120
    airflow = {name for name in imported(ast.walk(ast.parse(text))) if name.split(".")[0] == "airflow"}
    assert airflow <= OUT_OF_AIRFLOW
    at_once = {name.split(".")[0] for name in imported(ast.parse(text).body)}
    assert at_once <= {"airflow", "pendulum", "stages", "telling", "wiring", "working_hours", *sys.stdlib_module_names}


def imported(nodes: Any) -> set[str]:
    """Names of the modules that these nodes import."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found
