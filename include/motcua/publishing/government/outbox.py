"""The ledger's SQL: whose turn it is to send, and what came of it. One fence guards every write; `due` reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
import sqlalchemy as sa
from psycopg.types.json import set_json_loads

from motcua.errors import StaleWrite

DOSSIERS, STEPS = "DongBoHoSoMC", "CapNhatTienDoHoSoMC"
# One sender for the whole portal; the number means nothing, but must stay the same.
SENDER_LOCK = 7_315_003
# Rules of issues that are the sender's alone: the merge neither writes nor settles them.
WOULD_REFUSE, REJECTED = RULES = ("portal_would_refuse", "portal_rejected")
# Design, decision 10: the waits after each try; after the last one the delivery is given up.
RETRY_AFTER = tuple(
    timedelta(seconds=seconds) for seconds in (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
)

_NEXT_TURN = sa.text("""
UPDATE core.sender SET fence = fence + 1
RETURNING fence, failures, closed_until, reason, refusals, tolerance, doubt
""")

# A call is small beside the ledger, and statistics are old while it moves: by index, row by row, is always right, and
# rows are locked in the order in which they are named.
_BY_INDEX = sa.text("""
SELECT set_config(name, 'off', false)
FROM unnest(ARRAY['enable_seqscan', 'enable_hashjoin', 'enable_mergejoin']) AS name
""")

# One statement before a call and one after it: a fence that has moved on leaves nothing to write.
_SENT = sa.text("""
WITH turn AS (SELECT fence FROM core.sender FOR SHARE)
UPDATE core.delivery o SET state = 'sent', attempts = attempts + :tries, sent_at = :now, body_sha256 = :body_sha256
FROM unnest(string_to_array(:codes, ','), CAST(string_to_array(:versions, ',') AS int[])) AS v(code, version), turn
WHERE turn.fence = :fence AND o.code = v.code AND o.version = v.version AND o.service = :service
""")

_ACCEPTED = """
WITH turn AS (SELECT fence FROM core.sender FOR SHARE), told AS (
    SELECT v.* FROM turn, unnest(string_to_array(:codes, ','), CAST(string_to_array(:versions, ',') AS int[]),
                                 string_to_array(:keys, ';')) AS v(code, version, keys)
    WHERE turn.fence = :fence
), held AS ({held}), older AS (
    UPDATE core.delivery o SET state = 'superseded', settled_at = :now, due_at = NULL
    FROM told t WHERE o.service = :service AND o.code = t.code AND o.version < t.version
                  AND o.state IN ('queued', 'sent', 'unknown')
), mended AS (
    UPDATE core.issue i SET settled_at = :now
    FROM told t WHERE i.code = t.code AND i.rule = ANY(:rules) AND i.settled_at IS NULL
                  AND starts_with(i.field, 'steps') = (:service = 'CapNhatTienDoHoSoMC')
)
UPDATE core.delivery o
SET state = 'accepted', portal_code = NULL, portal_message = NULL, due_at = NULL, settled_at = :now
FROM told t WHERE o.code = t.code AND o.version = t.version AND o.service = :service
"""
_TAKEN = {
    DOSSIERS: sa.text(_ACCEPTED.format(held="""
    INSERT INTO core.portal_copy AS p (code, version) SELECT code, version FROM told
    ON CONFLICT (code) DO UPDATE SET version = greatest(p.version, EXCLUDED.version)
""")),
    STEPS: sa.text(_ACCEPTED.format(held="""
    UPDATE core.portal_copy p SET steps = p.steps || string_to_array(t.keys, ',') FROM told t WHERE p.code = t.code
""")),
}  # fmt: skip

_SETTLED = sa.text("""
UPDATE core.delivery o
SET state = :state, portal_code = :portal_code, portal_message = :message, due_at = :due_at,
    settled_at = CASE WHEN :state <> 'queued' THEN CAST(:now AS timestamptz) END
FROM unnest(CAST(:codes AS text[]), CAST(:versions AS int[])) AS v(code, version)
WHERE o.code = v.code AND o.version = v.version AND o.service = :service
""")

_PUT_BACK = sa.text("""
UPDATE core.delivery o SET state = 'queued', portal_code = :portal_code, portal_message = :message, due_at = NULL
FROM unnest(CAST(:codes AS text[]), CAST(:versions AS int[])) AS v(code, version)
WHERE o.code = v.code AND o.version = v.version AND o.service = :service AND o.state = 'sent'
""")

# each by its own number of tries: one that has had its last takes no other with it
_RETRIED = sa.text("""
UPDATE core.delivery o
SET state = CASE WHEN is_last THEN 'given_up' WHEN o.attempts = 0 THEN 'queued' ELSE :state END,
    portal_code = :portal_code, portal_message = :message,
    settled_at = CASE WHEN is_last THEN CAST(:now AS timestamptz) END,
    due_at = CASE WHEN NOT is_last THEN CAST(:now AS timestamptz) + (CAST(:waits AS interval[]))[
                      greatest(1, least(o.attempts, cardinality(CAST(:waits AS interval[]))))] END
FROM (SELECT w.code, w.version, :may_end AND w.attempts > cardinality(CAST(:waits AS interval[])) AS is_last
      FROM core.delivery w
      JOIN unnest(CAST(:codes AS text[]), CAST(:versions AS int[])) AS u(code, version) USING (code, version)
      WHERE w.service = :service) v
WHERE o.code = v.code AND o.version = v.version AND o.service = :service
""")

# steps share the fate of the dossier that they belong to, unless it was accepted
_FOLLOWED = sa.text("""
UPDATE core.delivery s
SET state = CASE WHEN d.state IN ('rejected', 'given_up', 'superseded') THEN d.state ELSE s.state END,
    portal_code = d.portal_code, portal_message = d.portal_message, due_at = d.due_at, settled_at = d.settled_at
FROM core.delivery d
JOIN unnest(CAST(:codes AS text[]), CAST(:versions AS int[])) AS v(code, version) USING (code, version)
WHERE d.service = 'DongBoHoSoMC' AND s.service = 'CapNhatTienDoHoSoMC' AND s.code = d.code AND s.version = d.version
  AND s.state IN ('queued', 'sent', 'unknown')
""")

# whatever was open of older versions is told by the newer one, or by none any more
_OLDER = sa.text("""
UPDATE core.delivery o SET state = 'superseded', settled_at = :now, due_at = NULL
FROM core.delivery n
JOIN unnest(CAST(:codes AS text[]), CAST(:versions AS int[])) AS v(code, version) USING (code, version)
WHERE n.service = :service AND n.state IN ('accepted', 'rejected', 'given_up', 'superseded')
  AND o.code = n.code AND o.version < n.version AND o.state IN ('queued', 'sent', 'unknown')
""")

_HELD = sa.text("""
INSERT INTO core.portal_copy AS p (code, version)
SELECT * FROM unnest(CAST(:codes AS text[]), CAST(:versions AS int[]))
ON CONFLICT (code) DO UPDATE SET version = greatest(p.version, EXCLUDED.version)
""")

_KEEP_OUTCOME = sa.text(
    "UPDATE core.sender SET drained_at = :now, drained = CAST(:drained AS jsonb) WHERE fence = :fence"
)

Versions = Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One sender's turn.

    Attributes:
        fence: its number; a newer sender's is greater.
        failures: calls in a row without an answer, before it.
        closed_until: the breaker: nothing is to be sent before this moment.
        reason: why.
        refusals: what `verdicts` counted so far.
        tolerance: how often as many refusals as usual it takes until the portal is doubted.
        doubt: why it is doubted, or None.
    """

    fence: int
    failures: int
    closed_until: datetime | None
    reason: str | None
    refusals: float
    tolerance: int
    doubt: str | None


@contextmanager
def turn(engine: sa.Engine) -> Iterator[tuple[sa.Connection, Turn | None]]:
    """A session that keeps the sender's turn until the end of the block, with that turn; None while another has it."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as keeper:
        keeper.detach()  # whatever happens, the lock never goes back to the pool with its session
        taken = keeper.execute(sa.text("SELECT pg_try_advisory_lock(:key)"), {"key": SENDER_LOCK}).scalar_one()
        if not taken:
            yield keeper, None
            return
        try:
            yield keeper, Turn(**keeper.execute(_NEXT_TURN).one()._mapping)
        finally:
            # at once: a closed session keeps its lock until the server notices
            keeper.execute(sa.text("SELECT pg_advisory_unlock(:key)"), {"key": SENDER_LOCK})


def work_by_index(connection: sa.Connection) -> None:
    """Makes this session plan for few rows, and read JSON fast: each dossier has two lists of it."""
    set_json_loads(orjson.loads, connection.connection.driver_connection)
    connection.execute(_BY_INDEX)


def check_fence(connection: sa.Connection, fence: int) -> None:
    """StaleWrite when another sender has taken over since; holds it off until this transaction ends."""
    current = connection.execute(sa.text("SELECT fence FROM core.sender FOR SHARE")).scalar_one()
    if current != fence:
        raise StaleWrite(f"sender {current} has taken over from sender {fence}: this one writes no more")


def is_current(connection: sa.Connection, fence: int) -> bool:
    """Whether no other sender has taken over, at this moment."""
    return bool(connection.execute(sa.text("SELECT fence = :fence FROM core.sender"), {"fence": fence}).scalar_one())


def mark_sent(
    connection: sa.Connection,
    fence: int,
    service: str,
    versions: Versions,
    body_sha256: bytes,
    now: datetime,
    *,
    tries: int,
) -> None:
    """These versions are about to leave in one call: whatever happens next, they may have arrived."""
    values = {"service": service, "body_sha256": body_sha256, "now": now, "tries": tries, "fence": fence}
    if not connection.execute(_SENT, _joined(versions) | values).rowcount:
        check_fence(connection, fence)


def mark_taken(
    connection: sa.Connection, fence: int, service: str, versions: Versions, now: datetime, steps: Sequence[str]
) -> None:
    """The portal took these versions in one call, with these steps: the keys of each dossier, joined by commas.

    Whatever older was open is superseded, and what the sender's `RULES` had against them is settled.
    """
    values = {"service": service, "now": now, "fence": fence, "keys": ";".join(steps), "rules": list(RULES)}
    if not connection.execute(_TAKEN[service], _joined(versions) | values).rowcount:
        check_fence(connection, fence)


def settle(
    connection: sa.Connection,
    service: str,
    versions: Versions,
    state: str,
    now: datetime,
    *,
    portal_code: str | None = None,
    message: str | None = None,
    due_at: datetime | None = None,
) -> None:
    """What came of these versions; `due_at` is when to try again. An end supersedes whatever older was open."""
    values = _of(versions) | {
        "service": service, "state": state, "now": now, "portal_code": portal_code, "message": message,
        "due_at": due_at,
    }  # fmt: skip
    connection.execute(_SETTLED, values)
    _settle_others(connection, service, values, is_accepted=state == "accepted")


def retry(
    connection: sa.Connection,
    service: str,
    versions: Versions,
    state: str,
    now: datetime,
    *,
    portal_code: str | None = None,
    message: str,
) -> None:
    """These versions wait in `state` for their next try; an `unknown` one that has had its last is given up."""
    values = _of(versions) | {
        "service": service, "state": state, "now": now, "portal_code": portal_code, "message": message,
        "waits": list(RETRY_AFTER), "may_end": state == "unknown",
    }  # fmt: skip
    connection.execute(_RETRIED, values)
    _settle_others(connection, service, values, is_accepted=False)


def put_back(
    connection: sa.Connection, service: str, versions: Versions, *, portal_code: str | None, message: str
) -> None:
    """What of these versions was sent and had no verdict is queued again, due at once."""
    values = _of(versions) | {"service": service, "portal_code": portal_code, "message": message}
    connection.execute(_PUT_BACK, values)


def keep_outcome(connection: sa.Connection, fence: int, drained: bytes, now: datetime) -> None:
    """What a drain did, as a JSON object, for whoever asks later."""
    connection.execute(_KEEP_OUTCOME, {"fence": fence, "drained": drained.decode(), "now": now})


def mark_held(connection: sa.Connection, versions: Versions) -> None:
    """The portal holds these dossiers."""
    connection.execute(_HELD, _of(versions))


def forget_steps(connection: sa.Connection, codes: Sequence[str]) -> None:
    """The portal holds no step of these dossiers after all."""
    statement = sa.text("UPDATE core.portal_copy SET steps = '{}' WHERE code = ANY(:codes)")
    connection.execute(statement, {"codes": list(codes)})


def _settle_others(connection: sa.Connection, service: str, values: Mapping[str, object], *, is_accepted: bool) -> None:
    if service == DOSSIERS and not is_accepted:
        connection.execute(_FOLLOWED, values)
    connection.execute(_OLDER, values)


def _of(versions: Versions) -> dict[str, object]:
    return {"codes": list(versions), "versions": list(versions.values())}


def _joined(versions: Versions) -> dict[str, object]:
    """As text: an array of a hundred costs ten times as much to hand over."""
    return {"codes": ",".join(versions), "versions": ",".join(map(str, versions.values()))}
