"""Corrections from the registry's file to the history: applied, told, gone again, and noticed when they are idle."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from motcua.steps import place
from motcua.steps.corrected import Used, issues
from motcua.warehouse.pages import Pages

from tests.igate_records import record
from tests.sandbox.city_client import REGISTRY, CityClient
from tests.steps.pipeline import AS_OF, WARD, Pipeline
from tests.steps.test_replay import replay

pytestmark = pytest.mark.slow

CODE = "000.05.33.H24-181012-0001"
OFFICES = ["cat_hai.huyen", "cat_hai.tran_chau", "cat_hai.phu_long"]  # one of LGSP, two registers
ENTRY = f"""\
  - id: an-bien-1
    match: {{source: {WARD}, codes: [{CODE}]}}
    field: channel
    value: 2
    reason: nộp trực tuyến, hệ thống của phường ghi nhầm
    who: Phòng Kiểm soát TTHC
    until: 2018-12-27
"""
DOSSIER = "SELECT channel, version FROM api.dossier"
WORDS = "SELECT corrections, channel FROM api.source_dossier"
ISSUES = "SELECT rule, field, owner, settled_at IS NULL FROM api.issue WHERE code IS NULL ORDER BY rule"

Corrected = Callable[[str], Pipeline]


@pytest.fixture
def corrected(pipeline: Pipeline, tmp_path: Path) -> Corrected:
    """The installation with these entries in its file."""
    folders = (tmp_path / f"registry-{number}" for number in range(9))

    def write(entries: str) -> Pipeline:
        folder = next(folders)
        shutil.copytree(REGISTRY, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
        (folder / "corrections.yaml").write_text(f"corrections:\n{entries}" if entries else "corrections: []\n")
        return Pipeline(replace(pipeline.settings, registry=folder), pipeline.connections)

    return write


def test_it_is_applied_and_told_and_goes_again(pipeline: Pipeline, corrected: Corrected) -> None:
    """Each coming and going is a version, though the source says the same all the time."""
    pipeline.land_and_load([record(MaHoSo=CODE)])
    mended = corrected(ENTRY)
    for _ in range(2):
        mended.land_and_load([record(MaHoSo=CODE)])
        assert pipeline.rows(DOSSIER) == [(2, 2)]
    assert pipeline.rows(WORDS) == [(["an-bien-1"], 2)]
    corrected(ENTRY.replace("value: 2", "value: 3")).land_and_load([record(MaHoSo=CODE)])
    assert pipeline.rows(DOSSIER) == [(3, 3)]
    corrected("").land_and_load([record(MaHoSo=CODE)])
    assert (pipeline.rows(DOSSIER), pipeline.rows(WORDS)) == ([(1, 4)], [(None, 1)])
    told = "SELECT corrections FROM api.claim ORDER BY length(batch_id), batch_id"
    assert pipeline.rows(told) == [(None,), (["an-bien-1"],), (["an-bien-1"],), (None,)]


def test_what_is_mended_comes_out_of_quarantine(pipeline: Pipeline, corrected: Corrected) -> None:
    pipeline.land_and_load([record(MaHoSo=CODE, HinhThucNop=7)])
    assert pipeline.rows(DOSSIER) == []
    replay(corrected(ENTRY))
    assert (pipeline.rows(DOSSIER), pipeline.rows(WORDS)) == ([(2, 1)], [(["an-bien-1"], 2)])
    assert pipeline.rows("SELECT rule, settled_at IS NULL FROM api.quarantine") == [("unknown_channel", False)]


def test_offices_of_the_city_that_swap_their_channels(
    city: CityClient, pipeline: Pipeline, corrected: Corrected
) -> None:
    """Of a whole group: two keep registers, whose files are read again and stay the same."""
    pipeline.cycle(OFFICES)
    before = dict(pipeline.rows("SELECT code, channel FROM api.dossier ORDER BY code"))
    swapped = {code for code, channel in before.items() if channel == 1}
    assert 0 < len(swapped) < len(before)
    mended = corrected(
        ENTRY.replace(f"source: {WARD}, codes: [{CODE}]", "group: cat_hai, where: {channel: 1}").replace(
            ": 2\n", ": 3\n"
        )
    )
    for _ in range(2):
        mended.cycle(OFFICES, full=True)
        found = pipeline.rows("SELECT code, d.channel, version, corrections FROM api.dossier d"
                              " JOIN api.source_dossier USING (code) ORDER BY code")  # fmt: skip
        assert found == [
            (code, 3, 2, ["an-bien-1"]) if code in swapped else (code, channel, 1, None)
            for code, channel in before.items()
        ]
    told = "SELECT count(*), count(DISTINCT code) FROM api.claim WHERE corrections = ARRAY['an-bien-1']"
    assert pipeline.rows(told) == [(len(swapped), len(swapped))]


def test_after_its_last_day_it_no_longer_counts_and_somebody_is_told(corrected: Corrected) -> None:
    mended = corrected(ENTRY)
    for days, channel in ((2, 2), (3, 1)):
        mended.land_and_load([record(MaHoSo=CODE)], as_of=AS_OF + timedelta(days=days))
        assert mended.rows(DOSSIER)[0][0] == channel
    assert mended.rows(ISSUES) == [("correction_expired", "an-bien-1", "motcua", True)]
    emptied = corrected("")
    emptied.land_and_load([record(MaHoSo=CODE)], as_of=AS_OF + timedelta(days=4))
    assert emptied.rows(ISSUES) == [("correction_expired", "an-bien-1", "motcua", False)]


def test_a_replay_says_nothing_of_what_has_expired(corrected: Corrected) -> None:
    mended = corrected(ENTRY.replace("until: 2018-12-27", "until: 2018-12-24"))
    mended.land_and_load([record(MaHoSo=CODE), record(TrangThai=99)])
    replay(mended)
    assert mended.rows(ISSUES) == [("correction_expired", "an-bien-1", "motcua", True)]


@pytest.mark.parametrize(
    ("listed", "rule"),
    [
        (record(), "correction_unused"),
        (record(MaHoSo=CODE, HinhThucNop=1), "correction_unneeded"),
        (record(MaHoSo=CODE), None),
        (record(MaHoSo=CODE, TrangThai=99), None),
    ],
)
def test_one_that_does_nothing_is_noticed_in_a_full_listing(
    corrected: Corrected, listed: dict[str, object], rule: str | None
) -> None:
    mended = corrected(ENTRY)
    mended.land_and_load([listed])
    assert mended.rows(ISSUES) == []
    mended.land_and_load([listed], full=True)
    assert mended.rows(ISSUES) == ([(rule, "an-bien-1", "motcua", True)] if rule else [])


def test_what_does_something_again_is_settled_with_the_next_full_listing(corrected: Corrected) -> None:
    mended = corrected(ENTRY)
    mended.land_and_load([record()], full=True)
    mended.land_and_load([record()])
    assert mended.rows(ISSUES) == [("correction_unused", "an-bien-1", "motcua", True)]
    mended.land_and_load([record(MaHoSo=CODE)], full=True)
    assert mended.rows(ISSUES) == [("correction_unused", "an-bien-1", "motcua", False)]


def test_of_a_whole_group_nobody_is_told_that_one_source_has_no_such_error(corrected: Corrected) -> None:
    mended = corrected(ENTRY.replace(f"source: {WARD}", "group: le_chan"))
    mended.land_and_load([record()], full=True)
    assert mended.rows(ISSUES) == []


def test_of_a_large_source_one_slice_that_has_the_error_is_enough(corrected: Corrected) -> None:
    registry = place.registry(corrected(ENTRY).settings.registry)
    pages = [Pages(WARD, (), is_full=True)]
    none, some = Used(frozenset(), frozenset()), Used(frozenset({"an-bien-1"}), frozenset())
    for seen, told in (((none, some), []), ((none, none), ["correction_unused"])):
        found = issues(seen, pages, registry, cycle_id=1, as_of=AS_OF)
        assert found["rule"].tolist() == told
