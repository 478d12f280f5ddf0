"""What people did, who, when and why: the view `api.audit` over every ledger in which it stands."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from motcua.errors import ConfigError
from motcua.settings import Settings
from motcua.steps import place
from motcua.steps.effective import scopes_of
from motcua.warehouse import Role

_TRAIL = sa.text("""
SELECT at, who, via, action, subject, reason, details FROM api.audit
WHERE (CAST(:source AS text) IS NULL OR subject = :source OR jsonb_exists(details -> 'sources', :source)
       OR (details ->> 'scope', subject) IN (SELECT * FROM unnest(CAST(:scopes AS text[]), CAST(:subjects AS text[]))))
  AND (CAST(:by AS text) IS NULL OR who = :by)
  AND (CAST(:since AS timestamptz) IS NULL OR at >= :since)
ORDER BY at DESC, action, subject LIMIT :most
""")


# Any: rows of api.audit, `details` as JSON
def audit(
    *, settings: Settings, source: str | None = None, by: str | None = None, since: datetime | None = None,
    most: int = 1_000,
) -> list[dict[str, Any]]:  # fmt: skip
    """What people did, the newest first.

    Args:
        settings: where the warehouse is.
        source: only what was done to this source, by itself or by its group, its platform or all.
        by: only what this person did.
        since: only from this moment on; aware.
        most: at most so many.

    Returns:
        Of each: `at, who, via` (`cli`, `airflow`; None: before that was kept), `action, subject, reason` and
        `details`, a mapping.

    Raises:
        ConfigError: `since` has no zone.
    """
    known = place.registry(settings.registry).sources.get(source or "")  # one that is gone has its trail, too
    wider = scopes_of(known) if known else []
    if since is not None and since.tzinfo is None:
        raise ConfigError(f"since: expected a time with its zone, got {since.isoformat()}; add +07:00")
    with place.connected(settings, Role.WATCHER) as engine, engine.connect() as connection:
        values = {
            "source": source, "by": by, "since": since, "most": most, "scopes": [scope for scope, _ in wider],
            "subjects": [subject or "all sources" for _, subject in wider],
        }  # fmt: skip
        rows = connection.execute(_TRAIL, values)
        return [row._asdict() for row in rows]
