"""Versions one by one: signed, whole, and nothing in them but what the manifest names."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import pyarrow.parquet

from motcua.publishing.feed_check.chain import is_a_snapshot
from motcua.publishing.feed_check.place import Feed, folder
from motcua.publishing.feed_check.report import Told, Unreadable
from motcua.publishing.feed_check.rows import columns
from motcua.publishing.feed_check.schemas import against
from motcua.publishing.feed_check.signatures import check_signature

OF_EVERY = ("agencies.json", "statistics.csv", "statistics.md", "delta.jsonl.gz")
OF_SNAPSHOTS = ("datapackage.json", "dossiers.jsonl.gz", "dossiers.csv.gz", "dossiers.parquet", "procedures.csv")
BESIDE = {"manifest.json", "manifest.jws"}


def check_versions(feed: Feed, index: Mapping[str, Any], versions: list[int], told: Told) -> Iterator[str]:
    """Each version's signature, manifest, and every file's bytes, sha256 and rows."""
    files = 0
    for seq in versions:
        try:
            yield from check_signature(feed, f"{folder(seq)}/manifest.json", Told())
            manifest = feed.manifest(seq)
        except Unreadable as error:
            yield f"phiên bản {seq}: {error}"
            continue
        yield from against(feed, "manifest", manifest, f"{folder(seq)}/manifest.json")
        yield from _manifest(feed, seq, manifest)
        for entry in manifest["files"]:
            yield from _file(feed, f"{folder(seq)}/{entry['name']}", entry)
        files += len(manifest["files"])
    yield from _pointed(feed, index)
    told.detail = f"{len(versions)} phiên bản, {files} tệp"


def _pointed(feed: Feed, index: Mapping[str, Any]) -> Iterator[str]:
    manifest = feed.manifest(index["seq"])
    for key in ("version", "seq", "as_of", "expires_at"):
        if manifest[key] != index[key]:
            yield f"{key}: index.json ghi {index[key]}, manifest ghi {manifest[key]}"
    if not is_a_snapshot(feed.manifest(index["snapshot"])):
        yield f"index.json: snapshot {index['snapshot']} không phải bản đầy đủ"


def _manifest(feed: Feed, seq: int, manifest: Mapping[str, Any]) -> Iterator[str]:
    path = folder(seq)
    if manifest["seq"] != seq or (manifest["previous"] or 0) >= seq:
        yield f"{path}: manifest ghi seq {manifest['seq']}, previous {manifest['previous']}"
    names = [entry["name"] for entry in manifest["files"]]
    wanted = {*OF_EVERY, *(OF_SNAPSHOTS if is_a_snapshot(dict(manifest)) else ())}
    if len(set(names)) != len(names) or set(names) != wanted:
        yield f"{path}: các tệp là {', '.join(sorted(names))}; cần {', '.join(sorted(wanted))}"
    if failed := [gate["gate"] for gate in manifest["gates"] if not gate["passed"]]:
        yield f"{path}: công bố dù không qua cổng {', '.join(failed)}"
    lying = feed.place.names(path)
    if lying is not None and (others := set(lying) - set(names) - BESIDE):
        yield f"{path}: có tệp không ghi trong manifest: {', '.join(sorted(others))}"


def _file(feed: Feed, path: str, entry: Mapping[str, Any]) -> Iterator[str]:
    body = feed.place.read(path)
    if body is None:
        yield f"thiếu tệp {path}"
        return
    if len(body) != entry["bytes"]:
        yield f"{path}: {len(body)} byte, manifest ghi {entry['bytes']}"
    if hashlib.sha256(body).hexdigest() != entry["sha256"]:
        yield f"{path}: sha256 không khớp manifest"
    elif (rows := _rows(path, body)) != entry["rows"]:
        yield f"{path}: {rows} dòng, manifest ghi {entry['rows']}"


def _rows(path: str, body: bytes) -> int | None:
    """Rows of a file, by its ending; None of one that has none."""
    with gzip.open(io.BytesIO(body)) if path.endswith(".gz") else io.BytesIO(body) as file:
        if path.endswith(".jsonl.gz"):
            return sum(1 for _ in file)
        if path.endswith((".csv", ".csv.gz")):
            return sum(1 for _ in csv.reader(io.TextIOWrapper(file, encoding="utf-8", newline=""))) - 1
    if path.endswith(".parquet"):
        return int(pyarrow.parquet.ParquetFile(io.BytesIO(body)).metadata.num_rows)
    return len(orjson.loads(body)) if path.endswith("agencies.json") else None


def check_data_package(feed: Feed, seq: int) -> Iterator[str]:
    """The descriptor names files of the version, and the columns of the rows."""
    package = feed.json(f"{folder(seq)}/datapackage.json")
    names = {entry["name"] for entry in feed.manifest(seq)["files"]}
    resources = {resource["path"]: resource for resource in package["resources"]}
    for path in sorted(resources.keys() - names):
        yield f"datapackage.json: nêu {path}, không có trong phiên bản"
    described = [field["name"] for field in resources["dossiers.csv.gz"]["schema"]["fields"]]
    if described != columns(feed).names:
        yield f"datapackage.json: các cột của dossiers.csv.gz là {', '.join(described)}"
