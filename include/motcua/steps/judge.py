"""Judges a chunk of batches: maps their archived pages, runs the rule book, stages rows ready for the merge.

Mapping starts from the archive, for many sources at once: columns are cheap and frames are not, and a replay takes
the very same path as the first reading. A chunk that is larger than `ROWS_AT_ONCE` is one large source: it is judged
slice by slice, so that memory stays what it is for the others; what stands twice in two slices is the merge's business.
"""

from __future__ import annotations

import logging
from datetime import datetime

import pandas as pd

from motcua.connections import Connections
from motcua.failpoints import pass_by
from motcua.mapping import derive
from motcua.settings import Settings
from motcua.steps import place, tables
from motcua.steps.absence import present
from motcua.steps.mapped import Mapped, map_batches
from motcua.steps.slices import FRAMES
from motcua.warehouse import Role, ledger

log = logging.getLogger(__name__)

# One judging process holds at most so many rows: what keeps it under 768 MiB, Great Expectations and Airflow included
# (design, decision 5, allows 50,000; those took 780 to 860).
ROWS_AT_ONCE = 25_000


def judge(
    *, settings: Settings, connections: Connections, cycle_id: int, part: str, batches: list[str]
) -> dict[str, int]:
    """Maps and judges batches, and stages `FRAMES` of each slice in a part of its own within `part`.

    Returns:
        `rows, accepted, quarantined` (rows, not dossiers).
    """
    # seconds to import, and only this step needs it
    from motcua.quality import judge as run_rules
    from motcua.quality.rules import Context
    from motcua.quality.signs import add_signs, newest_copies

    with (
        place.connected(settings, Role.PIPELINE) as engine,
        ledger.stage_run(engine, "judge", cycle_id) as run,
    ):
        with engine.connect() as connection:
            cycle = ledger.cycle(connection, cycle_id)
            pages = ledger.pages_of(connection, batches)
        registry = place.registry(settings.registry)
        staging = place.staging(settings, connections)
        staging.forget(part)  # of an earlier try, which may have been cut otherwise
        archive = place.archive(settings, connections)
        newest: dict[str, datetime] = {}
        pass_by("judge.before_mapping")
        accepted, refused = 0, 0
        slices = map_batches(pages, archive, registry, cycle_id=cycle_id, rows_at_once=ROWS_AT_ONCE)
        for number, read in enumerate(slices):
            derived = derive(read.dossiers, read.steps, read.supplements, registry, as_of=cycle.as_of)
            signed = add_signs(derived, read.steps, read.supplements, registry, as_of=cycle.as_of)
            for source, moment in signed.groupby("source_id")["source_changed_at"].max().dropna().items():
                newest[str(source)] = max(moment.to_pydatetime(), newest.get(str(source), moment.to_pydatetime()))
            current = newest_copies(signed)
            verdict = run_rules(current, Context(registry, cycle.as_of))
            frames = (
                *_frames(read, current, verdict.findings, verdict.refused, cycle.as_of),
                present(signed, pages, registry),
            )
            pass_by("judge.before_frames")
            for name, frame in zip(FRAMES, frames, strict=True):
                staging.write(f"{part}/{number}", name, frame)
                pass_by("judge.after_a_frame")
            accepted, refused = accepted + len(frames[0]), refused + len(verdict.refused)
            run.rows += len(read.dossiers)
        pass_by("judge.before_marked")
        with engine.begin() as connection:
            ledger.mark_judged(connection, cycle_id, batches, newest)
        run.peak_memory_mb = place.peak_memory_mb()
    log.info("judged %d rows of %d batches: %d refused", run.rows, len(batches), refused)
    return {"rows": run.rows, "accepted": accepted, "quarantined": refused}


def _frames(
    read: Mapped, current: pd.DataFrame, findings: pd.DataFrame, refused: pd.Index, as_of: datetime
) -> tuple[pd.DataFrame, ...]:
    """Rows of the tables that `FRAMES` names, in that order; which rows are present is another question."""
    accepted = current.drop(index=refused)
    return (
        tables.dossiers(accepted, as_of),
        tables.applicants(accepted),
        tables.steps(read.steps, accepted),
        tables.supplements(read.supplements, accepted),
        tables.quarantine(findings, current, as_of),
        tables.issues(findings, accepted, as_of, unknown_fields=read.unknown_fields),
    )
