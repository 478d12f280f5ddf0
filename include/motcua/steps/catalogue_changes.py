"""Where the portal's catalogues and the registry's files differ, and which pairs of codes may be one procedure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime
from difflib import SequenceMatcher
from typing import Any, TypedDict

from motcua.domain.calendar import VIETNAM
from motcua.domain.text import fold
from motcua.registry import Procedure, Registry

# Below, titles of one field are alike because they are of one field; three are as many as a person compares.
ALIKE, MOST_PROPOSED = 0.8, 3
# As far as titles are compared: it costs the square of their length, few are longer, and a person reads them whole.
COMPARED = 300

# Any: an entry as `warehouse.catalogues.standing` has it
Entry = Mapping[str, Any]


class Change(TypedDict):
    """One difference.

    `change` is of procedures `new, renamed, withdrawn, republished, moved, unlisted`, of fields `coded` (a code of ours
    has a national one), of agencies `new, renamed, ended, unlisted`. `before` and `after` are titles, of `coded` codes,
    of `withdrawn` and `republished` the title and the code in its place (null: none is told). `since` is the day of a
    withdrawal where the portal tells it, else the day of the first reading that had it so.
    """

    kind: str
    change: str
    code: str
    before: str | None
    after: str | None
    since: date


class Proposal(TypedDict):
    """A pair that may be one procedure: by the portal's own word (`portal`, score 1), or by what they are called."""

    old_code: str
    new_code: str
    origin: str
    score: float
    old_title: str
    new_title: str


def differences(entries: Sequence[Entry], registry: Registry, as_of: datetime) -> list[Change]:
    """Where the catalogues and the registry differ, agencies as they are on the day of `as_of`: by kind, then code."""
    if not entries:
        return []
    by_kind = {kind: {one["code"]: one for one in entries if one["kind"] == kind} for kind in ("procedure", "agency")}
    newest = max(one["last_seen"] for one in entries)
    changes = [
        *_procedures(by_kind["procedure"], registry, newest),
        *_fields(by_kind["procedure"], registry),
        *_agencies(by_kind["agency"], registry, as_of, newest),
    ]
    return sorted(changes, key=lambda one: (KINDS.index(one["kind"]), one["change"], one["code"]))


KINDS = ("procedure", "field", "agency")


def ended_on(entry: Entry) -> date:
    """First day on which a withdrawn entry is no more, as far as anybody knows."""
    day: date = entry["withdrawn_on"] or _day(entry["valid_from"])
    return day


def proposals(entries: Sequence[Entry], old_codes: Collection[str]) -> list[Proposal]:
    """What may have taken the place of each of `old_codes` that is withdrawn: the portal's word, else what is alike."""
    procedures = {one["code"]: one for one in entries if one["kind"] == "procedure"}
    found: list[Proposal] = []
    for code in sorted(old_codes):
        old = procedures.get(code)
        if old is None or old["is_in_force"]:
            continue
        successor = procedures.get(old["successor"] or "")
        if successor is not None:
            found.append(_proposal(old, successor, "portal", 1.0))
        else:
            found += [_proposal(old, new, "title", score) for score, new in _alike(old, procedures.values())]
    return found


def _procedures(entries: Mapping[str, Entry], registry: Registry, newest: datetime) -> Iterator[Change]:
    for code, known in registry.procedures.items():
        entry = entries.get(code)
        if entry is None:
            yield _change("procedure", "unlisted", code, known.name, None, _day(newest))
        elif not entry["is_in_force"]:
            yield _withdrawn(entry, entries)
        else:
            if entry["title"] != known.name:
                yield _change("procedure", "renamed", code, known.name, entry["title"], _day(entry["valid_from"]))
            if _is_moved(entry, known, registry):
                yield _change(
                    "procedure", "moved", code, known.field_name, entry["field_code"], _day(entry["valid_from"])
                )
    for code, entry in entries.items():
        if code not in registry.procedures and entry["is_in_force"]:
            yield _change("procedure", "new", code, None, entry["title"], _day(entry["valid_from"]))


def _withdrawn(entry: Entry, entries: Mapping[str, Entry]) -> Change:
    successor = entries.get(entry["successor"] or "")
    is_same = successor is not None and fold(successor["title"]) == fold(entry["title"])
    change = "republished" if is_same else "withdrawn"
    return _change("procedure", change, entry["code"], entry["title"], entry["successor"], ended_on(entry))


def _is_moved(entry: Entry, known: Procedure, registry: Registry) -> bool:
    """Whether another field; one that the registry has made up a code for is the field that is called alike."""
    if entry["field_code"] == known.field_code:
        return False
    return not (known.placeholder_field and fold(entry["field_title"]) == fold(registry.fields[known.field_code]))


def _fields(entries: Mapping[str, Entry], registry: Registry) -> Iterator[Change]:
    """Codes of ours that have a national one now: those of procedures that stayed in the field of that name."""
    coded: dict[tuple[str, str], date] = {}
    for code, known in registry.procedures.items():
        entry = entries.get(code)
        if entry is not None and known.placeholder_field and not _is_moved(entry, known, registry):
            pair, day = (known.field_code, entry["field_code"]), _day(entry["valid_from"])
            coded[pair] = min(day, coded.get(pair, day))
    for (made_up, national), day in coded.items():
        yield _change("field", "coded", national, made_up, registry.fields[made_up], day)


def _agencies(
    entries: Mapping[str, Entry], registry: Registry, as_of: datetime, newest: datetime
) -> Iterator[Change]:  # fmt: skip
    known = registry.units_on(_day(as_of))
    for code, unit in known.items():
        entry = entries.get(code)
        if entry is None:
            if unit.parent is not None:  # the city itself is above what it lists
                yield _change("agency", "unlisted", code, unit.name, None, _day(newest))
        elif not entry["is_in_force"]:
            yield _change("agency", "ended", code, unit.name, None, ended_on(entry))
        elif fold(entry["title"]) != fold(unit.name):
            yield _change("agency", "renamed", code, unit.name, entry["title"], _day(entry["valid_from"]))
    for code, entry in entries.items():
        if code not in known and entry["is_in_force"]:
            yield _change("agency", "new", code, None, entry["title"], _day(entry["valid_from"]))


def _alike(old: Entry, others: Collection[Entry]) -> list[tuple[float, Entry]]:
    """Of its field and in force, the most alike first."""
    title = _compared(old)
    scored = [
        (round(SequenceMatcher(None, title, _compared(one), autojunk=False).ratio(), 3), one)
        for one in others
        if one["is_in_force"] and one["field_code"] == old["field_code"]
    ]
    best = sorted((pair for pair in scored if pair[0] >= ALIKE), key=lambda pair: (-pair[0], pair[1]["code"]))
    return best[:MOST_PROPOSED]


def _compared(one: Entry) -> str:
    return fold(one["title"])[:COMPARED]


def _proposal(old: Entry, new: Entry, origin: str, score: float) -> Proposal:
    return {
        "old_code": old["code"], "new_code": new["code"], "origin": origin, "score": score, "old_title": old["title"],
        "new_title": new["title"],
    }  # fmt: skip


def _change(kind: str, change: str, code: str, before: str | None, after: str | None, since: date) -> Change:
    return {"kind": kind, "change": change, "code": code, "before": before, "after": after, "since": since}


def _day(moment: datetime) -> date:
    return moment.astimezone(VIETNAM).date()
