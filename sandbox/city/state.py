"""What the running city remembers: the view at its clock, who is logged in, what was served, what misbehaves."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.city.clock import View, view_at
from sandbox.city.edits import Edit, Edited
from sandbox.city.listing import Listing, listing
from sandbox.city.meant import Wanted, drawn, edit_meant
from sandbox.city.misbehave import Trouble, Troubles
from sandbox.city.population import Population, build
from sandbox.city.registry import Registry, Source, canonical

IGATE_TOKEN_SECONDS, LGSP_SESSION_SECONDS = 3600, 900


@dataclass(frozen=True, slots=True)
class Installation:
    """What answers at one base path: a connection, its log-in and its sources by canonical unit."""

    connection: str
    platform: str
    path: str
    user: str
    password: str
    sources: dict[str, int]


class LogIns:
    """Tokens or sessions, each with its installation and its end on a monotonic clock."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds, self._clock = seconds, clock
        self._ends: dict[tuple[str, str], float] = {}

    def grant(self, connection: str) -> str:
        """A fresh token."""
        token = secrets.token_urlsafe(24)
        now = self._clock()
        self._ends = {key: end for key, end in self._ends.items() if end > now}
        self._ends[connection, token] = now + self._seconds
        return token

    def is_valid(self, connection: str, token: str) -> bool:
        """Whether this installation granted the token, and it has not ended."""
        return self._ends.get((connection, token), 0.0) > self._clock()


class CityState:
    """One running city.

    Attributes:
        registry: the registry's data.
        edited: everything that ever happens in the city, and what edits made of it.
        view: the city at its clock.
        revision: moves whenever what a source shows may have changed; what is filled from it is filled again then.
        installations: what answers, by base path.
        troubles: what misbehaves.
        rows_served: rows given out, by source.
        requests_served: listing requests, by source.
    """

    def __init__(
        self,
        registry: Registry,
        *,
        seed: int,
        scale: float,
        now: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.registry, self.seed, self.scale = registry, seed, scale
        self.edited = Edited(build(registry, seed=seed, scale=scale))
        self.view: View = self.view_at(now)
        self.revision = 0
        self.installations = _installations(registry, seed)
        self.troubles = Troubles()
        self.tokens = LogIns(IGATE_TOKEN_SECONDS, clock)
        self.sessions = LogIns(LGSP_SESSION_SECONDS, clock)
        self.rows_served: Counter[str] = Counter()
        self.requests_served: Counter[str] = Counter()
        self._by_code: tuple[Population | None, dict[tuple[int, str], int]] = (None, {})

    @property
    def population(self) -> Population:
        """Everything that ever happens in the city, with the edits made by its clock."""
        return self.view.city

    def set_clock(self, now: int) -> None:
        """Moves the city to another moment, earlier or later."""
        self.view = self.view_at(now)
        self.revision += 1

    def view_at(self, moment: int) -> View:
        """The city as it stood (or will stand) at another moment, with the edits made by then."""
        return view_at(self.edited.at(moment), moment)

    def edit(self, source: int, wanted: Wanted) -> Edit:
        """Makes an edit; ValueError for one that cannot be."""
        edit = edit_meant(self.view, source, wanted, self.edited)
        self.edited.add(edit)
        self.set_clock(self.view.now)
        return edit

    def undo(self, source: int) -> None:
        """Takes all edits of a source back."""
        self.edited.undo(source)
        self.set_clock(self.view.now)

    def set_trouble(self, scope: str, trouble: Trouble | None) -> None:
        """Makes a source, group or connection misbehave, or well again."""
        self.troubles.set(scope, trouble)
        self.revision += 1

    def listing(self, source: int, window: tuple[int, int], trouble: Trouble | None) -> Listing:
        """What a source lists for a window [since, until) when it is asked now."""
        if trouble is not None and trouble.mode == "shift":
            self._shift(source, trouble)
        return listing(self.view, source, window, trouble)

    def _shift(self, source: int, trouble: Trouble) -> None:
        try:
            self.edit(source, drawn(trouble.chance))
        except ValueError:  # no dossier is left to which it could happen
            self.edit(source, {"op": "insert"})

    def scopes(self, installation: Installation, source: int | None = None) -> tuple[str, ...]:
        """What may misbehave when this installation is asked (for this source), the nearest first."""
        own = () if source is None else (self.registry.sources[source].id,)
        any_source = next(iter(installation.sources.values()))
        return (*own, installation.connection, self.registry.sources[any_source].group)

    def count(self, source: Source, rows: int) -> None:
        """Notes a listing that was answered."""
        self.requests_served[source.id] += 1
        self.rows_served[source.id] += rows

    def row_of(self, code: str, sources: dict[str, int]) -> int | None:
        """The first listed row with a code, among an installation's sources."""
        if self._by_code[0] is not self.population:
            keys = list(zip(self.population.source.tolist(), self.population.listed_codes, strict=True))
            self._by_code = self.population, {keys[at]: at for at in range(len(keys) - 1, -1, -1)}
        for source in sources.values():
            dossier = self._by_code[1].get((source, code))
            if dossier is None:
                continue
            first, last = self.view.all_of(source)
            rows = (self.view.dossier[first:last] == dossier).nonzero()[0]
            return first + int(rows[0]) if len(rows) else None
        return None


def password(seed: int, name: str) -> str:
    """The password of an account: the same for the same city, guessed by nobody who has not its seed."""
    return hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()[:32]


def _installations(registry: Registry, seed: int) -> dict[str, Installation]:
    found: dict[str, Installation] = {}
    for place, source in enumerate(registry.sources):
        one = found.setdefault(
            source.base,
            Installation(
                connection=source.connection,
                platform=source.platform,
                path=source.base,
                user=f"motcua-{source.connection.replace('_', '-')}",
                password=password(seed, source.connection),
                sources={},
            ),
        )
        one.sources[canonical(source.unit)] = place
    return found
