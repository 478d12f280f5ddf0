"""What must be true everywhere, worked out from the stand-in's ledger alone: one ledger after each cycle, in order.

Only in which order a cycle's batches were merged is taken from the product: where several sources tell of one dossier,
how often it changed on the way depends on it, and the result does not.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import zip_longest
from typing import Any

from tests.e2e.deadlines import due_after, progress_class
from tests.e2e.merging import in_line, merged
from tests.e2e.registry_tables import RegistryTables
from tests.e2e.version import Version

WAITING = 5
REGISTER = "sftp_register"
# facts that every office tells alike unless it errs, as issues call them
ALIKE: Mapping[str, Callable[[Version], object]] = {
    "procedure_code": lambda one: one.procedure,
    "channel": lambda one: one.channel,
}
Line = Mapping[str, object]
Ledger = Sequence[Mapping[str, object]]
Order = Mapping[str, int]  # places of sources


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
        claims: what was last accepted of each dossier, by source.
        versions: what that made of each dossier, the newest last.
        refused: what must stand in quarantine, by listed code and source.
        rows: rows that each source listed in the newest cycle's whole listing, twice listed ones twice; of sources that
            keep a register none, for files repeat them.
        cycles: how many ledgers there were.
        versions_new: how many versions the newest of them made.
    """

    as_of: datetime
    tables: RegistryTables
    claims: dict[str, dict[str, Version]] = field(default_factory=dict)
    versions: dict[str, list[Version]] = field(default_factory=dict)
    refused: dict[tuple[str, str], Refused] = field(default_factory=dict)
    rows: Counter[str] = field(default_factory=Counter)
    cycles: int = 0
    versions_new: int = 0

    @property
    def newest(self) -> list[Version]:
        return [versions[-1] for _, versions in sorted(self.versions.items())]

    def all_claims(self) -> list[Version]:
        return [one for _, claims in sorted(self.claims.items()) for one in claims.values()]

    def differences(self) -> list[tuple[Version, str]]:
        """Words that count and say otherwise than where the dossier was filed, and of what."""
        lines = [in_line(claims.values(), self.tables.units) for claims in self.claims.values()]
        return [
            (one, field)
            for filed, *others in lines
            for one in others
            for field, told in ALIKE.items()
            if not one.deleted and told(one) != told(filed)
        ]

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
        """Numbers and versions of a dossier that the portal is told, of each cycle the last; a deletion only of what it
        knows."""
        told: list[tuple[int, Version]] = []
        versions = self.versions[code]
        for number, (one, after) in enumerate(zip_longest(versions, versions[1:]), start=1):
            is_overtaken = after is not None and after.cycle == one.cycle
            if not is_overtaken and not self.waits(one) and (told or not one.deleted):
                told.append((number, one))
        return told


def derive_truth(ledgers: Sequence[Ledger], orders: Sequence[Order], tables: RegistryTables, as_of: datetime) -> Truth:
    """Replays the ledgers, the sources of each in the order in which their batches were merged; the last is of `as_of`.

    A source that was not merged comes last.
    """
    truth = Truth(as_of=as_of, tables=tables)
    for ledger, order in zip(ledgers, orders, strict=True):
        truth.rows, truth.versions_new = Counter(), 0
        for line in sorted(ledger, key=lambda line: order.get(str(line["source_id"]), len(order))):
            _learn(truth, line)
        truth.cycles += 1
    return truth


def _learn(truth: Truth, line: Line) -> None:
    source_id, code = str(line["source_id"]), str(line["code_listed"])
    rule = _rule(line)
    keeps_register = line["platform"] == REGISTER
    if not keeps_register:
        truth.rows[source_id] += 1 + (bool(line["duplicate"]) or rule == "duplicate_in_batch")
    if rule is not None:
        truth.refused[code, source_id] = Refused(
            code=code, source_id=source_id, agency=str(line["unit"]), rule=rule,
            channel=int(str(line["channel"])), status=int(str(line["status"])),
        )  # fmt: skip
        return
    truth.refused.pop((code, source_id), None)
    claims = truth.claims.setdefault(code, {})
    one, held = _version(line, truth.tables), claims.get(source_id)
    if held and held.changed_at == one.changed_at:
        return
    if held and keeps_register and held == replace(one, changed_at=held.changed_at):
        return  # a later file with the same line is no change
    if held and one.deleted:  # a tombstone takes nothing away from what was known
        one = replace(held, deleted=True, changed_at=one.changed_at)
    claims[source_id] = one
    version = replace(merged(claims.values(), truth.tables.units), cycle=truth.cycles)
    known = truth.versions.setdefault(code, [])
    if not known or known[-1] != version:
        known.append(version)
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
        returned_at=_moment(line["returned_at"]), changed_at=changed,
        history=tuple((str(at), int(status)) for at, status in _list(line["history"])),
        requested=tuple(map(str, _list(line["requested"]))), deleted=deleted, has_facts=not deleted,
    )  # fmt: skip


def _list(value: object) -> list[Any]:  # Any: JSON
    assert isinstance(value, list)
    return value


def _moment(text: object) -> datetime | None:
    return None if text is None else datetime.fromisoformat(re.sub(r"\.\d+", "", str(text)))
