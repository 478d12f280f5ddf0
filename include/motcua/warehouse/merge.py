"""The merge of one batch: source rows, dossiers, versions, outbox, issues, watermark and ledger in one transaction.

Rows arrive by COPY in session tables (`session.stage`), many batches at once; each batch is then merged by set-based
statements in a transaction of its own. Sources are locked one by one, codes by their agency part, both in order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

import sqlalchemy as sa

from motcua.errors import StaleWrite
from motcua.failpoints import pass_by
from motcua.warehouse import findings, holds, ledger, precedence, refusals
from motcua.warehouse import statements as sql
from motcua.warehouse.precedence import Seniority


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One batch to merge.

    Attributes:
        batch_id: `<cycle>.<source>`.
        cycle_id: the fencing number.
        source_id: whose rows.
        as_of: the cycle's moment; becomes the recorded time.
        window_to: the listing holds what had changed before this moment.
        is_full: a complete full listing: its word is final.
        is_replay: what is open in quarantine, judged again from the archive: no other row counts.
        judges_held: of a replay, that accepted words were judged again, too.
        newest_change: greatest change time read, refused rows included; the watermark to be.
        proves_absence: what is not among the session's present codes is deleted.
        absent_since: absence is proved only for dossiers received, or still open, from this moment on.
        is_dated_by_file: change times are those of the files that brought the rows.
        limits: what it may change without being held; None when nothing is known of its source.
    """

    batch_id: str
    cycle_id: int
    source_id: str
    as_of: datetime
    window_to: datetime
    is_full: bool
    newest_change: datetime | None
    is_replay: bool = False
    judges_held: bool = False
    proves_absence: bool = False
    absent_since: datetime | None = None
    is_dated_by_file: bool = False
    limits: holds.Limits | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What a merge did: rows of this batch by outcome. `changed` counts new versions of dossiers."""

    accepted: int
    quarantined: int
    unchanged: int
    deleted: int
    changed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Nothing was merged: a person must look at it first, or has rejected it."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Nothing was merged: all of it stands in quarantine, and its source is down."""

    reason: str


# Any but `Merged` has written nothing of the batch's rows; None: it was merged before.
Outcome = Merged | Held | Refused | None


def merge(connection: sa.Connection, batch: Batch, seniority: Seniority) -> Outcome:
    """Merges one staged batch; None when it is merged or closed already.

    `seniority` says whose word counts of a shared dossier.

    Raises:
        StaleWrite: a newer cycle has merged this source since; nothing is written.
    """
    values = {name: value for name, value in asdict(batch).items() if name not in ("limits", "proves_absence")}
    values |= seniority.parameters
    with connection.begin():
        connection.execute(sql.LOCK_SOURCE, values)
        pass_by("merge.after_lock")
        standing = connection.execute(sql.STANDING, values).one()
        if standing.state in ("merged", "failed"):  # by another try of this cycle, or given up
            return None
        _refuse_late(batch, standing)
        if batch.is_replay:
            return _replay(connection, values, seniority)
        share = refusals.weigh(connection, values)
        if refusals.is_all(share):
            connection.execute(refusals.SETTLE_NAMELESS, values)
            connection.execute(findings.QUARANTINE, values)
            ledger.record_refused(connection, values, error_kind=refusals.BAD_ROWS, error=share.reason)
            connection.execute(sql.COUNT_QUARANTINED, values)
            return Refused(reason=share.reason)
        connection.execute(sql.FIND_CHANGES, values)
        if batch.proves_absence:
            connection.execute(sql.FIND_ABSENT, values)
        if not standing.is_accepted and (held := _held(connection, batch, values)):
            return held
        merged = _write(connection, values, seniority)
        refusals.note(connection, values, share)
        pass_by("merge.before_commit")
    pass_by("merge.after_commit")
    return merged


def _refuse_late(batch: Batch, standing: sa.Row[tuple[object, ...]]) -> None:
    if standing.fence is not None and standing.fence > batch.cycle_id:
        raise StaleWrite(
            f"{batch.source_id}: cycle {standing.fence} has merged this source since cycle {batch.cycle_id} read it"
        )
    # what is weighed against the band would make the newer one's hold lapse
    if batch.limits is not None and not standing.is_accepted and (standing.held or 0) > batch.cycle_id:
        raise StaleWrite(
            f"{batch.source_id}: cycle {standing.held} has read this source since cycle {batch.cycle_id}, and is held"
        )


def _replay(connection: sa.Connection, values: Mapping[str, object], seniority: Seniority) -> Merged:
    """What passes now is merged and settled, what does not has one attempt more; nothing is known of the rest.

    An accepted word that does not pass stays published, and stands in quarantine.
    """
    for statement in findings.ONLY_JUDGED_AGAIN:
        connection.execute(statement, values)
    connection.execute(sql.FIND_CHANGES, values)
    changed = _write_changes(connection, values, seniority)
    on_held = findings.ON_HELD if values["judges_held"] else ()
    for statement in (*findings.ON_ROWS, findings.SETTLE_FOUND, *on_held, sql.COUNT_DOSSIERS, sql.COUNT_QUARANTINED):
        connection.execute(statement, values)
    return Merged(**connection.execute(sql.CLOSE_BATCH, {**values, "changed": changed}).one()._mapping)


def _held(connection: sa.Connection, batch: Batch, values: Mapping[str, object]) -> Held | None:
    """Keeps the batch back when it is out of its source's band and nobody has said yes to what it says."""
    if batch.limits is None:
        return None
    volume = holds.weigh(connection, values)
    hold = holds.judge_volume(volume, batch.limits)
    if hold is None:
        return None
    values = {**values, "listing_sha256": holds.listing_digest(connection, values)}
    said = holds.verdict(connection, values)
    if said == "accepted":
        return None
    holds.keep_back(connection, values, volume, hold, ask=said is None)
    return Held(reason=hold.reason)


def _write(connection: sa.Connection, values: Mapping[str, object], seniority: Seniority) -> Merged:
    """Most batches of a day change nothing: those cost what they find, and no more."""
    connection.execute(findings.OLDER_READING, values)
    is_changed = connection.execute(sql.ANY_CHANGE).scalar_one()
    changed = _write_changes(connection, values, seniority) if is_changed else 0
    for statement in findings.ON_ROWS:
        connection.execute(statement, values)
    connection.execute(sql.WATERMARK, values)
    if is_changed:
        connection.execute(sql.COUNT_DOSSIERS, values)
    connection.execute(sql.COUNT_QUARANTINED, values)
    holds.lapse(connection, values)
    counts = connection.execute(sql.CLOSE_BATCH, {**values, "changed": changed}).one()
    return Merged(**counts._mapping)


def _write_changes(connection: sa.Connection, values: Mapping[str, object], seniority: Seniority) -> int:
    """Source rows, dossiers, versions and outbox; how many new versions there are."""
    connection.execute(sql.LOCK_CODES, values)
    connection.execute(sql.COUNT_DAYS, values)
    connection.execute(findings.STATUS_WENT_BACK, values)
    for statement in sql.SOURCE_ROWS:
        connection.execute(statement, values)
    pass_by("merge.after_source_rows")
    changed = int(connection.execute(seniority.dossiers, values).scalar_one())
    pass_by("merge.after_dossiers")
    for statement in (precedence.SETTLE, seniority.differ, precedence.FOREIGN, *findings.ON_CHANGES):
        connection.execute(statement, values)
    return changed
