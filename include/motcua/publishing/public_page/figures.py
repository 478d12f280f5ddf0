"""Counts and shares of dossiers from the rows of a published version: whoever recounts the feed finds the same."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from motcua.domain.status import Channel

# What rows are grouped by: an agency, a procedure, or both; a dossier may lack its procedure.
Key = tuple[str | None, ...]
DONE = ("early", "on_time", "overdue")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Dossiers of the city, of an agency, of a procedure, or of a procedure at an agency.

    Attributes:
        received: all but those never received (status 1 and 3).
        online: those of them that were submitted online.
        classes: how many stand in each progress class, keys of `PROGRESS_NAMES`.
    """

    received: int = 0
    online: int = 0
    classes: Mapping[str, int] = field(default_factory=dict)

    def of(self, *names: str) -> int:
        """Dossiers in any of these classes."""
        return sum(self.classes.get(name, 0) for name in names)

    @property
    def done(self) -> int:
        """Handled to the end."""
        return self.of(*DONE)

    @property
    def open(self) -> int:
        """Being handled, time running."""
        return self.of("within_time", "due_soon", "open_overdue")

    @property
    def late(self) -> int:
        """Handled after the due date, or being handled past it."""
        return self.of("overdue", "open_overdue")

    @property
    def offline(self) -> int:
        """Received in person or by post."""
        return self.received - self.online

    @property
    def online_share(self) -> float | None:
        """Online among received; None of nothing."""
        return self.online / self.received if self.received else None

    @property
    def in_time_share(self) -> float | None:
        """Early or on time among done; None of nothing."""
        return self.of("early", "on_time") / self.done if self.done else None

    @property
    def late_share(self) -> float | None:
        """Late among all whose outcome is known: done, or open past the due date; None of nothing."""
        known = self.done + self.of("open_overdue")
        return self.late / known if known else None


NOTHING = Figures()


def total(parts: Iterable[Figures]) -> Figures:
    """All of them together."""
    received = online = 0
    classes: Counter[str] = Counter()
    for part in parts:
        received += part.received
        online += part.online
        classes.update(part.classes)
    return Figures(received=received, online=online, classes=dict(classes))


def count(rows: pa.Table, *keys: str) -> dict[Key, Figures]:
    """Figures by the values of the columns `keys`; without keys, the city's under `()`.

    Args:
        rows: `keys`, `channel` and `progress` of the feed's dossiers.
        keys: text columns.
    """
    grouped = rows.group_by([*keys, "channel", "progress"]).aggregate([([], "count_all")])
    received: Counter[Key] = Counter()
    online: Counter[Key] = Counter()
    classes: defaultdict[Key, Counter[str]] = defaultdict(Counter)
    for row in grouped.to_pylist():
        key = tuple(row[name] for name in keys)
        number = row["count_all"]
        classes[key][row["progress"]] += number
        if row["progress"] != "not_received":
            received[key] += number
            online[key] += number if row["channel"] == Channel.ONLINE else 0
    return {
        key: Figures(received=received[key], online=online[key], classes=dict(counted))
        for key, counted in classes.items()
    }
