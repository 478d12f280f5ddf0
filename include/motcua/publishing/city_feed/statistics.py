"""The figures of `statistics.csv`: every measure of the contract page, counted from the rows that are published.

Whoever counts the rows again finds the same, but for `received` of a field, which holds dossiers of sensitive
procedures, too (`sensitive.py`). The formulas stand in `statistics.md`, which is published beside the figures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute

from motcua.domain.calendar import WorkingCalendar
from motcua.domain.status import Channel

STATISTICS = pa.schema(
    [
        *(pa.field(name, pa.string(), nullable=False) for name in ("agency_code", "field", "month", "measure")),
        pa.field("value", pa.int64()),  # null where it is suppressed
        pa.field("state", pa.string(), nullable=False),
    ]
)
ALL = "*"
# fields that cannot be named: of an unknown procedure, or of sensitive procedures alone
OTHER_FIELD = "khác"
SHOWN = "shown"
DONE_CLASSES = ("early", "on_time", "overdue")
OPEN_CLASSES = ("within_time", "due_soon", "open_overdue", "waiting")
# what ended without a result: the last change at the source is the day of it
BROKEN_OFF = ("stopped", "withdrawn")
COUNTS = (
    "received", "carried_over", "in_progress", "finished", "returned", *DONE_CLASSES, "open_overdue", "due_soon",
    "no_due_date", "waiting", *BROKEN_OFF, "online", "online_returned", "postal",
)  # fmt: skip
PERCENTILES = {"median_days": 0.5, "p80_days": 0.8}
# What may be given together; an agency's field by month can be counted from the rows, and would be most of the file.
GROUPINGS = (
    (), ("month",), ("field",), ("agency_code",), ("field", "month"), ("agency_code", "field"),
    ("agency_code", "month"),
)  # fmt: skip
_KEYS = ("agency_code", "field", "month")
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def statistics_table(
    rows: pa.Table, calendar: WorkingCalendar, *, as_of: date, sensitive: Mapping[str, int] | None = None
) -> pa.Table:
    """Every figure that is not 0, schema STATISTICS, sorted by its keys.

    Args:
        rows: the public dossiers, schema ROW.
        calendar: for working days; dates outside its years have no handling time.
        as_of: the city's day that "now" means.
        sensitive: dossiers of sensitive procedures by field, as many as may be shown: they count in `received` of
            the field over all agencies and months, and nowhere else.
    """
    cube = _Cube(rows, calendar, as_of)
    parts = [part for grouping in GROUPINGS for part in cube.figures(grouping)]
    found = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*_KEYS, "measure", "value"])
    found = _with_sensitive(found, sensitive or {})
    found = found.sort_values([*_KEYS, "measure"], kind="stable", ignore_index=True)
    columns = {name: pa.array(found[name], type=pa.string()) for name in (*_KEYS, "measure")}
    columns["value"] = pa.array(found["value"].astype("int64"))
    columns["state"] = pa.array([SHOWN] * len(found), type=pa.string())
    return pa.table(columns, schema=STATISTICS)


def _with_sensitive(found: pd.DataFrame, sensitive: Mapping[str, int]) -> pd.DataFrame:
    more = pd.DataFrame(
        [(ALL, field, ALL, "received", count) for field, count in sensitive.items() if count],
        columns=[*_KEYS, "measure", "value"],
    )
    if more.empty:
        return found
    both = pd.concat([found, more]).groupby([*_KEYS, "measure"], sort=False)["value"].sum()
    return both.reset_index()


class _Cube:
    """Rows as small numbers: which agency, field and day each belongs to, and what is counted of them by month."""

    def __init__(self, rows: pa.Table, calendar: WorkingCalendar, as_of: date) -> None:
        rows = rows.filter(pa.compute.not_equal(rows["progress"], "not_received"))
        self._as_of = np.datetime64(as_of, "D")
        self._calendar = calendar
        agency, self._agencies = _coded(rows["agency_code"])
        field, self._fields = _coded(pa.compute.fill_null(rows["field"], OTHER_FIELD))
        self._codes = {"agency_code": agency, "field": field}
        self._names = {"agency_code": self._agencies, "field": self._fields}
        self._day = {name: _days(rows[name]) for name in ("due_on", "finished_on", "returned_on")}
        self._progress = rows["progress"].to_numpy(zero_copy_only=False).astype(str)
        self._channel = pa.compute.fill_null(rows["channel"], 0).to_numpy()
        updated = _days(rows["updated_on"])
        received, submitted = _days(rows["received_on"]), _days(rows["submitted_on"])
        self._began = np.where(np.isnat(received), np.where(np.isnat(submitted), updated, submitted), received)
        broken_off = np.isin(self._progress, BROKEN_OFF)
        ended = np.where(broken_off, updated, self._day["finished_on"])
        self._ended = np.where(np.isin(self._progress, OPEN_CLASSES), np.datetime64("NaT"), ended)
        self._months = self._months_met()

    def figures(self, grouping: tuple[str, ...]) -> Iterator[pd.DataFrame]:
        """Frames of `agency_code, field, month, measure, value` for what the grouping gives; no zeros."""
        for measure in COUNTS:
            yield from self._counted(measure, grouping)
        for measure, share in PERCENTILES.items():
            yield from self._ranked(measure, share, grouping)

    def _counted(self, measure: str, grouping: tuple[str, ...]) -> Iterator[pd.DataFrame]:
        if measure in _STOCKS:
            places = range(len(self._months)) if "month" in grouping else (None,)
            for place in places:
                mask = self._stock(measure, place)
                yield self._sums(measure, grouping, mask, None if place is None else self._months[place])
            return
        mask, days = self._flow(measure)
        if "month" not in grouping:
            yield self._sums(measure, grouping, mask, None)
            return
        yield self._sums(measure, grouping, mask & ~np.isnat(days), None, days=days)

    def _flow(self, measure: str) -> tuple[Flags, npt.NDArray[np.datetime64]]:
        """Which rows a flow counts, and the day that puts each of them in a month."""
        day, done = self._day, np.isin(self._progress, DONE_CLASSES)
        everything = np.ones(len(self._progress), dtype=bool)
        flows = {
            "received": (everything, self._began),
            "online": (self._channel == Channel.ONLINE, self._began),
            "postal": (self._channel == Channel.POSTAL, self._began),
            "no_due_date": (np.isnat(day["due_on"]), self._began),
            "finished": (done, day["finished_on"]),
            "returned": (~np.isnat(day["returned_on"]), day["returned_on"]),
            "online_returned": (
                ~np.isnat(day["returned_on"]) & (self._channel == Channel.ONLINE), day["returned_on"],
            ),
            **{name: (self._progress == name, day["finished_on"]) for name in DONE_CLASSES},
        }  # fmt: skip
        mask, days = flows[measure]
        return mask, days

    def _stock(self, measure: str, place: int | None) -> Flags:
        """Which rows stand there on the last day of a month, or at `as_of`; None is the whole time up to `as_of`."""
        now = self._as_of.astype("datetime64[M]")
        month = now if place is None else self._months[place]
        if measure == "carried_over":
            # of the whole time nothing was carried over: it has no day before it
            before = np.zeros(len(self._began), dtype=bool) if place is None else self._began < month
            return before & (np.isnat(self._ended) | (self._ended >= month))
        if month >= now:
            wanted = OPEN_CLASSES if measure == "in_progress" else (measure,)
            return np.isin(self._progress, wanted)
        return self._stood(measure, (month + 1).astype("datetime64[D]") - 1)

    def _stood(self, measure: str, day: np.datetime64) -> Flags:
        """The same at the end of an earlier day, as far as the dates of a row tell."""
        began = self._began <= day
        open_then = began & (np.isnat(self._ended) | (self._ended > day))
        due = self._day["due_on"]
        if measure == "in_progress":
            return open_then
        if measure == "open_overdue":
            return open_then & (due < day)
        if measure == "due_soon":
            soon = np.datetime64(self._calendar.next_working_day(day.astype(object)), "D")
            return np.asarray(open_then & (due >= day) & (due <= soon))
        if measure in BROKEN_OFF:
            return np.asarray((self._progress == measure) & (self._ended <= day))
        return np.zeros(len(due), dtype=bool)  # when a wait began is in no row

    def _ranked(self, measure: str, share: float, grouping: tuple[str, ...]) -> Iterator[pd.DataFrame]:
        """The nearest rank of the working days from receipt to the end, of what was finished in the month."""
        finished = self._day["finished_on"]
        known = np.isin(self._progress, DONE_CLASSES) & ~np.isnat(finished)
        days = self._calendar.working_days(self._began[known], finished[known])
        frame = self._keys(grouping, known, finished)
        frame["value"] = days
        frame = frame[frame["value"] >= 0].sort_values([*grouping, "value"], kind="stable")
        if frame.empty:
            return
        if not grouping:
            yield self._named(measure, grouping, frame.iloc[[int(np.ceil(share * len(frame))) - 1]])
            return
        sizes = frame.groupby(list(grouping), sort=True).size().to_numpy()
        starts = np.cumsum(sizes) - sizes
        # nearest rank: the smallest value that has at least this share of all at or below it
        ranks = starts + np.ceil(share * sizes).astype(np.int64) - 1
        yield self._named(measure, grouping, frame.iloc[ranks])

    def _sums(
        self,
        measure: str,
        grouping: tuple[str, ...],
        mask: Flags,
        month: np.datetime64 | None,
        *,
        days: npt.NDArray[np.datetime64] | None = None,
    ) -> pd.DataFrame:
        keys = tuple(name for name in grouping if name != "month" or days is not None)
        if keys:
            counted = self._keys(keys, mask, days).groupby(list(keys), sort=True).size().rename("value").reset_index()
        else:
            counted = pd.DataFrame({"value": [int(mask.sum())] if mask.any() else []})
        if month is not None:
            counted["month"] = month
        return self._named(measure, grouping, counted)

    def _keys(self, grouping: tuple[str, ...], mask: Flags, days: npt.NDArray[np.datetime64] | None) -> pd.DataFrame:
        columns: dict[str, object] = {name: self._codes[name][mask] for name in grouping if name != "month"}
        if "month" in grouping and days is not None:
            columns["month"] = days[mask].astype("datetime64[M]").astype("datetime64[s]")
        return pd.DataFrame(columns, index=range(int(mask.sum())))

    def _named(self, measure: str, grouping: tuple[str, ...], frame: pd.DataFrame) -> pd.DataFrame:
        named: dict[str, object] = {}
        for name in _KEYS:
            if name not in grouping:
                named[name] = ALL
            elif name == "month":
                named[name] = np.datetime_as_string(frame["month"].to_numpy().astype("datetime64[M]"), unit="M")
            else:
                named[name] = self._names[name][frame[name].to_numpy(dtype=np.int64)]
        values = frame["value"].to_numpy(dtype=np.int64)
        return pd.DataFrame(named | {"measure": measure, "value": values}, index=range(len(frame)))

    def _months_met(self) -> list[np.datetime64]:
        """Months from the first to that of `as_of`; years without a row are left out."""
        met = [
            np.unique(days[~np.isnat(days)].astype("datetime64[M]"))
            for days in (self._began, self._day["finished_on"], self._day["returned_on"])
        ]
        now = self._as_of.astype("datetime64[M]")
        return [month for month in np.unique(np.concatenate([*met, [now]])) if month <= now]


_STOCKS = {"carried_over", "in_progress", "open_overdue", "due_soon", "waiting", *BROKEN_OFF}


def _coded(column: pa.ChunkedArray) -> tuple[Ints, npt.NDArray[np.object_]]:
    """Each value's place among the sorted distinct ones, and these."""
    encoded = column.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    names = np.array(encoded.dictionary.to_pylist(), dtype=object)
    order = np.argsort(names.astype(str), kind="stable")
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    return place[encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)], names[order]


def _days(column: pa.ChunkedArray) -> npt.NDArray[np.datetime64]:
    days: npt.NDArray[np.datetime64] = column.to_numpy().astype("datetime64[D]")
    return days
