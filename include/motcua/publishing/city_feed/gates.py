"""What must hold before the pointer moves: each gate is a name, a verdict and a sentence for the manifest."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
from jsonschema import Draft202012Validator

from motcua.domain.codes import DOSSIER_CODE
from motcua.domain.progress import PROGRESS_NAMES
from motcua.publishing.city_feed.delta import DELTA, apply, read_delta
from motcua.publishing.city_feed.dossiers import ROW
from motcua.publishing.city_feed.formats import FORMATS, READ_BYTES, Reader
from motcua.publishing.city_feed.gate import GateResult
from motcua.publishing.city_feed.sensitive import FEWEST
from motcua.publishing.city_feed.statistics import ALL
from motcua.publishing.city_feed.version import Version, fill_rates
from motcua.publishing.disclosure import Watch

# Of a few rows, shares say nothing.
FEWEST_FOR_SHARES = 100
MAX_DROP_SHARE = 0.1
CHANGES_TRIED = 200
# A column that was filled and suddenly is not is a mapping that broke, not a city that changed.
MAX_FILL_LOSS = 0.05
# What a person may let pass, since the figures may be right: a unit that closed, a system that came with its history.
OPEN_TO_A_PERSON = ("no_large_drop", "no_large_rise", "fill_rates_hold")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How far the figures may move from one version to the next.

    Attributes:
        max_drop_share: the largest share of the previous rows that may vanish.
        max_rise_share: the largest share of them that may be added, once there are `FEWEST_FOR_SHARES`.
        accepted: whether a person has said that the figures are right, wherever they are.
    """

    max_drop_share: float = MAX_DROP_SHARE
    max_rise_share: float = 0.5
    accepted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A version on its way to its gates.

    Attributes:
        place: directory with its files.
        version: what they were built from.
        before: rows of the version before, schema ROW; none for the first.
        previous: the manifest before, None for the first.
        sensitive: procedures whose dossiers are never shown.
    """

    place: Path
    version: Version
    before: pa.Table
    previous: Mapping[str, Any] | None
    sensitive: frozenset[str]

    @property
    def rows(self) -> pa.Table:
        """The table that the files were built from, schema ROW."""
        return self.version.public.rows


def check_gates(built: Built, bounds: Bounds, watch: Watch) -> list[GateResult]:
    """Judges the files as a consumer would read them, not the table they came from."""
    previous_rows = None if built.previous is None else built.before.num_rows
    results = [
        *(_formats(built) if built.version.is_snapshot else []),
        _delta_leads_here(built),
        _count_matches(built),
        _codes_rise(built.rows),
        _values_are_known(built.rows),
        _no_large_drop(built.rows.num_rows, previous_rows, bounds),
        _no_large_rise(built.rows.num_rows, previous_rows, bounds),
        _fill_rates_hold(built),
        _statistics_add_up(built),
        _schemas_hold(built),
        _nothing_sensitive(built),
        _nothing_personal(built, watch),
    ]
    if not bounds.accepted:
        return results
    return [_let_pass(result) if result.gate in OPEN_TO_A_PERSON else result for result in results]


def _let_pass(result: GateResult) -> GateResult:
    if result.passed:
        return result
    return GateResult(gate=result.gate, passed=True, detail=f"{result.detail}; accepted by a person")


def _formats(built: Built) -> list[GateResult]:
    odd_columns, odd_rows = [], []
    for name, (_, read) in FORMATS.items():
        columns, rows = _agrees(built.place / name, read, built.rows)
        odd_columns += [] if columns else [name]
        odd_rows += [] if rows else [name]
    columns_detail = f"{len(ROW.names)} columns in every format" if not odd_columns else f"in {', '.join(odd_columns)}"
    rows_detail = f"{built.rows.num_rows} equal rows in {len(FORMATS)} formats" if not odd_rows else ""
    return [
        GateResult(gate="columns_are_the_allowed_ones", passed=not odd_columns, detail=columns_detail),
        GateResult(
            gate="formats_agree", passed=not odd_rows, detail=rows_detail or f"rows differ in {', '.join(odd_rows)}"
        ),
    ]


def _agrees(path: Path, read: Reader, rows: pa.Table) -> tuple[bool, bool]:
    """Whether a file has the allowed columns, and exactly these rows."""
    start = 0
    for block in read(path, ROW):
        if block.column_names != ROW.names:
            return False, False
        if not block.equals(rows.slice(start, block.num_rows)):
            return True, False
        start += block.num_rows
    return True, start == rows.num_rows


def _delta_leads_here(built: Built) -> GateResult:
    delta = read_delta((built.place / DELTA).read_bytes())
    if built.previous is None:
        return GateResult(gate="delta_leads_here", passed=not delta.size, detail="no version before: nothing changed")
    passed = apply(built.before, delta).equals(built.rows)
    detail = f"{delta.size} changes lead from {built.before.num_rows} rows to {built.rows.num_rows}"
    return GateResult(gate="delta_leads_here", passed=passed, detail=detail)


def _count_matches(built: Built) -> GateResult:
    rows = built.rows.num_rows
    return GateResult(
        gate="count_matches_warehouse",
        passed=rows == built.version.public.counted,
        detail=f"{rows} rows in the files, {built.version.public.counted} in the warehouse",
    )


def _codes_rise(table: pa.Table) -> GateResult:
    codes = table["code"].combine_chunks()
    passed = pc.all(pc.less(codes[:-1], codes[1:])).as_py() is not False  # of one row or none there is no pair
    return GateResult(gate="codes_rise", passed=passed, detail="sorted by code, each code once")


def _values_are_known(rows: pa.Table) -> GateResult:
    """Codes and classes of the contract alone: no text of a source has a place to stand in."""
    odd = {
        "code": pc.sum(pc.invert(pc.match_substring_regex(rows["code"], DOSSIER_CODE))).as_py() or 0,
        "progress": _others(rows["progress"], list(PROGRESS_NAMES)),
        "due_source": _others(rows["due_source"], ["source", "computed"]),
        "status": _others(rows["status"], list(range(1, 11))),
        "channel": _others(rows["channel"], [1, 2, 3]),
    }
    wrong = [f"{count} in {name}" for name, count in odd.items() if count]
    detail = f"values that are not the contract's: {', '.join(wrong)}" if wrong else "codes and classes of the contract"
    return GateResult(gate="values_are_known", passed=not wrong, detail=detail)


def _others(column: pa.ChunkedArray, allowed: list[object]) -> int:
    known = pc.or_(pc.is_null(column), pc.is_in(column, value_set=pa.array(allowed, type=column.type)))
    return int(pc.sum(pc.invert(known)).as_py() or 0)


def _no_large_drop(rows: int, previous: int | None, bounds: Bounds) -> GateResult:
    if previous is None:
        return GateResult(gate="no_large_drop", passed=True, detail="the first version")
    passed = rows >= previous * (1 - bounds.max_drop_share)
    detail = f"{rows} rows after {previous}; at most {bounds.max_drop_share:.0%} may vanish"
    return GateResult(gate="no_large_drop", passed=passed, detail=detail)


def _no_large_rise(rows: int, previous: int | None, bounds: Bounds) -> GateResult:
    if previous is None or previous < FEWEST_FOR_SHARES:
        return GateResult(gate="no_large_rise", passed=True, detail=f"no {FEWEST_FOR_SHARES} rows to compare with")
    passed = rows <= previous * (1 + bounds.max_rise_share)
    detail = f"{rows} rows after {previous}; at most {bounds.max_rise_share:.0%} may be added"
    return GateResult(gate="no_large_rise", passed=passed, detail=detail)


def _fill_rates_hold(built: Built) -> GateResult:
    before = {} if built.previous is None else built.previous.get("fill_rates", {})
    if built.before.num_rows < FEWEST_FOR_SHARES or not before:
        return GateResult(gate="fill_rates_hold", passed=True, detail=f"no {FEWEST_FOR_SHARES} rows to compare with")
    now = fill_rates(built.rows)
    lost = [
        f"{name} from {before[name]:.1%} to {now[name]:.1%}" for name in now if before[name] - now[name] > MAX_FILL_LOSS
    ]
    detail = "; ".join(lost) or f"no column lost more than {MAX_FILL_LOSS:.0%} of its values"
    return GateResult(gate="fill_rates_hold", passed=not lost, detail=detail)


def _statistics_add_up(built: Built) -> GateResult:
    """Received of all agencies together is the city's, and the rows'."""
    figures = built.version.statistics
    received = figures.filter(pc.equal(figures["measure"], "received"))
    whole = received.filter(pc.and_(pc.equal(received["field"], ALL), pc.equal(received["month"], ALL)))
    city = pc.sum(whole.filter(pc.equal(whole["agency_code"], ALL))["value"]).as_py() or 0
    agencies = pc.sum(whole.filter(pc.not_equal(whole["agency_code"], ALL))["value"]).as_py() or 0
    counted = pc.sum(pc.not_equal(built.rows["progress"], "not_received")).as_py() or 0
    return GateResult(
        gate="statistics_add_up",
        passed=city == agencies == counted,
        detail=f"received: {city} in the city, {agencies} in its agencies, {counted} in the rows",
    )


def _schemas_hold(built: Built) -> GateResult:
    """`agencies.json`, and of the changes the first ones, against the schemas that are published beside them."""
    delta = gzip.decompress((built.place / DELTA).read_bytes()).splitlines()[:CHANGES_TRIED]
    found = {
        "agencies": _problems("agencies", [orjson.loads((built.place / "agencies.json").read_bytes())]),
        "delta": _problems("delta", [orjson.loads(line) for line in delta]),
    }
    wrong = [f"{name}: {problem}" for name, problem in found.items() if problem]
    detail = "; ".join(wrong) or "agencies and changes are as their schemas say"
    return GateResult(gate="schemas_hold", passed=not wrong, detail=detail)


def _problems(name: str, values: Sequence[object]) -> str | None:
    """Where the first value that its schema refuses is wrong, without the value."""
    schema = orjson.loads((resources.files(__package__) / "schema" / f"{name}.schema.json").read_bytes())
    validator = Draft202012Validator(schema)
    error = next((error for value in values for error in validator.iter_errors(value)), None)
    return None if error is None else f"{error.json_path} breaks {error.validator}"


def _nothing_sensitive(built: Built) -> GateResult:
    shown = set(built.rows["procedure_code"].unique().to_pylist()) & built.sensitive
    few = [field for field, count in built.version.sensitive.items() if 0 < count < FEWEST]
    passed = not shown and not few
    detail = f"no row of a sensitive procedure, none of its figures below {FEWEST}"
    if not passed:
        detail = f"{len(shown)} sensitive procedures in the rows, {len(few)} figures below {FEWEST}"
    return GateResult(gate="nothing_sensitive", passed=passed, detail=detail)


def _nothing_personal(built: Built, watch: Watch) -> GateResult:
    """Every byte of every file, unpacked; Parquet holds the rows of the other two."""
    met = {
        file.name: kinds
        for file in sorted(built.place.iterdir())
        if file.suffix != ".parquet" and (kinds := watch.kinds_met_in(_parts(file)))
    }
    told = [f"{name}: {', '.join(sorted(kinds))}" for name, kinds in met.items()]
    detail = "; ".join(told) or "no number or address of a person, nothing that was planted"
    return GateResult(gate="nothing_personal", passed=not met, detail=detail)


def _parts(file: Path) -> Iterator[bytes]:
    """Whole lines, some megabytes at a time."""
    opener = gzip.open if file.suffix == ".gz" else Path.open
    rest = b""
    with opener(file, "rb") as opened:
        while block := opened.read(READ_BYTES):
            whole, mark, rest = (rest + block).rpartition(b"\n")
            yield whole + mark
    yield rest
