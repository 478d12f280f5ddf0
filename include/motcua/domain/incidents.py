"""How an incident opens, worsens and closes by itself, out of what is seen at one moment after another. Pure rules.

What comes and goes is one incident: it opens only when seen for as long as its kind says, and is over only when it
has not been seen for as long as its kind says. Between two looks it counts as what the first one saw.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from motcua.domain.incident_kinds import KINDS, Kind, Severity

__all__ = ["KINDS", "Advance", "Incident", "Kind", "Severity", "Trouble", "advance", "of_age"]

# Codes, classes and counts: never a value of a dossier, never somebody else's words.
Facts = Mapping[str, str | int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What is wrong at this moment.

    Attributes:
        kind: of `KINDS`.
        subject: a source, platform, stage, DAG or channel; `motcua` for the whole.
    """

    kind: str
    subject: str
    severity: Severity
    facts: Facts = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One trouble over time; `opened_at` is None while it has not been seen for long enough.

    Attributes:
        incident_id: None until it is kept.
        gone_since: it has not been seen from this look on, but is not over yet.
    """

    incident_id: int | None = None
    kind: str
    subject: str
    severity: Severity
    facts: Facts
    first_seen: datetime
    last_seen: datetime
    gone_since: datetime | None = None
    opened_at: datetime | None = None
    closed_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether people know of it, or are to."""
        return self.opened_at is not None and self.closed_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """An incident after a look, and what of it is news: `opened, worsened, closed` or None."""

    incident: Incident
    change: str | None


def of_age(kind: Kind, subject: str, age: timedelta, **facts: str | int) -> Trouble:
    """A trouble that is graver when it has lasted for long; `age` in the time that counts for it."""
    is_long = kind.critical_after is not None and age >= kind.critical_after
    severity = Severity.CRITICAL if is_long else kind.severity
    return Trouble(kind=kind.name, subject=subject, severity=severity, facts={**facts, "minutes": _minutes(age)})


def advance(
    alive: Sequence[Incident], present: Iterable[Trouble], *, as_of: datetime, kinds: Mapping[str, Kind] = KINDS
) -> list[Advance]:
    """All incidents that are not closed, as they stand after this look: those that were alive, then new ones.

    Args:
        alive: at most one for each kind and subject.
        present: at most one for each kind and subject.
        as_of: of the look; looks come in the order of their moments.
        kinds: as the registry has them; an incident of none of them closes.
    """
    seen = {(trouble.kind, trouble.subject): trouble for trouble in present}
    steps = []
    for incident in alive:
        trouble = seen.pop((incident.kind, incident.subject), None)
        kind = kinds.get(incident.kind)
        steps.append(_gone(incident, kind, as_of) if trouble is None else _seen(incident, trouble, kinds, as_of))
    return steps + [_new(trouble, kinds, as_of) for trouble in seen.values()]


def _new(trouble: Trouble, kinds: Mapping[str, Kind], as_of: datetime) -> Advance:
    incident = Incident(
        kind=trouble.kind, subject=trouble.subject, severity=trouble.severity, facts=trouble.facts,
        first_seen=as_of, last_seen=as_of,
    )  # fmt: skip
    return _seen(incident, trouble, kinds, as_of)


def _seen(incident: Incident, trouble: Trouble, kinds: Mapping[str, Kind], as_of: datetime) -> Advance:
    now = replace(
        incident, severity=trouble.severity, facts=trouble.facts, last_seen=max(incident.last_seen, as_of),
        gone_since=None,
    )  # fmt: skip
    if now.is_open:
        return Advance(incident=now, change="worsened" if now.severity.rank > incident.severity.rank else None)
    if as_of - now.first_seen < kinds[now.kind].opens_after:
        return Advance(incident=now, change=None)
    return Advance(incident=replace(now, opened_at=as_of), change="opened")


def _gone(incident: Incident, kind: Kind | None, as_of: datetime) -> Advance:
    if not incident.is_open:  # it was never told: nothing to take back
        return Advance(incident=replace(incident, closed_at=as_of), change=None)
    since = incident.gone_since or as_of
    if kind is not None and as_of - since < kind.closes_after:
        return Advance(incident=replace(incident, gone_since=since), change=None)
    return Advance(incident=replace(incident, gone_since=since, closed_at=as_of), change="closed")


def _minutes(age: timedelta) -> int:
    return int(age.total_seconds()) // 60
