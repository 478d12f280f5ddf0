"""What one run did, and what it used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tests.faults.standing import Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What this process uses of the machine."""

    threads: int
    files: int
    memory_mb: int


@dataclass(slots=True, kw_only=True)
class Run:
    """One cycle: what was asked for, what it used, what it said, and the warehouse before and after.

    Attributes:
        attempts: connections to each victim, by source.
        requests: HTTP requests to each victim, by source.
        log: lines of the log, with their levels.
    """

    cycle_id: int
    as_of: datetime
    sources: Sequence[str]
    before: Standing = field(repr=False)
    after: Standing = field(repr=False)
    seconds: float
    means_before: Means
    means_after: Means
    attempts: Mapping[str, int]
    requests: Mapping[str, int]
    log: Sequence[str] = field(repr=False)

    @property
    def batches(self) -> dict[str, Mapping[str, object]]:
        """The ledger's row of each source."""
        return {row["source_id"]: row for row in self.after.of("core.batch", cycle_id=self.cycle_id)}

    def states(self) -> dict[str, tuple[object, object]]:
        """State and kind of error of each source's batch."""
        return {source: (row["state"], row["error_kind"]) for source, row in self.batches.items()}
