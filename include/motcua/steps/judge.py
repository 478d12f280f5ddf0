"""Judges a chunk of batches: derives what their facts imply, runs the rule book, stages rows ready for the merge."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from motcua.connections import Connections
from motcua.landing import Staging
from motcua.mapping import derive
from motcua.settings import Settings
from motcua.steps import place, tables
from motcua.warehouse import Role, ledger

log = logging.getLogger(__name__)

FRAMES = ("dossiers", "applicants", "steps", "supplements", "quarantine", "issues")


@dataclass(frozen=True, slots=True)
class _Read:
    """Staged frames of many batches; `row` of the children is the index of `dossiers`."""

    dossiers: pd.DataFrame
    steps: pd.DataFrame
    supplements: pd.DataFrame


def judge(
    *, settings: Settings, connections: Connections, cycle_id: int, part: str, batches: list[str]
) -> dict[str, int]:
    """Judges batches and stages `FRAMES` under `part`.

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
        registry = place.registry(settings.registry)
        staging = place.staging(settings, connections)
        read = _read(staging, batches)
        derived = derive(read.dossiers, read.steps, read.supplements, registry, as_of=cycle.as_of)
        signed = newest_copies(add_signs(derived, read.steps, read.supplements, as_of=cycle.as_of))
        verdict = run_rules(signed, Context(registry, cycle.as_of))
        accepted = signed.drop(index=verdict.refused)
        frames = (
            tables.dossiers(accepted, cycle.as_of),
            tables.applicants(accepted),
            tables.steps(read.steps, accepted),
            tables.supplements(read.supplements, accepted),
            tables.quarantine(verdict.findings, signed, cycle.as_of),
            tables.issues(verdict.findings, accepted, cycle.as_of),
        )
        for name, frame in zip(FRAMES, frames, strict=True):
            staging.write(part, name, frame)
        with engine.begin() as connection:
            ledger.mark_judged(connection, batches)
        run.rows, run.peak_memory_mb = len(read.dossiers), place.peak_memory_mb()
    log.info("judged %d rows of %d batches: %d refused", len(read.dossiers), len(batches), len(verdict.refused))
    return {"rows": len(read.dossiers), "accepted": len(accepted), "quarantined": len(verdict.refused)}


def _read(staging: Staging, batches: Sequence[str]) -> _Read:
    """Frames of all batches in one, with `source_id` and `batch_id`; rows are numbered through."""
    dossiers, steps, supplements = [], [], []
    offset = 0
    for batch_id in batches:
        frame = staging.read(batch_id, "dossiers")
        if frame.empty:
            continue
        source_id = batch_id.partition(".")[2]
        frame.index = pd.RangeIndex(offset, offset + len(frame))
        dossiers.append(frame.assign(source_id=source_id, batch_id=batch_id))
        for name, into in (("steps", steps), ("supplements", supplements)):
            children = staging.read(batch_id, name)
            children["row"] += offset
            into.append(children)
        offset += len(frame)
    if not dossiers:
        empty = [staging.read(batches[0], name) for name in ("dossiers", "steps", "supplements")]
        return _Read(empty[0].assign(source_id="", batch_id=""), empty[1], empty[2])
    return _Read(
        pd.concat(dossiers), pd.concat(steps, ignore_index=True), pd.concat(supplements, ignore_index=True)
    )
