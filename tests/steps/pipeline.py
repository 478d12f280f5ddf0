"""One installation of the pipeline under test: its stages as plain calls, and its warehouse as rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import count

import orjson
import sqlalchemy as sa
from motcua import steps, warehouse
from motcua.connections import EnvironmentConnections
from motcua.settings import Settings
from motcua.steps import place
from motcua.steps.cycles import Chunk
from motcua.warehouse import Role, ledger
from motcua.warehouse.pages import Page

LOCAL = timezone(timedelta(hours=7))
AS_OF = datetime(2018, 12, 25, 17, tzinfo=LOCAL)
WARD = "le_chan.an_bien"
_RUNS = count(1)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Calls the stages as DAGs and the command line do."""

    settings: Settings
    connections: EnvironmentConnections

    def plan(self, *, as_of: datetime = AS_OF, sources: Sequence[str] = (), full: bool = False) -> int:
        planned = steps.plan(
            settings=self.settings, run_key=f"test {next(_RUNS)}", as_of=as_of, sources=sources, full=full
        )
        return planned["cycle_id"]

    def collect(self, cycle_id: int, sources: Sequence[str]) -> dict[str, int]:
        return steps.collect(
            settings=self.settings, connections=self.connections, cycle_id=cycle_id, sources=list(sources)
        )

    def chunks(self, cycle_id: int) -> list[Chunk]:
        return steps.chunks(settings=self.settings, cycle_id=cycle_id)

    def judge(self, cycle_id: int, chunk: Chunk) -> dict[str, int]:
        return steps.judge(
            settings=self.settings, connections=self.connections, cycle_id=cycle_id, part=chunk["part"],
            batches=chunk["batches"],
        )  # fmt: skip

    def consolidate(self, cycle_id: int, chunk: Chunk) -> dict[str, int]:
        return steps.consolidate(
            settings=self.settings, connections=self.connections, cycle_id=cycle_id, part=chunk["part"],
            batches=chunk["batches"],
        )  # fmt: skip

    def load(self, cycle_id: int) -> list[dict[str, int]]:
        """Judges and merges whatever was collected; what each merge did."""
        merged = []
        for chunk in self.chunks(cycle_id):
            self.judge(cycle_id, chunk)
            merged.append(self.consolidate(cycle_id, chunk))
        return merged

    def cycle(self, sources: Sequence[str], *, as_of: datetime = AS_OF, full: bool = False) -> int:
        """Reads and merges sources once."""
        cycle_id = self.plan(as_of=as_of, sources=sources, full=full)
        self.collect(cycle_id, sources)
        self.load(cycle_id)
        return cycle_id

    def land(self, cycle_id: int, records: Sequence[dict[str, object]], *, source: str = WARD) -> str:
        """A complete listing of one page, archived as if an igate source had just answered it; its sha256."""
        body = {"code": 200, "message": "", "data": {"tongSo": len(records), "danhSach": records}}
        sha256 = place.archive(self.settings, self.connections).put(orjson.dumps(body))
        with self.warehouse() as connection:
            cycle = ledger.cycle(connection, cycle_id)
            ledger.record_collected(
                connection, batch_id=f"{cycle_id}.{source}", at=cycle, source_id=source,
                kind="full" if cycle.is_full else "window", window=(None, cycle.as_of), pages=[Page(sha256, {})],
                announced=len(records), fetched=len(records),
            )  # fmt: skip
        return sha256

    def land_and_load(
        self, records: Sequence[dict[str, object]], *, as_of: datetime = AS_OF, full: bool = False
    ) -> int:
        """A cycle of one ward that has just listed `records`."""
        cycle_id = self.plan(as_of=as_of, sources=[WARD], full=full)
        self.land(cycle_id, records)
        self.load(cycle_id)
        return cycle_id

    @contextmanager
    def warehouse(self, role: Role = Role.PIPELINE) -> Iterator[sa.Connection]:
        engine = warehouse.engine(self.settings, role)
        with engine.begin() as connection:
            yield connection
        engine.dispose()

    def rows(self, query: str, **values: object) -> list[tuple[object, ...]]:
        with self.warehouse() as connection:
            return [tuple(found) for found in connection.execute(sa.text(query), values)]

    def everything(self) -> dict[str, list[tuple[object, ...]]]:
        """What the warehouse holds true: every row of its tables of facts, in order, but for clocks and ledgers."""
        return {table: self.rows(f"SELECT * FROM {table} ORDER BY {keys}") for table, keys in _FACTS.items()}  # noqa: S608  # both are constants


_FACTS = {
    "core.source_dossier": "code, source_id",
    "core.dossier": "code",
    "core.dossier_version": "code, version",
    "core.quarantine": "identity, source_id, rule, field",
    "core.issue": "code, source_id, rule, field",
    "private.applicant": "code, source_id",
    "private.step": "code, source_id, at, status, n",
    "private.supplement": "code, source_id, n",
    "core.delivery": "code, version, service",
}
