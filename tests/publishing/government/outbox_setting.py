"""Dossiers as the pipeline merges them, and drains of what it queued, on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pandas as pd
import sqlalchemy as sa
from motcua.connections import Connection
from motcua.publishing import government
from motcua.publishing.government import Outcome
from motcua.registry import Registry
from motcua.warehouse import ledger
from motcua.warehouse.merge import Batch, merge
from motcua.warehouse.session import stage

from tests.warehouse.builders import AS_OF, SENIORITY, judged, row

SOURCE = "le_chan.an_bien"
NAME, IDENTITY = "Nguyễn Thị Bí Mật", "031099001234"


def code(n: int) -> str:
    """The n-th dossier of a day."""
    return f"000.05.33.H24-181012-{n:04}"


@dataclass
class Setting:
    """A warehouse with both of its users: the pipeline, which queues, and the sender."""

    pipeline: sa.Engine
    sender: sa.Engine
    registry: Registry
    cycles: int = 0

    def merge(self, *rows: dict[str, object], steps: Sequence[dict[str, object]] = ()) -> None:
        """Merges rows as one batch of a new cycle; each has one step, or those given here."""
        self.cycles += 1
        newest = max(one["source_changed_at"] for one in rows)
        with self.pipeline.begin() as connection:
            cycle_id = ledger.open_cycle(connection, run_key=str(self.cycles), as_of=AS_OF, is_full=False, sources=1)
            batch_id = f"{cycle_id}.{SOURCE}"
            ledger.record_collected(
                connection, batch_id=batch_id, at=ledger.cycle(connection, cycle_id), source_id=SOURCE,
                kind="window", window=(None, AS_OF), pages=[], announced=len(rows), fetched=len(rows),
            )  # fmt: skip
        frames = judged([one | {"batch_id": batch_id} for one in rows])
        applicants = frames.applicants.assign(name=NAME, identity_kind=1, identity_number=IDENTITY)
        told = pd.DataFrame(list(steps)).assign(source_id=SOURCE) if steps else frames.steps
        batch = Batch(
            batch_id=batch_id,
            cycle_id=cycle_id,
            source_id=SOURCE,
            as_of=AS_OF,
            window_to=AS_OF,
            is_full=False,
            newest_change=newest,
        )
        with self.pipeline.connect() as connection:
            stage(connection, [replace(frames, applicants=applicants, steps=told)])
            merge(connection, batch, SENIORITY)
            connection.detach()

    def queue(self, count: int, **differs: object) -> list[str]:
        """Merges so many new dossiers; returns their codes."""
        codes = [code(n) for n in range(1, count + 1)]
        self.merge(*(row(code=one, **differs) for one in codes))
        return codes

    def change(self, *codes: str, hours: int = 1, **differs: object) -> None:
        """Merges a later reading of these dossiers: a new version each."""
        facts = {"status": 6, "source_changed_at": AS_OF + timedelta(hours=hours)} | differs
        self.merge(*(row(code=one, **facts) for one in codes))

    def drain(self, portal: Connection, at: datetime = AS_OF, **options: float) -> Outcome:
        """One drain, at a moment, by one thread unless said otherwise."""
        settings = {"threads": 1, "rate_per_second": 1e6} | options
        return government.drain(self.sender, portal, self.registry, clock=lambda: at, **settings)

    def deliveries(self, columns: str, service: str = "DongBoHoSoMC") -> list[tuple[object, ...]]:
        """These columns of the ledger for one service, by dossier and version."""
        statement = sa.text(f"SELECT {columns} FROM core.delivery WHERE service = :service ORDER BY code, version")  # noqa: S608
        return self.select(statement, service=service)

    def select(self, statement: sa.TextClause, **values: object) -> list[tuple[object, ...]]:
        with self.pipeline.connect() as connection:
            return [tuple(found) for found in connection.execute(statement, values)]
