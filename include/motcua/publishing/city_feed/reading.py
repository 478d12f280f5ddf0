"""The published dossiers as a consumer has them: the rows that `index.json` stands for, read from the feed's files."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.parquet

from motcua.errors import PublicationRefused
from motcua.publishing.city_feed.store import FeedStore


def current_rows(store: FeedStore, index: Mapping[str, object], *, columns: Sequence[str] | None = None) -> pa.Table:
    """The rows as of the version that `index` names, columns as in the feed's row (`dossiers.ROW`).

    Args:
        store: the feed.
        index: what `index.json` holds.
        columns: those wanted; all when absent.

    Raises:
        PublicationRefused: the version lacks its rows.
    """
    version = str(index["manifest"]).rpartition("/")[0]
    body = required(store, f"{version}/dossiers.parquet")
    return pyarrow.parquet.read_table(io.BytesIO(body), columns=columns if columns is None else list(columns))


def required(store: FeedStore, path: str) -> bytes:
    """A file that a published feed always has.

    Raises:
        PublicationRefused: it is not there.
    """
    body = store.read(path)
    if body is None:
        raise PublicationRefused(f"{path} is not in the feed {store.root}; publish a version first")
    return body
