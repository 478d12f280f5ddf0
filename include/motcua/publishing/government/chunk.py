"""One chunk of dossiers on its way: looked up where an earlier outcome is unknown, checked, told, then their steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import partial

import sqlalchemy as sa

from motcua.errors import PortalUnavailable
from motcua.publishing.government import due, findings, outbox
from motcua.publishing.government.calls import Calls, Drain, Parcels, in_calls
from motcua.publishing.government.client import KNOWN_DOSSIER, UNKNOWN_DOSSIER
from motcua.publishing.government.outbox import DOSSIERS, STEPS
from motcua.publishing.government.records import Row, dossier_record, obstacle, step_records
from motcua.publishing.government.shapes import Fault, dossier_fault, steps_fault

UNSENDABLE_AGAIN = timedelta(hours=1)


class Chunk:
    """Dossiers that one thread tells the portal of, over one database session."""

    def __init__(self, connection: sa.Connection, drain: Drain) -> None:
        self._connection = connection
        self._drain = drain
        self._rows: dict[str, Row] = {}
        self._calls = Calls(connection, drain, self._rows)

    def send(self, codes: Sequence[str]) -> None:
        """Tells dossiers, then the steps of those that the portal holds.

        Raises:
            LogInRefused, StaleWrite: nothing more is to be sent, by no chunk.
            Stopped: another chunk has found a reason to stop.
        """
        with self._connection.begin():
            outbox.work_by_index(self._connection)
            rows = due.dossiers(self._connection, codes, self._drain.clock())
        self._rows.update({row["code"]: row for row in rows})
        held = {row["code"] for row in rows if not row["is_open"] and row["held_version"] == row["version"]}
        self._send_steps(held | self._send_dossiers())

    # ── dossiers ──

    def _send_dossiers(self) -> set[str]:
        """Returns the codes whose newest version the portal took."""
        wanted = {code for code, row in self._rows.items() if row["is_due"]}
        known, done, unclear = self._look_up(wanted)
        creates: dict[str, list[Mapping[str, object]]] = {}
        updates: dict[str, list[Mapping[str, object]]] = {}
        unneeded: list[str] = []
        faults: dict[str, Fault] = {}
        for code in sorted(wanted - done - unclear):
            if self._rows[code]["deleted"] and code not in known:
                unneeded.append(code)
                continue
            record = self._record(code)
            if isinstance(record, Fault):
                faults[code] = record
            else:
                (updates if code in known else creates)[code] = [record]
        self._drop(unneeded)
        self._set_aside(DOSSIERS, faults)
        for parcels in in_calls(creates, self._attempts):
            done |= self._put(parcels, updating=False)
        for parcels in in_calls(updates, self._attempts):
            done |= self._put(parcels, updating=True)
        return done

    def _record(self, code: str) -> dict[str, object] | Fault:
        row = self._rows[code]
        fault = obstacle(row, self._drain.registry)
        if fault is not None:
            return fault
        record = dossier_record(row, self._drain.registry)
        return dossier_fault(record) or record

    def _look_up(self, wanted: set[str]) -> tuple[set[str], set[str], set[str]]:
        """Settles creates of unknown outcome; one look-up a call, which was taken whole or not at all.

        Returns:
            Codes that the portal knows; of those, the codes whose newest version it took; and codes of which nothing
            is clear yet.
        """
        known = {code for code in wanted if self._rows[code]["held_version"] is not None}
        calls = {code: self._rows[code]["uncertain_call"] for code in sorted(wanted)}
        found: dict[bytes, bool | None] = {}
        for code, call in calls.items():
            if call is not None and call not in found:
                found[call] = self._holds(code)
        if not found:
            return known, set(), set()
        there = {code: self._rows[code]["uncertain_version"] for code, call in calls.items() if found.get(call)}
        done = {code for code, version in there.items() if version == self._rows[code]["version"]}
        unclear = {code for code, call in calls.items() if call in found and found[call] is None}
        now, versions = self._drain.clock(), self._calls.versions
        with self._calls.transaction() as connection:
            outbox.mark_held(connection, there)
            outbox.settle(connection, DOSSIERS, versions(done), "accepted", now)
            findings.settle(connection, DOSSIERS, list(done), now)
            message = "what became of it is unknown, and the look-up was not answered"
            outbox.retry(connection, DOSSIERS, versions(unclear), "unknown", now, message=message)
        self._drain.outcome.add("accepted", len(done))
        return known | there.keys(), done, unclear

    def _holds(self, code: str) -> bool | None:
        """Whether the portal knows a dossier; None when it does not answer."""
        self._drain.go_on()
        try:
            with self._drain.breaker.watch():
                return self._drain.client.holds(code)
        except PortalUnavailable:
            return None

    def _drop(self, unneeded: Sequence[str]) -> None:
        """Dossiers that are not to be told any more."""
        if not unneeded:
            return
        now, message = self._drain.clock(), "deleted before the portal knew of it"
        with self._calls.transaction() as connection:
            versions = self._calls.versions(unneeded)
            outbox.settle(connection, DOSSIERS, versions, "superseded", now, message=message)
            for service in (DOSSIERS, STEPS):
                findings.settle(connection, service, unneeded, now)
        self._drain.outcome.add("superseded", len(unneeded))

    def _set_aside(self, service: str, faults: Mapping[str, Fault]) -> None:
        """What the portal would refuse stays here, with its reason, until it is mended."""
        if not faults:
            return
        now = self._drain.clock()
        by_reason: dict[str, list[str]] = {}
        for code, fault in faults.items():
            by_reason.setdefault(fault.reason, []).append(code)
        with self._calls.transaction() as connection:
            for reason, codes in by_reason.items():
                outbox.settle(
                    connection, service, self._calls.versions(codes), "queued", now, message=reason,
                    due_at=now + UNSENDABLE_AGAIN,
                )  # fmt: skip
            findings.would_be_refused(connection, service, faults, now)

    def _put(self, parcels: Parcels, *, updating: bool) -> set[str]:
        """Creates or updates; where the portal knows better what it holds, the other of the two, once."""
        contrary = UNKNOWN_DOSSIER if updating else KNOWN_DOSSIER
        post = partial(self._drain.client.put_dossiers, updating=updating)
        taken, refused = self._calls.tell(DOSSIERS, parcels, post, contrary=contrary)
        mistaken = {code: parcels[code] for code, rejected in refused.items() if rejected.code == contrary}
        if mistaken:
            if updating:
                self._forget_steps(mistaken)
            post = partial(self._drain.client.put_dossiers, updating=not updating)
            others, still = self._calls.tell(DOSSIERS, mistaken, post, tries=0)
            taken |= others
            refused = {code: one for code, one in refused.items() if code not in mistaken} | still
        self._calls.reject(DOSSIERS, refused)
        return taken

    def _forget_steps(self, codes: Iterable[str]) -> None:
        """The portal has lost these dossiers, and with them every step."""
        with self._calls.transaction() as connection:
            outbox.forget_steps(connection, list(codes))
        for code in codes:
            self._rows[code] = {**self._rows[code], "held_steps": []}

    # ── steps ──

    def _send_steps(self, held: set[str]) -> None:
        """Tells the steps that the portal does not hold, of dossiers that it holds, in time order for each."""
        parcels: dict[str, list[dict[str, str]]] = {}
        faults: dict[str, Fault] = {}
        for code in sorted(held):
            row = self._rows[code]
            if row["steps_due"]:
                records = step_records(row, row["held_steps"], self._drain.registry)
                fault = steps_fault(records)
                if fault is not None:
                    faults[code] = fault
                else:
                    parcels[code] = records
        self._set_aside(STEPS, faults)
        self._nothing_to_tell([code for code, records in parcels.items() if not records])
        for some in in_calls({code: records for code, records in parcels.items() if records}, self._step_attempts):
            _, refused = self._calls.tell(STEPS, some, self._drain.client.put_steps)
            self._calls.reject(STEPS, refused)

    def _nothing_to_tell(self, codes: Sequence[str]) -> None:
        if not codes:
            return
        now = self._drain.clock()
        with self._calls.transaction() as connection:
            outbox.settle(connection, STEPS, self._calls.versions(codes), "accepted", now)
            findings.settle(connection, STEPS, codes, now)

    @property
    def _attempts(self) -> dict[str, int]:
        return {code: row["attempts"] for code, row in self._rows.items()}

    @property
    def _step_attempts(self) -> dict[str, int]:
        return {code: row["step_attempts"] for code, row in self._rows.items()}
