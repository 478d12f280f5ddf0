"""What a checker says, and the one comparison that all places share: by code, lost, doubled, invented, or different."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

Facts = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One disagreement: where, about which dossier (or `-`), what of it, and both sides' words."""

    place: str
    code: str
    what: str
    expected: object
    found: object


def compare(place: str, expected: Mapping[str, Facts], found: Iterable[tuple[str, Facts]]) -> list[Finding]:
    """Compares facts by code; only the facts that are expected are looked at."""
    pairs = list(found)
    seen = dict(pairs)
    findings = [
        Finding(place=place, code=code, what="stands more than once", expected=1, found=count)
        for code, count in Counter(code for code, _ in pairs).items()
        if count > 1
    ]
    findings += [_about(place, code, "is lost", facts, None) for code, facts in expected.items() if code not in seen]
    findings += [
        _about(place, code, "is invented", None, facts) for code, facts in seen.items() if code not in expected
    ]
    return findings + [
        _about(place, code, name, value, seen[code].get(name))
        for code, facts in expected.items()
        if code in seen
        for name, value in facts.items()
        if seen[code].get(name) != value
    ]


def equal(place: str, what: str, expected: object, found: object) -> list[Finding]:
    """Compares one figure that belongs to no dossier."""
    return [] if expected == found else [_about(place, "-", what, expected, found)]


def told(findings: Sequence[Finding]) -> str:
    """What went wrong, a line for each kind of disagreement, with how many there are and the first of them."""
    first = {(finding.place, finding.what): finding for finding in reversed(findings)}
    counts = Counter((finding.place, finding.what) for finding in findings)
    return "\n".join(
        f"{place}: {what}: {count}, as {first[place, what].code}: expected {first[place, what].expected}, "
        f"found {first[place, what].found}"
        for (place, what), count in counts.items()
    )


def _about(place: str, code: str, what: str, expected: object, found: object) -> Finding:
    return Finding(place=place, code=code, what=what, expected=expected, found=found)
