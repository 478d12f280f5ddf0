"""A batch's records to its three canonical frames, and what was noticed on the way."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import orjson
import pandas as pd

from motcua.mapping import columns, corrections
from motcua.mapping.children import children_of
from motcua.mapping.columns import CodeTables
from motcua.mapping.spec import Field, Kind, Record, Spec
from motcua.registry import Registry

# Always needed, and needed of all but tombstones; receipt is needed of what was received.
_ALWAYS = ("code", "agency_code", "source_changed_at")
_LIVING = ("procedure_code", "status")
_NOT_RECEIVED = (1, 3)


# Of a page: a few are news, thousands are noise.
MOST_UNKNOWN = 50


class PageRecords(NamedTuple):
    """Records of an archived page, or of a piece of it that begins at its row `first_row`."""

    sha256: str
    records: Sequence[Record]
    first_row: int = 0


@dataclass(frozen=True, slots=True)
class MappedBatch:
    """Canonical frames of one batch.

    Attributes:
        dossiers: one row a listed record, index 0…n-1. The canonical columns, `page_sha256`, `page_row`,
            `content_sha256` (hex), and what was noticed: `missing`, `impossible`, `damaged`, `cleaned`, `mistyped` and
            `by_day`, which are days without a time (each: names of fields joined by commas, or null), `steps_known`;
            `corrections` and `corrections_unneeded` (see `corrections.correct`); and of its platform
            `supplements_told` and `dated_by_file`.
        steps: `row` (of `dossiers`), `at, status, n, department, note, started_at, due_at`, in listed order, and
            `derived`: worked out from the dossier's dates.
        supplements: `row, n, external_id, requested_at, answered_at, due_at, note`, in listed order.
        unknown_fields: (sha256 of a page, key) for keys on it that the spec does not name.
    """

    dossiers: pd.DataFrame
    steps: pd.DataFrame
    supplements: pd.DataFrame
    unknown_fields: tuple[tuple[str, str], ...]


def map_records(
    pages: Sequence[PageRecords],
    spec: Spec,
    registry: Registry,
    *,
    own_codes: Mapping[str, str] = MappingProxyType({}),
    sources: Sequence[str] = (),
    day: date | None = None,
) -> MappedBatch:
    """Maps pages, or pieces of them, in reading order; with `sources`, whose each is, corrected as of `day`.

    Times become UTC, texts NFC, codes canonical: unknown codes are `UNKNOWN`, absent ones null. `own_codes` are the
    `codes` of the sources: the platform's code table → the one that counts instead.
    """
    tables = {**registry.codes, **{name: registry.codes[own] for name, own in own_codes.items()}}
    records = [record for page in pages for record in page.records]
    dossiers, noticed = _read(records, spec.record, spec, tables)
    _complete(dossiers, spec, records)
    applying = [] if day is None else [one for one in registry.corrections if one.applies_on(day)]
    owners = pd.Series(np.repeat(sources, [len(page.records) for page in pages]) if applying else "", dossiers.index)
    corrections.correct(dossiers, noticed, owners, applying)
    steps, supplements, impossible = children_of(records, dossiers, spec, tables)
    noticed["impossible"] |= impossible
    noticed["mistyped"] |= _mistyped(records, spec)
    noticed["missing"] = _missing(dossiers, noticed["impossible"])
    noticed["missing"] |= {"steps": _undated(dossiers, steps, impossible["steps"])}
    for observation, masks in noticed.items():
        dossiers[observation] = columns.flagged(masks, len(dossiers))
    unknown_steps = steps.loc[steps["status"] < 0, "row"].unique()
    dossiers["steps_known"] = ~dossiers.index.isin(unknown_steps)
    dossiers["supplements_told"] = spec.supplements is not None or spec.steps is not None
    dossiers["dated_by_file"] = spec.dated_by_file
    dossiers["page_sha256"] = pd.Series([page.sha256 for page in pages for _ in page.records], dtype="str")
    dossiers["page_row"] = pd.Series(
        [page.first_row + row for page in pages for row in range(len(page.records))], dtype="int32"
    )
    return MappedBatch(dossiers, steps, supplements, _unknown(pages, spec))


def _read(
    records: Sequence[Record], fields: Sequence[Field], spec: Spec, tables: CodeTables
) -> tuple[pd.DataFrame, dict[str, dict[str, pd.Series]]]:
    """Columns of `fields`, and masks of what was noticed: observation → canonical column → mask."""
    data: dict[str, pd.Series] = {}
    impossible: dict[str, pd.Series] = {}
    by_day: dict[str, pd.Series] = {}
    mistyped: dict[str, pd.Series] = {}
    for field in fields:
        values = columns.pull(records, field.path)
        if field.kind is Kind.TIME:
            times = columns.times(values, spec.time_formats)
            data[field.column], impossible[field.column], by_day[field.column] = times
        else:
            data[field.column] = columns.column(values, field, tables)
        if field.kind is Kind.FLAG:
            mistyped[field.column] = columns.is_given(values) & data[field.column].isna()
    contents = _contents(records, spec)
    suspects = [row for row, content in enumerate(contents) if _is_suspect(content)]
    damaged, cleaned = _damage(records, fields, suspects, spec.known_keys)
    frame = pd.DataFrame(data, index=pd.RangeIndex(len(records)))
    frame["content_sha256"] = pd.Series(
        [hashlib.sha256(content.encode()).hexdigest() for content in contents], dtype="str"
    )
    noticed = {"impossible": impossible, "damaged": damaged, "cleaned": cleaned, "mistyped": mistyped, "by_day": by_day}
    return frame, noticed


def _contents(records: Sequence[Record], spec: Spec) -> list[str]:
    """Each record's text without its change time and what is aside, keys in order, NFC: equal text, equal content."""
    others = spec.aside | {spec.change_time}
    bare = ({key: value for key, value in record.items() if key not in others} for record in records)
    dumped = (orjson.dumps(record, option=orjson.OPT_SORT_KEYS).decode() for record in bare)
    return [unicodedata.normalize("NFC", text) for text in dumped]


def _is_suspect(content: str) -> bool:
    """Whether a record's JSON text holds U+FFFD or anything that may be a control character; most do not."""
    escaped = "\\u00" in content or "\\b" in content or "\\f" in content
    return escaped or "\ufffd" in content or not content.isprintable()


def _damage(
    records: Sequence[Record], fields: Sequence[Field], suspects: Sequence[int], known_keys: Collection[str]
) -> tuple[dict[str, pd.Series], dict[str, pd.Series]]:
    """Critical damage (U+FFFD anywhere, a control character in a code), and what cleaning removed; columns in order."""
    damaged: dict[str, list[int]] = {}
    cleaned: dict[str, list[int]] = {}
    names = {field.path: field.column for field in fields}
    coded = {field.path for field in fields if field.kind in {Kind.CODE, Kind.PROCEDURE, Kind.AGENCY}}
    for row in suspects:
        for path, text in _leaves(records[row]):
            column = names.get(path) or (path if path in known_keys else columns.field_name(path))
            if columns.REPLACEMENT in text or (path in coded and columns.CONTROL.search(text)):
                damaged.setdefault(column, []).append(row)
            elif columns.CONTROL.search(text):
                cleaned.setdefault(column, []).append(row)
    index = pd.RangeIndex(len(records))
    return (
        {column: pd.Series(index.isin(rows)) for column, rows in sorted(damaged.items())},
        {column: pd.Series(index.isin(rows)) for column, rows in sorted(cleaned.items())},
    )


def _leaves(value: object, path: str = "") -> Iterable[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, path)


def _mistyped(records: Sequence[Record], spec: Spec) -> dict[str, pd.Series]:
    """Lists and objects that are none: their content cannot be read, so the record cannot be judged."""
    lists = [key for key in (spec.steps, spec.supplements) if key is not None]
    masks = {key: [not _is_objects(record.get(key)) for record in records] for key in lists}
    masks |= {
        key: [not isinstance(record.get(key), dict) and not _is_objects(record.get(key)) for record in records]
        for key in sorted(spec.objects)
    }
    if spec.odd is not None:
        masks["cells"] = [spec.odd in record for record in records]
    return {key: pd.Series(mask) for key, mask in masks.items() if any(mask)}


def _is_objects(value: object) -> bool:
    return value is None or value == "" or (isinstance(value, list) and all(isinstance(item, dict) for item in value))


def _complete(frame: pd.DataFrame, spec: Spec, records: Sequence[Record]) -> None:
    """Adds the canonical columns that this platform does not carry, and the lists in the portal's form."""
    for column, read in (("fees", spec.fees), ("components", spec.components)):
        if read is not None:
            frame[column] = pd.Series([_json(read(record)) for record in records], dtype="str")
    if spec.paid_online is not None:
        frame["paid_online"] = pd.Series([spec.paid_online(record) for record in records], dtype="boolean")
    columns.add_absent(frame, _OPTIONAL)
    frame["deleted"] = frame["deleted"].fillna(False).astype(bool)
    if spec.components is not None and not any(field.column == "digitised" for field in spec.record):
        frame["digitised"] = (
            frame["components"].str.contains('"DuocSoHoa":"1"', regex=False, na=False).astype("boolean")
        )


_OPTIONAL = {
    "deleted": "boolean",
    "fees": "str",
    "components": "str",
    "applicant_kind": "Int16",
    "applicant_kind_given": "str",
    "handling_agency_code": "str",
    "service_level": "Int16",
    "result_delivery": "Int16",
    "paid_online": "boolean",
    "digitised": "boolean",
    "refused_given_at": columns.TIME,
    "identity_kind": "Int16",
    "address": "str",
    "phone": "str",
    "email": "str",
    "summary": "str",
}


def _json(items: Sequence[Mapping[str, str]]) -> str | None:
    return orjson.dumps(items).decode() if items else None


def _missing(frame: pd.DataFrame, impossible: Mapping[str, pd.Series]) -> dict[str, pd.Series]:
    """Required columns that are absent; a date that was given but is impossible is not absent."""
    masks = {column: frame[column].isna() for column in _ALWAYS}
    masks |= {column: frame[column].isna() & ~frame["deleted"] for column in _LIVING}
    received = ~frame["status"].isin(_NOT_RECEIVED).fillna(False) & ~frame["deleted"]
    masks["received_at"] = frame["received_at"].isna() & received
    return {column: mask & ~impossible[column] if column in impossible else mask for column, mask in masks.items()}


def _undated(dossiers: pd.DataFrame, steps: pd.DataFrame, impossible: pd.Series) -> pd.Series:
    """Dossiers with a step that has no time or no status: such a step has no identity."""
    rows = steps.loc[steps["at"].isna() | steps["status"].isna(), "row"]
    return pd.Series(dossiers.index.isin(rows)) & ~impossible & ~dossiers["deleted"]


def _unknown(pages: Sequence[PageRecords], spec: Spec) -> tuple[tuple[str, str], ...]:
    found = []
    for sha256, records, _ in pages:
        keys: set[str] = set().union(*records)
        for key in filter(None, (spec.steps, spec.supplements)):
            keys = keys.union(*_objects(records, key))
        for key in spec.objects:
            keys |= {f"{key}.{name}" for name in set().union(*_objects(records, key))}
        unknown = sorted(keys - spec.known_keys)[:MOST_UNKNOWN]
        found += [(sha256, columns.field_name(key)) for key in unknown]
    return tuple(found)


def _objects(records: Sequence[Record], key: str) -> Iterable[Record]:
    """The objects under `key`, of an object or a list of them."""
    values = (record.get(key) for record in records)
    lists = (value if isinstance(value, list) else [value] for value in values)
    return (item for items in lists for item in items if isinstance(item, dict))
