"""What starts what: the clock, the asset between the DAGs, and the order of the tasks of a collecting run."""

from __future__ import annotations

from typing import Any

from motcua.registry.sources import PLATFORMS

# whoever brings dossiers in says so
SPEAKING = ("collect_dossiers", "decide_hold", "replay_quarantine", "sync_source")


def test_collecting_says_that_the_dossiers_moved_and_the_others_listen(parsed: dict[str, Any]) -> None:
    dags = parsed["dags"]
    told = {dag_id: {name: task["outlets"] for name, task in dags[dag_id]["tasks"].items()} for dag_id in dags}
    speaking = [(dag_id, name) for dag_id, tasks in told.items() for name, outlets in tasks.items() if outlets]
    assert sorted(speaking) == sorted([*((dag_id, "announce") for dag_id in SPEAKING), ("publish_progress", "publish")])
    assert told["publish_progress"]["publish"] == ["feed"]
    assert {tuple(told[dag_id]["announce"]) for dag_id in SPEAKING} == {("dossiers",)}
    assert {dag_id: dag["assets"] for dag_id, dag in dags.items()} == {
        **{dag_id: [] for dag_id in SPEAKING},
        "check_health": [],
        "drain_government": ["dossiers"],
        "maintain": [],
        "notify_subscribers": ["feed"],
        "publish_progress": ["dossiers"],
        "report_quality": [],
        "reconcile_government": [],
        "watch_over": ["dossiers"],
        "refresh_catalogues": [],
    }


def test_production_runs_by_the_clock(parsed: dict[str, Any]) -> None:
    assert {dag_id: dag["schedule"] for dag_id, dag in parsed["dags"].items()} == {
        "collect_dossiers": "15 phút/lần trong giờ làm việc, 1 giờ/lần ngoài giờ, 02:00 đọc tất cả",
        "check_health": "45 6 * * 1-5",
        "decide_hold": "None",
        "drain_government": "Asset or */5 * * * *",
        "maintain": "30 4 * * *",
        "notify_subscribers": "Asset or */5 * * * *",
        "publish_progress": "Asset",
        "reconcile_government": "30 3 * * *",
        "refresh_catalogues": "10 1 * * 1",
        "replay_quarantine": "50 * * * *",
        "report_quality": "15 5 * * *",
        "sync_source": "None",
        "watch_over": "Asset or 3-59/5 * * * *",
    }


def test_nothing_starts_by_the_clock_where_the_schedule_is_off(parsed_without_clock: dict[str, Any]) -> None:
    assert parsed_without_clock["errors"] == {}
    # it has its moments, for backfills, and the first to come by itself is in another century
    assert parsed_without_clock["dags"]["collect_dossiers"]["begins"] == "2100-04-01"
    assert {dag_id: dag["schedule"] for dag_id, dag in parsed_without_clock["dags"].items()} == {
        **dict.fromkeys(SPEAKING, "None"),
        "collect_dossiers": "15 phút/lần trong giờ làm việc, 1 giờ/lần ngoài giờ, 02:00 đọc tất cả",
        "check_health": "None",
        "drain_government": "Asset",
        "maintain": "None",
        "notify_subscribers": "Asset",
        "publish_progress": "Asset",
        "report_quality": "None",
        "reconcile_government": "None",
        "watch_over": "Asset",
        "refresh_catalogues": "None",
    }


def test_every_platform_of_the_registry_is_collected_in_its_own_pool(parsed: dict[str, Any]) -> None:
    tasks = parsed["dags"]["collect_dossiers"]["tasks"]
    pools = {name: task["pool"] for name, task in tasks.items() if name.startswith("collect_")}
    assert pools == {f"collect_{platform}": platform for platform in PLATFORMS}


def test_a_run_by_hand_reads_and_merges_as_the_clock_does(parsed: dict[str, Any]) -> None:
    by_clock, by_hand = (parsed["dags"][dag_id]["tasks"] for dag_id in ("collect_dossiers", "sync_source"))
    assert by_hand == {name: task for name, task in by_clock.items() if name != "rebuild"}


def test_one_platforms_failure_stops_neither_the_others_nor_what_follows(parsed: dict[str, Any]) -> None:
    tasks = parsed["dags"]["collect_dossiers"]["tasks"]
    read = sorted(["plan", *(f"collect_{platform}" for platform in PLATFORMS)])
    assert {name: (task["upstream"], task["trigger_rule"]) for name, task in tasks.items()} == {
        "plan": ([], "all_success"),
        **{f"plan_{platform}": (["plan"], "all_success") for platform in PLATFORMS},
        **{f"collect_{platform}": ([f"plan_{platform}"], "all_success") for platform in PLATFORMS},
        "chunks": (read, "all_done"),
        "load.judge": (["chunks"], "all_success"),
        "load.consolidate": (["chunks", "load.judge"], "all_success"),
        "announce": (["load.consolidate", "plan"], "all_done"),
        "report": (["load.consolidate", "plan"], "all_done"),
        "rebuild": (["plan"], "all_skipped"),  # in backfills alone
    }


def test_a_rejected_hold_merges_nothing_and_tells_nobody(parsed: dict[str, Any]) -> None:
    tasks = parsed["dags"]["decide_hold"]["tasks"]
    assert {name: (task["upstream"], task["trigger_rule"]) for name, task in tasks.items()} == {
        "decide": ([], "all_success"),
        "accepted": (["decide"], "all_success"),
        "load.judge": (["accepted"], "all_success"),
        "load.consolidate": (["accepted", "load.judge"], "all_success"),
        "announce": (["decide", "load.consolidate"], "all_success"),
    }
