"""Quarantine and the way back: a code table changes, and what passes now comes out, with no source asked."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from motcua import steps
from motcua.errors import ConfigError
from motcua.steps import place
from motcua.steps.quarantine import Replay

from tests.igate_records import record
from tests.sandbox.city_client import REGISTRY
from tests.steps.pipeline import AS_OF, WARD, Pipeline

pytestmark = pytest.mark.slow

LATER = AS_OF + timedelta(days=1)
OPEN = "SELECT code, rule, attempts, last_seen FROM api.quarantine WHERE settled_at IS NULL ORDER BY code, rule"
DOSSIERS = "SELECT code, channel, version FROM api.dossier ORDER BY code"
_RUNS = count(1)


def code(number: int) -> str:
    return f"000.05.33.H24-181012-{number:04d}"


def bad(number: int, **differs: object) -> dict[str, object]:
    return record(MaHoSo=code(number), HinhThucNop=7, **differs)


def with_channel_seven(pipeline: Pipeline, folder: Path) -> Pipeline:
    """The installation, once somebody has found out what channel 7 means."""
    shutil.copytree(REGISTRY, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    with (folder / "codes" / "igate_channel.csv").open("a", encoding="utf-8") as table:
        table.write("7,2,trực tuyến\n")
    return Pipeline(replace(pipeline.settings, registry=folder), pipeline.connections)


def replay(pipeline: Pipeline, *, rules: Sequence[str] = (), sources: Sequence[str] = ()) -> Replay:
    opened = steps.replay_quarantine(
        settings=pipeline.settings, run_key=f"replay {next(_RUNS)}", as_of=LATER, reason="bảng mã mới",
        requested_by="người trực", rules=rules, sources=sources,
    )  # fmt: skip
    pipeline.load(opened["cycle_id"])
    return opened


def test_what_passes_now_comes_out_and_the_rest_stays(pipeline: Pipeline, tmp_path: Path) -> None:
    pipeline.land_and_load([record(MaHoSo=code(1)), bad(2), bad(3, TrangThai=99)])
    marks = "SELECT watermark, succeeded_as_of, fence FROM core.source_state"
    before = pipeline.rows(marks)
    opened = replay(with_channel_seven(pipeline, tmp_path / "registry"))
    assert (opened["sources"], opened["dossiers"]) == (1, 2)
    # what is counted when it changes follows a replay, too
    assert pipeline.rows("SELECT dossiers, quarantined FROM api.source_state") == [(2, 1)]
    assert pipeline.rows(DOSSIERS) == [(code(1), 1, 1), (code(2), 2, 1)]
    assert pipeline.rows(OPEN) == [(code(3), "unknown_status", 2, AS_OF)]
    assert pipeline.rows(marks) == before
    cycle = "SELECT kind, state, accepted, quarantined, changed FROM api.batch WHERE cycle_id = :id"
    assert pipeline.rows(cycle, id=opened["cycle_id"]) == [("replay", "merged", 1, 1, 1)]
    told = "SELECT service FROM api.delivery WHERE code = :code AND state = 'queued' ORDER BY 1"
    assert pipeline.rows(told, code=code(2)) == [("CapNhatTienDoHoSoMC",), ("DongBoHoSoMC",)]


def test_without_a_change_of_rules_a_replay_only_counts(pipeline: Pipeline) -> None:
    pipeline.land_and_load([record(MaHoSo=code(1)), bad(2), bad(0) | {"MaHoSo": ""}])
    dossiers = pipeline.rows(DOSSIERS)
    replay(pipeline)
    assert pipeline.rows(DOSSIERS) == dossiers
    assert {attempts for _, _, attempts, _ in pipeline.rows(OPEN)} == {2}


def test_what_was_mended_since_is_left_alone(pipeline: Pipeline, tmp_path: Path) -> None:
    """The page of the one that is still bad has an older word of the other."""
    pipeline.land_and_load([bad(1), bad(2)])
    mended = record(MaHoSo=code(1), HinhThucNop=0, NgayCapNhat="2018-12-20T08:00:00.000")
    pipeline.land_and_load([mended])
    before = pipeline.everything()
    replay(with_channel_seven(pipeline, tmp_path / "registry"))
    after = pipeline.everything()
    assert pipeline.rows(DOSSIERS) == [(code(1), 1, 1), (code(2), 2, 1)]
    assert after["core.issue"] == before["core.issue"]
    assert [row for row in after["core.source_dossier"] if code(1) in row] == before["core.source_dossier"]


def test_a_conflict_within_a_listing_stays_one(pipeline: Pipeline, tmp_path: Path) -> None:
    """Both words of it are judged again, though quarantine points to one."""
    pipeline.land_and_load([record(MaHoSo=code(1)), record(MaHoSo=code(1), TrichYeu="khác", TrangThai=4)])
    assert [row[1] for row in pipeline.rows(OPEN)] == ["duplicate_in_batch"]
    replay(with_channel_seven(pipeline, tmp_path / "registry"))
    assert [row[1:3] for row in pipeline.rows(OPEN)] == [("duplicate_in_batch", 2)]
    assert pipeline.rows(DOSSIERS) == []


def test_a_hundred_at_once_are_no_mass_change(pipeline: Pipeline, tmp_path: Path) -> None:
    pipeline.land_and_load([record(MaHoSo=code(900 + number)) for number in range(200)])
    pipeline.land_and_load([bad(number) for number in range(1, 9)] + [record(MaHoSo=code(1_200))], as_of=LATER)
    replay(with_channel_seven(pipeline, tmp_path / "registry"))
    assert pipeline.rows(OPEN) == []
    assert pipeline.rows("SELECT count(*) FROM api.dossier") == [(209,)]


def test_only_the_rules_that_are_named_are_replayed(pipeline: Pipeline, tmp_path: Path) -> None:
    pipeline.land_and_load([bad(1), record(MaHoSo=code(2), TrangThai=99)])
    opened = replay(with_channel_seven(pipeline, tmp_path / "registry"), rules=["unknown_status"])
    assert opened["dossiers"] == 1
    assert replay(pipeline, rules=["no_such_rule"])["sources"] == 0


def test_the_same_run_again_changes_nothing(pipeline: Pipeline, tmp_path: Path) -> None:
    pipeline.land_and_load([bad(1), record(MaHoSo=code(2), TrangThai=99)])
    known = with_channel_seven(pipeline, tmp_path / "registry")
    asked = {"run_key": "one", "as_of": LATER, "reason": "bảng mã mới", "requested_by": "người trực"}
    for _ in range(2):
        opened = steps.replay_quarantine(settings=known.settings, **asked)  # type: ignore[arg-type]
        known.load(opened["cycle_id"])
        seen = pipeline.everything()
    assert pipeline.everything() == seen
    assert pipeline.rows(OPEN) == [(code(2), "unknown_status", 2, AS_OF)]


def test_a_newer_reading_goes_before_a_replay(pipeline: Pipeline, tmp_path: Path) -> None:
    pipeline.land_and_load([bad(1)])
    known = with_channel_seven(pipeline, tmp_path / "registry")
    opened = steps.replay_quarantine(
        settings=known.settings, run_key="slow", as_of=LATER, reason="bảng mã mới", requested_by="người trực"
    )
    pipeline.land_and_load([bad(1, NgayCapNhat="2018-12-21T08:00:00.000")], as_of=LATER)
    known.load(opened["cycle_id"])
    assert pipeline.rows(DOSSIERS) == []
    assert [row[1] for row in pipeline.rows(OPEN)] == ["unknown_channel"]


@pytest.mark.parametrize(
    ("differs", "told"),
    [({"reason": " "}, "a replay needs a name and a reason"), ({"sources": ["le_chan.nobody"]}, "no such source")],
)
def test_a_replay_that_cannot_be_is_refused(pipeline: Pipeline, differs: dict[str, object], told: str) -> None:
    asked = {"run_key": "x", "as_of": LATER, "reason": "bảng mã mới", "requested_by": "người trực"}
    with pytest.raises(ConfigError, match=told):
        steps.replay_quarantine(settings=pipeline.settings, **asked | differs)  # type: ignore[arg-type]


def test_quarantine_is_counted_and_shown(pipeline: Pipeline) -> None:
    pipeline.land_and_load([bad(1), bad(2), record(MaHoSo=code(3), TrangThai=99)])
    counted = steps.quarantine(settings=pipeline.settings, sources=[WARD])
    assert [(one["rule"], one["dossiers"]) for one in counted] == [("unknown_channel", 2), ("unknown_status", 1)]
    [one] = steps.quarantined(settings=pipeline.settings, code=code(2))
    assert (one["field"], one["attempts"], one["page_row"]) == ("channel", 1, 1)


def changed(pipeline: Pipeline) -> Replay | None:
    return steps.replay_changed(settings=pipeline.settings, run_key=f"changed {next(_RUNS)}", as_of=LATER)


def test_a_change_is_followed_once_and_by_itself(pipeline: Pipeline, tmp_path: Path) -> None:
    pipeline.land_and_load([bad(1), bad(2, TrangThai=99)])
    assert changed(pipeline) is None
    known = with_channel_seven(pipeline, tmp_path / "registry")
    opened = changed(known)
    assert opened is not None
    assert (opened["sources"], opened["dossiers"]) == (1, 2)
    known.load(opened["cycle_id"])
    assert [row[:2] for row in pipeline.rows(OPEN)] == [(code(2), "unknown_status")]
    assert pipeline.rows("SELECT requested_by FROM api.cycle WHERE cycle_id = :id", id=opened["cycle_id"]) == [
        ("motcua",)
    ]
    assert changed(known) is None
    assert changed(pipeline) is not None  # the table as it was is another change


def test_what_no_verdict_depends_on_is_no_change(pipeline: Pipeline, tmp_path: Path) -> None:
    pipeline.land_and_load([bad(1)])
    folder = tmp_path / "registry"
    shutil.copytree(REGISTRY, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    group = folder / "sources" / "le_chan.yaml"
    group.write_text(group.read_text(encoding="utf-8").replace("defaults: {", "defaults: {schedule: PT1H, "))
    moved = Pipeline(replace(pipeline.settings, registry=folder), pipeline.connections)
    assert place.registry(folder).sources[WARD].schedule == timedelta(hours=1)
    assert changed(moved) is None
