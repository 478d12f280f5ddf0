"""Pairs of codes that are one procedure: looked at, confirmed or rejected by a person, whose word is kept.

A dossier keeps the code it was filed under. What a confirmed pair does is to lend: the code that the registry lacks is
judged, named and told by the entry of the other, until the registry has one of its own.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict

import sqlalchemy as sa

from motcua.domain.codes import PROCEDURE_CODE, short_procedure
from motcua.errors import ConfigError
from motcua.registry import Registry
from motcua.registry.crosswalk import would_circle
from motcua.settings import Settings
from motcua.steps import place
from motcua.warehouse import Role
from motcua.warehouse import catalogues as kept
from motcua.warehouse import crosswalk as pairs

log = logging.getLogger(__name__)


class Decided(TypedDict):
    """What was decided: `lent`, codes → whose entry they have now; `aligned`, how many dossiers have another field."""

    old_code: str
    new_code: str
    decision: str
    lent: dict[str, str]
    aligned: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """Who says so, when, why, and from where (`cli`, `airflow`, …)."""

    by: str
    at: datetime
    reason: str
    via: str


# Any: rows of `api.crosswalk`
def crosswalk(*, settings: Settings) -> list[dict[str, Any]]:
    """Every pair, what waits for a person first: the columns of `api.crosswalk`."""
    with place.connected(settings, Role.PIPELINE) as engine, engine.connect() as connection:
        return pairs.listed(connection)


def confirm_pair(*, settings: Settings, old_code: str, new_code: str, word: Word) -> Decided:
    """From now on both codes are one procedure; whether it was proposed or not.

    Raises:
        ConfigError: a code has not the shape of one, the old one is in force or has another successor already, the new
            one is not known or withdrawn itself, or the pair leads in a circle; or nobody or no reason is named.
    """
    return _decide(settings, old_code, new_code, word, "confirmed")


def reject_pair(*, settings: Settings, old_code: str, new_code: str, word: Word) -> Decided:
    """They are two procedures; what was lent is lent no more, and nobody is asked about this pair again.

    Raises:
        ConfigError: the pair was neither proposed nor confirmed; or nobody or no reason is named.
    """
    return _decide(settings, old_code, new_code, word, "rejected")


def _decide(settings: Settings, old_code: str, new_code: str, word: Word, decision: str) -> Decided:
    if not word.by.strip() or not word.reason.strip():
        raise ConfigError("a decision about codes needs a name and a reason: both stay in the ledger")
    old, new = _code(old_code), _code(new_code)
    registry = place.registry(settings.registry)
    with place.connected(settings, Role.PIPELINE) as engine, engine.begin() as connection:
        pairs.wait_for_others(connection)
        entries = {one["code"]: one for one in kept.standing(connection) if one["kind"] == "procedure"}
        if decision == "confirmed":
            _refuse_wrong(connection, old, new, entries, registry)
        elif (old, new) not in {(one["old_code"], one["new_code"]) for one in pairs.listed(connection)}:
            raise ConfigError(f"{old} → {new} was neither proposed nor confirmed: `motcua catalogues crosswalk` lists")
        titles = {code: _title(code, entries, registry) for code in (old, new)}
        pairs.decide(connection, {
            "old_code": old, "new_code": new, "decision": decision, "old_title": titles[old],
            "new_title": titles[new], "reason": word.reason.strip(), "decided_by": word.by.strip(),
            "decided_at": word.at, "via": word.via,
        })  # fmt: skip
        lent = pairs.in_force(connection, registry)
        aligned = pairs.align(connection, lent, word.at)
    log.info("%s → %s %s: %d dossiers have a field now", old, new, decision, aligned)
    return {
        "old_code": old, "new_code": new, "decision": decision, "aligned": aligned,
        "lent": {code: one.lent_by for code, one in lent.procedures.items() if one.lent_by is not None},
    }  # fmt: skip


def _code(text: str) -> str:
    code = short_procedure(text)
    if code is None:
        raise ConfigError(f"expected a procedure such as 1.001193 ({PROCEDURE_CODE}), got {text!r}")
    return code


def _refuse_wrong(
    connection: sa.Connection, old: str, new: str, entries: Mapping[str, Mapping[str, Any]], registry: Registry
) -> None:
    if old == new:
        raise ConfigError(f"{old} cannot take its own place")
    if old in entries and entries[old]["is_in_force"]:
        raise ConfigError(f"{old} is in force at the portal: nothing takes its place")
    if new in entries and not entries[new]["is_in_force"]:
        raise ConfigError(f"{new} has been withdrawn itself: name what is in force")
    if new not in entries and new not in registry.procedures:
        raise ConfigError(f"neither the portal's catalogue nor the registry knows {new}")
    confirmed = pairs.confirmed(connection)
    others = [one.new for one in confirmed if one.old == old and one.new != new]
    if others:
        raise ConfigError(f"{old} → {others[0]} is confirmed: `motcua catalogues reject {old} {others[0]}` first")
    if would_circle(old, new, confirmed):
        raise ConfigError(f"{old} → {new} would lead in a circle with what is confirmed already")


def _title(code: str, entries: Mapping[str, Mapping[str, Any]], registry: Registry) -> str | None:
    if code in entries:
        return str(entries[code]["title"])
    return registry.procedures[code].name if code in registry.procedures else None
