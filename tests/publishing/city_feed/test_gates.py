"""Each gate stops what it is for: it reads the files as a consumer would."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from motcua.publishing.city_feed.delta import Delta, compare, write_delta
from motcua.publishing.city_feed.dossiers import ROW, PublicDossiers
from motcua.publishing.city_feed.formats import FORMATS
from motcua.publishing.city_feed.gates import Bounds, Built, check_gates
from motcua.publishing.city_feed.statistics import STATISTICS, statistics_table
from motcua.publishing.city_feed.version import Version, build_files, procedures_table
from motcua.publishing.disclosure import Watch
from motcua.registry import load_registry

from tests.publishing.city_feed.feed import code
from tests.warehouse.builders import AS_OF

DAY = date(2018, 12, 25)
# a format without the allowed columns does not hold the rows either
GONE = ["columns_are_the_allowed_ones", "formats_agree"]


def made(count: int) -> pa.Table:
    """So many rows."""
    return pa.Table.from_pylist(
        [
            {"code": code(number), "agency_code": "H24.33.05", "procedure_name": 'Cấp, "đổi"', "channel": None,
             "status": 4, "received_on": DAY, "progress": "within_time", "supplements": 0, "updated_on": DAY}
            for number in range(count)
        ],
        schema=ROW,
    )  # fmt: skip


ROWS = made(20)
BOUNDS = Bounds()


@dataclass(frozen=True, slots=True)
class Files:
    """A directory with the files of a version, and the gates that they fail."""

    place: Path

    def failed(
        self,
        rows: pa.Table = ROWS,
        *,
        counted: int = 20,
        before: pa.Table | None = None,
        bounds: Bounds = BOUNDS,
        canaries: tuple[str, ...] = (),
        sensitive: frozenset[str] = frozenset(),
        shown: dict[str, int] | None = None,
        spoil: Callable[[Path], object] = lambda place: None,
        fill_rates: dict[str, float] | None = None,
        **other: pa.Table,
    ) -> list[str]:
        """Gates that a version of `rows` does not pass; `other` are the rows of one format, by its name."""
        version = self._version(rows, counted, before, shown or {})
        build_files(version, self.place)
        for name, (write, _) in FORMATS.items():
            write(other.get(name.split(".")[1], rows), self.place / name)
        spoil(self.place)
        built = Built(
            place=self.place, version=version, before=ROW.empty_table() if before is None else before,
            previous=None if before is None else {"fill_rates": fill_rates or {}}, sensitive=sensitive,
        )  # fmt: skip
        results = check_gates(built, bounds, Watch(canaries))
        return [result.gate for result in results if not result.passed]

    def _version(self, rows: pa.Table, counted: int, before: pa.Table | None, shown: dict[str, int]) -> Version:
        registry = load_registry()
        return Version(
            seq=2, previous=None if before is None else 1, as_of=AS_OF, is_snapshot=True,
            public=PublicDossiers(rows=rows, times=pa.table({}), is_fresh=pa.chunked_array([[]], pa.bool_()),
                                  counted=counted),
            delta=Delta.none() if before is None else compare(before, rows), agencies=[], sensitive=shown,
            statistics=statistics_table(rows.select(ROW.names), registry.calendar, as_of=DAY, sensitive=shown)
            if set(ROW.names) <= set(rows.column_names) else STATISTICS.empty_table(),
            procedures=procedures_table(registry), expires_at=AS_OF,
        )  # fmt: skip


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_right_files_pass(files: Files) -> None:
    assert files.failed() == []
    assert files.failed(ROWS.slice(0, 0), counted=0) == []


def test_column_that_is_not_allowed_is_stopped(files: Files) -> None:
    more = ROWS.append_column("applicant", pa.array(["x"] * 20))
    for name in ("jsonl", "csv", "parquet"):
        assert files.failed(**{name: more}) == GONE


def test_column_that_lacks_is_stopped(files: Files) -> None:
    for name in ("jsonl", "csv", "parquet"):
        assert files.failed(**{name: ROWS.drop_columns(["field"])}) == GONE


@pytest.mark.parametrize("name", ["jsonl", "csv", "parquet"])
def test_formats_that_differ_are_stopped(files: Files, name: str) -> None:
    place = ROWS.column_names.index("supplements")
    other = ROWS.set_column(place, ROW.field("supplements"), pa.array([*[0] * 19, 1], pa.int16()))
    assert files.failed(**{name: other}) == ["formats_agree"]


def test_count_that_the_warehouse_does_not_share_is_stopped(files: Files) -> None:
    assert files.failed(counted=21) == ["count_matches_warehouse"]


def test_codes_out_of_order_and_codes_twice_are_stopped(files: Files) -> None:
    assert files.failed(ROWS.take(list(reversed(range(20))))) == ["codes_rise"]
    assert files.failed(ROWS.take([0, *range(19)])) == ["codes_rise"]


@pytest.mark.parametrize(("previous_rows", "failed"), [(10, []), (22, []), (23, ["no_large_drop"])])
def test_more_than_a_tenth_may_not_vanish(files: Files, previous_rows: int, failed: list[str]) -> None:
    assert files.failed(before=made(previous_rows)) == failed


@pytest.mark.parametrize(("rows", "failed"), [(150, []), (151, ["no_large_rise"])])
def test_more_than_half_may_not_be_added(files: Files, rows: int, failed: list[str]) -> None:
    assert files.failed(made(rows), counted=rows, before=made(100)) == failed


def test_jump_that_a_person_accepts_passes_and_nothing_else_does(files: Files) -> None:
    accepted = Bounds(accepted=True)
    assert files.failed(made(200), counted=200, before=made(100), bounds=accepted) == []
    assert files.failed(made(200), counted=201, before=made(100), bounds=accepted) == ["count_matches_warehouse"]


@pytest.mark.parametrize(("was", "failed"), [(1.0, []), (0.05, []), (0.06, ["fill_rates_hold"])])
def test_column_that_is_emptied_is_stopped(files: Files, was: float, failed: list[str]) -> None:
    rates = dict.fromkeys(ROW.names, 0.0) | {"channel": 0.0, "due_on": was if was < 1 else 0.0}
    assert files.failed(made(100), counted=100, before=made(100), fill_rates=rates) == failed


def test_delta_that_does_not_lead_here_is_stopped(files: Files) -> None:
    def other(place: Path) -> None:
        write_delta(compare(made(19), made(18)), place / "delta.jsonl.gz")

    assert files.failed(before=made(19)) == []
    assert files.failed(before=made(19), spoil=other) == ["delta_leads_here"]


@pytest.mark.parametrize(
    ("column", "value"), [("code", "Nguyễn Văn A"), ("progress", "on hold"), ("due_source", "guess"), ("status", 11)]
)
def test_value_that_is_not_the_contracts_is_stopped(files: Files, column: str, value: object) -> None:
    changed = pa.Table.from_pylist([*ROWS.to_pylist()[:-1], ROWS.to_pylist()[-1] | {column: value}], schema=ROW)
    assert files.failed(changed.sort_by("code"))[0] == "values_are_known"


@pytest.mark.parametrize(
    "text", ["031088001234", "gọi 0912345678", "CMND 123456789", "0912 345 678", "+84 912 345 678", "ai@example.vn"]
)
def test_number_or_address_of_a_person_in_any_file_is_stopped(files: Files, text: str) -> None:
    named = ROWS.set_column(2, ROW.field("procedure_name"), pa.array([text] * 20))
    assert files.failed(named) == ["nothing_personal"]

    def into_agencies(place: Path) -> None:
        (place / "agencies.json").write_text(f'[{{"name": "{text}"}}]', encoding="utf-8")

    assert files.failed(spoil=into_agencies) == ["schemas_hold", "nothing_personal"]


def test_file_that_breaks_its_schema_is_stopped(files: Files) -> None:
    def without_a_name(place: Path) -> None:
        (place / "agencies.json").write_text('[{"agency_code": "H24"}]', encoding="utf-8")

    assert files.failed(spoil=without_a_name) == ["schemas_hold"]


@pytest.mark.parametrize("text", ["000.00.15.H24-181012-000100", "2018-12-25", "1.001193.000.00.00.H24", "a123456789b"])
def test_codes_dates_and_digests_are_no_numbers_of_people(files: Files, text: str) -> None:
    assert files.failed(ROWS.set_column(2, ROW.field("procedure_name"), pa.array([text] * 20))) == []


def test_text_that_was_planted_is_stopped(files: Files) -> None:
    named = ROWS.set_column(2, ROW.field("procedure_name"), pa.array(["Bẫy Thị Chim"] * 20))
    assert files.failed(named) == []
    assert files.failed(named, canaries=("Bẫy Thị Chim",)) == ["nothing_personal"]


def test_sensitive_procedure_and_a_figure_that_is_too_small_are_stopped(files: Files) -> None:
    coded = ROWS.set_column(1, ROW.field("procedure_code"), pa.array(["1.000049"] * 20))
    assert files.failed(coded) == []
    assert files.failed(coded, sensitive=frozenset({"1.000049"})) == ["nothing_sensitive"]
    assert files.failed(shown={"Hộ tịch": 5}) == []
    assert files.failed(shown={"Hộ tịch": 4}) == ["nothing_sensitive"]
