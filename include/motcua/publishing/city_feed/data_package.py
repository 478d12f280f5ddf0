"""`datapackage.json`: the snapshot as a Frictionless Data Package: common tools open it with the right types."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from motcua.publishing.city_feed.dossiers import ROW
from motcua.publishing.city_feed.statistics import STATISTICS

_TYPES = {pa.string(): "string", pa.int16(): "integer", pa.int64(): "integer", pa.date32(): "date"}
_PROCEDURES = ("procedure_code", "procedure_name", "field", "level", "limit_value", "limit_unit")


def data_package(*, seq: int, created: str) -> dict[str, object]:
    """The descriptor; tables have a schema, the same rows in other formats are files."""
    procedures = [{"name": name, "type": "number" if name == "limit_value" else "string"} for name in _PROCEDURES]
    return {
        "profile": "data-package",
        "name": "hai-phong-ho-so-mot-cua",
        "title": "Tiến độ giải quyết hồ sơ một cửa, thành phố Hải Phòng",
        "version": str(seq),
        "created": created,
        "resources": [
            _table("dossiers", "dossiers.csv.gz", _fields(ROW), ["code"]) | {"compression": "gz"},
            _table("procedures", "procedures.csv", procedures, ["procedure_code"]),
            _table("statistics", "statistics.csv", _fields(STATISTICS), STATISTICS.names[:4]),
            _file("dossiers-jsonl", "dossiers.jsonl.gz", "application/gzip"),
            _file("dossiers-parquet", "dossiers.parquet", "application/vnd.apache.parquet"),
            _file("changes", "delta.jsonl.gz", "application/gzip"),
            _file("agencies", "agencies.json", "application/json"),
        ],
    }


def _file(name: str, path: str, mediatype: str) -> dict[str, object]:
    # without its type, frictionless takes it for a table that it has no reader for
    return {"name": name, "path": path, "mediatype": mediatype, "type": "file"}


def _table(name: str, path: str, fields: Sequence[object], key: Sequence[str]) -> dict[str, object]:
    return {
        "name": name, "path": path, "profile": "tabular-data-resource", "format": "csv", "mediatype": "text/csv",
        "encoding": "utf-8", "schema": {"fields": fields, "primaryKey": list(key), "missingValues": [""]},
    }  # fmt: skip


def _fields(schema: pa.Schema) -> list[dict[str, object]]:
    return [
        {"name": field.name, "type": _TYPES[field.type]}
        | ({} if field.nullable else {"constraints": {"required": True}})
        for field in schema
    ]
