"""Each gate stops what it is for: it reads the files as a consumer would."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from motcua.publishing.city_feed.dossiers import ROW
from motcua.publishing.city_feed.formats import FORMATS
from motcua.publishing.city_feed.gates import check_gates

from tests.publishing.city_feed.feed import code

DAY = date(2018, 12, 25)
ROWS = pa.Table.from_pylist(
    [
        {"code": code(number), "agency_code": "H24.33.05", "procedure_name": 'Cấp, "đổi"', "channel": None, "status": 4,
         "received_on": DAY, "progress": "within_time", "supplements": 0, "updated_on": DAY}
        for number in range(20)
    ],
    schema=ROW,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Built:
    """A directory with the three formats, and the gates that they fail."""

    place: Path

    def failed(
        self, rows: pa.Table = ROWS, *, counted: int = 20, previous_rows: int | None = None, **other: pa.Table
    ) -> list[str]:
        """Gates that `rows` do not pass; `other` are the rows of one format, by its name."""
        for name, (write, _) in FORMATS.items():
            write(other.get(name.split(".")[1], rows), self.place / name)
        results = check_gates(self.place, counted=counted, previous_rows=previous_rows, max_drop_share=0.1)
        return [result.gate for result in results if not result.passed]


@pytest.fixture
def built(tmp_path: Path) -> Built:
    return Built(tmp_path)


def test_right_files_pass(built: Built) -> None:
    assert built.failed() == []
    assert built.failed(ROWS.slice(0, 0), counted=0) == []


def test_column_that_is_not_allowed_is_stopped(built: Built) -> None:
    more = ROWS.append_column("applicant", pa.array(["x"] * 20))
    assert "columns_are_the_allowed_ones" in built.failed(more)
    for name in ("jsonl", "csv", "parquet"):
        assert "columns_are_the_allowed_ones" in built.failed(**{name: more})


def test_column_that_lacks_is_stopped(built: Built) -> None:
    assert "columns_are_the_allowed_ones" in built.failed(ROWS.drop_columns(["field"]))


@pytest.mark.parametrize("name", ["jsonl", "csv", "parquet"])
def test_formats_that_differ_are_stopped(built: Built, name: str) -> None:
    place = ROWS.column_names.index("supplements")
    other = ROWS.set_column(place, ROW.field("supplements"), pa.array([*[0] * 19, 1], pa.int16()))
    assert built.failed(**{name: other}) == ["formats_agree"]


def test_count_that_the_warehouse_does_not_share_is_stopped(built: Built) -> None:
    assert built.failed(counted=21) == ["count_matches_warehouse"]


def test_codes_out_of_order_and_codes_twice_are_stopped(built: Built) -> None:
    assert built.failed(ROWS.take(list(reversed(range(20))))) == ["codes_rise"]
    assert built.failed(ROWS.take([0, *range(19)])) == ["codes_rise"]


@pytest.mark.parametrize(("previous_rows", "failed"), [(None, []), (10, []), (22, []), (23, ["no_large_drop"])])
def test_more_than_a_tenth_may_not_vanish(built: Built, previous_rows: int | None, failed: list[str]) -> None:
    assert built.failed(previous_rows=previous_rows) == failed
