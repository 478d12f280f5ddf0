"""One source larger than what is judged at once: slice by slice, and in the end as if it had been one."""

from __future__ import annotations

import pytest
from motcua.steps.judge import ROWS_AT_ONCE

from tests.igate_records import record
from tests.steps.pipeline import Pipeline

pytestmark = pytest.mark.slow

EARLY, LATE = "2018-10-15T10:00:00.000", "2018-10-16T10:00:00.000"


def code(number: int) -> str:
    return f"000.05.33.H24-181012-{number:05d}"


def test_a_large_listing_is_merged_as_one_whatever_stands_twice_in_it(pipeline: Pipeline) -> None:
    rows = [record(MaHoSo=code(number)) for number in range(ROWS_AT_ONCE)]
    newer = record(MaHoSo=code(0), NgayCapNhat=LATE, TrichYeu="mới hơn", TienTrinh=[])
    older = record(MaHoSo=code(1), NgayCapNhat="2018-10-12T08:15:00.000", TrichYeu="cũ hơn", TienTrinh=[])
    torn = record(MaHoSo=code(2), TrichYeu="khác")
    refused = [record(MaHoSo=code(number), HinhThucNop=9) for number in (3, 90_000, 90_000)]
    beyond = record(MaHoSo=code(90_001), MaTTHC="9.999999")
    cycle_id = pipeline.land_and_load([*rows, newer, older, torn, rows[4], *refused, beyond])
    staged = len(rows) - 1 + 1  # 2 is torn; the good copy of 3 stays beside the refused one; beyond is new
    assert pipeline.rows("SELECT count(*) FROM api.dossier") == [(staged,)]
    assert pipeline.rows("SELECT state, fetched, accepted, quarantined, changed FROM core.batch") == [
        ("merged", len(rows) + 8, staged, 3, staged)
    ]
    held = "SELECT summary FROM private.applicant WHERE code = ANY(:codes) ORDER BY code"
    assert pipeline.rows(held, codes=[code(0), code(1)]) == [("mới hơn",), ("Khai sinh",)]
    steps = "SELECT d.code, d.steps, count(s.at) FROM api.dossier d LEFT JOIN api.step s USING (code)"
    assert pipeline.rows(f"{steps} WHERE d.code = ANY(:codes) GROUP BY 1, 2 ORDER BY 1", codes=[code(0), code(1)]) == [
        (code(0), 0, 0),
        (code(1), 2, 2),
    ]
    assert pipeline.rows("SELECT code, rule, is_primary FROM api.quarantine ORDER BY code, rule") == [
        (code(2), "duplicate_in_batch", True),
        (code(3), "unknown_channel", True),
        (code(90_000), "unknown_channel", True),
    ]
    assert pipeline.rows("SELECT code, rule FROM api.issue WHERE rule = 'unknown_procedure'") == [
        (code(90_001), "unknown_procedure")
    ]
    again = pipeline.plan()
    assert again == cycle_id + 1
