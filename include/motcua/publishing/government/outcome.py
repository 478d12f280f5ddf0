"""What one drain did, counted from all its threads."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field


@dataclass(slots=True)
class Outcome:
    """What one drain did; counts are dossiers, `steps` are steps and `calls` are calls.

    Attributes:
        stopped: why it ended early, or None.
    """

    accepted: int = 0
    steps: int = 0
    rejected: int = 0
    unknown: int = 0
    superseded: int = 0
    queued: int = 0
    calls: int = 0
    stopped: str | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def add(self, name: str, count: int = 1) -> None:
        """Counts, from any thread."""
        with self._lock:
            setattr(self, name, getattr(self, name) + count)

    def stop(self, reason: str) -> None:
        """Ends the drain, from any thread: what is not sent yet stays queued. The first reason stays."""
        with self._lock:
            self.stopped = self.stopped or reason

    def as_dict(self) -> dict[str, int | str | None]:
        """For JSON."""
        names = ("accepted", "steps", "rejected", "unknown", "superseded", "queued", "calls", "stopped")
        return {name: getattr(self, name) for name in names}
