"""`motcua cycle` from outside: what it prints, writes and answers, and that it leaves nobody behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from motcua.settings import Settings

from tests.sandbox.city_client import CityClient
from tests.steps.pipeline import Pipeline

pytestmark = pytest.mark.slow

AS_OF = "2018-12-25T17:00+07:00"
DOWN = "so_nganh.ke_hoach_va_dau_tu"
STOP_SECONDS = 20
# the contract page `interfaces`
KEYS = {
    "as_of": str, "seconds": float, "peak_memory_mb": int, "sources": {"total", "ok", "down", "held"}, "received": int,
    "online": int, "accepted": int, "quarantined": dict, "progress": dict, "versions_new": int,
    "delivery": {"queued", "accepted", "rejected", "unknown"}, "feed": {"seq", "rows", "changed"}, "stages": list,
}  # fmt: skip


class Shell:
    """Runs `motcua` in one installation."""

    def __init__(self, settings: Settings, city_home: Path, *, embedded: bool = False) -> None:
        assert settings.database_url is not None
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("MOTCUA_", "AIRFLOW_"))}
        self.home = settings.home
        self.environment = clean | {
            "MOTCUA_HOME": str(self.home), "MOTCUA_CONNECTIONS": str(city_home / "connections.json"),
        }  # fmt: skip
        if not embedded:
            self.environment["MOTCUA_DATABASE_URL"] = settings.database_url

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "motcua.cli", "cycle", "--as-of", AS_OF, *arguments],
            env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0,
        )  # fmt: skip

    def cycle(self, *arguments: str) -> tuple[int, str, str]:
        with self.start(*arguments) as process:
            out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    def summary(self) -> dict[str, object]:
        found: dict[str, object] = json.loads((self.home / "run" / "summary.json").read_text(encoding="utf-8"))
        return found

    def processes(self) -> list[psutil.Process]:
        """Everybody who lives with this home in the environment, and the embedded server."""
        found = []
        for process in psutil.process_iter():
            try:
                mine = process.environ().get("MOTCUA_HOME") == str(self.home)
                if mine or process.cwd() == str((self.home / "database").resolve() / "data"):
                    found.append(process)
            except psutil.Error:
                continue
        return found


@pytest.fixture
def shell(settings: Settings, city_home: Path, city: CityClient) -> Shell:
    return Shell(settings, city_home)


@pytest.mark.slow
def test_two_cycles_tell_the_whole_truth_and_the_second_changes_nothing(shell: Shell, city: CityClient) -> None:
    status, out, err = shell.cycle("--json")
    assert status == 0, err
    first = json.loads(out)
    assert first == shell.summary()
    _check_shape(first)
    _check_against_the_city(first, city)
    dossiers = first["accepted"] + _not_received(city)
    assert dossiers < first["versions_new"] <= dossiers + _passed_on(city)
    assert (first["delivery"]["accepted"] + first["delivery"]["queued"] + _gone(city), first["feed"]["seq"]) == (
        dossiers, 1,
    )  # fmt: skip
    status, out, err = shell.cycle("--json")
    second = json.loads(out)
    assert (status, second["versions_new"], second["feed"]) == (0, 0, first["feed"] | {"changed": 0})
    counted = ("sources", "received", "online", "accepted", "quarantined", "progress", "delivery")
    assert {name: second[name] for name in counted} == {name: first[name] for name in counted}


@pytest.mark.slow
def test_source_that_is_down_is_status_3_and_the_rest_is_published_but_not_pushed(
    shell: Shell, city: CityClient, settings: Settings
) -> None:
    city.misbehave(source=DOWN, mode="html_login")
    status, out, err = shell.cycle("--no-push")
    assert status == 3, err
    assert "257/258 đọc được · 1 không đọc được" in out
    assert f"could not be read: {DOWN}" in " ".join(err.split())
    told = shell.summary()
    assert told["sources"] == {"total": 258, "ok": 257, "down": 1, "held": 0}
    delivery = told["delivery"]
    assert isinstance(delivery, dict)
    assert settings.database_url is not None
    with psycopg.connect(settings.database_url.replace("+psycopg", "")) as connection:
        [(dossiers,)] = connection.execute("SELECT count(*) FROM core.dossier").fetchall()
    # what several offices tell has a version for each, of which the newest waits
    assert (delivery["queued"], delivery["accepted"]) == (dossiers, 0)
    assert [stage["name"] for stage in told["stages"]] == ["collect", "judge", "consolidate", "publish"]  # type: ignore[union-attr, index]  # JSON
    assert (shell.home / "feeds" / "v1" / "index.json").exists()


def test_only_one_source_and_that_one_down_is_status_3(shell: Shell, city: CityClient) -> None:
    city.misbehave(source=DOWN, mode="html_login")
    status, _, err = shell.cycle("--no-push", "--source", DOWN)
    assert (status, shell.summary()["sources"]) == (3, {"total": 1, "ok": 0, "down": 1, "held": 0}), err


@pytest.mark.parametrize(
    ("order", "to_all"), [(signal.SIGINT, True), (signal.SIGTERM, False)], ids=["Ctrl-C", "SIGTERM"]
)
def test_interrupted_cycle_ends_soon_and_leaves_nobody_behind(
    settings: Settings, city_home: Path, city: CityClient, order: signal.Signals, to_all: bool
) -> None:
    shell = Shell(settings, city_home, embedded=True)
    city.misbehave(source=DOWN, mode="too_many_requests", retry_after="60")
    with shell.start("--source", DOWN) as process:
        _wait_for(process, "1 sources to read")
        assert len(shell.processes()) > 3
        began = time.monotonic()
        os.killpg(process.pid, order) if to_all else process.send_signal(order)
        out, err = process.communicate(timeout=STOP_SECONDS)
    assert (process.returncode, out, err) == (130, "", "")
    assert time.monotonic() - began < STOP_SECONDS
    assert shell.processes() == []


@pytest.mark.slow
def test_killed_cycle_leaves_no_worker_behind_and_the_next_one_finds_its_way(
    pipeline: Pipeline, shell: Shell, city: CityClient
) -> None:
    city.misbehave(source=DOWN, mode="too_many_requests", retry_after="60")
    with shell.start("--source", DOWN, "--no-push") as process:
        _wait_for(process, "1 sources to read")
        process.kill()
    assert psutil.wait_procs(shell.processes(), timeout=STOP_SECONDS)[1] == []
    assert pipeline.rows("SELECT state FROM api.batch") == []
    city.misbehave(source=DOWN, mode="off")
    assert shell.cycle("--source", DOWN, "--no-push")[0] == 0


def _wait_for(process: subprocess.Popen[str], words: str) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if words in line:
            return
    raise AssertionError(f"it ended before it said {words!r}")


def _check_shape(told: dict[str, object]) -> None:
    assert list(told) == list(KEYS)
    for key, kind in KEYS.items():
        value = told[key]
        if isinstance(kind, set):
            assert isinstance(value, dict)
            assert set(value) == kind, key
        else:
            assert isinstance(value, kind), key
    stages = told["stages"]
    assert isinstance(stages, list)
    assert [set(stage) for stage in stages] == [{"name", "seconds", "rows", "peak_memory_mb"}] * 5
    assert [stage["name"] for stage in stages[:3]] == ["collect", "judge", "consolidate"]
    assert {stage["name"] for stage in stages[3:]} == {"publish", "drain"}
    assert stages[0]["peak_memory_mb"] <= 512


def _check_against_the_city(told: dict[str, object], city: CityClient) -> None:
    received = [line for line in _filed(city) if line["status"] not in (1, 3) and not line["deleted"]]
    faults = {line["fault"]: 1 for line in received if line["fault"]}
    quarantined = told["quarantined"]
    assert isinstance(quarantined, dict)
    assert told["received"] == told["accepted"] + sum(quarantined.values()) == len(received)  # type: ignore[operator]  # JSON
    assert quarantined == {rule: sum(line["fault"] == rule for line in received) for rule in faults}
    assert told["online"] == sum(line["channel"] == 2 for line in received)
    assert told["sources"] == {"total": 258, "ok": 258, "down": 0, "held": 0}


def _not_received(city: CityClient) -> int:
    return sum(line["status"] in (1, 3) or line["deleted"] for line in _filed(city))


def _filed(city: CityClient) -> list[dict[str, Any]]:  # Any: JSON
    """Each dossier once, as the office tells it where it was filed."""
    return [line for line in city.ledger() if line["filed_with"] == line["source_id"]]


def _passed_on(city: CityClient) -> int:
    """Offices that dossiers came to: each may make a version."""
    return sum(line["filed_with"] != line["source_id"] for line in city.ledger())


def _gone(city: CityClient) -> int:
    """Deleted before the portal knew of them: never told."""
    return sum(line["deleted"] for line in _filed(city))


@pytest.fixture(autouse=True)
def _no_survivors(settings: Settings, city_home: Path) -> Iterator[None]:
    """Whatever a test did, nobody of it lives on into the next one."""
    yield
    for process in Shell(settings, city_home).processes():
        process.kill()
    if (settings.home / "database").is_symlink():
        shutil.rmtree((settings.home / "database").resolve())
