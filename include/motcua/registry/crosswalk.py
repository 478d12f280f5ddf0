"""Two codes of one procedure: which entry of `procedures.csv` counts for a code that the file does not have.

The pairs are not the file's: a person has confirmed each. An entry of the file is never replaced.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from motcua.registry.model import Registry


@dataclass(frozen=True, slots=True)
class Pair:
    """An old code, the one in its place, and what each was called, or None."""

    old: str
    new: str
    old_title: str | None = None
    new_title: str | None = None


def lend(registry: Registry, pairs: Collection[Pair]) -> Registry:
    """The registry in which each code of a pair that the file lacks has the entry of the other, under its own name.

    What is lent is everything but code and name: field, level, limits, and whether it is sensitive. By both
    fingerprints, what is made with it is told apart from what the files alone make.

    Args:
        registry: as loaded.
        pairs: at most one of each old code, without a circle.
    """
    lenders = lenders_of(registry.procedures.keys(), pairs)
    if not lenders:
        return registry
    titles = {code: title for one in pairs for code, title in ((one.old, one.old_title), (one.new, one.new_title))}
    whose = {code: registry.procedures[lender] for code, lender in lenders.items()}
    lent = {
        code: replace(one, code=code, name=titles[code] or one.name, lent_by=one.code) for code, one in whose.items()
    }
    told = "".join(f"\n{code} {lender}" for code, lender in sorted(lenders.items()))
    whole, verdicts = (
        hashlib.sha256(f"{before}{told}".encode()).hexdigest()
        for before in (registry.fingerprint, registry.fingerprint_of_verdicts)
    )
    return replace(
        registry, procedures={**registry.procedures, **lent}, fingerprint=whole, fingerprint_of_verdicts=verdicts
    )


def lenders_of(known: Collection[str], pairs: Collection[Pair]) -> dict[str, str]:
    """Each code of a pair that is not `known` → the known one whose entry counts for it, in order; others are left out.

    The nearest that came after it; where none did, the nearest that it came after, of several the least.
    """
    after = {one.old: one.new for one in pairs}
    before: dict[str, list[str]] = defaultdict(list)
    for one in pairs:
        before[one.new].append(one.old)
    found: dict[str, str] = {}
    for code in sorted({code for one in pairs for code in (one.old, one.new)} - set(known)):
        lender = _first(code, {old: [new] for old, new in after.items()}, known) or _first(code, before, known)
        if lender is not None:
            found[code] = lender
    return found


def would_circle(old: str, new: str, pairs: Iterable[Pair]) -> bool:
    """Whether a pair more would lead from a code back to itself."""
    after = {one.old: one.new for one in pairs} | {old: new}
    seen = {old}
    while (code := after.get(old)) is not None:
        if code in seen:
            return True
        seen.add(code)
        old = code
    return False


def _first(code: str, ways: Mapping[str, list[str]], known: Collection[str]) -> str | None:
    """The least of the nearest known codes along the ways, code by code further away."""
    reached, border = {code}, [code]
    while border:
        border = sorted({there for here in border for there in ways.get(here, ())} - reached)
        if met := [there for there in border if there in known]:
            return met[0]
        reached.update(border)
    return None
