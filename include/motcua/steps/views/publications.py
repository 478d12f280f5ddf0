"""Published versions of the feed, the keys that sign it, and what was taken out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

VERSIONS_A_PAGE = 100

_VERSIONS = sa.text("""
SELECT seq, as_of, published_at, rows, changed, manifest_sha256, previous, is_snapshot, accepted_because, accepted_by,
       removed_at, removed_because, removed_by
FROM api.publication WHERE :before = 0 OR seq < :before ORDER BY seq DESC LIMIT :most
""")
_KEYS = sa.text("SELECT kid, first_listed, first_used, last_used FROM api.feed_key ORDER BY first_listed DESC, kid")
_WITHHELD = sa.text("SELECT count(*) FROM api.withheld")


# Any: rows as the queries name the columns
@dataclass(frozen=True, slots=True, kw_only=True)
class Publications:
    """Versions, the newest first, and what stands beside them.

    Attributes:
        newest: the one that the feed points to, or None.
        versions: one page of them.
        keys: public halves only have an id here.
        withheld: how many dossiers were taken out of the feed.
    """

    newest: Any
    versions: Sequence[Any]
    keys: Sequence[Any]
    withheld: int


def published(connection: sa.Connection, *, before: int = 0) -> Publications:
    """The versions before `before`; the newest where that is 0."""
    newest = connection.execute(_VERSIONS, {"before": 0, "most": 1}).one_or_none()
    return Publications(
        newest=newest,
        versions=connection.execute(_VERSIONS, {"before": before, "most": VERSIONS_A_PAGE}).all(),
        keys=connection.execute(_KEYS).all(),
        withheld=connection.execute(_WITHHELD).scalar_one(),
    )
