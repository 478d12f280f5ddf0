from __future__ import annotations

import logging
from collections import Counter
from itertools import islice

import pandas as pd
import pytest
from motcua.files import Files
from motcua.platforms import PLATFORMS
from motcua.registry import Source, load_registry
from motcua.steps import place
from motcua.steps.slices import FRAMES

from tests.igate_records import record, step
from tests.sandbox.city_client import CityClient
from tests.sandbox.test_faults import RULES as FAULTS
from tests.steps.pipeline import WARD, Pipeline

pytestmark = pytest.mark.slow

# what each platform calls a dossier's code
CODES = {
    "igate": "MaHoSo", "lgsp": "MaHoSo", "oss_soap": "maSoHoSo", "sql_view": "ma_ho_so", "sftp_register": "Mã hồ sơ",
}  # fmt: skip


def _listed_code(pipeline: Pipeline, source: Source, sha256: str, row: int) -> object:
    """The code that stands in a row of an archived page."""
    notes = "SELECT page_notes -> (array_position(pages, :sha) - 1) FROM core.batch WHERE :sha = ANY(pages) LIMIT 1"
    [(note,)] = pipeline.rows(notes, sha=sha256)
    body = place.archive(pipeline.settings, pipeline.connections).get(sha256)
    records = PLATFORMS[source.platform].records(body, source=source, note=note or {})
    return next(islice(records, row, None)).get(CODES[source.platform])


@pytest.mark.parametrize("fault", FAULTS[1:])
def test_fault_of_the_city_is_in_quarantine_under_its_rule_and_points_to_its_row(
    read_city: Pipeline, running_city: CityClient, fault: str
) -> None:
    sources = load_registry().sources
    lines = [line for line in running_city.ledger() if line["fault"] == fault]
    assert lines
    for line in lines:
        found = read_city.rows(
            "SELECT rule, is_primary, settled_at, page_sha256, page_row, source_id FROM api.quarantine"
            " WHERE source_id = :source AND is_primary AND (code = :code OR identity LIKE '#%')",
            source=line["source_id"], code=line["code_listed"].strip().upper(),
        )  # fmt: skip
        [(rule, is_primary, settled, sha256, row, source)] = [one for one in found if one[0] == fault]
        assert (rule, is_primary, settled) == (fault, True, None)
        assert _listed_code(read_city, sources[str(source)], str(sha256), int(str(row))) == line["code_listed"]
        assert not read_city.rows("SELECT 1 FROM api.dossier WHERE code = :code", code=line["code_listed"])


def test_quarantine_holds_the_citys_faults_and_nothing_else(read_city: Pipeline, running_city: CityClient) -> None:
    expected = Counter(line["fault"] for line in running_city.ledger() if line["fault"])
    found = read_city.rows("SELECT rule, count(DISTINCT identity) FROM api.quarantine WHERE is_primary GROUP BY rule")
    assert dict(found) == dict(expected)


def test_everything_else_is_accepted_once_with_the_facts_of_its_source(
    read_city: Pipeline, running_city: CityClient
) -> None:
    expected = {
        (line["code"], line["status"], line["channel"], line["steps"], line["supplements"], line["source_id"])
        for line in running_city.ledger()
        if not line["fault"] and not line["deleted"]
    }
    found = read_city.rows(
        "SELECT code, status, channel, steps, supplements, source_id FROM api.source_dossier WHERE NOT deleted"
    )
    assert len(found) == len(expected)
    assert set(found) == expected


def test_warnings_are_issues_beside_accepted_rows(pipeline: Pipeline) -> None:
    late_step = step(ThoiDiemXuLy="2018-10-11T08:00:00.000", TrangThai=4)
    odd = record(MaTTHC="9.999999", TienTrinh=[step(), late_step], SoBienNhan="17")
    pipeline.land_and_load([odd])
    code = odd["MaHoSo"]
    assert pipeline.rows("SELECT code FROM api.dossier") == [(code,)]
    assert pipeline.rows("SELECT code, rule, field, severity, owner FROM api.issue ORDER BY rule, field") == [
        (code, "steps_out_of_order", "steps", "warning", "office"),
        (None, "unknown_field", "SoBienNhan", "warning", "motcua"),
        (code, "unknown_procedure", "procedure_code", "warning", "motcua"),
    ]
    assert pipeline.rows("SELECT 1 FROM api.quarantine") == []


def test_row_with_several_faults_counts_under_the_first_of_the_rule_book(pipeline: Pipeline) -> None:
    bad = record(TrangThai=44, HinhThucNop=9, MaDonViTiepNhan="000.99.99.H24")
    pipeline.land_and_load([bad, record()])
    assert pipeline.rows("SELECT rule, is_primary, page_row FROM api.quarantine ORDER BY is_primary DESC, rule") == [
        ("unknown_status", True, 0),
        ("unknown_channel", False, 0),
        ("unknown_unit", False, 0),
    ]
    assert pipeline.rows("SELECT accepted, quarantined FROM api.batch") == [(1, 1)]


def test_rows_without_a_code_are_kept_apart_from_each_other(pipeline: Pipeline) -> None:
    pipeline.land_and_load([record(MaHoSo=None), record(MaHoSo=None, TrichYeu="Khai tử"), record(MaHoSo="000.05\x07")])
    found = pipeline.rows("SELECT code, rule, length(identity) FROM api.quarantine ORDER BY page_row")
    assert [one[:2] for one in found] == [
        (None, "missing_required"), (None, "missing_required"), (None, "text_damaged"),
    ]  # fmt: skip
    assert {length for *_, length in found} == {65}


def test_judging_again_stages_the_same_frames_in_a_place_of_its_own(pipeline: Pipeline) -> None:
    cycle_id = pipeline.plan(sources=[WARD])
    pipeline.land(cycle_id, [record(), record(TrangThai=44), record(MaTTHC="9.999999")])
    [chunk] = pipeline.chunks(cycle_id)
    staging = place.staging(pipeline.settings, pipeline.connections)
    tries = [pipeline.judge(cycle_id, chunk), pipeline.judge(cycle_id, chunk)]
    assert tries == [{"rows": 3, "accepted": 2, "quarantined": 1}] * 2
    first, second = Files(pipeline.settings.staging_url).names(chunk["part"])
    for name in FRAMES:
        frames = [staging.read(f"{chunk['part']}/{own}/0", name) for own in (first, second)]
        pd.testing.assert_frame_equal(*frames)
    assert pipeline.rows("SELECT state FROM api.batch") == [("judged",)]


def test_judging_a_merged_batch_again_does_not_open_it(pipeline: Pipeline) -> None:
    cycle_id = pipeline.plan(sources=[WARD])
    pipeline.land(cycle_id, [record()])
    [chunk] = pipeline.chunks(cycle_id)
    pipeline.judge(cycle_id, chunk)
    pipeline.consolidate(cycle_id, chunk)
    pipeline.judge(cycle_id, chunk)
    assert pipeline.rows("SELECT state FROM api.batch") == [("merged",)]
    assert pipeline.chunks(cycle_id) == []


def test_nothing_personal_reaches_logs_or_open_tables(
    pipeline: Pipeline, city: CityClient, caplog: pytest.LogCaptureFixture
) -> None:
    sources = [line["source_id"] for line in city.ledger() if line["fault"]]
    with caplog.at_level(logging.DEBUG):
        pipeline.cycle(sources)
    told = caplog.text + "".join(
        str(pipeline.rows(f"SELECT * FROM {table}"))  # noqa: S608  # constants below
        for table in ("core.quarantine", "core.issue", "core.batch", "core.dossier", "core.source_dossier", "api.step")
    )
    words = city.http.get(f"{city.url}/control/ledger/people").json()
    private = {word for word in words if len(word) > 5}
    assert len(private) > 100
    assert [word for word in private if word in told] == []
