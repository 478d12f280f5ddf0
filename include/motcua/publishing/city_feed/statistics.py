"""The figures of `statistics.csv`: every measure of the contract page, counted from the rows that are published.

Whoever counts the rows again finds the same, but for `received` of a field, which holds dossiers of sensitive
procedures, too (`sensitive.py`). The formulas stand in `statistics.md`, which is published beside the figures.
"""

from __future__ import annotations

from collections.abc import Mapping
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
# one stray date of long ago must not bring a hundred empty months
MONTHS_WITHOUT_GAP = 24
PERCENTILES = {"median_days": 0.5, "p80_days": 0.8}
# columns of a row that figures are counted from
COUNTED = [
    "agency_code", "field", "channel", "progress", "submitted_on", "received_on", "due_on", "finished_on",
    "returned_on", "updated_on",
]  # fmt: skip
# What may be given together; an agency's field by month can be counted from the rows, and would be most of the file.
GROUPINGS = (
    (), ("month",), ("field",), ("agency_code",), ("field", "month"), ("agency_code", "field"),
    ("agency_code", "month"),
)  # fmt: skip
_KEYS = ("agency_code", "field", "month")
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Days = npt.NDArray[np.datetime64]


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
    figures = _Figures(rows, calendar, as_of)
    parts = [figures.of(measure, grouping) for grouping in GROUPINGS for measure in (*COUNTS, *PERCENTILES)]
    shown = [(field, count) for field, count in (sensitive or {}).items() if count]
    parts.append(
        _frame(
            {"field": [field for field, _ in shown]},
            "received",
            np.array([count for _, count in shown], dtype=np.int64),
        )
    )
    found = pd.concat(parts, ignore_index=True).groupby([*_KEYS, "measure"], sort=True)["value"].sum().reset_index()
    columns = {name: pa.array(found[name], type=pa.string()) for name in (*_KEYS, "measure")}
    columns["value"] = pa.array(found["value"].astype("int64"))
    columns["state"] = pa.array([SHOWN] * len(found), type=pa.string())
    return pa.table(columns, schema=STATISTICS)


def _frame(keys: Mapping[str, object], measure: str, values: Ints) -> pd.DataFrame:
    columns = {name: keys.get(name, ALL) for name in _KEYS} | {"measure": measure, "value": values}
    return pd.DataFrame(columns, index=range(len(values)))


class _Figures:
    """Rows as small numbers: which agency, field and day each belongs to, and what is counted of them."""

    def __init__(self, rows: pa.Table, calendar: WorkingCalendar, as_of: date) -> None:
        rows = rows.select(COUNTED).filter(pa.compute.not_equal(rows["progress"], "not_received"))
        self._now = np.datetime64(as_of, "M")
        self._calendar = calendar
        self._codes, self._names = {}, {}
        fields = pa.compute.fill_null(rows["field"], OTHER_FIELD)
        for name, column in (("agency_code", rows["agency_code"]), ("field", fields)):
            self._codes[name], self._names[name] = _coded(column)
        self._due, self._finished, self._returned = (
            _days(rows[f"{name}_on"]) for name in ("due", "finished", "returned")
        )
        self._classes = {
            name: pa.compute.equal(rows["progress"], name).to_numpy()
            for name in (*DONE_CLASSES, *OPEN_CLASSES, *BROKEN_OFF)
        }
        self._channel = pa.compute.fill_null(rows["channel"], 0).to_numpy()
        updated, received, submitted = (_days(rows[f"{name}_on"]) for name in ("updated", "received", "submitted"))
        self._began = np.where(np.isnat(received), np.where(np.isnat(submitted), updated, submitted), received)
        ended = np.where(self._is(*BROKEN_OFF), updated, self._finished)
        self._ended = np.where(self._is(*OPEN_CLASSES), np.datetime64("NaT"), ended)
        self._months = self._months_met()
        self._names["month"] = np.datetime_as_string(self._months, unit="M").astype(object)

    def of(self, measure: str, grouping: tuple[str, ...]) -> pd.DataFrame:
        """`agency_code, field, month, measure, value` of what the grouping gives; no zeros."""
        if measure in PERCENTILES:
            return self._ranked(measure, PERCENTILES[measure], grouping)
        if measure not in _STOCKS:
            return self._counted(measure, grouping, *self._flow(measure))
        if "month" not in grouping:
            return self._counted(measure, grouping, self._stock(measure, self._now, is_whole=True), self._began)
        parts = [
            self._counted(measure, grouping, self._stock(measure, month), np.full(len(self._began), month))
            for month in self._months
        ]
        return pd.concat(parts, ignore_index=True)

    def _flow(self, measure: str) -> tuple[Flags, Days]:
        """Which rows a flow counts, and the day that puts each of them in a month."""
        if measure in {"received", "online", "postal", "no_due_date"}:
            masks = {
                "received": np.ones(len(self._began), dtype=bool),
                "online": self._channel == Channel.ONLINE,
                "postal": self._channel == Channel.POSTAL,
                "no_due_date": np.isnat(self._due),
            }
            return masks[measure], self._began
        if measure in {"returned", "online_returned"}:
            returned = ~np.isnat(self._returned)
            return returned & ((measure == "returned") | (self._channel == Channel.ONLINE)), self._returned
        return self._is(*(DONE_CLASSES if measure == "finished" else (measure,))), self._finished

    def _stock(self, measure: str, month: np.datetime64, *, is_whole: bool = False) -> Flags:
        """Which rows stand there on the last day of a month, or now; `is_whole`: of the whole time up to now."""
        if measure == "carried_over":
            # of the whole time nothing was carried over: it has no day before it
            before = np.zeros(len(self._began), dtype=bool) if is_whole else self._began < month
            return before & (np.isnat(self._ended) | (self._ended >= month))
        if month >= self._now:
            return self._is(*(OPEN_CLASSES if measure == "in_progress" else (measure,)))
        return self._stood(measure, (month + 1).astype("datetime64[D]") - 1)

    def _stood(self, measure: str, day: np.datetime64) -> Flags:
        """The same at the end of an earlier day, as far as the dates of a row tell."""
        if measure == "waiting":
            return np.zeros(len(self._began), dtype=bool)  # when a wait began is in no row
        if measure in BROKEN_OFF:
            return np.asarray(self._is(measure) & (self._ended <= day))
        open_then = (self._began <= day) & (np.isnat(self._ended) | (self._ended > day))
        if measure == "open_overdue":
            return np.asarray(open_then & (self._due < day))
        if measure == "due_soon":
            soon = np.datetime64(self._calendar.next_working_day(day.astype(object)), "D")
            return np.asarray(open_then & (self._due >= day) & (self._due <= soon))
        return np.asarray(open_then)

    def _counted(self, measure: str, grouping: tuple[str, ...], mask: Flags, days: Days) -> pd.DataFrame:
        places, mask = self._places(grouping, mask, days)
        counts = np.bincount(places[mask], minlength=1)
        met = np.flatnonzero(counts)
        return _frame(self._named(grouping, met), measure, counts[met].astype(np.int64))

    def _ranked(self, measure: str, share: float, grouping: tuple[str, ...]) -> pd.DataFrame:
        """The nearest rank of the working days from receipt to the end, of what was finished in the month."""
        taken = self._calendar.working_days_taken(pd.Series(self._began), pd.Series(self._finished))
        days = taken.fillna(-1).to_numpy(dtype=np.int64)
        places, mask = self._places(grouping, self._is(*DONE_CLASSES) & (days >= 0), self._finished)
        order = np.lexsort((days[mask], places[mask]))
        met, starts, sizes = np.unique(places[mask][order], return_index=True, return_counts=True)
        # nearest rank: the smallest value that has at least this share of all at or below it
        ranks = starts + np.ceil(share * sizes).astype(np.int64) - 1
        return _frame(self._named(grouping, met), measure, days[mask][order][ranks])

    def _places(self, grouping: tuple[str, ...], mask: Flags, days: Days) -> tuple[Ints, Flags]:
        """One number for what the grouping gives of each row; rows without a month are left out where it counts."""
        places = np.zeros(len(self._began), dtype=np.int64)
        for name in grouping:
            codes = (
                np.searchsorted(self._months, days.astype("datetime64[M]")) if name == "month" else self._codes[name]
            )
            places = places * len(self._names[name]) + codes
        if "month" in grouping:
            months = days.astype("datetime64[M]")
            mask = mask & ~np.isnat(months) & (months <= self._now)
        return places, mask

    def _named(self, grouping: tuple[str, ...], places: Ints) -> dict[str, object]:
        """The keys behind such numbers."""
        keys: dict[str, object] = {}
        for name in reversed(grouping):
            places, codes = np.divmod(places, len(self._names[name]))
            keys[name] = self._names[name][codes]
        return keys

    def _is(self, *classes: str) -> Flags:
        met: Flags = np.logical_or.reduce([self._classes[name] for name in classes])
        return met

    def _months_met(self) -> npt.NDArray[np.datetime64]:
        """Months with a receipt, an end or a return, and the last ones without a gap: stocks stand in these, too."""
        days = np.concatenate([self._began, self._finished, self._returned])
        met = np.unique(days[~np.isnat(days)].astype("datetime64[M]"))
        first = max(met[0], self._now - MONTHS_WITHOUT_GAP + 1) if len(met) else self._now
        months = np.unique(np.concatenate([met, np.arange(first, self._now + 1)]))
        return np.asarray(months[months <= self._now])


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
