"""A consumer of the city feed: follows `index.json`, checks every byte it is told of, and reads all there is."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet

NUMBERS = {"channel", "service_level", "status", "supplements"}
FORMATS = ("dossiers.jsonl.gz", "dossiers.csv.gz", "dossiers.parquet")
Row = Mapping[str, object]
Rows = list[Row]


@dataclass(slots=True, kw_only=True)
class Feed:
    """The feed as read.

    Attributes:
        formats: rows by file name, dates as ISO texts.
        lookups: entries with their code under `code` and the name of their shard under `shard`.
        text: all that can be read in any file, by path: unpacked, the page and the schemas included.
        broken: promises of the manifest that its files do not keep.
    """

    index: Row
    manifest: Row
    formats: dict[str, Rows]
    agencies: Rows
    lookups: Rows
    text: dict[str, str]
    broken: list[str] = field(default_factory=list)


def read_feed(root: Path) -> Feed:
    """Reads the version that `index.json` names, and the look-ups beside it."""
    index = json.loads((root / "index.json").read_text(encoding="utf-8"))
    version = (root / index["manifest"]).parent
    manifest = json.loads((root / index["manifest"]).read_text(encoding="utf-8"))
    formats = {name: _since(root, index, _READERS[name](_of_snapshot(root, index, name))) for name in FORMATS}
    agencies = json.loads((version / "agencies.json").read_text(encoding="utf-8"))
    kept = {entry["name"] for entry in manifest["files"]}
    counted = {name: len(rows) for name, rows in formats.items() if name in kept} | {"agencies.json": len(agencies)}
    return Feed(
        index=index,
        manifest=manifest,
        formats=formats,
        agencies=agencies,
        lookups=[entry for shard in sorted((root / "lookup").glob("*.json")) for entry in _entries(shard)],
        text={str(file.relative_to(root)): _text(file) for file in sorted(root.rglob("*")) if file.is_file()},
        broken=[word for entry in manifest["files"] for word in _broken(version, entry, counted)],
    )


def _of_snapshot(root: Path, index: Row, name: str) -> bytes:
    return (root / f"versions/{index['snapshot']:08d}" / name).read_bytes()


def _since(root: Path, index: Row, rows: Rows) -> Rows:
    """Rows of the newest snapshot after the deltas that follow it; as they stand where none does."""
    seqs = index["deltas"]
    assert isinstance(seqs, list)
    later = [seq for seq in seqs if seq > index["snapshot"]]
    if not later:
        return rows
    found = {str(row["code"]): row for row in rows}
    for seq in later:
        body = gzip.decompress((root / f"versions/{seq:08d}/delta.jsonl.gz").read_bytes())
        for change in map(json.loads, body.splitlines()):
            found.pop(change["code"], None)
            if change["row"] is not None:
                found[change["code"]] = change["row"]
    return [found[code] for code in sorted(found)]


def _entries(shard: Path) -> Rows:
    body = json.loads(shard.read_text(encoding="utf-8"))
    return [{**entry, "code": code, "shard": shard.stem} for code, entry in body["dossiers"].items()]


def _broken(version: Path, entry: Row, counted: Mapping[str, int]) -> list[str]:
    name, body = str(entry["name"]), (version / str(entry["name"])).read_bytes()
    kept = {
        "bytes": len(body) == entry["bytes"],
        "sha256": hashlib.sha256(body).hexdigest() == entry["sha256"],
        "rows": entry["rows"] == counted.get(name, entry["rows"]),
    }
    return [f"{name}: {promise}" for promise, is_kept in kept.items() if not is_kept]


def _text(file: Path) -> str:
    body = file.read_bytes()
    if file.suffix == ".parquet":
        return _json(pyarrow.parquet.read_table(io.BytesIO(body)).to_pylist())
    if file.suffix == ".gz":
        body = gzip.decompress(body)
    return body.decode("utf-8", errors="replace")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _from_jsonl(body: bytes) -> Rows:
    return [json.loads(line) for line in gzip.decompress(body).splitlines()]


def _from_csv(body: bytes) -> Rows:
    lines = csv.DictReader(io.StringIO(gzip.decompress(body).decode("utf-8"), newline=""))
    return [{name: _csv_value(name, text) for name, text in row.items()} for row in lines]


def _csv_value(name: str, text: str) -> object:
    if text == "":
        return None
    return int(text) if name in NUMBERS else text


def _from_parquet(body: bytes) -> Rows:
    rows: Rows = json.loads(_json(pyarrow.parquet.read_table(io.BytesIO(body)).to_pylist()))
    return rows


_READERS = {"dossiers.jsonl.gz": _from_jsonl, "dossiers.csv.gz": _from_csv, "dossiers.parquet": _from_parquet}
