"""One version of the feed: its files, its manifest, and the comparison with the version before."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version as installed_version
from pathlib import Path

import orjson
import pyarrow as pa

from motcua.publishing.city_feed.dossiers import ROW, PublicDossiers
from motcua.publishing.city_feed.formats import FORMATS, csv_body
from motcua.publishing.city_feed.gates import GateResult
from motcua.publishing.city_feed.store import FeedStore
from motcua.publishing.reading import CITY_TIME
from motcua.registry import Registry

# A manifest, like every file of a version, is read by people too.
PRETTY = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
_TYPES = {pa.string(): "string", pa.int16(): "integer", pa.date32(): "date"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version on its way: what it is built from.

    Attributes:
        seq: its number, one more than the last.
        previous: the number before, None for the first.
        as_of: the moment it describes.
        public: its dossiers.
        agencies: rows of `agencies.json`.
        procedures: rows of `procedures.csv`.
        expires_at: after it the feed counts as stale.
    """

    seq: int
    previous: int | None
    as_of: datetime
    public: PublicDossiers
    agencies: Sequence[dict[str, object]]
    procedures: pa.Table
    expires_at: datetime

    def content_digest(self) -> str:
        """Equal to the previous version's: nothing a reader could see changed, but the moments of reading."""
        lasting = [{key: value for key, value in row.items() if key != "data_as_of"} for row in self.agencies]
        parts = (self.public.digest().encode(), orjson.dumps(lasting), csv_body(self.procedures))
        return hashlib.sha256(b"".join(parts)).hexdigest()


def directory(seq: int) -> str:
    """Path of a version below the feed."""
    return f"versions/{seq:08d}"


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
    for name, (write, _) in FORMATS.items():
        write(version.public.rows, place / name)
    (place / "agencies.json").write_bytes(orjson.dumps(list(version.agencies), option=PRETTY))
    (place / "procedures.csv").write_bytes(csv_body(version.procedures))
    (place / "datapackage.json").write_bytes(orjson.dumps(_datapackage(version), option=PRETTY))


def build_manifest(version: Version, place: Path, gates: Sequence[GateResult], *, rules: str, changed: int) -> bytes:
    """Writes `manifest.json` for the files in `place` and returns its bytes; `rules` is the registry's fingerprint."""
    rows = {**dict.fromkeys(FORMATS, version.public.rows.num_rows), "agencies.json": len(version.agencies)}
    rows["procedures.csv"] = version.procedures.num_rows
    body = {
        "version": 1,
        "seq": version.seq,
        "previous": version.previous,
        "as_of": city_iso(version.as_of),
        "expires_at": city_iso(version.expires_at),
        "code": installed_version("motcua"),
        "rules": rules,
        "content_sha256": version.content_digest(),
        "changed": changed,
        "files": [_entry(file, rows.get(file.name)) for file in sorted(place.iterdir())],
        "gates": [result.as_json() for result in gates],
    }
    written = orjson.dumps(body, option=PRETTY)
    (place / "manifest.json").write_bytes(written)
    return written


def count_changed(store: FeedStore, previous: int | None, built: Path) -> int:
    """Dossiers created, updated or gone against the previous snapshot; all of them when there is none to compare."""
    held = None if previous is None else store.read(f"{directory(previous)}/dossiers.jsonl.gz")
    before = _lines(held) if held is not None else set()
    after = _lines((built / "dossiers.jsonl.gz").read_bytes())
    return len({line.split(b'"', 4)[3] for line in before ^ after})


def city_iso(moment: datetime) -> str:
    """ISO 8601 with the city's offset."""
    return moment.astimezone(CITY_TIME).isoformat()


def _lines(body: bytes) -> set[bytes]:
    return set(gzip.decompress(body).splitlines())


def _entry(file: Path, rows: int | None) -> dict[str, object]:
    body = file.read_bytes()
    return {"name": file.name, "bytes": len(body), "sha256": hashlib.sha256(body).hexdigest(), "rows": rows}


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:g}"


def _datapackage(version: Version) -> dict[str, object]:
    """Frictionless Data Package of the snapshot, so that common tools open it with the right types."""
    fields = [{"name": field.name, "type": _TYPES[field.type]} for field in ROW]
    schema = {"fields": fields, "primaryKey": ["code"], "missingValues": [""]}
    return {
        "name": "hai-phong-ho-so-mot-cua",
        "title": "Tiến độ giải quyết hồ sơ một cửa, thành phố Hải Phòng",
        "version": str(version.seq),
        "created": city_iso(version.as_of),
        "resources": [
            {"name": "dossiers", "path": "dossiers.csv.gz", "format": "csv", "compression": "gz", "schema": schema},
            {"name": "dossiers-jsonl", "path": "dossiers.jsonl.gz", "format": "jsonl", "compression": "gz"},
            {"name": "dossiers-parquet", "path": "dossiers.parquet", "format": "parquet"},
            {"name": "procedures", "path": "procedures.csv", "format": "csv"},
            {"name": "agencies", "path": "agencies.json", "format": "json"},
        ],
    }
