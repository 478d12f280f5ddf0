"""Units through time: which agency stands where another stood, on a later day. What happened, the registry says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

# one successor: `renamed`, `merged`; one of several: `split` (nobody can say which), `undecided` (some text can, but
# none was seen); none on record: `unknown`
ONE = frozenset({"renamed", "merged"})
SEVERAL = frozenset({"split", "undecided"})
UNKNOWN = "unknown"
CHANGES = (*sorted(ONE | SEVERAL), UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """First day of an agency, and the first on which it is no more; None where there is no such day on record."""

    begin: date | None
    end: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What came after an agency that ended: one of several rows where it came apart.

    Attributes:
        predecessor: code of what ended, on the day `on`.
        successor: code of what took over, or None when `kind` is `unknown`.
        kind: one of `CHANGES`.
        source: the text that decided it.
    """

    predecessor: str
    successor: str | None
    on: date
    kind: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where an agency leads on a day: every agency that may be meant, and whether those are all.

    Attributes:
        candidates: canonical codes, sorted; none when nothing is on record, or when the agency came later than the day.
        is_complete: whether no link on the way is unknown.
    """

    candidates: tuple[str, ...]
    is_complete: bool

    @property
    def agency(self) -> str | None:
        """The one agency; None when several may be meant, or nobody knows: then it is not for us to choose."""
        return self.candidates[0] if self.is_complete and len(self.candidates) == 1 else None


class Succession:
    """All agencies with what came after them; a successor has begun when its predecessor ends, and ends later."""

    def __init__(self, lives: Mapping[str, Life], changes: Iterable[Change]) -> None:
        self._lives = lives
        self._after: defaultdict[str, list[Change]] = defaultdict(list)
        self._before: defaultdict[str, list[Change]] = defaultdict(list)
        for change in changes:
            self._after[change.predecessor].append(change)
            if change.successor is not None:
                self._before[change.successor].append(change)

    def after(self, code: str) -> tuple[Change, ...]:
        """What came after it."""
        return tuple(self._after.get(code, ()))

    def before(self, code: str) -> tuple[Change, ...]:
        """What it came from."""
        return tuple(self._before.get(code, ()))

    def on(self, code: str, day: date) -> Destination:
        """Where an agency, from the time that it existed, leads on a day: forward only.

        Candidates of a split are followed to their end: when all of them lead to one agency, that one is meant.
        """
        life = self._lives.get(code)
        if life is None or (life.begin is not None and day < life.begin):
            return Destination(candidates=(), is_complete=False)
        if life.end is None or day < life.end:
            return Destination(candidates=(code,), is_complete=True)
        ahead = [self.on(change.successor, day) for change in self.after(code) if change.successor is not None]
        return Destination(
            candidates=tuple(sorted({found for one in ahead for found in one.candidates})),
            is_complete=bool(ahead) and all(one.is_complete for one in ahead),
        )
