"""Judges a chunk of batches: maps their archived pages, runs the rule book, stages rows ready for the merge.

Mapping starts from the archive, for many sources at once: columns are cheap and frames are not, and a replay takes
the very same path as the first reading. A chunk that is larger than `ROWS_AT_ONCE` is one large source: it is judged
slice by slice, so that memory stays what it is for the others; what stands twice in two slices is the merge's business.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

import pandas as pd
import sqlalchemy as sa

from motcua.connections import Connections
from motcua.domain.calendar import VIETNAM
from motcua.failpoints import pass_by
from motcua.landing import Staging
from motcua.mapping import derive
from motcua.registry import Registry
from motcua.settings import Settings
from motcua.steps import corrected, place, tables
from motcua.steps.absence import present
from motcua.steps.lineage import judged_by
from motcua.steps.mapped import Mapped, map_batches
from motcua.steps.slices import FRAMES
from motcua.warehouse import Role, ledger
from motcua.warehouse.pages import Pages, pages_of
from motcua.warehouse.stages import stage_run
from motcua.warehouse.words import Words, all_words, refused_words

if TYPE_CHECKING:
    from motcua.quality import Verdict

log = logging.getLogger(__name__)

# One judging process holds at most so many rows: what keeps it under 768 MiB, Great Expectations and Airflow included
# (design, decision 5, allows 50,000; those took 780 to 860).
ROWS_AT_ONCE = 25_000


def judge(
    *, settings: Settings, connections: Connections, cycle_id: int, part: str, batches: list[str]
) -> dict[str, int]:
    """Maps and judges batches, and stages `FRAMES` of each slice in a place of its own within `part`.

    Returns:
        `rows, accepted, quarantined` (rows, not dossiers).
    """
    with (
        place.connected(settings, Role.PIPELINE) as engine,
        stage_run(engine, "judge", cycle_id) as run,
    ):
        with engine.connect() as connection:
            cycle = ledger.cycle(connection, cycle_id)
            pages = pages_of(connection, batches)
            words = _judged_before(connection, cycle, [batch for batch in pages if batch.is_replay])
        registry = place.registry_in_force(settings.registry, engine)
        staging = place.staging(settings, connections)
        own = f"{part}/{secrets.token_hex(4)}"  # of this try: another, which may be cut otherwise, has its own
        archive = place.archive(settings, connections)
        pass_by("judge.before_mapping")
        listings = pages if words is None else [one for some in words for one in some.listings]
        slices = map_batches(
            listings, archive, registry, cycle_id=cycle_id, rows_at_once=ROWS_AT_ONCE,
            day=cycle.as_of.astimezone(VIETNAM).date(),
        )  # fmt: skip
        held = {one.source_id: one.held for one in words or ()}
        stage = partial(_judge_slice, staging, own, registry, cycle.as_of, pages, held)
        # by `map`, which lets a slice go before the next one is made
        outcomes = list(map(stage, count(), slices))
        told = corrected.issues(
            [one.used for one in outcomes], pages, registry, cycle_id=cycle_id, as_of=cycle.as_of
        )  # fmt: skip
        if not told.empty:
            _add_issues(staging, f"{own}/{len(outcomes) - 1}", told)
        pass_by("judge.before_marked")
        with engine.begin() as connection:
            makers = _judged_by(registry, pages, cycle_id)
            ledger.mark_judged(connection, cycle_id, makers, _newest(outcomes), staged=own)
        run.rows, run.peak_memory_mb = sum(one.rows for one in outcomes), place.peak_memory_mb()
        refused = sum(one.refused for one in outcomes)
        log.info("judged %d rows of %d batches: %d refused", run.rows, len(batches), refused)
    return {"rows": run.rows, "accepted": sum(one.accepted for one in outcomes), "quarantined": refused}


def _judged_by(registry: Registry, pages: Sequence[Pages], cycle_id: int) -> dict[str, dict[str, str]]:
    """Of each batch."""
    return {f"{cycle_id}.{batch.source_id}": judged_by(registry, registry.sources[batch.source_id]) for batch in pages}


def _judged_before(connection: sa.Connection, cycle: ledger.Cycle, replays: Sequence[Pages]) -> list[Words] | None:
    """Of replays, what is judged again as things stand at this moment; None: there are none."""
    if not replays:
        return None
    sources = [batch.source_id for batch in replays]

    def found(lacking: Collection[str]) -> list[Words]:
        if cycle.is_full:
            return all_words(connection, sources=sources, lacking=lacking)
        return refused_words(connection, sources=sources, rules=(), lacking=lacking)

    words = found(())
    # pages that were gone when it began, or that have been read since
    lacking = {page.sha256 for one in words for page in one.pages} - {
        page.sha256 for batch in replays for page in batch.pages
    }
    return found(lacking) if lacking else words


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of a slice's rows, the corrections on them, and the newest change time of each source in it."""

    rows: int
    accepted: int
    refused: int
    used: corrected.Used
    newest: dict[str, datetime]


def verdicts(read: Mapped, registry: Registry, as_of: datetime) -> tuple[pd.DataFrame, pd.DataFrame, Verdict]:
    """All rows with the facts that rules look at, of these the ones that count, and what the rules say of them."""
    # seconds to import, and only judging needs it
    from motcua.quality import judge as run_rules
    from motcua.quality.copies import newest_copies
    from motcua.quality.rules import Context
    from motcua.quality.signs import add_signs

    derived = derive(read.dossiers, read.steps, read.supplements, registry, as_of=as_of)
    signed = add_signs(derived, read.steps, read.supplements, registry, as_of=as_of)
    current = newest_copies(signed)
    return signed, current, run_rules(current, Context(registry, as_of))


def are_held(rows: pd.DataFrame, held: Mapping[str, Collection[str]]) -> pd.Series:
    """Whether a row is a word that was accepted before, of the codes by source in `held`."""
    keys = pd.MultiIndex.from_tuples(
        [(source, code) for source, codes in held.items() for code in codes], names=["source_id", "code"]
    )
    return pd.Series(pd.MultiIndex.from_frame(rows[["source_id", "code"]]).isin(keys), index=rows.index)


def _judge_slice(
    staging: Staging, part: str, registry: Registry, as_of: datetime, pages: Sequence[Pages],
    held: Mapping[str, Collection[str]], number: int, read: Mapped,
) -> _Outcome:  # fmt: skip
    signed, current, verdict = verdicts(read, registry, as_of)
    accepted = current.drop(index=verdict.refused)
    again = are_held(accepted, held)
    there = pd.concat([present(signed, pages, registry), accepted.loc[again, ["source_id", "code"]]])
    frames = (*_frames(read, current, verdict.findings, accepted, again, as_of), there)
    pass_by("judge.before_frames")
    for name, frame in zip(FRAMES, frames, strict=True):
        staging.write(f"{part}/{number}", name, frame)
        pass_by("judge.after_a_frame")
    newest = signed.groupby("source_id")["source_changed_at"].max().dropna()
    return _Outcome(
        rows=len(read.dossiers),
        accepted=len(accepted),
        refused=len(verdict.refused),
        used=corrected.used(read.dossiers),
        newest={str(source): moment.to_pydatetime() for source, moment in newest.items()},
    )


def _add_issues(staging: Staging, place: str, told: pd.DataFrame) -> None:
    staging.write(place, "issues", pd.concat([staging.read(place, "issues"), told], ignore_index=True))


def _newest(outcomes: Sequence[_Outcome]) -> dict[str, datetime]:
    newest: dict[str, datetime] = {}
    for outcome in outcomes:
        for source, moment in outcome.newest.items():
            newest[source] = max(moment, newest.get(source, moment))
    return newest


def _frames(
    read: Mapped, current: pd.DataFrame, findings: pd.DataFrame, accepted: pd.DataFrame, again: pd.Series,
    as_of: datetime,
) -> tuple[pd.DataFrame, ...]:  # fmt: skip
    """Rows of the tables that `FRAMES` names, in that order; which rows are present is another question.

    What was accepted before and is `again` is held already: only what the rules say of it is news.
    """
    told = accepted[~again]
    return (
        tables.dossiers(told, as_of),
        tables.applicants(told),
        tables.steps(read.steps, told),
        tables.supplements(read.supplements, told),
        tables.quarantine(findings, current, as_of),
        tables.issues(findings, accepted, as_of, unknown_fields=read.unknown_fields),
    )
