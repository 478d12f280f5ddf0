"""A rule is tightened and loosened on a running city: quarantine fills and empties as tried, from the archive."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from motcua import steps
from motcua.connections import EnvironmentConnections
from motcua.steps.trial import Change, Trial

from tests.igate_records import record
from tests.sandbox.city_client import REGISTRY, CityClient
from tests.steps.pipeline import AS_OF, WARD, Pipeline

pytestmark = pytest.mark.slow

LATER = AS_OF + timedelta(days=1)
OPEN = "SELECT DISTINCT source_id, identity FROM api.quarantine WHERE settled_at IS NULL"
DOSSIERS = "SELECT code, version, deleted, recorded_at FROM api.dossier ORDER BY code"
HELD = "SELECT source_id, code FROM api.source_dossier WHERE NOT deleted"
JUDGED = f"SELECT count(*) FROM ({HELD} UNION {OPEN}) q"  # noqa: S608  # both are constants
ISSUES = "SELECT code, rule FROM api.issue WHERE settled_at IS NULL AND code IS NOT NULL ORDER BY code, rule"
LATE = "2018-11-10T10:00:00.000"
_RUNS = count(1)


def code(number: int) -> str:
    return f"000.05.33.H24-181012-{number:04d}"


def ruled(pipeline: Pipeline, place: Path, **severities: str) -> Pipeline:
    """The installation once these rules have these severities; it knows the way to no source."""
    folder = place / f"registry {next(_RUNS)}"  # a process reads each once
    shutil.copytree(REGISTRY, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    lines = [f"{rule}: {{severity: {severity}, reason: đã bàn với Sở}}" for rule, severity in severities.items()]
    if lines:
        (folder / "rules.yaml").write_text("\n".join(lines), encoding="utf-8")
    return Pipeline(replace(pipeline.settings, registry=folder), EnvironmentConnections({}, None))


def tried(pipeline: Pipeline, *, sources: Collection[str] = ()) -> Trial:
    return steps.try_rules(
        settings=pipeline.settings, connections=pipeline.connections, as_of=LATER, sources=list(sources)
    )


def replay_all(pipeline: Pipeline) -> int:
    opened = steps.replay_quarantine(
        settings=pipeline.settings, run_key=f"all {next(_RUNS)}", as_of=LATER, reason="quy tắc mới",
        requested_by="người trực", everything=True,
    )  # fmt: skip
    pipeline.load(opened["cycle_id"])
    steps.report(settings=pipeline.settings, cycle_id=opened["cycle_id"])
    return opened["cycle_id"]


def dossiers(changes: Collection[Change]) -> set[tuple[object, ...]]:
    return {(one["source_id"], one["identity"]) for one in changes}


def test_a_running_city_follows_a_rule_that_is_tightened_and_loosened(
    pipeline: Pipeline, city: CityClient, tmp_path: Path
) -> None:
    city.move_clock("2018-11-25T17:00:00")
    pipeline.cycle(city.sources, as_of=AS_OF - timedelta(days=30))
    city.move_clock("2018-12-25T17:00:00")
    pipeline.cycle(city.sources)
    served = city.http.get(f"{city.url}/control/ledger/served").json()
    before, published = set(pipeline.rows(OPEN)), pipeline.rows(DOSSIERS)

    loosened = {"due_before_received": "warning", "returned_before_finished": "ignored"}
    candidate = ruled(pipeline, tmp_path, unknown_procedure="critical", **loosened)
    everything = pipeline.everything()
    forecast = tried(candidate)
    assert pipeline.everything() == everything
    assert {one["rule"] for one in forecast["fails"]} == {"unknown_procedure"}
    assert {one["rule"] for one in forecast["passes"]} == loosened.keys()
    assert [(forecast["dossiers"],)] == pipeline.rows(JUDGED)

    replay_all(candidate)
    filled = set(pipeline.rows(OPEN))
    assert filled == before - dossiers(forecast["passes"]) | dossiers(forecast["fails"])
    still = [row for row in pipeline.rows(DOSSIERS) if row[0] not in {one["identity"] for one in forecast["passes"]}]
    assert still == published  # what was published and fails now stays so
    assert (tried(candidate)["fails"], tried(candidate)["passes"]) == ([], [])

    back = ruled(pipeline, tmp_path)
    assert dossiers(tried(back)["passes"]) == dossiers(forecast["fails"])
    replay_all(back)
    assert set(pipeline.rows(OPEN)) == before
    assert city.http.get(f"{city.url}/control/ledger/served").json() == served


def test_what_is_published_and_fails_now_stays_published_and_counts_once(pipeline: Pipeline, tmp_path: Path) -> None:
    pipeline.land_and_load([record(MaHoSo=code(1)), record(MaHoSo=code(2), NgayHenTra=None, MaTTHC="9.999999")])
    published = pipeline.rows(DOSSIERS)
    cycle_id = replay_all(ruled(pipeline, tmp_path, due_missing="critical"))
    assert pipeline.rows(DOSSIERS) == published
    assert pipeline.rows(OPEN) == [(WARD, code(2))]
    figures = steps.summary(settings=pipeline.settings, cycle_id=cycle_id)
    assert (figures["received"], figures["accepted"], figures["quarantined"]) == (2, 2, {})


def test_warnings_follow_a_rule(pipeline: Pipeline, tmp_path: Path) -> None:
    pipeline.land_and_load([record(MaHoSo=code(1)), record(MaHoSo=code(2), NgayHenTra="2018-11-30T17:00:00.000")])
    assert pipeline.rows(ISSUES) == [(code(2), "due_disagrees")]
    replay_all(ruled(pipeline, tmp_path, due_disagrees="ignored"))
    assert pipeline.rows(ISSUES) == []
    replay_all(ruled(pipeline, tmp_path))
    assert pipeline.rows(ISSUES) == [(code(2), "due_disagrees")]


def test_the_word_that_is_held_is_judged_and_no_other(pipeline: Pipeline, tmp_path: Path) -> None:
    """The older word of one broke the rule; of another the newer one, which was refused for something else."""
    late = {"NgayHenTra": None, "MaTTHC": "9.999999"}
    pipeline.land_and_load([record(MaHoSo=code(1), **late), record(MaHoSo=code(2)), record(MaHoSo=code(3))])
    newer = {"NgayCapNhat": LATE}
    pipeline.land_and_load([
        record(MaHoSo=code(1), **newer), record(MaHoSo=code(2), HinhThucNop=7, **late, **newer),
        record(MaHoSo=code(3), **late, **newer),
    ])  # fmt: skip
    candidate = ruled(pipeline, tmp_path, due_missing="critical")
    forecast = tried(candidate)
    assert (dossiers(forecast["fails"]), forecast["passes"], forecast["dossiers"]) == ({(WARD, code(3))}, [], 3)
    replay_all(candidate)
    assert sorted(pipeline.rows(OPEN)) == [(WARD, code(2)), (WARD, code(3))]


def test_what_fails_by_a_replay_comes_back_by_the_next(pipeline: Pipeline, tmp_path: Path) -> None:
    """Where it stands is known, though it came from no listing; and a plain replay finds it, too."""
    pipeline.land_and_load([record(MaHoSo=code(1), NgayHenTra=None, MaTTHC="9.999999"), record(MaHoSo=code(2))])
    published = pipeline.rows(DOSSIERS)
    replay_all(ruled(pipeline, tmp_path, due_missing="critical"))
    again = ruled(pipeline, tmp_path)
    opened = steps.replay_quarantine(
        settings=again.settings, run_key="plain", as_of=LATER, reason="quy tắc cũ", requested_by="người trực"
    )
    assert opened["dossiers"] == 1
    again.load(opened["cycle_id"])
    assert (pipeline.rows(OPEN), pipeline.rows(DOSSIERS)) == ([], published)


def test_a_word_that_is_newer_than_the_replay_is_left_alone(pipeline: Pipeline, tmp_path: Path) -> None:
    older = pipeline.plan(sources=[WARD])
    pipeline.land_and_load([record(MaHoSo=code(1), NgayHenTra=None, MaTTHC="9.999999")])
    candidate = ruled(pipeline, tmp_path, due_missing="critical", due_disagrees="critical")
    opened = steps.replay_quarantine(
        settings=candidate.settings, run_key="slow", as_of=LATER, reason="quy tắc mới", requested_by="người trực",
        everything=True,
    )  # fmt: skip
    [chunk] = candidate.chunks(opened["cycle_id"])
    candidate.judge(opened["cycle_id"], chunk)
    with pipeline.warehouse() as connection:  # as if the older cycle had been the one that was merged
        connection.exec_driver_sql("UPDATE core.source_state SET fence = %s", (older,))
    pipeline.land(older, [record(MaHoSo=code(1), NgayCapNhat=LATE)])
    pipeline.load(older)
    candidate.consolidate(opened["cycle_id"], chunk)
    assert pipeline.rows(OPEN) == []


def test_a_row_without_a_code_is_found_by_its_place(pipeline: Pipeline, tmp_path: Path) -> None:
    """As when the mapping has learned to read its code: what stood there under a digest is settled."""
    early = {"NgayHenTra": "2018-10-10T17:00:00.000"}
    pipeline.land_and_load([record(MaHoSo=code(1)), record(MaHoSo=code(2), **early), record(MaHoSo="", **early),
                            record(MaHoSo=code(3), TrangThai=99, **early)])  # fmt: skip
    hidden = {code(number): f"#{number}" + "ab" * 31 for number in (2, 3)}
    with pipeline.warehouse() as connection:  # as a mapping has left them that could not read their codes
        for known, digest in hidden.items():
            renamed = "UPDATE core.quarantine SET identity = %s WHERE identity = %s"
            connection.exec_driver_sql(renamed, (digest, known))
    candidate = ruled(pipeline, tmp_path, due_before_received="warning")
    forecast = tried(candidate)
    assert (forecast["fails"], dossiers(forecast["passes"])) == ([], {(WARD, hidden[code(2)])})
    opened = steps.replay_quarantine(
        settings=candidate.settings, run_key="found", as_of=LATER, reason="bảng mã mới", requested_by="người trực"
    )
    candidate.load(opened["cycle_id"])
    assert [row[0] for row in pipeline.rows(DOSSIERS)] == [code(1), code(2)]
    still = "SELECT code, rule FROM api.quarantine WHERE settled_at IS NULL ORDER BY code"
    assert pipeline.rows(still) == [(code(3), "unknown_status"), (None, "missing_required")]
