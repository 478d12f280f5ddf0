"""`corrections.yaml` to corrections: known errors of sources, reviewed; nothing personal may stand there."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeVar

from motcua.domain.codes import DOSSIER_CODE, canonical_agency
from motcua.domain.status import UNKNOWN, ApplicantKind, Channel, Status
from motcua.registry.model import Correction, Fact, Source
from motcua.registry.reading import File, Invalid, Node, Problems, day, document, expected, refuse_unknown, text

KEYS = ("id", "match", "field", "value", "reason", "who", "since", "until")
REQUIRED_KEYS = tuple(key for key in KEYS if key != "since")
SCOPES = ("source", "group", "platform")
MATCH_KEYS = (*SCOPES, "codes", "where")
PERSONAL = ("name", "identity_kind", "identity_number", "address", "phone", "email", "summary", "fees", "components")

_ID = re.compile(r"[a-z0-9]+(?:[-_.][a-z0-9]+)*")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Correctable:
    """What a correction may refer to: sources by id, agencies and procedures by code."""

    sources: Mapping[str, Source]
    agencies: Collection[str]
    procedures: Collection[str]


def read_corrections(file: File, known: Correctable, problems: Problems) -> tuple[Correction, ...]:
    """All corrections of the file, in its order."""
    top = document(file, problems)
    refuse_unknown(top, ("corrections",), "key", problems)
    if top and "corrections" not in top:
        problems.add(f"{file.name}:1", "missing: corrections; expected a list, [] where there are none")
    found: dict[str, Correction] = {}
    for node in top["corrections"].items() if "corrections" in top else ():
        try:
            one = _correction(node, known, problems)
        except Invalid as error:
            problems.found.append(str(error))
            continue
        if one.id in found:
            problems.add(node.place, f"correction {one.id!r} stands twice")
        found[one.id] = one
    return tuple(found.values())


def _correction(node: Node, known: Correctable, problems: Problems) -> Correction:
    entries = node.mapping()
    refuse_unknown(entries, KEYS, "key", problems)
    if missing := [key for key in REQUIRED_KEYS if key not in entries]:
        raise Invalid(f"{node.place}: missing: {', '.join(missing)}; expected the keys {', '.join(KEYS)}")
    match = entries["match"].mapping()
    refuse_unknown(match, MATCH_KEYS, "key in match", problems)
    sources = _sources(entries["match"], known)
    codes, where = _codes(match), _where(match, known)
    if not codes and not where:
        raise Invalid(f"{entries['match'].place}: match: expected codes or where too: all dossiers is too many")
    field = _field(str(entries["field"].value), entries["field"])
    since = _told("since", entries["since"], day) if "since" in entries else None
    until = _told("until", entries["until"], day)
    if since is not None and until < since:
        raise Invalid(f"{entries['until'].place}: until: expected {since}, which is its since, or later, got {until}")
    return Correction(
        id=_told("id", entries["id"], _id), sources=sources, is_wide="source" not in match, codes=codes, where=where,
        field=field, value=_told("value", entries["value"], lambda value: _FACTS[field](value, known)),
        reason=_told("reason", entries["reason"], text), who=_told("who", entries["who"], text), since=since,
        until=until,
    )  # fmt: skip


def _told(key: str, node: Node, parse: Callable[[Node], _T]) -> _T:
    """The parsed value; what is wrong with it is told with its place and key."""
    try:
        return parse(node)
    except Invalid as error:
        raise Invalid(f"{node.place}: {key}: {error}") from error


def _sources(node: Node, known: Correctable) -> frozenset[str]:
    match = node.mapping()
    named = [scope for scope in SCOPES if scope in match]
    if len(named) != 1:
        raise Invalid(f"{node.place}: match: expected exactly one of {', '.join(SCOPES)}")
    scope, name = named[0], str(match[named[0]].value)
    of_source: Callable[[Source], str] = {
        "source": lambda source: source.id, "group": lambda source: source.group,
        "platform": lambda source: source.platform,
    }[scope]  # fmt: skip
    found = frozenset(source.id for source in known.sources.values() if of_source(source) == name)
    if not found:
        raise Invalid(f"{match[scope].place}: match: no source of {scope} {name!r} in the registry")
    return found


def _codes(match: Mapping[str, Node]) -> frozenset[str]:
    nodes = match["codes"].items() if "codes" in match else []
    for node in nodes:
        if not re.match(DOSSIER_CODE, str(node.value)):
            raise Invalid(f"{node.place}: codes: {expected('dossier codes such as 000.05.33.H24-181012-0001', node)}")
    return frozenset(str(node.value) for node in nodes)


def _where(match: Mapping[str, Node], known: Correctable) -> dict[str, Fact | None]:
    found: dict[str, Fact | None] = {}
    for name, node in (match["where"].mapping() if "where" in match else {}).items():
        field = _field(name, node)
        found[field] = None if node.value is None else _told(name, node, partial(_wrong, known, field))
    return found


def _wrong(known: Correctable, field: str, node: Node) -> Fact:
    """A value that a source tells: it may be one that nobody knows."""
    if field in _CODED and node.value == UNKNOWN:
        return UNKNOWN
    return text(node) if field in ("procedure_code", "agency_code") else _FACTS[field](node, known)


def _field(name: str, node: Node) -> str:
    if name in PERSONAL:
        raise Invalid(f"{node.place}: {name} is personal: it cannot be corrected here; its office mends it")
    if name not in _FACTS:
        raise Invalid(f"{node.place}: unknown field {name!r}; allowed: {', '.join(_FACTS)}")
    return name


def _id(node: Node) -> str:
    if not isinstance(node.value, str) or not _ID.fullmatch(node.value):
        raise expected("an id such as an-bien-birth-2018 (small letters, digits, - _ .)", node)
    return node.value


def _procedure(node: Node, known: Correctable) -> Fact:
    if node.value not in known.procedures:
        raise expected('a procedure of procedures.csv, in quotes, such as "1.001193"', node)
    return str(node.value)


def _agency(node: Node, known: Correctable) -> Fact:
    code = canonical_agency(str(node.value))
    if code is None or code not in known.agencies:
        raise expected("an agency of units.csv", node)
    return code


def _moment(node: Node, _: Correctable) -> Fact:
    try:
        moment = node.value if isinstance(node.value, datetime) else datetime.fromisoformat(str(node.value))
    except ValueError:
        raise expected("a moment such as 2018-10-15T17:00+07:00", node) from None
    if moment.tzinfo is None:
        raise expected("a moment with its zone, such as 2018-10-15T17:00+07:00", node)
    return moment


def _coded(allowed: Collection[int]) -> Callable[[Node, Correctable], Fact]:
    def parse(node: Node, _: Correctable) -> Fact:
        if not isinstance(node.value, int) or isinstance(node.value, bool) or node.value not in allowed:
            raise expected(f"one of {', '.join(map(str, allowed))}", node)
        return node.value

    return parse


_CODED: dict[str, Callable[[Node, Correctable], Fact]] = {
    "channel": _coded(tuple(map(int, Channel))),
    "status": _coded(tuple(map(int, Status))),
    "applicant_kind": _coded(tuple(map(int, ApplicantKind))),
    "service_level": _coded((2, 3, 4)),
}
# never the code: it says which dossier it is
_FACTS = {
    "procedure_code": _procedure,
    "agency_code": _agency,
    **_CODED,
    **dict.fromkeys(("submitted_at", "received_at", "due_at", "finished_at", "returned_at"), _moment),
}
