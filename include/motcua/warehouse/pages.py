"""The archived pages of batches, and which of the records on them count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import repeat
from types import MappingProxyType
from typing import NamedTuple

import sqlalchemy as sa


class Page(NamedTuple):
    """One archived page of a batch, with what its bytes do not say."""

    sha256: str
    note: Mapping[str, str]


class Only(NamedTuple):
    """Which records of some pages count.

    Attributes:
        identities: dossier codes, and `#` with the digest of what stands in a code's place.
        places: rows of a page, by its sha256.
    """

    identities: frozenset[str] = frozenset()
    places: Mapping[str, frozenset[int]] = MappingProxyType({})


class Pages(NamedTuple):
    """All pages of a source's batch, in reading order.

    Attributes:
        source_id: whose.
        pages: in reading order.
        is_full: of a full listing.
        is_replay: pages of earlier batches, judged again.
        only: of the records in them, those that count; None: all.
        erased: dossiers that stood on them, and were erased: nothing is known of these.
    """

    source_id: str
    pages: Sequence[Page]
    is_full: bool = False
    is_replay: bool = False
    only: Only | None = None
    erased: frozenset[str] = frozenset()


def pages_of(connection: sa.Connection, batches: Sequence[str]) -> list[Pages]:
    """The pages of each batch, by source.

    Erasures are of the archive, which is one, whatever warehouse is written: their schema is named.
    """
    rows = connection.execute(
        sa.text("""
            SELECT source_id, pages, page_notes, kind,
                   ARRAY(SELECT DISTINCT e.code FROM core.erasure e WHERE e.pages && batch.pages) AS erased
            FROM batch WHERE batch_id = ANY(:batches) ORDER BY source_id
        """),
        {"batches": list(batches)},
    )
    return [
        Pages(
            row.source_id, with_notes(row.pages, row.page_notes), row.kind == "full", row.kind == "replay",
            erased=frozenset(row.erased),
        )
        for row in rows
    ]  # fmt: skip


def with_notes(digests: Sequence[str], notes: Sequence[Mapping[str, str]] | None) -> list[Page]:
    """Pages as `core.batch` has them: digests, and notes where any page has one."""
    return [Page(*page) for page in zip(digests, notes or repeat({}, len(digests)), strict=True)]
