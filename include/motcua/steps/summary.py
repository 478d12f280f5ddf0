"""The figures of a cycle, as `run/summary.json` holds them (contract page `interfaces`)."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import sqlalchemy as sa

from motcua.domain.progress import progress_classes
from motcua.errors import ConfigError
from motcua.settings import Settings
from motcua.steps import place
from motcua.warehouse import Role, ledger

# 1 and 3 were never received: they are no part of "received" (domain page, section 5)
_RECEIVED = sa.text("""
WITH accepted AS (
    SELECT code, channel FROM core.dossier WHERE NOT deleted AND status NOT IN (1, 3)
), refused AS (
    SELECT DISTINCT ON (q.identity) q.identity, q.channel, q.rule
    FROM core.quarantine q
    WHERE q.settled_at IS NULL AND q.is_primary AND coalesce(q.status, 2) NOT IN (1, 3)
      AND NOT EXISTS (SELECT FROM accepted a WHERE a.code = q.identity)
    ORDER BY q.identity, q.source_id
)
SELECT NULL AS rule, count(*) AS dossiers, count(*) FILTER (WHERE channel = 2) AS online FROM accepted
UNION ALL
SELECT rule, count(*), count(*) FILTER (WHERE channel = 2) FROM refused GROUP BY rule ORDER BY rule
""")

_FACTS = sa.text("SELECT status, due_at, finished_at FROM core.dossier WHERE NOT deleted")

_STAGES = sa.text("""
SELECT stage AS name, round(extract(epoch FROM max(ended_at) - min(started_at))::numeric, 1)::float AS seconds,
       sum(rows)::bigint AS rows, max(peak_memory_mb) AS peak_memory_mb
FROM core.stage_run
WHERE cycle_id = :cycle_id
   OR (cycle_id IS NULL AND started_at >= (SELECT started_at FROM core.cycle WHERE cycle_id = :cycle_id))
GROUP BY stage ORDER BY min(started_at)
""")

_SOURCES = sa.text("""
SELECT count(*) AS total, count(*) FILTER (WHERE state = 'merged') AS ok,
       count(*) FILTER (WHERE state = 'failed' AND error_kind <> ALL (:skipped)) AS down,
       count(*) FILTER (WHERE state = 'held') AS held, coalesce(sum(changed), 0)::bigint AS versions_new
FROM core.batch WHERE cycle_id = :cycle_id
""")

# each dossier by the service that tells the portal of it; its steps are a second row and would count it twice
_DELIVERY = sa.text("""
SELECT count(*) FILTER (WHERE state IN ('queued', 'sent')) AS queued,
       count(*) FILTER (WHERE state = 'accepted') AS accepted,
       count(*) FILTER (WHERE state IN ('rejected', 'given_up')) AS rejected,
       count(*) FILTER (WHERE state = 'unknown') AS unknown
FROM core.delivery WHERE service = 'DongBoHoSoMC'
""")

# a cycle that changed nothing leaves an older version standing: its changes are not this cycle's
_FEED = sa.text("""
SELECT p.seq, p.rows, CASE WHEN p.published_at >= c.started_at THEN p.changed ELSE 0 END AS changed
FROM core.publication p, core.cycle c WHERE c.cycle_id = :cycle_id ORDER BY p.seq DESC LIMIT 1
""")


def summary(*, settings: Settings, cycle_id: int) -> dict[str, object]:
    """Counts everything anew from the warehouse: nothing here is remembered by a step."""
    with place.connected(settings, Role.PIPELINE) as engine, engine.connect() as connection:
        cycle = ledger.cycle(connection, cycle_id)
        counted = connection.execute(_RECEIVED).all()
        facts = pd.DataFrame(connection.execute(_FACTS).all(), columns=["status", "due_at", "finished_at"])
        stages = [dict(row._mapping) for row in connection.execute(_STAGES, {"cycle_id": cycle_id})]
        sources = dict(
            connection.execute(_SOURCES, {"cycle_id": cycle_id, "skipped": [ledger.OVERTAKEN, ledger.BUSY]})
            .one()
            ._mapping
        )
        delivery = dict(connection.execute(_DELIVERY).one()._mapping)
        feed = connection.execute(_FEED, {"cycle_id": cycle_id}).first()
        seconds = connection.execute(
            sa.text("SELECT extract(epoch FROM max(ended_at) - min(started_at))::float FROM core.stage_run"
                    " WHERE started_at >= (SELECT started_at FROM core.cycle WHERE cycle_id = :cycle_id)"),
            {"cycle_id": cycle_id},
        ).scalar_one()  # fmt: skip
    versions_new = sources.pop("versions_new")
    quarantined = {row.rule: row.dossiers for row in counted if row.rule is not None}
    accepted = next(row.dossiers for row in counted if row.rule is None)
    return {
        "as_of": cycle.as_of.isoformat(),
        "seconds": round(seconds or 0.0, 1),
        "peak_memory_mb": max((stage["peak_memory_mb"] for stage in stages), default=0),
        "sources": sources,
        "received": accepted + sum(quarantined.values()),
        "online": sum(row.online for row in counted),
        "accepted": accepted,
        "quarantined": quarantined,
        "progress": _progress(facts, settings, cycle.as_of),
        "versions_new": versions_new,
        "delivery": delivery,
        "feed": dict(feed._mapping) if feed else {"seq": None, "rows": 0, "changed": 0},
        "stages": stages,
    }


def _progress(facts: pd.DataFrame, settings: Settings, as_of: datetime) -> dict[str, int]:
    for column in ("due_at", "finished_at"):
        facts[column] = pd.to_datetime(facts[column], utc=True)
    classes = progress_classes(facts, as_of, place.registry(settings.registry).calendar)
    return {str(name): int(count) for name, count in classes.value_counts().items()}


def newest_cycle(*, settings: Settings) -> int:
    """Number of the newest cycle.

    Raises:
        ConfigError: there has been none.
    """
    with place.connected(settings, Role.PIPELINE) as engine, engine.connect() as connection:
        newest = connection.execute(sa.text("SELECT max(cycle_id) FROM core.cycle")).scalar_one()
    if newest is None:
        raise ConfigError("there has been no cycle yet; run `motcua cycle`")
    return int(newest)
