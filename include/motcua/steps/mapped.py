"""Canonical frames of batches, from their archived pages: a slice at a time, and no more raw records than one bite."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain, groupby
from typing import NamedTuple

import numpy as np
import pandas as pd

from motcua.landing import Archive
from motcua.mapping import SPECS, MappedBatch, PageRecords, Record, columns, map_records
from motcua.registry import Registry
from motcua.steps.pages import records_of
from motcua.steps.tables import identity_of
from motcua.warehouse.pages import Only, Pages

# Records held as Python objects at once, at most so many and from so many bytes: ordinary ones are some ten kilobytes
# each as objects, so a bite stays under 60 MB.
BITE = 5_000
BITE_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Mapped:
    """Frames of a slice: rows of one batch or of many.

    Attributes:
        dossiers: canonical rows with `source_id` and `batch_id`, numbered through.
        steps: `row` is the index of `dossiers`.
        supplements: likewise.
        unknown_fields: `source_id, field, page_sha256, batch_id`, one row a field of a source that no spec names.
    """

    dossiers: pd.DataFrame
    steps: pd.DataFrame
    supplements: pd.DataFrame
    unknown_fields: pd.DataFrame


class _Kind(NamedTuple):
    """Sources whose records are read alike."""

    platform: str
    codes: tuple[tuple[str, str], ...] = ()


class _Owner(NamedTuple):
    """Whose the next `rows` rows are, and from which page."""

    source_id: str
    sha256: str
    rows: int


def map_batches(
    batches: Sequence[Pages], archive: Archive, registry: Registry, *, cycle_id: int, rows_at_once: int,
    day: date | None = None,
) -> Iterator[Mapped]:  # fmt: skip
    """Maps the pages of batches, each by its platform's spec; at least one slice, each of about `rows_at_once` rows.

    They are corrected as of `day`.
    """
    bites: list[tuple[list[_Owner], MappedBatch]] = []
    rows = 0
    for kind, bite in _bites(batches, archive, registry):
        mapped = map_records(
            [piece for _, piece in bite], SPECS[kind.platform], registry, own_codes=dict(kind.codes),
            sources=[source_id for source_id, _ in bite], day=day,
        )  # fmt: skip
        if bites and rows + len(mapped.dossiers) > rows_at_once:
            full, bites, rows = _slice(bites, cycle_id), [], 0
            yield full
            del full  # two slices at once would be too many
        bites.append(([_Owner(source_id, piece.sha256, len(piece.records)) for source_id, piece in bite], mapped))
        rows += len(mapped.dossiers)
    yield _slice(bites, cycle_id)


def _slice(bites: Sequence[tuple[list[_Owner], MappedBatch]], cycle_id: int) -> Mapped:
    dossiers, steps, supplements, unknown = [], [], [], []
    offset = 0
    for owners, mapped in bites:
        frame = mapped.dossiers.set_index(pd.RangeIndex(offset, offset + len(mapped.dossiers)))
        sources = pd.Series(
            [owner.source_id for owner in owners for _ in range(owner.rows)], dtype="str", index=frame.index
        )
        dossiers.append(frame.assign(source_id=sources, batch_id=f"{cycle_id}." + sources))
        steps.append(mapped.steps.assign(row=mapped.steps["row"] + offset))
        supplements.append(mapped.supplements.assign(row=mapped.supplements["row"] + offset))
        unknown += _unknown_fields(owners, mapped, cycle_id)
        offset += len(frame)
    fields = pd.DataFrame(unknown, columns=["source_id", "field", "page_sha256", "batch_id"], dtype="str")
    return Mapped(
        pd.concat(dossiers),
        pd.concat(steps, ignore_index=True),
        pd.concat(supplements, ignore_index=True),
        fields.drop_duplicates(["source_id", "field"]),
    )


def _bites(
    batches: Sequence[Pages], archive: Archive, registry: Registry
) -> Iterator[tuple[_Kind, list[tuple[str, PageRecords]]]]:
    """Records that are read alike, about `BITE` at a time; at least one bite, so that empty frames have columns."""

    def kind_of(batch: Pages) -> _Kind:
        source = registry.sources[batch.source_id]
        return _Kind(source.platform, tuple(sorted(source.codes.items())))

    is_empty = True
    for kind, some in groupby(sorted(batches, key=kind_of), key=kind_of):
        for bite in _cut(some, archive, registry):
            is_empty = False
            yield kind, bite
    if is_empty:
        yield _Kind(next(iter(SPECS))), []


def _cut(batches: Iterable[Pages], archive: Archive, registry: Registry) -> Iterator[list[tuple[str, PageRecords]]]:
    bite: list[tuple[str, PageRecords]] = []
    size = 0
    for batch in batches:
        source = registry.sources[batch.source_id]
        for page in batch.pages:
            records, bytes_read = records_of(archive, page.sha256, source=source, note=page.note)
            size += bytes_read
            for piece in _counted(batch, source.platform, _pieces(page.sha256, records)):
                bite.append((source.id, piece))
                if size >= BITE_BYTES or sum(len(piece.records) for _, piece in bite) >= BITE:
                    yield bite
                    bite, size = [], 0
    if bite:
        yield bite


def _pieces(sha256: str, records: Iterable[Record | None]) -> Iterator[PageRecords]:
    """A page in pieces of at most `BITE` records, none across an erased one; a page without any is one empty piece."""
    some: list[Record] = []
    first_row, is_empty = 0, True
    for row, record in enumerate(records):
        if record is not None:
            some.append(record)
        if some and (record is None or len(some) == BITE):
            yield PageRecords(sha256, some, first_row)
            some, is_empty = [], False
        if not some:
            first_row = row + 1
    if some or is_empty:
        yield PageRecords(sha256, some, first_row)


def _counted(batch: Pages, platform: str, pieces: Iterator[PageRecords]) -> Iterator[PageRecords]:
    """The pieces of a page, or what counts of them."""
    if batch.only is None:
        return pieces
    return chain.from_iterable(_narrowed(piece, platform, batch.only) for piece in pieces)


def _narrowed(piece: PageRecords, platform: str, only: Only) -> Iterator[PageRecords]:
    """The records of a piece that count, in runs as they stand: those of some dossiers, and those at some places."""
    counts = np.zeros(len(piece.records), dtype=bool)
    rows = np.array(sorted(only.places.get(piece.sha256, ())), dtype=int) - piece.first_row
    counts[rows[(rows >= 0) & (rows < len(counts))]] = True
    if only.identities:
        codes = columns.dossier_codes([record.get(SPECS[platform].code) for record in piece.records])
        counts |= codes.map(identity_of, na_action="ignore").isin(only.identities).to_numpy()
    found = np.flatnonzero(counts)
    for run in np.split(found, np.flatnonzero(np.diff(found) > 1) + 1):
        if run.size:
            yield PageRecords(piece.sha256, piece.records[run[0] : run[-1] + 1], piece.first_row + int(run[0]))


def _unknown_fields(owners: Sequence[_Owner], mapped: MappedBatch, cycle_id: int) -> list[tuple[str, str, str, str]]:
    """Which source has which of the fields that nobody named."""
    sha_to_source = {owner.sha256: owner.source_id for owner in owners}
    return [
        (sha_to_source[sha256], field, sha256, f"{cycle_id}.{sha_to_source[sha256]}")
        for sha256, field in mapped.unknown_fields
    ]
