"""The rows of a published version, as any consumer gets them: the newest snapshot, and the deltas that follow it."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet

from motcua.errors import PublicationRefused
from motcua.publishing.city_feed.delta import DELTA, Delta, apply, read_delta, then
from motcua.publishing.city_feed.dossiers import ROW
from motcua.publishing.city_feed.store import FeedStore

SNAPSHOT = "dossiers.parquet"
MANIFEST = "manifest.json"

# Any: shaped as its JSON Schema says
Manifest = Mapping[str, Any]


class NotInFeed(PublicationRefused):
    """A file of the feed is missing or is not what its manifest says."""


def directory(seq: int) -> str:
    """Path of a version below the feed."""
    return f"versions/{seq:08d}"


def read_manifest(store: FeedStore, seq: int) -> Manifest:
    """The manifest of a version; NotInFeed where there is none."""
    manifest: Manifest = orjson.loads(required(store, f"{directory(seq)}/{MANIFEST}"))
    return manifest


def current_rows(store: FeedStore, index: Mapping[str, Any], *, columns: Sequence[str] = tuple(ROW.names)) -> pa.Table:
    """The rows that a pointer stands for, by code.

    Args:
        store: the feed.
        index: the parsed `index.json`.
        columns: those of ROW that are wanted.

    Raises:
        NotInFeed: a file is missing or damaged.
    """
    return rows_of(store, int(index["seq"])).select(list(columns))


def rows_of(store: FeedStore, seq: int) -> pa.Table:
    """The rows of a version, schema ROW, by code; NotInFeed where a file on the way is missing or damaged."""
    since = Delta.none()
    while True:
        manifest = read_manifest(store, seq)
        if manifest.get("snapshot", True):  # versions from before deltas were nothing else
            break
        since = then(read_delta(checked(store, manifest, DELTA)), since)
        if manifest["previous"] is None:
            return apply(ROW.empty_table(), since)
        seq = int(manifest["previous"])
    table = pyarrow.parquet.read_table(io.BytesIO(checked(store, manifest, SNAPSHOT)))
    return apply(table.cast(ROW), since) if since.size else table.cast(ROW).combine_chunks()


def checked(store: FeedStore, manifest: Manifest, name: str) -> bytes:
    """A file of a version; NotInFeed when it is not the one that the manifest names."""
    path = f"{directory(int(manifest['seq']))}/{name}"
    entry = next((entry for entry in manifest["files"] if entry["name"] == name), None)
    if entry is None:
        raise NotInFeed(f"{path}: the manifest does not name it")
    body = required(store, path)
    if hashlib.sha256(body).hexdigest() != entry["sha256"]:
        raise NotInFeed(f"{path}: its sha256 is not the manifest's; publish a snapshot")
    return body


def required(store: FeedStore, path: str) -> bytes:
    """A file of the feed; NotInFeed where there is none."""
    body = store.read(path)
    if body is None:
        raise NotInFeed(f"{path} is not in the feed; publish a snapshot")
    return body
