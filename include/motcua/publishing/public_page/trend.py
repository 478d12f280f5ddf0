"""Flows by month: what was received in it, and what was handled to the end in it and how punctually."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from motcua.publishing.public_page.figures import DONE, Key

# A year shows the seasons, and twelve pairs of bars still fit a phone.
MOST_MONTHS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """Flows of one month, by the dates of receipt and of the end of handling."""

    first_day: date
    received: int = 0
    early: int = 0
    on_time: int = 0
    overdue: int = 0

    @property
    def done(self) -> int:
        """Handled to the end in this month."""
        return self.early + self.on_time + self.overdue

    @property
    def in_time_share(self) -> float | None:
        """Early or on time among done; None of nothing."""
        return (self.early + self.on_time) / self.done if self.done else None


Flows = Mapping[int, Mapping[str, int]]


def flows(rows: pa.Table, *keys: str) -> dict[Key, Flows]:
    """By the values of `keys`: month (years * 12 + months from 0) to `received` and classes of done to their numbers.

    Args:
        rows: `keys`, `progress`, `received_on` and `finished_on` of the feed's dossiers; flows without a date are left
            out, for they belong to no month.
        keys: text columns.
    """
    found: defaultdict[Key, defaultdict[int, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    received = rows.filter(pc.field("progress") != "not_received")
    done = rows.filter(pc.field("progress").isin(DONE))
    for part, date_column, classes in ((received, "received_on", []), (done, "finished_on", ["progress"])):
        dated = part.append_column("month", _month(part[date_column])).filter(pc.field("month").is_valid())
        grouped = dated.group_by([*keys, "month", *classes]).aggregate([([], "count_all")])
        for row in grouped.to_pylist():
            months = found[tuple(row[name] for name in keys)]
            months[row["month"]][row["progress"] if classes else "received"] = row["count_all"]
    return dict(found)


def span(city: Flows, until: date) -> Sequence[int]:
    """The months shown, oldest first: up to that of `until`, at most MOST_MONTHS, none before the city's first."""
    last = until.year * 12 + until.month - 1
    first = max(min([*city, last]), last - MOST_MONTHS + 1)
    return range(first, last + 1)


def months(flows_of_one: Flows, shown: Sequence[int]) -> list[Month]:
    """The shown months, those without any flow too."""
    return [Month(first_day=date(number // 12, number % 12 + 1, 1), **flows_of_one.get(number, {})) for number in shown]


def _month(days: pa.ChunkedArray) -> pa.ChunkedArray:
    """Number of the month of each day."""
    return pc.add(pc.multiply(pc.year(days), 12), pc.subtract(pc.month(days), 1))
