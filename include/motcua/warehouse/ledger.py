"""What ran: cycles, batches, sources' standing and stages; one row each, written by the step that did it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from motcua.errors import ConfigError, StaleWrite
from motcua.warehouse.pages import Page

# Classes of batches that ended without a word of their own, though nothing is wrong with their source.
OVERTAKEN, BUSY, CUT_OFF = "OVERTAKEN", "BUSY", "CUT_OFF"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """One cycle: `cycle_id` is the fencing number of its batches; windows begin at `since` where it is given."""

    cycle_id: int
    as_of: datetime
    is_full: bool
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """One complete listing, ready to be judged; it holds what had changed before `window_to`.

    `staged` is where the frames of its verdicts lie, once it is judged.
    """

    batch_id: str
    source_id: str
    fetched: int
    newest_change: datetime | None
    is_full: bool
    is_replay: bool
    window_to: datetime
    staged: str | None = None


def open_cycle(
    connection: sa.Connection,
    *,
    run_key: str,
    as_of: datetime,
    is_full: bool,
    sources: int,
    since: datetime | None = None,
    reason: str | None = None,
    requested_by: str | None = None,
    asked_sources: Sequence[str] | None = None,
    asked_rules: Sequence[str] | None = None,
) -> int:
    """The number of the cycle of `run_key`: a new one, or the one that an earlier try has opened.

    `asked_…` is what somebody named, kept for the trail of what people did; None where nobody asked.
    """
    statement = sa.text("""
        INSERT INTO cycle (run_key, as_of, is_full, sources, since, reason, requested_by, asked_sources, asked_rules)
        VALUES (:run_key, :as_of, :is_full, :sources, :since, :reason, :requested_by, :asked_sources, :asked_rules)
        ON CONFLICT (run_key) DO UPDATE SET run_key = EXCLUDED.run_key
        RETURNING cycle_id
    """)
    values = {
        "run_key": run_key, "as_of": as_of, "is_full": is_full, "sources": sources, "since": since, "reason": reason,
        "requested_by": requested_by,
        "asked_sources": None if asked_sources is None else list(asked_sources),
        "asked_rules": None if asked_rules is None else list(asked_rules),
    }  # fmt: skip
    return int(connection.execute(statement, values).scalar_one())


def cycle(connection: sa.Connection, cycle_id: int) -> Cycle:
    """The cycle as it was opened.

    Raises:
        ConfigError: there is no such cycle.
    """
    row = connection.execute(
        sa.text("SELECT cycle_id, as_of, is_full, since FROM cycle WHERE cycle_id = :cycle_id"),
        {"cycle_id": cycle_id},
    ).first()
    if row is None:
        raise ConfigError(f"there is no cycle {cycle_id} in the warehouse; api.cycle lists them")
    return Cycle(**row._mapping)


def is_opened(connection: sa.Connection, run_key: str) -> bool:
    """Whether an earlier try of the run has opened its cycle."""
    statement = sa.text("SELECT EXISTS (SELECT FROM cycle WHERE run_key = :run_key)")
    return bool(connection.execute(statement, {"run_key": run_key}).scalar_one())


def failed_in(connection: sa.Connection, run_key: str) -> set[str]:
    """Sources that an earlier try of the run could not read."""
    statement = sa.text(
        "SELECT source_id FROM batch JOIN cycle USING (cycle_id) WHERE run_key = :run_key AND state = 'failed'"
    )
    return set(connection.execute(statement, {"run_key": run_key}).scalars())


def planned_sources(connection: sa.Connection, cycle_id: int) -> int:
    """How many sources the cycle set out to read."""
    statement = sa.text("SELECT sources FROM cycle WHERE cycle_id = :cycle_id")
    return int(connection.execute(statement, {"cycle_id": cycle_id}).scalar_one())


def close_cycle(connection: sa.Connection, cycle_id: int) -> None:
    """Marks the end of a cycle; a second call changes nothing."""
    connection.execute(
        sa.text("UPDATE cycle SET ended_at = clock_timestamp() WHERE cycle_id = :cycle_id AND ended_at IS NULL"),
        {"cycle_id": cycle_id},
    )


def others_at_work(connection: sa.Connection, cycle_id: int) -> set[int]:
    """Other cycles that may have something to merge yet: begun, or with a hold accepted, within a day.

    A cycle takes minutes, and what is accepted is merged at once: what is older was cut off.
    """
    statement = sa.text("""
        SELECT cycle_id FROM cycle WHERE started_at > clock_timestamp() - interval '1 day'
        UNION
        SELECT cycle_id FROM hold JOIN batch USING (batch_id)
        WHERE hold.state = 'accepted' AND decided_at > clock_timestamp() - interval '1 day'
    """)
    return set(connection.execute(statement).scalars()) - {cycle_id}


def finished_batches(connection: sa.Connection, cycle_id: int) -> set[str]:
    """Sources whose batch of this cycle is complete: a second try leaves them alone."""
    rows = connection.execute(
        sa.text("SELECT source_id FROM batch WHERE cycle_id = :cycle_id AND state <> 'failed'"),
        {"cycle_id": cycle_id},
    )
    return {row.source_id for row in rows}


def record_collected(
    connection: sa.Connection,
    *,
    batch_id: str,
    at: Cycle,
    source_id: str,
    kind: str,
    window: tuple[datetime | None, datetime],
    pages: Sequence[Page],
    announced: int | None,
    fetched: int,
    clock_skew_seconds: float | None = None,
) -> None:
    """A batch exists from here on: its listing reached its end and its pages are archived.

    Raises:
        StaleWrite: another try of this cycle has read the source since this one began.
    """
    written = connection.execute(
        sa.text("""
            INSERT INTO batch (batch_id, cycle_id, source_id, as_of, kind, state, window_from, window_to, pages,
                                    page_notes, announced, fetched, clock_skew_seconds)
            VALUES (:batch_id, :cycle_id, :source_id, :as_of, :kind, 'collected', :window_from, :window_to, :pages,
                    CAST(:page_notes AS jsonb), :announced, :fetched, :clock_skew_seconds)
            ON CONFLICT (batch_id) DO UPDATE SET
                (state, window_from, window_to, pages, page_notes, announced, fetched, clock_skew_seconds, error_kind,
                 error, ended_at)
              = ('collected', EXCLUDED.window_from, EXCLUDED.window_to, EXCLUDED.pages, EXCLUDED.page_notes,
                 EXCLUDED.announced, EXCLUDED.fetched, EXCLUDED.clock_skew_seconds, NULL, NULL, NULL)
            WHERE batch.state = 'failed'
        """),
        {
            "batch_id": batch_id, "cycle_id": at.cycle_id, "source_id": source_id, "as_of": at.as_of, "kind": kind,
            "window_from": window[0], "window_to": window[1], "pages": [page.sha256 for page in pages],
            "page_notes": json.dumps([dict(page.note) for page in pages]) if any(page.note for page in pages) else None,
            "announced": announced, "fetched": fetched, "clock_skew_seconds": clock_skew_seconds,
        },
    )  # fmt: skip
    if not written.rowcount:
        raise StaleWrite(f"{source_id}: another try of cycle {at.cycle_id} has read it since this one began")


def record_failed(
    connection: sa.Connection,
    *,
    batch_id: str,
    at: Cycle,
    source_id: str,
    kind: str,
    window: tuple[datetime | None, datetime],
    error_kind: str,
    error: str,
) -> None:
    """A source could not be read: its batch says why, its standing is `down` (`held` while a hold is open).

    Its watermark stays.

    One that is `BUSY`, since another cycle reads it, keeps its standing; so does one that another try of this cycle
    has read, or a newer moment has told of.
    """
    values = {
        "batch_id": batch_id, "cycle_id": at.cycle_id, "source_id": source_id, "as_of": at.as_of, "kind": kind,
        "window_from": window[0], "window_to": window[1], "error_kind": error_kind, "error": error,
    }  # fmt: skip
    written = connection.execute(
        sa.text("""
            INSERT INTO batch (batch_id, cycle_id, source_id, as_of, kind, state, window_from, window_to,
                                    error_kind, error, ended_at)
            VALUES (:batch_id, :cycle_id, :source_id, :as_of, :kind, 'failed', :window_from, :window_to, :error_kind,
                    :error, clock_timestamp())
            ON CONFLICT (batch_id) DO UPDATE SET
                (state, error_kind, error, ended_at)
              = ('failed', EXCLUDED.error_kind, EXCLUDED.error, EXCLUDED.ended_at)
            WHERE batch.state = 'failed'
        """),
        values,
    )
    if written.rowcount and error_kind != BUSY:
        _mark_down(connection, values)


def record_refused(connection: sa.Connection, values: Mapping[str, object], *, error_kind: str, error: str) -> None:
    """Nothing of a batch can be taken: it has failed, and its source is down as if it could not be read.

    `values` has the batch's `batch_id, cycle_id, source_id, as_of`.
    """
    values = {**values, "error_kind": error_kind, "error": error}
    connection.execute(_CLOSE_AS_FAILED, values)
    _mark_down(connection, values)


def _mark_down(connection: sa.Connection, values: Mapping[str, object]) -> None:
    connection.execute(
        sa.text("""
            INSERT INTO source_state AS s (source_id, state, reason, attempted_as_of, failures)
            VALUES (:source_id, 'down', :error_kind || ': ' || :error, :as_of, 1)
            ON CONFLICT (source_id) DO UPDATE SET
                (state, reason, attempted_as_of, failures)
              = (CASE WHEN EXISTS (SELECT FROM hold h WHERE h.source_id = s.source_id AND h.state = 'open')
                      THEN 'held' ELSE 'down' END,
                 EXCLUDED.reason, EXCLUDED.attempted_as_of, s.failures + 1)
            WHERE s.fence <= :cycle_id AND s.attempted_as_of <= EXCLUDED.attempted_as_of
        """),
        values,
    )


def record_overtaken(connection: sa.Connection, batch_id: str, error: str) -> None:
    """A newer cycle has merged this source since: the batch has no say, and the source stands as that one left it."""
    connection.execute(_CLOSE_AS_FAILED, {"batch_id": batch_id, "error_kind": OVERTAKEN, "error": error})


_CLOSE_AS_FAILED = sa.text("""
    UPDATE batch SET state = 'failed', error_kind = :error_kind, error = :error, ended_at = clock_timestamp()
    WHERE batch_id = :batch_id
""")


def batches_in(connection: sa.Connection, cycle_id: int, *states: str) -> list[Collected]:
    """Batches of a cycle in any of `states`, by source."""
    rows = connection.execute(
        sa.text("""
            SELECT batch_id, source_id, coalesce(fetched, 0) AS fetched, newest_change, kind = 'full' AS is_full,
                   kind = 'replay' AS is_replay, window_to, staged
            FROM batch
            WHERE cycle_id = :cycle_id AND state = ANY(:states) ORDER BY source_id
        """),
        {"cycle_id": cycle_id, "states": list(states)},
    )
    return [Collected(**row._mapping) for row in rows]


def mark_judged(
    connection: sa.Connection,
    cycle_id: int,
    judged_by: Mapping[str, Mapping[str, str]],
    newest: Mapping[str, datetime],
    *,
    staged: str,
) -> None:
    """Batches have verdicts: `judged_by` tells by batch what gave them; what is merged or closed stays as it is.

    `newest` is the greatest change time read by source; `staged` is where the frames lie. Of two tries that judge a
    batch the later counts, with its own frames.
    """
    for batch_id, makers in judged_by.items():
        connection.execute(
            sa.text("""
                UPDATE batch SET state = 'judged', judged_by = CAST(:makers AS jsonb), staged = :staged,
                                 newest_change = coalesce(CAST(:newest AS timestamptz), newest_change)
                WHERE batch_id = :batch_id AND state IN ('collected', 'judged')
            """),
            {
                "batch_id": batch_id, "makers": json.dumps(makers), "staged": staged,
                "newest": newest.get(batch_id.removeprefix(f"{cycle_id}.")),
            },
        )  # fmt: skip
