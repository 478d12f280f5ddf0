"""One version of the feed: its files and its manifest."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from importlib.metadata import version as installed_version
from pathlib import Path

import orjson
import pyarrow as pa

from motcua.publishing.city_feed.data_package import data_package
from motcua.publishing.city_feed.delta import DELTA, Delta, write_delta
from motcua.publishing.city_feed.dossiers import PublicDossiers
from motcua.publishing.city_feed.formats import FORMATS, csv_body
from motcua.publishing.city_feed.gate import GateResult
from motcua.publishing.city_feed.keys import SigningKey
from motcua.publishing.city_feed.reading import MANIFEST
from motcua.publishing.reading import CITY_TIME
from motcua.registry import Registry

# A manifest, like every file of a version, is read by people too.
PRETTY = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
SIGNATURE = "manifest.jws"
FORMULAS = "statistics.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version on its way: what it is built from.

    Attributes:
        seq: its number, one more than the last.
        previous: the version that its delta follows; None for the first, and where the one before cannot be read.
        as_of: the moment it describes.
        is_snapshot: whether it holds all rows.
        public: its dossiers.
        delta: what changed since `previous`.
        agencies: rows of `agencies.json`.
        sensitive: by field: dossiers of sensitive procedures that `received` of the field holds.
        statistics: rows of `statistics.csv`.
        procedures: rows of `procedures.csv`.
        expires_at: after it the feed counts as stale.
    """

    seq: int
    previous: int | None
    as_of: datetime
    is_snapshot: bool
    public: PublicDossiers
    delta: Delta
    agencies: Sequence[Mapping[str, object]]
    sensitive: Mapping[str, int]
    statistics: pa.Table
    procedures: pa.Table
    expires_at: datetime

    @property
    def changed(self) -> int:
        """Dossiers created, updated or gone; all of them where there is nothing to compare with."""
        return self.delta.size if self.previous is not None else int(self.public.rows.num_rows)


def procedures_table(registry: Registry) -> pa.Table:
    """The registry's procedures that may be named, by code."""
    shown = [
        registry.procedures[code] for code in sorted(registry.procedures) if not registry.procedures[code].sensitive
    ]
    columns = {
        "procedure_code": [procedure.code for procedure in shown],
        "procedure_name": [procedure.name for procedure in shown],
        "field": [procedure.field_name for procedure in shown],
        "level": [procedure.level for procedure in shown],
        "limit_value": [_number(procedure.limit_value) for procedure in shown],
        "limit_unit": [procedure.limit_unit for procedure in shown],
    }
    return pa.table({name: pa.array(values, type=pa.string()) for name, values in columns.items()})


def build_files(version: Version, place: Path) -> None:
    """Writes every file of the version but its manifest into `place`."""
    (place / "agencies.json").write_bytes(orjson.dumps(list(version.agencies), option=PRETTY))
    (place / "statistics.csv").write_bytes(csv_body(version.statistics))
    (place / FORMULAS).write_bytes((resources.files(__package__) / FORMULAS).read_bytes())
    write_delta(version.delta, place / DELTA)
    if not version.is_snapshot:
        return
    for name, (write, _) in FORMATS.items():
        write(version.public.rows, place / name)
    (place / "procedures.csv").write_bytes(csv_body(version.procedures))
    body = data_package(seq=version.seq, created=city_iso(version.as_of))
    (place / "datapackage.json").write_bytes(orjson.dumps(body, option=PRETTY))


def build_manifest(version: Version, place: Path, gates: Sequence[GateResult], *, rules: str, key: SigningKey) -> bytes:
    """Writes `manifest.json` for the files in `place`, and its signature; returns its bytes.

    Args:
        version: what was built.
        place: directory with every other file.
        gates: what held.
        rules: the registry's fingerprint.
        key: signs.
    """
    rows = {
        **dict.fromkeys(FORMATS, version.public.rows.num_rows),
        "agencies.json": len(version.agencies),
        "statistics.csv": version.statistics.num_rows,
        "procedures.csv": version.procedures.num_rows,
        DELTA: version.delta.size,
    }
    body = {
        "version": 1,
        "seq": version.seq,
        "previous": version.previous,
        "snapshot": version.is_snapshot,
        "as_of": city_iso(version.as_of),
        "expires_at": city_iso(version.expires_at),
        "code": program(),
        "rules": rules,
        "rows": version.public.rows.num_rows,
        "changed": version.changed,
        "fill_rates": fill_rates(version.public.rows),
        "files": [_entry(file, rows.get(file.name)) for file in sorted(place.iterdir())],
        "gates": [result.as_json() for result in gates],
    }
    written = orjson.dumps(body, option=PRETTY)
    (place / MANIFEST).write_bytes(written)
    (place / SIGNATURE).write_bytes(key.sign_detached(written))
    return written


def program() -> str:
    """Which program builds versions: what it makes of the same data may differ from another's."""
    return installed_version("motcua")


def fill_rates(rows: pa.Table) -> dict[str, float]:
    """By column, the share of rows that have a value; four decimals, 1 where there are no rows."""
    total = rows.num_rows or 1
    return {name: round(1 - rows[name].null_count / total, 4) for name in rows.column_names}


def city_iso(moment: datetime) -> str:
    """ISO 8601 with the city's offset."""
    return moment.astimezone(CITY_TIME).isoformat()


def _entry(file: Path, rows: int | None) -> dict[str, object]:
    with file.open("rb") as body:
        digest = hashlib.file_digest(body, "sha256").hexdigest()
    return {"name": file.name, "bytes": file.stat().st_size, "sha256": digest, "rows": rows}


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:g}"
