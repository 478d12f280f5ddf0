"""`alerts.yaml` to what people are told of and from when on; without the file the figures of the code count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import time, timedelta

from motcua.domain.incident_kinds import KINDS, Kind, Severity
from motcua.registry.reading import File, Invalid, Node, Problems, document, expected, refuse_unknown

KEYS = ("tell_from", "digest_at", "kinds")
MINUTES = {name: f"{name}_minutes" for name in ("limit", "critical_after", "opens_after", "closes_after")}
OF_A_KIND = ("severity", *MINUTES.values())
SEVERITIES = tuple(Severity)
MOST_MINUTES = 60 * 24 * 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """What people are told of.

    Attributes:
        tell_from: nothing less grave is in a message; all of it is on the page and in `api.incident`.
        digest_at: from when on in a working day, the city's time, one message has all that is still open.
        kinds: of trouble, by name, in the order of a message.
    """

    tell_from: Severity = Severity.WARNING
    digest_at: time = time(7, 30)
    kinds: Mapping[str, Kind] = field(default_factory=lambda: dict(KINDS))


def read_alerts(file: File | None, problems: Problems) -> Alerts:
    """The file over the figures of the code; all of these where there is no file."""
    top = document(file, problems) if file else {}
    refuse_unknown(top, KEYS, "key", problems)
    kinds = dict(KINDS)
    alerts = Alerts(kinds=kinds)
    try:
        if "tell_from" in top:
            alerts = replace(alerts, tell_from=_severity("tell_from", top["tell_from"], problems))
        if "digest_at" in top:
            alerts = replace(alerts, digest_at=_clock(top["digest_at"]))
        for name, node in top["kinds"].mapping().items() if "kinds" in top else ():
            if name not in KINDS:
                problems.unknown(node.place, "kind", name, KINDS)
                continue
            kinds[name] = _kind(KINDS[name], node, problems)
    except Invalid as error:
        problems.found.append(str(error))
    return alerts


def _kind(kind: Kind, node: Node, problems: Problems) -> Kind:
    entry = node.mapping()
    refuse_unknown(entry, OF_A_KIND, "key", problems)
    # a figure that its rule does not ask for would change nothing in silence
    for name in ("limit", "critical_after"):
        if MINUTES[name] in entry and getattr(kind, name) is None:
            problems.add(entry[MINUTES[name]].place, f"{kind.name} has no {MINUTES[name]}: leave the key out")
    given = {name: _minutes(key, entry[key]) for name, key in MINUTES.items() if key in entry}
    severity = _severity("severity", entry["severity"], problems) if "severity" in entry else kind.severity
    return replace(
        kind, severity=severity, limit=given.get("limit", kind.limit),
        critical_after=given.get("critical_after", kind.critical_after),
        opens_after=given.get("opens_after", kind.opens_after),
        closes_after=given.get("closes_after", kind.closes_after),
    )  # fmt: skip


def _severity(key: str, node: Node, problems: Problems) -> Severity:
    if node.value not in SEVERITIES:
        problems.unknown(node.place, key, str(node.value), SEVERITIES)
        return Severity.WARNING
    return Severity(str(node.value))


def _clock(node: Node) -> time:
    try:
        return time.fromisoformat(node.value if isinstance(node.value, str) else "")
    except ValueError:
        raise Invalid(f"{node.place}: digest_at: {expected('a time in quotes such as 07:30', node)}") from None


def _minutes(key: str, node: Node) -> timedelta:
    value = node.value
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST_MINUTES:
        raise Invalid(f"{node.place}: {key}: {expected(f'whole minutes from 0 to {MOST_MINUTES}', node)}")
    return timedelta(minutes=value)
