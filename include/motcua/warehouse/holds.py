"""Mass changes that wait for a person: what a batch would do is weighed before anything of it is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date

import sqlalchemy as sa

from motcua.domain.volume import DayCount, Ordinary
from motcua.errors import ConfigError

# As long as a year of working days, Tết in it, and short enough to forget how an office once worked.
HISTORY_DAYS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a band is worked out from.

    Attributes:
        succeeded_on: Vietnam's day of the last merged reading.
        silent_since: Vietnam's day of the newest change that is known.
        living: dossiers held of the source.
        history: what was found changed, by day.
    """

    succeeded_on: date
    silent_since: date | None
    living: int
    history: Mapping[date, DayCount]


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """What a batch would do to its source: dossiers held, of them gone and altered; those that come back; new ones."""

    living: int
    gone: int
    altered: int
    back: int
    new: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a batch may do unasked.

    Attributes:
        ordinary: the source's band for the time since its last reading.
        silent_days: working days without a change, this batch included.
    """

    ordinary: Ordinary
    silent_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Why a batch is held: for the ledger of batches, and in the words of those who decide."""

    change: str
    reason: str
    told: str


def standings(connection: sa.Connection, sources: Sequence[str], *, until: date) -> dict[str, Standing]:
    """The standing of each source; those never merged are absent."""
    values = {"sources": list(sources), "until": until, "days": HISTORY_DAYS}
    history: dict[str, dict[date, DayCount]] = {}
    for row in connection.execute(_HISTORY, values):
        history.setdefault(row.source_id, {})[row.day] = DayCount(changed=row.changed, gone=row.gone)
    return {
        row.source_id: Standing(
            succeeded_on=row.succeeded_on, silent_since=row.silent_since, living=row.living,
            history=history.get(row.source_id, {}),
        )
        for row in connection.execute(_STANDINGS, values)
    }  # fmt: skip


def weigh(connection: sa.Connection, values: Mapping[str, object]) -> Volume:
    """What the batch in this session would do; `changed` has been filled."""
    return Volume(**connection.execute(_VOLUME, values).one()._mapping)


def judge_volume(volume: Volume, limits: Limits | None) -> Hold | None:
    """Whether that is more, or less, than is ordinary; a first reading (no limits) is never held."""
    if limits is None:
        return None
    living, gone, changed = volume.living, volume.gone, volume.altered + volume.new
    usual = limits.ordinary
    if gone > usual.gone or (gone == living and living > 2):
        return Hold(
            change="drop",
            reason=f"{gone} of {living} dossiers would be deleted, at most {usual.gone} is ordinary",
            told=f"{gone} trong {living} hồ sơ sẽ mất; ngày thường không quá {usual.gone}",
        )
    if changed > usual.changed:
        return Hold(
            change="rise",
            reason=f"{changed} dossiers would be new or altered ({living} are held), "
            f"at most {usual.changed} is ordinary for the time since the last reading",
            told=f"{changed} hồ sơ sẽ mới hoặc thay đổi (đang có {living}); "
            f"trong khoảng thời gian này thường không quá {usual.changed}",
        )
    if usual.silent_days is not None and limits.silent_days > usual.silent_days:
        return Hold(
            change="drop",
            reason=f"nothing has changed for {limits.silent_days} working days, {usual.silent_days} are ordinary",
            told=f"{limits.silent_days} ngày làm việc không có gì thay đổi; thường không quá {usual.silent_days}",
        )
    return None


def listing_digest(connection: sa.Connection, values: Mapping[str, object]) -> str:
    """A digest of all that the batch in this session says: two listings that say the same have the same."""
    return str(connection.execute(_LISTING_DIGEST, values).scalar_one())


def verdict(connection: sa.Connection, values: Mapping[str, object]) -> str | None:
    """What a person has said of a listing that says exactly this: `accepted`, `rejected`, or None."""
    found = connection.execute(_VERDICT, values).scalar()
    return None if found is None else str(found)


def keep_back(
    connection: sa.Connection, values: Mapping[str, object], volume: Volume, hold: Hold, *, ask: bool
) -> None:
    """Marks batch and source as held; `ask` raises a hold that somebody must decide, or renews the open one."""
    values = {**values, **asdict(hold)}
    if ask:
        connection.execute(
            _RAISE,
            values
            | {
                "before_count": volume.living,
                "after_count": volume.living - volume.gone + volume.back + volume.new,
                "codes_gone": connection.execute(_CODES_GONE, values).scalars().all(),
                "codes_changed": connection.execute(_CODES_CHANGED, values).scalars().all(),
            },
        )
    else:
        values["reason"] = f"{hold.reason}; rejected, and quiet until the listing differs"
    connection.execute(_HOLD_BATCH, values)
    connection.execute(_HOLD_SOURCE, values)


def lapse(connection: sa.Connection, values: Mapping[str, object]) -> None:
    """A later batch of the source was ordinary: nobody needs to decide the open hold any more."""
    connection.execute(_LAPSE, values)


def listed(connection: sa.Connection, *, decided: bool) -> list[dict[str, object]]:
    """Open holds, the oldest first; with `decided` those that were decided or have lapsed, too."""
    rows = connection.execute(_LIST, {"decided": decided})
    return [dict(row._mapping) for row in rows]


def awaiting_full_listing(connection: sa.Connection) -> set[str]:
    """Sources with an open hold of a full listing: they are listed in full until it is decided or has lapsed."""
    return set(connection.execute(_OPEN_FULL).scalars())


def decide(
    connection: sa.Connection, hold_id: int, *, accept: bool, by: str, reason: str
) -> tuple[int, str, str] | None:
    """Records a person's decision; the cycle, source and batch to be merged when it is accepted, else None.

    Raises:
        ConfigError: there is no such open hold.
    """
    values = {"hold_id": hold_id, "state": "accepted" if accept else "rejected", "by": by, "reason": reason}
    row = connection.execute(_DECIDE, values).first()
    if row is None:
        raise ConfigError(f"there is no open hold {hold_id}; `motcua holds` lists those that wait for a decision")
    if not accept:
        return None
    # it is judged and merged anew, from the archive
    cycle_id = connection.execute(_REOPEN, {"batch_id": row.batch_id}).scalar_one()
    return cycle_id, row.source_id, row.batch_id


_HISTORY = sa.text("""
SELECT source_id, day, changed, gone FROM source_day
WHERE source_id = ANY(:sources) AND day <= :until AND day > CAST(:until AS date) - CAST(:days AS integer)
""")

_STANDINGS = sa.text("""
SELECT s.source_id, (s.succeeded_as_of AT TIME ZONE 'Asia/Ho_Chi_Minh')::date AS succeeded_on,
       (s.watermark AT TIME ZONE 'Asia/Ho_Chi_Minh')::date AS silent_since,
       (SELECT count(*) FROM source_dossier d WHERE d.source_id = s.source_id AND NOT d.deleted) AS living
FROM source_state s
WHERE s.source_id = ANY(:sources) AND s.succeeded_as_of IS NOT NULL
""")

_VOLUME = sa.text("""
SELECT (SELECT count(*) FROM source_dossier WHERE source_id = :source_id AND NOT deleted) AS living,
       (SELECT count(*) FROM changed c JOIN source_dossier s ON s.code = c.code AND s.source_id = :source_id
        WHERE c.deleted AND NOT s.deleted) AS gone,
       (SELECT count(*) FROM changed c JOIN incoming_dossier i ON i.code = c.code AND i.source_id = :source_id
        JOIN source_dossier s ON s.code = c.code AND s.source_id = :source_id
        WHERE NOT c.deleted AND s.content_sha256 <> i.content_sha256) AS altered,
       (SELECT count(*) FROM changed c JOIN source_dossier s ON s.code = c.code AND s.source_id = :source_id
        WHERE NOT c.deleted AND s.deleted) AS back,
       (SELECT count(*) FROM changed WHERE is_new AND NOT deleted) AS new
""")

_LISTING_DIGEST = sa.text("""
SELECT encode(sha256(convert_to(coalesce(string_agg(said, ',' ORDER BY said), ''), 'UTF8')), 'hex')
FROM (SELECT code || encode(content_sha256, 'hex') AS said FROM incoming_dossier WHERE source_id = :source_id
      UNION ALL
      SELECT DISTINCT identity FROM incoming_quarantine WHERE source_id = :source_id) s
""")

_CODES_GONE = sa.text("""
SELECT c.code FROM changed c JOIN source_dossier s ON s.code = c.code AND s.source_id = :source_id
WHERE c.deleted AND NOT s.deleted ORDER BY c.code
""")
_CODES_CHANGED = sa.text("SELECT code FROM changed WHERE NOT deleted ORDER BY code LIMIT 1000")

# One open hold a source: a newer batch that looks the same takes the older one's place, and its day stays.
_RAISE = sa.text("""
INSERT INTO hold AS h (source_id, batch_id, change, reason, before_count, after_count, codes_gone, codes_changed,
                            listing_sha256, raised_at)
VALUES (:source_id, :batch_id, :change, :told, :before_count, :after_count, :codes_gone, :codes_changed,
        :listing_sha256, :as_of)
ON CONFLICT (source_id) WHERE state = 'open' DO UPDATE SET
    (batch_id, change, reason, before_count, after_count, codes_gone, codes_changed, listing_sha256)
  = (EXCLUDED.batch_id, EXCLUDED.change, EXCLUDED.reason, EXCLUDED.before_count, EXCLUDED.after_count,
     EXCLUDED.codes_gone, EXCLUDED.codes_changed, EXCLUDED.listing_sha256)
""")

# The newest word of a person on a listing that says exactly this. A yes counts for a week: an empty listing says the
# same in every month.
_VERDICT = sa.text("""
SELECT state FROM hold
WHERE source_id = :source_id AND listing_sha256 = :listing_sha256
  AND (state = 'rejected' OR (state = 'accepted' AND raised_at > CAST(:as_of AS timestamptz) - interval '7 days'))
ORDER BY decided_at DESC LIMIT 1
""")

_HOLD_BATCH = sa.text("""
UPDATE batch SET state = 'held', ended_at = clock_timestamp(), error_kind = 'HELD', error = :reason
WHERE batch_id = :batch_id
""")
_HOLD_SOURCE = sa.text("""
UPDATE source_state SET state = 'held', reason = :reason, attempted_as_of = :as_of WHERE source_id = :source_id
""")
_LAPSE = sa.text("""
UPDATE hold SET state = 'lapsed', decided_at = :as_of WHERE source_id = :source_id AND state = 'open'
""")

_LIST = sa.text("""
SELECT h.hold_id, h.source_id, h.batch_id, h.change, h.reason, h.before_count, h.after_count, h.codes_gone,
       h.codes_changed, h.state, h.raised_at, h.decided_at, h.decided_by, h.decision_reason
FROM hold h WHERE h.state = 'open' OR :decided ORDER BY h.raised_at, h.hold_id
""")
_OPEN_FULL = sa.text("""
SELECT h.source_id FROM hold h JOIN batch b USING (batch_id) WHERE h.state = 'open' AND b.kind = 'full'
""")
_DECIDE = sa.text("""
UPDATE hold SET state = :state, decided_at = clock_timestamp(), decided_by = :by, decision_reason = :reason,
       decided_via = current_setting('application_name')
WHERE hold_id = :hold_id AND state = 'open' RETURNING source_id, batch_id
""")
_REOPEN = sa.text("""
UPDATE batch SET state = 'collected', ended_at = NULL, error_kind = NULL, error = NULL
WHERE batch_id = :batch_id RETURNING cycle_id
""")
