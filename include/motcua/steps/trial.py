"""A change of rules tried on the whole archive: what would newly fail or pass. It writes nothing and asks no source."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict

import pandas as pd

from motcua.connections import Connections
from motcua.domain.calendar import VIETNAM
from motcua.settings import Settings
from motcua.steps import place
from motcua.steps.cycles import named, packed
from motcua.steps.judge import ROWS_AT_ONCE, are_held, verdicts
from motcua.steps.mapped import map_batches
from motcua.steps.quarantine import words_there
from motcua.steps.tables import identity_of
from motcua.steps.workers import workers
from motcua.warehouse import Role
from motcua.warehouse.words import Words

log = logging.getLogger(__name__)


class Change(TypedDict):
    """One dossier whose verdict would change: the first rule that it would break, or that it broke."""

    source_id: str
    identity: str
    rule: str


class Trial(TypedDict):
    """How many dossiers were judged, and which of them would newly fail and newly pass."""

    dossiers: int
    fails: list[Change]
    passes: list[Change]


def try_rules(*, settings: Settings, connections: Connections, as_of: datetime, sources: Sequence[str] = ()) -> Trial:
    """Judges all that the present state rests on by this code and the registry that `settings` names.

    What is compared with is what the warehouse holds: `fails` are accepted and would be refused, `passes` stand in
    quarantine and would be accepted. A replay of everything with the same code and registry does just that.

    Raises:
        ConfigError: a source is not in that registry, or a page not in the archive.
    """
    registry = place.registry(settings.registry)
    named(registry, sources)
    with place.connected(settings, Role.PIPELINE) as engine:
        looking = engine.connect().execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with looking as connection:
            found = words_there(connection, settings, sources=sources, rules=(), everything=True)
            words = [one for one in found if one.source_id in registry.sources]
    import motcua.quality  # noqa: F401  # loaded once: the workers share it

    with workers(settings.workers) as pool:
        parts = packed(words, _size)
        tried = [pool.submit(_try, settings, connections, as_of, part) for part in parts]
        outcomes = [future.result() for future in tried]
    changes = pd.concat([_NONE, *(one for one, _ in outcomes)], ignore_index=True)
    wanted, judged = sum(map(_size, words)), sum(rows for _, rows in outcomes)
    if judged != wanted:
        log.warning("%d dossiers were expected on their pages, %d were found", wanted, judged)
    fails, passes = (
        changes[changes["fails"] == is_failing].sort_values(["source_id", "identity"]).drop(columns="fails")
        for is_failing in (True, False)
    )
    return {
        "dossiers": judged,
        "fails": fails.to_dict("records"),  # type: ignore[typeddict-item]  # pandas knows no rows
        "passes": passes.to_dict("records"),  # type: ignore[typeddict-item]  # likewise
    }


def _size(words: Words) -> int:
    return len(words.refused) + len(words.held)


_NONE = pd.DataFrame({"source_id": [], "identity": [], "rule": []}, dtype="str").assign(fails=pd.Series(dtype="bool"))


def _try(
    settings: Settings, connections: Connections, as_of: datetime, words: Sequence[Words]
) -> tuple[pd.DataFrame, int]:
    """What would change of some sources: `source_id, identity, rule, fails`; and how many dossiers were judged."""
    with place.connected(settings, Role.PIPELINE) as engine:
        registry = place.registry_in_force(settings.registry, engine)
    listings = [one for some in words for one in some.listings]
    archive = place.archive(settings, connections)
    found, judged = [_NONE], 0
    # cycle 0: what is judged here is of none
    day = as_of.astimezone(VIETNAM).date()
    for read in map_batches(listings, archive, registry, cycle_id=0, rows_at_once=ROWS_AT_ONCE, day=day):
        _, current, verdict = verdicts(read, registry, as_of)
        judged += len(current)
        rules = verdict.findings[verdict.findings["is_primary"]].set_index("row")["rule"]
        is_held = are_held(current, {one.source_id: one.held for one in words})
        failing = current.loc[is_held & current.index.isin(verdict.refused), ["source_id", "code"]]
        found.append(failing.rename(columns={"code": "identity"}).assign(rule=rules.reindex(failing.index), fails=True))
        found.append(_passing(current[~is_held].drop(index=verdict.refused, errors="ignore"), words))
    return pd.concat(found, ignore_index=True), judged


def _passing(accepted: pd.DataFrame, words: Sequence[Words]) -> pd.DataFrame:
    """Of rows that pass now, those that stand in quarantine, under the identity that they have there."""
    by_source = {one.source_id: one for one in words}
    rows = accepted[["source_id", "code", "page_sha256", "page_row"]].itertuples(index=False)
    changes = [
        {"source_id": source, "identity": identity, "rule": by_source[source].refused[identity], "fails": False}
        for source, code, sha256, row in rows
        for identity in _identities(by_source[source], code, (sha256, row))
    ]
    return pd.DataFrame(changes, columns=_NONE.columns)


def _identities(words: Words, code: str, where: tuple[str, int]) -> set[str]:
    """What is open of a word: by its code, or by the place where it had none."""
    return {identity_of(code), words.nameless.get(where, "")} & words.refused.keys()
