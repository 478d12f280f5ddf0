"""A large source's staged slices as one: what stands twice in two of them is settled before any of them is merged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from motcua.landing import Staging
from motcua.warehouse.session import Judged

FRAMES = ("dossiers", "applicants", "steps", "supplements", "quarantine", "issues", "present")
_KEY = ["source_id", "code"]


@dataclass(frozen=True, slots=True)
class _Losers:
    """What is left out of each slice, and what is refused besides.

    Attributes:
        keys: (source, code) that another slice tells better, by number of the slice.
        refused: rows of `quarantine`: codes that two slices tell differently, at one change time.
    """

    keys: list[pd.MultiIndex]
    refused: pd.DataFrame


def staged(staging: Staging, part: str, *, as_of: datetime, is_dated_by_file: bool) -> Iterator[Judged]:
    """The slices of a part, ready to be copied one after the other: no key stands in two of them."""
    places = staging.parts(part)
    if len(places) == 1:
        yield _judged([staging.read(places[0], name) for name in FRAMES])
        return
    settle = _losers_by_file if is_dated_by_file else _losers
    losers = settle([staging.read(place, "dossiers") for place in places], as_of)
    findings = [pd.concat([staging.read(place, name) for place in places]) for name in ("quarantine", "issues")]
    quarantine = _once(pd.concat([findings[0], losers.refused]), ["source_id", "identity", "rule", "field"])
    quarantine["is_primary"] = ~quarantine.duplicated(["source_id", "identity"])
    issues = _once(findings[1], ["source_id", "code", "rule", "field"])
    for number, place in enumerate(places):
        frames = [staging.read(place, name) for name in FRAMES]
        frames[:4] = [_without(frame, losers.keys[number]) for frame in frames[:4]]
        last = number == len(places) - 1
        frames[4], frames[5] = (quarantine, issues) if last else (quarantine.iloc[:0], issues.iloc[:0])
        yield _judged(frames)


def _judged(frames: Sequence[pd.DataFrame]) -> Judged:
    return Judged(**dict(zip(FRAMES, frames, strict=True)))


def _losers(slices: Sequence[pd.DataFrame], as_of: datetime) -> _Losers:
    """The newest change counts; of equal ones with equal content the first; with different content none."""
    rows = _told_twice(slices).sort_values("source_changed_at", ascending=False, kind="stable")
    newest = rows["source_changed_at"] == rows.groupby(_KEY)["source_changed_at"].transform("max")
    contents = rows["content_sha256"].where(newest).groupby([rows[name] for name in _KEY]).transform("nunique")
    loses = rows.duplicated(_KEY) | (contents > 1)
    torn = pd.MultiIndex.from_frame(rows.loc[newest & (contents > 1), _KEY])
    refused = pd.concat([frame[pd.MultiIndex.from_frame(frame[_KEY]).isin(torn)] for frame in slices])
    return _Losers(_by_slice(rows[loses], len(slices)), _refused(refused.drop_duplicates(_KEY), as_of))


def _losers_by_file(slices: Sequence[pd.DataFrame], as_of: datetime) -> _Losers:
    """The newest file's content counts, since the first of the files in a row that have it."""
    rows = _told_twice(slices).sort_values([*_KEY, "source_changed_at", "slice"], kind="stable")
    alike = (rows[[*_KEY, "content_sha256"]] == rows[[*_KEY, "content_sha256"]].shift()).all(axis=1)
    begins = rows[~alike]
    counts = begins[~begins.duplicated(_KEY, keep="last")]
    return _Losers(_by_slice(rows.drop(index=counts.index), len(slices)), _refused(slices[0].iloc[:0], as_of))


def _told_twice(slices: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Rows whose key stands in several slices, with the number of their slice."""
    columns = [*_KEY, "source_changed_at", "content_sha256"]
    rows = pd.concat([frame[columns].assign(slice=number) for number, frame in enumerate(slices)], ignore_index=True)
    return rows[rows.duplicated(_KEY, keep=False)]


def _by_slice(losers: pd.DataFrame, count: int) -> list[pd.MultiIndex]:
    return [pd.MultiIndex.from_frame(losers.loc[losers["slice"] == number, _KEY]) for number in range(count)]


def _refused(rows: pd.DataFrame, as_of: datetime) -> pd.DataFrame:
    facts = rows[["source_id", "agency_code", "channel", "status", "page_sha256", "page_row", "batch_id"]]
    moment = pd.Timestamp(as_of)
    return facts.assign(
        identity=rows["code"], rule="duplicate_in_batch", severity="critical", owner="office", field="code",
        is_primary=True, first_seen=moment, last_seen=moment, attempts=1,
    )  # fmt: skip


def _once(frame: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    return frame.drop_duplicates(key, ignore_index=True)


def _without(frame: pd.DataFrame, keys: pd.MultiIndex) -> pd.DataFrame:
    return frame if keys.empty else frame[~pd.MultiIndex.from_frame(frame[_KEY]).isin(keys)]
