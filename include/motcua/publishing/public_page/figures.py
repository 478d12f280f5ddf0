"""The page's figures, counted from the rows of a published version: whoever recounts the feed finds the same."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from motcua.domain.status import Channel

# What stands directly below the city, in three tiers and in two.
_OPEN = {"department": "Sở, ban, ngành", "district": "Quận, huyện"}
_FOLDED = {"ward": "Phường", "township": "Thị trấn", "commune": "Xã", "special_zone": "Đặc khu"}
_BELOW_THE_CITY = _OPEN | _FOLDED
_FRESH = "Đầy đủ"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Dossiers of the city, or of one agency.

    Attributes:
        received: all but those never received (status 1 and 3).
        online: those of them that were submitted online.
        classes: how many stand in each progress class, keys of `PROGRESS_NAMES`.
    """

    received: int = 0
    online: int = 0
    classes: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: Figures) -> Figures:
        return Figures(
            received=self.received + other.received,
            online=self.online + other.online,
            classes=Counter(self.classes) + Counter(other.classes),
        )

    def of(self, *names: str) -> int:
        """Dossiers in any of these classes."""
        return sum(self.classes.get(name, 0) for name in names)

    @property
    def done(self) -> int:
        """Handled to the end."""
        return self.of("early", "on_time", "overdue")

    @property
    def open(self) -> int:
        """Being handled, time running."""
        return self.of("within_time", "due_soon", "open_overdue")

    @property
    def online_share(self) -> float | None:
        """Online among received; None of nothing."""
        return self.online / self.received if self.received else None

    @property
    def in_time_share(self) -> float | None:
        """Early or on time among done; None of nothing."""
        return self.of("early", "on_time") / self.done if self.done else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agency:
    """A row of a table; `state` is in words."""

    name: str
    figures: Figures
    state: str
    is_fresh: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Agencies that are shown together: all departments, all districts, or communes of one district or of one kind.

    Attributes:
        title: the words above it.
        agencies: its rows.
        is_folded: whether it is closed at first.
    """

    title: str
    agencies: Sequence[Agency]
    is_folded: bool

    @property
    def total(self) -> Figures:
        """Of all its agencies."""
        return sum((agency.figures for agency in self.agencies), Figures())


def count(rows: pa.Table) -> dict[str, Figures]:
    """Figures by agency code.

    Args:
        rows: `agency_code, channel, progress` of the feed's dossiers.
    """
    grouped = rows.group_by(["agency_code", "channel", "progress"]).aggregate([([], "count_all")])
    found: defaultdict[str, Figures] = defaultdict(Figures)
    for row in grouped.to_pylist():
        number = row["count_all"]
        is_received = row["progress"] != "not_received"
        found[row["agency_code"]] += Figures(
            received=number if is_received else 0,
            online=number if is_received and row["channel"] == Channel.ONLINE else 0,
            classes={row["progress"]: number},
        )
    return dict(found)


def tables(agencies: Iterable[Mapping[str, str]], counted: Mapping[str, Figures]) -> list[Table]:
    """The tables of the page, agencies as the feed lists them.

    Departments and districts come first, then each district's communes; where there are no districts, communes by kind.

    Args:
        agencies: entries of `agencies.json`.
        counted: `count` of the same version.
    """
    listed = list(agencies)
    rows: dict[str, list[Agency]] = {}
    names = {entry["agency_code"]: entry["name"] for entry in listed}
    kinds = {entry["agency_code"]: entry["kind"] for entry in listed}
    for entry in listed:
        above = kinds.get(entry["parent"] or "")
        title = _BELOW_THE_CITY[entry["kind"]] if above == "city" else names.get(entry["parent"] or "")
        if title is not None:
            is_fresh = entry["data_state"] == "fresh"
            rows.setdefault(title, []).append(
                Agency(
                    name=entry["name"],
                    figures=counted.get(entry["agency_code"], Figures()),
                    state=_FRESH if is_fresh else entry["reason"],
                    is_fresh=is_fresh,
                )
            )
    titles = sorted(rows, key=_place)
    return [Table(title=title, agencies=rows[title], is_folded=title not in _OPEN.values()) for title in titles]


def _place(title: str) -> int:
    """Kinds in their order, then districts as they come."""
    kinds = list(_BELOW_THE_CITY.values())
    return kinds.index(title) if title in kinds else len(kinds)
