"""What must hold before the pointer moves: each gate is a name, a verdict and a sentence for the manifest."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import pyarrow as pa

from motcua.publishing.city_feed.dossiers import ROW
from motcua.publishing.city_feed.formats import FORMATS


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    """One gate, as the manifest lists it."""

    gate: str
    passed: bool
    detail: str

    def as_json(self) -> dict[str, object]:
        """The entry of the manifest."""
        return asdict(self)


def check_gates(built: Path, *, counted: int, previous_rows: int | None, max_drop_share: float) -> list[GateResult]:
    """Judges the files in `built` as a consumer would read them, not the table they came from.

    Args:
        built: directory with the three formats.
        counted: public dossiers as the warehouse counts them.
        previous_rows: rows of the version before, None for the first.
        max_drop_share: the largest share of the previous rows that may vanish.
    """
    tables = {name: read(built / name, ROW) for name, (_, read) in FORMATS.items()}
    first = tables["dossiers.parquet"]
    return [
        _columns(tables),
        _formats_agree(tables),
        GateResult(
            gate="count_matches_warehouse",
            passed=first.num_rows == counted,
            detail=f"{first.num_rows} rows in the files, {counted} in the warehouse",
        ),
        _codes_rise(first),
        _no_large_drop(first.num_rows, previous_rows, max_drop_share),
    ]


def _columns(tables: dict[str, pa.Table]) -> GateResult:
    odd = [name for name, table in tables.items() if table.column_names != ROW.names]
    detail = f"{len(ROW.names)} columns in every format" if not odd else f"columns differ in {', '.join(odd)}"
    return GateResult(gate="columns_are_the_allowed_ones", passed=not odd, detail=detail)


def _formats_agree(tables: dict[str, pa.Table]) -> GateResult:
    wanted = tables["dossiers.parquet"]
    odd = [name for name, table in tables.items() if not table.equals(wanted)]
    detail = f"{wanted.num_rows} equal rows in {len(tables)} formats" if not odd else f"rows differ in {', '.join(odd)}"
    return GateResult(gate="formats_agree", passed=not odd, detail=detail)


def _codes_rise(table: pa.Table) -> GateResult:
    codes = table["code"].to_pylist()
    passed = all(left < right for left, right in pairwise(codes))
    return GateResult(gate="codes_rise", passed=passed, detail="sorted by code, each code once")


def _no_large_drop(rows: int, previous: int | None, max_drop_share: float) -> GateResult:
    if previous is None:
        return GateResult(gate="no_large_drop", passed=True, detail="the first version")
    passed = rows >= previous * (1 - max_drop_share)
    detail = f"{rows} rows after {previous}; at most {max_drop_share:.0%} may vanish"
    return GateResult(gate="no_large_drop", passed=passed, detail=detail)
