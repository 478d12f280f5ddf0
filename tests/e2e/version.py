"""A dossier as it should stand after a cycle: as one source tells it, or merged from several."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

NOT_RECEIVED = (1, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """Moments to the second, which is all that every platform gives, save in `history` and `requested`.

    Attributes:
        source_id: whose word it is; of a merged one, where it was filed.
        history: time and status of each step, in the order in which they are told.
        requested: times of the supplement requests.
        words: of a merged one: whose words it was merged from, and when each of them had changed.
        has_facts: false for what was only ever seen deleted: nothing but code, office and change of it is judged.
        cycle: in which it was made, counted from 0.
    """

    code: str
    source_id: str
    agency: str
    procedure: str
    channel: int
    status: int
    submitted_at: datetime | None
    received_at: datetime | None
    due_at: datetime | None
    due_source: str | None
    finished_at: datetime | None
    returned_at: datetime | None
    changed_at: datetime
    history: tuple[tuple[str, int], ...] = ()
    requested: tuple[str, ...] = ()
    words: tuple[tuple[str, datetime], ...] = ()
    deleted: bool = False
    has_facts: bool = True
    cycle: int = field(default=0, compare=False)

    @property
    def is_received(self) -> bool:
        return not self.deleted and self.status not in NOT_RECEIVED

    @property
    def steps(self) -> int:
        return len(self.history)

    @property
    def newest_step(self) -> int | None:
        return max(self.history)[1] if self.history else None

    @property
    def supplements(self) -> int:
        return len(self.requested)
