"""What must be true everywhere, worked out from the stand-in's ledger alone: one ledger after each cycle, in order."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from tests.e2e.deadlines import due_after, progress_class
from tests.e2e.registry_tables import RegistryTables

NOT_RECEIVED = (1, 3)
WAITING = 5
REGISTER = "sftp_register"
Line = Mapping[str, object]
Ledger = Sequence[Mapping[str, object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A dossier as one cycle should have accepted it; moments to the second, which is all that every platform gives.

    `has_facts` is false for one that was only ever seen deleted: then nothing but code, office and change is judged.
    """

    code: str
    source_id: str
    agency: str
    procedure: str
    channel: int
    status: int
    submitted_at: datetime | None
    received_at: datetime | None
    due_at: datetime | None
    due_source: str | None
    finished_at: datetime | None
    returned_at: datetime | None
    changed_at: datetime
    steps: int
    newest_step: int | None
    supplements: int
    deleted: bool = False
    has_facts: bool = True

    @property
    def is_received(self) -> bool:
        return not self.deleted and self.status not in NOT_RECEIVED


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A dossier whose newest row is faulty; `channel` and `status` are the true ones."""

    code: str
    source_id: str
    agency: str
    rule: str
    channel: int
    status: int


@dataclass(slots=True, kw_only=True)
class Truth:
    """The city as the product should know it at `as_of`.

    Attributes:
        versions: what was accepted of each dossier, cycle by cycle, the newest last.
        refused: what must stand in quarantine, by listed code.
        rows: rows that each source listed in the newest cycle's whole listing, twice listed ones twice; of sources that
            keep a register none, for files repeat them.
        cycles: how many ledgers there were.
        versions_new: how many versions the newest of them made.
    """

    as_of: datetime
    tables: RegistryTables
    versions: dict[str, list[Version]] = field(default_factory=dict)
    refused: dict[str, Refused] = field(default_factory=dict)
    rows: Counter[str] = field(default_factory=Counter)
    cycles: int = 0
    versions_new: int = 0

    @property
    def newest(self) -> list[Version]:
        return [versions[-1] for _, versions in sorted(self.versions.items())]

    def public(self) -> list[Version]:
        """Living dossiers whose procedure may be named."""
        return [one for one in self.newest if not one.deleted and not self.tables.is_sensitive(one.procedure)]

    def progress(self, one: Version) -> str:
        return progress_class(one.status, one.due_at, one.finished_at, self.as_of)

    def is_unlisted(self, one: Version) -> bool:
        """Whether nobody knows the procedure, and so its field."""
        return one.procedure not in self.tables.procedures

    def waits(self, one: Version) -> bool:
        """Whether the portal cannot be told yet: it asks for the field, and of status 5 for the supplement request."""
        return self.is_unlisted(one) or (one.status == WAITING and not one.supplements)

    def told(self, code: str) -> list[tuple[int, Version]]:
        """Numbers and versions of a dossier that the portal is told; a deletion only of what it knows."""
        told: list[tuple[int, Version]] = []
        for number, one in enumerate(self.versions[code], start=1):
            if not self.waits(one) and (told or not one.deleted):
                told.append((number, one))
        return told


def derive_truth(ledgers: Sequence[Ledger], tables: RegistryTables, as_of: datetime) -> Truth:
    """Replays the ledgers; the last of them is of `as_of`."""
    truth = Truth(as_of=as_of, tables=tables, cycles=len(ledgers))
    for ledger in ledgers:
        truth.rows, truth.versions_new = Counter(), 0
        for line in ledger:
            _learn(truth, line)
    return truth


def _learn(truth: Truth, line: Line) -> None:
    source_id, code = str(line["source_id"]), str(line["code_listed"])
    rule = _rule(line)
    keeps_register = line["platform"] == REGISTER
    if not keeps_register:
        truth.rows[source_id] += 1 + (bool(line["duplicate"]) or rule == "duplicate_in_batch")
    if rule is not None:
        truth.refused[code] = Refused(
            code=code, source_id=source_id, agency=str(line["unit"]), rule=rule,
            channel=int(str(line["channel"])), status=int(str(line["status"])),
        )  # fmt: skip
        return
    truth.refused.pop(code, None)
    one = _version(line, truth.tables)
    known = truth.versions.setdefault(code, [])
    if known and known[-1].changed_at == one.changed_at:
        return
    if known and keeps_register and known[-1] == replace(one, changed_at=known[-1].changed_at):
        return  # a later file with the same line is no change
    if known and one.deleted:  # a tombstone takes nothing away from what was known
        one = replace(known[-1], deleted=True, changed_at=one.changed_at)
    known.append(one)
    truth.versions_new += 1


def _rule(line: Line) -> str | None:
    """The rule of a fault has the fault's name; a misspelt code is misspelt from the dossier's first day on."""
    if line["code_listed"] != line["code"]:
        return "code_shape"
    return None if line["fault"] is None else str(line["fault"])


def _version(line: Line, tables: RegistryTables) -> Version:
    channel, procedure = int(str(line["channel"])), str(line["procedure_code"])
    received, due, source = _moment(line["received_at"]), _moment(line["due_at"]), None
    if due is not None:
        source = "source"
    elif received is not None:
        due = due_after(received, tables.procedures.get(procedure), channel)
        source = "computed" if due else None
    changed, deleted = _moment(line["changed_at"]), bool(line["deleted"])
    assert changed is not None
    return Version(
        code=str(line["code"]), source_id=str(line["source_id"]), agency=str(line["unit"]), procedure=procedure,
        channel=channel, status=int(str(line["status"])), submitted_at=_moment(line["submitted_at"]),
        received_at=received, due_at=due, due_source=source, finished_at=_moment(line["finished_at"]),
        returned_at=_moment(line["returned_at"]), changed_at=changed, steps=int(str(line["steps"])),
        newest_step=None if line["newest_step"] is None else int(str(line["newest_step"])),
        supplements=int(str(line["supplements"])), deleted=deleted, has_facts=not deleted,
    )  # fmt: skip


def _moment(text: object) -> datetime | None:
    return None if text is None else datetime.fromisoformat(re.sub(r"\.\d+", "", str(text)))
