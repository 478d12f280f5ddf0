"""What starts what: the clock, the asset between the DAGs, and the order of the tasks of a collecting run."""

from __future__ import annotations

from typing import Any

from motcua.registry.sources import PLATFORMS


def test_collecting_says_that_the_dossiers_moved_and_the_others_listen(parsed: dict[str, Any]) -> None:
    dags = parsed["dags"]
    told = {dag_id: {name: task["outlets"] for name, task in dags[dag_id]["tasks"].items()} for dag_id in dags}
    speaking = [(dag_id, name) for dag_id, tasks in told.items() for name, outlets in tasks.items() if outlets]
    assert speaking == [("collect_dossiers", "announce")]
    assert told["collect_dossiers"]["announce"] == ["dossiers"]
    assert {dag_id: dag["assets"] for dag_id, dag in dags.items()} == {
        "collect_dossiers": [],
        "drain_government": ["dossiers"],
        "publish_progress": ["dossiers"],
    }


def test_production_runs_by_the_clock(parsed: dict[str, Any]) -> None:
    assert {dag_id: dag["schedule"] for dag_id, dag in parsed["dags"].items()} == {
        "collect_dossiers": "*/15 7-17 * * 1-5, 0 2 * * *",
        "drain_government": "Asset or */5 * * * *",
        "publish_progress": "Asset",
    }


def test_nothing_starts_by_the_clock_where_the_schedule_is_off(parsed_without_clock: dict[str, Any]) -> None:
    assert parsed_without_clock["errors"] == {}
    assert {dag_id: dag["schedule"] for dag_id, dag in parsed_without_clock["dags"].items()} == {
        "collect_dossiers": "None",
        "drain_government": "Asset",
        "publish_progress": "Asset",
    }


def test_a_run_by_hand_is_asked_for_a_moment_and_sources(parsed: dict[str, Any]) -> None:
    asked = {dag_id: dag["params"] for dag_id, dag in parsed["dags"].items()}
    assert asked == {
        "collect_dossiers": {"as_of": None, "sources": [], "full": False},
        "drain_government": {},
        "publish_progress": {"as_of": None},
    }


def test_every_platform_of_the_registry_is_collected_in_its_own_pool(parsed: dict[str, Any]) -> None:
    tasks = parsed["dags"]["collect_dossiers"]["tasks"]
    pools = {name: task["pool"] for name, task in tasks.items() if name.startswith("collect_")}
    assert pools == {f"collect_{platform}": platform for platform in PLATFORMS}


def test_one_platforms_failure_stops_neither_the_other_nor_what_follows(parsed: dict[str, Any]) -> None:
    tasks = parsed["dags"]["collect_dossiers"]["tasks"]
    assert {name: (task["upstream"], task["trigger_rule"]) for name, task in tasks.items()} == {
        "plan": ([], "all_success"),
        "plan_igate": (["plan"], "all_success"),
        "plan_lgsp": (["plan"], "all_success"),
        "collect_igate": (["plan_igate"], "all_success"),
        "collect_lgsp": (["plan_lgsp"], "all_success"),
        "chunks": (["collect_igate", "collect_lgsp", "plan"], "all_done_min_one_success"),
        "load.judge": (["chunks"], "all_success"),
        "load.consolidate": (["chunks", "load.judge"], "all_success"),
        "announce": (["load.consolidate", "plan"], "all_done_min_one_success"),
        "report": (["load.consolidate", "plan"], "all_done_min_one_success"),
    }
