"""Canonical frames of many batches, from their archived pages; no more raw records in memory than one bite."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import pandas as pd

from motcua.landing import Archive
from motcua.mapping import SPECS, MappedBatch, Record, map_records
from motcua.platforms import PLATFORMS
from motcua.registry import Registry

# Records held as Python objects at once, at most so many and from so many bytes: ordinary ones are some ten kilobytes
# each as objects, so a bite stays under 60 MB.
BITE = 5_000
BITE_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Mapped:
    """Frames of many batches in one.

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


@dataclass(frozen=True, slots=True)
class _Page:
    source_id: str
    sha256: str
    records: Sequence[Record]


def map_batches(
    batches: Sequence[tuple[str, Sequence[str]]], archive: Archive, registry: Registry, *, cycle_id: int
) -> Mapped:
    """Maps the pages of batches (source, sha256 of each page), each by its platform's spec."""
    dossiers, steps, supplements, unknown = [], [], [], []
    offset = 0
    for kind, bite in _bites(batches, archive, registry):
        mapped = map_records(
            [(page.sha256, page.records) for page in bite], SPECS[kind.platform], registry, own_codes=dict(kind.codes)
        )
        frame = mapped.dossiers.set_index(pd.RangeIndex(offset, offset + len(mapped.dossiers)))
        sources = pd.Series([page.source_id for page in bite for _ in page.records], dtype="str", index=frame.index)
        dossiers.append(frame.assign(source_id=sources, batch_id=f"{cycle_id}." + sources))
        steps.append(mapped.steps.assign(row=mapped.steps["row"] + offset))
        supplements.append(mapped.supplements.assign(row=mapped.supplements["row"] + offset))
        unknown += _unknown_fields(bite, mapped, cycle_id)
        offset += len(frame)
    fields = pd.DataFrame(unknown, columns=["source_id", "field", "page_sha256", "batch_id"], dtype="str")
    return Mapped(
        pd.concat(dossiers),
        pd.concat(steps, ignore_index=True),
        pd.concat(supplements, ignore_index=True),
        fields.drop_duplicates(["source_id", "field"]),
    )


def _bites(
    batches: Sequence[tuple[str, Sequence[str]]], archive: Archive, registry: Registry
) -> Iterator[tuple[_Kind, list[_Page]]]:
    """Pages that are read alike, about `BITE` records at a time; at least one, so that empty frames have columns."""

    def kind_of(batch: tuple[str, Sequence[str]]) -> _Kind:
        source = registry.sources[batch[0]]
        return _Kind(source.platform, tuple(sorted(source.codes.items())))

    is_empty = True
    for kind, some in groupby(sorted(batches, key=kind_of), key=kind_of):
        for bite in _cut(some, archive, kind.platform):
            is_empty = False
            yield kind, bite
    if is_empty:
        yield _Kind(next(iter(SPECS))), []


def _cut(batches: Iterable[tuple[str, Sequence[str]]], archive: Archive, platform: str) -> Iterator[list[_Page]]:
    bite: list[_Page] = []
    size = 0
    for source_id, pages in batches:
        for sha256 in pages:
            body = archive.get(sha256)
            bite.append(_Page(source_id, sha256, PLATFORMS[platform].records(body)))
            size += len(body)
            if size >= BITE_BYTES or sum(len(page.records) for page in bite) >= BITE:
                yield bite
                bite, size = [], 0
    if bite:
        yield bite


def _unknown_fields(bite: Sequence[_Page], mapped: MappedBatch, cycle_id: int) -> list[tuple[str, str, str, str]]:
    """Which source has which of the fields that nobody named."""
    sha_to_source = {page.sha256: page.source_id for page in bite}
    return [
        (sha_to_source[sha256], field, sha256, f"{cycle_id}.{sha_to_source[sha256]}")
        for sha256, field in mapped.unknown_fields
    ]
