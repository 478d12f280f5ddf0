"""Judges a chunk of batches: maps their archived pages, runs the rule book, stages rows ready for the merge.

Mapping starts from the archive, for many sources at once: columns are cheap and frames are not, and a replay takes
the very same path as the first reading.
"""

from __future__ import annotations

import logging

from motcua.connections import Connections
from motcua.mapping import derive
from motcua.settings import Settings
from motcua.steps import place, tables
from motcua.steps.mapped import map_batches
from motcua.warehouse import Role, ledger

log = logging.getLogger(__name__)

FRAMES = ("dossiers", "applicants", "steps", "supplements", "quarantine", "issues")


def judge(
    *, settings: Settings, connections: Connections, cycle_id: int, part: str, batches: list[str]
) -> dict[str, int]:
    """Maps and judges batches, and stages `FRAMES` under `part`.

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
        read = map_batches(pages, place.archive(settings, connections), registry, cycle_id=cycle_id)
        derived = derive(read.dossiers, read.steps, read.supplements, registry, as_of=cycle.as_of)
        signed = add_signs(derived, read.steps, read.supplements, registry, as_of=cycle.as_of)
        newest = signed.groupby("source_id")["source_changed_at"].max().dropna()
        current = newest_copies(signed)
        verdict = run_rules(current, Context(registry, cycle.as_of))
        accepted = current.drop(index=verdict.refused)
        frames = (
            tables.dossiers(accepted, cycle.as_of),
            tables.applicants(accepted),
            tables.steps(read.steps, accepted),
            tables.supplements(read.supplements, accepted),
            tables.quarantine(verdict.findings, current, cycle.as_of),
            tables.issues(verdict.findings, accepted, cycle.as_of, unknown_fields=read.unknown_fields),
        )
        staging = place.staging(settings, connections)
        for name, frame in zip(FRAMES, frames, strict=True):
            staging.write(part, name, frame)
        with engine.begin() as connection:
            ledger.mark_judged(connection, cycle_id, batches, {str(k): t.to_pydatetime() for k, t in newest.items()})
        run.rows, run.peak_memory_mb = len(read.dossiers), place.peak_memory_mb()
    log.info("judged %d rows of %d batches: %d refused", run.rows, len(batches), len(verdict.refused))
    return {"rows": run.rows, "accepted": len(accepted), "quarantined": len(verdict.refused)}
