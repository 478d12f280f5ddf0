"""The Government portal's catalogues: read, weighed against the last, kept; where they differ, who uses old codes.

Nothing of the registry changes by it: what is to count is exported, reviewed and put in force as any other file.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import date, datetime
from typing import Any, TypedDict

import sqlalchemy as sa

from motcua.connections import Connections
from motcua.errors import CatalogueRefused, ConfigError, PortalError
from motcua.publishing.government.catalogues import Detail, Listed, read_catalogues, read_detail
from motcua.publishing.government.client import PortalClient
from motcua.registry import Registry
from motcua.settings import Settings
from motcua.steps import place
from motcua.steps.catalogue_changes import Change, differences, ended_on, proposals
from motcua.steps.deliver import PORTAL
from motcua.warehouse import Role, crosswalk
from motcua.warehouse import catalogues as kept
from motcua.warehouse.stages import stage_run

log = logging.getLogger(__name__)

# More than this of a kind is not lost in a week: it is a listing that was cut off, or a reform that a person knows of.
MOST_LOST = 0.1
# A reason may quote the portal, in words of any length and, of what it answered, with a NUL that no table keeps.
LONGEST_REASON = 500
_OF_THE_LIST = ("title", "is_in_force", "field_code", "level", "parent")
_OF_THE_DETAIL = (
    "withdrawn_on", "successor", "limit_value", "limit_unit", "online_limit_value", "online_limit_unit",
)  # fmt: skip

# Any: an entry as `warehouse.catalogues.standing` has it
Entry = dict[str, Any]


class Refresh(TypedDict):
    """What a reading came to.

    `state` is `taken`, `refused` (not believed) or `failed` (no answer); `reason` is why not, else null; entries in
    force by kind; `changed`, how many say something else than before; `differences` from the registry; `uses`, sources
    and withdrawn codes that they use; `proposed` pairs that wait for a person.
    """

    state: str
    reason: str | None
    procedures: int
    fields: int
    agencies: int
    changed: int
    differences: int
    uses: int
    proposed: int


class Use(TypedDict):
    """Dossiers of one source under one code that should not be used, or that nobody here knows.

    `state`: `withdrawn` (filed since the day `since`), `new` (the portal knows it, the registry does not yet) or
    `unknown` (neither does); `successor` is the code that a person has confirmed, or null.
    """

    source_id: str
    procedure_code: str
    state: str
    title: str | None
    since: date | None
    dossiers: int
    first_at: datetime | None
    last_at: datetime | None
    successor: str | None


def refresh_catalogues(
    *, settings: Settings, connections: Connections, as_of: datetime, requested_by: str, accept_loss: str | None = None
) -> Refresh:
    """Reads all catalogues and keeps them, or nothing of them; a portal that is down is a row, no exception.

    Args:
        as_of: the moment of this reading, later than that of the last one.
        requested_by: who asked, for the ledger.
        accept_loss: why a catalogue that has lost more than a tenth is to be believed, in words.

    Raises:
        ConfigError: the connection is not complete, `as_of` has no zone or is not after the last reading's.
    """
    if as_of.tzinfo is None:
        raise ConfigError(f"as_of: expected a time with its zone, got {as_of.isoformat()}; add +07:00")
    registry = place.registry(settings.registry)
    asked = {"as_of": as_of, "requested_by": requested_by, "accept_loss": accept_loss}
    with place.connected(settings, Role.PIPELINE) as engine, stage_run(engine, "catalogues", None) as run:
        with engine.connect() as connection:
            _refuse_older(connection, as_of)
            before = {(one["kind"], one["code"]): one for one in kept.standing(connection)}
        try:
            with closing(PortalClient(connections.get(PORTAL))) as client:
                now = _read(client, before, registry)
            if accept_loss is None:
                _weigh(before, now)
        except PortalError as error:
            state = "refused" if isinstance(error, CatalogueRefused) else "failed"
            reason = str(error).replace("\x00", "")[:LONGEST_REASON]
            log.warning("the portal's catalogues stay as they were: %r", reason)
            with engine.begin() as connection:
                kept.note(connection, {**asked, "state": state, "reason": reason})
            return {**_NOTHING, "state": state, "reason": reason}
        with engine.begin() as connection:
            taken = _take(connection, registry, before, now, asked)
        run.rows, run.peak_memory_mb = len(now), place.peak_memory_mb()
    log.info("the portal's catalogues: %s", taken)
    return taken


_NOTHING: Refresh = {
    "state": "failed", "reason": None, "procedures": 0, "fields": 0, "agencies": 0, "changed": 0, "differences": 0,
    "uses": 0, "proposed": 0,
}  # fmt: skip


def catalogue_changes(*, settings: Settings, as_of: datetime) -> list[Change]:
    """Where the catalogues as last read differ from the registry; empty where they were never read."""
    registry = place.registry(settings.registry)
    with place.connected(settings, Role.PIPELINE) as engine, engine.connect() as connection:
        return differences(standing(connection), registry, as_of)


def catalogue_uses(*, settings: Settings) -> list[Use]:
    """Sources that use withdrawn codes, or codes that the registry does not know, the most dossiers first."""
    registry = place.registry(settings.registry)
    with place.connected(settings, Role.PIPELINE) as engine, engine.connect() as connection:
        return uses(connection, registry, standing(connection))


# Any: JSON, as described
def catalogues(*, settings: Settings, as_of: datetime) -> dict[str, Any]:
    """How it stands.

    Returns:
        `refresh`, the last reading as `api.catalogue_refresh` has it, or null; and counts: `changes` (kind and change →
        how many), `uses` (state → dossiers), `pairs` (state → how many).
    """
    registry = place.registry(settings.registry)
    with place.connected(settings, Role.PIPELINE) as engine, engine.connect() as connection:
        entries = standing(connection)
        changes = [f"{one['kind']}.{one['change']}" for one in differences(entries, registry, as_of)]
        found = uses(connection, registry, entries)
        pairs = [one["state"] for one in crosswalk.listed(connection)]
        return {
            "refresh": kept.last_refresh(connection),
            "changes": {name: changes.count(name) for name in dict.fromkeys(changes)},
            "uses": {
                state: sum(one["dossiers"] for one in found if one["state"] == state)
                for state in ("withdrawn", "new", "unknown")
            },
            "pairs": {state: pairs.count(state) for state in ("proposed", "confirmed", "rejected")},
        }


def uses(connection: sa.Connection, registry: Registry, entries: Sequence[Entry]) -> list[Use]:
    """As `catalogue_uses`, of these entries."""
    procedures = {one["code"]: one for one in entries if one["kind"] == "procedure"}
    withdrawn = {code: ended_on(one) for code, one in procedures.items() if not one["is_in_force"]}
    strange = [code for code in kept.unknown_codes(connection, list(registry.procedures)) if code not in withdrawn]
    successors = {pair.old: pair.new for pair in crosswalk.confirmed(connection)}
    return [
        {
            "source_id": row["source_id"], "procedure_code": row["procedure_code"],
            "state": _state(row["procedure_code"], procedures, successors),
            "title": procedures[row["procedure_code"]]["title"] if row["procedure_code"] in procedures else None,
            "since": row["since"], "dossiers": row["dossiers"], "first_at": row["first_at"], "last_at": row["last_at"],
            "successor": successors.get(row["procedure_code"]),
        }
        for row in kept.uses(connection, {**withdrawn, **dict.fromkeys(strange)})
    ]  # fmt: skip


def _state(code: str, procedures: Mapping[str, Entry], successors: Mapping[str, str]) -> str:
    if code not in procedures:  # the portal may have forgotten what a person knows
        return "withdrawn" if code in successors else "unknown"
    return "new" if procedures[code]["is_in_force"] else "withdrawn"


def standing(connection: sa.Connection) -> list[Entry]:
    """The entries as they stand (`warehouse.catalogues.standing`), each procedure with `field_title`."""
    entries = kept.standing(connection)
    titles = {one["code"]: one["title"] for one in entries if one["kind"] == "field"}
    return [{**one, "field_title": titles.get(one["field_code"] or "", "")} for one in entries]


def _refuse_older(connection: sa.Connection, as_of: datetime) -> None:
    newest = kept.newest_taken(connection)
    if newest is not None and as_of <= newest:
        raise ConfigError(
            f"as_of: expected a moment after the last reading's, {newest.isoformat()}, got {as_of.isoformat()}"
        )


def _read(client: PortalClient, before: Mapping[tuple[str, str], Entry], registry: Registry) -> list[Entry]:
    """What the portal lists, with details of what is withdrawn or new to the registry, and what it lists no more."""
    listed = [_entry(one) for one in read_catalogues(client)]
    for one in listed:
        if one["kind"] == "procedure" and not (one["is_in_force"] and one["code"] in registry.procedures):
            one.update(_detail(read_detail(client, one["code"])))
    there = {(one["kind"], one["code"]) for one in listed}
    gone = [
        {name: known[name] for name in ("kind", "code", *kept.SAID)} | {"is_in_force": False, "is_listed": False}
        for key, known in before.items()
        if key not in there
    ]
    return listed + gone


def _entry(one: Listed) -> Entry:
    said: Entry = {name: getattr(one, name) for name in ("kind", "code", *_OF_THE_LIST)}
    return said | {"is_listed": True} | dict.fromkeys(_OF_THE_DETAIL)


def _detail(one: Detail) -> Entry:
    value, unit = one.limit or (None, None)
    online_value, online_unit = one.online_limit or (None, None)
    return {
        "withdrawn_on": one.withdrawn_on, "successor": one.successor, "limit_value": value, "limit_unit": unit,
        "online_limit_value": online_value, "online_limit_unit": online_unit,
    }  # fmt: skip


def _weigh(before: Mapping[tuple[str, str], Entry], now: Sequence[Entry]) -> None:
    """Raises CatalogueRefused when more than `MOST_LOST` of what was in force is not any more."""
    still = {(one["kind"], one["code"]) for one in now if one["is_in_force"]}
    for kind in ("procedure", "field", "agency"):
        had = {key for key, one in before.items() if key[0] == kind and one["is_in_force"]}
        lost = len(had - still)
        if lost > MOST_LOST * len(had):
            raise CatalogueRefused(
                f"{lost} of {len(had)} entries ({kind}) that were in force are so no more; if that is meant, "
                "read again with --accept-loss and say why"
            )


def _take(
    connection: sa.Connection, registry: Registry, before: Mapping[tuple[str, str], Entry], now: Sequence[Entry],
    asked: Mapping[str, Any],
) -> Refresh:  # fmt: skip
    as_of = asked["as_of"]
    kept.wait_for_others(connection)
    _refuse_older(connection, as_of)
    changed = [one for one in now if _is_changed(one, before.get((one["kind"], one["code"])))]
    news = {(one["kind"], one["code"]) for one in changed}
    same = [key for one in now if (key := (one["kind"], one["code"])) not in news and one["is_listed"]]
    kept.take(connection, same, changed, as_of)
    entries = standing(connection)
    counts = {
        f"{kind}s" if kind != "agency" else "agencies": sum(
            one["kind"] == kind and one["is_in_force"] for one in entries
        )
        for kind in ("procedure", "field", "agency")
    }
    kept.note(connection, {**asked, **counts, "state": "taken", "changed": len(changed)})
    lent = crosswalk.in_force(connection, registry)
    crosswalk.align(connection, lent, as_of)
    found = uses(connection, registry, entries)
    old = {one["procedure_code"] for one in found if one["state"] == "withdrawn"} | registry.procedures.keys()
    crosswalk.propose(connection, proposals(entries, old), as_of)
    told = [(one["source_id"], one["procedure_code"]) for one in found if one["state"] == "withdrawn"]
    kept.tell(connection, told, as_of)
    waiting = sum(one["state"] == "proposed" for one in crosswalk.listed(connection))
    return {
        "state": "taken", "reason": None, "procedures": counts["procedures"], "fields": counts["fields"],
        "agencies": counts["agencies"], "changed": len(changed),
        "differences": len(differences(entries, registry, as_of)), "uses": len(told), "proposed": waiting,
    }  # fmt: skip


def _is_changed(one: Entry, known: Entry | None) -> bool:
    return known is None or any(known[name] != one[name] for name in kept.SAID)
