"""`precedence.yaml`: whose word counts where several sources tell of one dossier; every fact in exactly one group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from motcua.registry.model import Claims, Precedence
from motcua.registry.reading import File, Invalid, Node, Problems, document

# Who is in line follows from where a dossier was filed, and not the reverse.
CRITERIA = {
    "filed": ("named", "first_received", "newest", "source"),
    "progress": ("in_line", "named", "first_received", "newest", "source"),
}
FACTS = (
    "agency_code", "unit_code", "procedure_code", "field_code", "channel", "service_level", "applicant_kind",
    "result_delivery", "paid_online", "digitised", "submitted_at", "received_at", "due_at", "due_source", "status",
    "finished_at", "returned_at", "refused_at",
)  # fmt: skip
# tells any two claims apart
TIE_BREAK = "source"


def read_precedence(file: File, problems: Problems) -> Precedence:
    """The file's groups, with every problem noted."""
    top = _keys(document(file, problems), (*CRITERIA, "alike"), file.name, problems)
    claims = {name: _claims(top.get(name), criteria, problems) for name, criteria in CRITERIA.items()}
    told = [fact for one in claims.values() for fact in one.facts]
    if top and sorted(told) != sorted(FACTS):
        odd = sorted(set(FACTS) ^ set(told) | {fact for fact in told if told.count(fact) > 1})
        problems.add(f"{file.name}:1", f"expected each fact once, in filed or in progress: {', '.join(odd)}")
    return Precedence(
        filed=claims["filed"], progress=claims["progress"], alike=_words(top.get("alike"), "fact", FACTS, problems)
    )


def _claims(node: Node | None, criteria: Sequence[str], problems: Problems) -> Claims:
    if node is None:
        return Claims(order=(), facts=())
    try:
        group = _keys(node.mapping(), ("order", "facts"), node.place, problems)
    except Invalid as error:
        problems.found.append(str(error))
        return Claims(order=(), facts=())
    order = _words(group.get("order"), "criterion", criteria, problems)
    if order[-1:] != (TIE_BREAK,):
        problems.add(node.place, f"order: expected {TIE_BREAK} at its end, which tells any two claims apart")
    return Claims(order=order, facts=_words(group.get("facts"), "fact", FACTS, problems))


def _keys(entries: Mapping[str, Node], allowed: Sequence[str], place: str, problems: Problems) -> Mapping[str, Node]:
    """The entries, of which all must be there and no other."""
    for key, node in entries.items():
        if key not in allowed:
            problems.unknown(node.place, "key", key, allowed)
    for key in allowed:
        if entries and key not in entries:
            problems.add(place, f"missing: {key}")
    return entries


def _words(node: Node | None, what: str, allowed: Sequence[str], problems: Problems) -> tuple[str, ...]:
    found = node.items() if node is not None else []
    for one in found:
        if one.value not in allowed:
            problems.unknown(one.place, what, str(one.value), allowed)
    return tuple(str(one.value) for one in found)
