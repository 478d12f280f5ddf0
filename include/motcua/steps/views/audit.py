"""What people did, the newest first: found by source and by person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from motcua.registry import Registry
from motcua.steps.effective import scopes_of

ROWS_A_PAGE = 100

_ROWS = sa.text("""
SELECT at, who, via, action, subject, reason, details FROM api.audit
WHERE (:source = '' OR jsonb_exists(details -> 'sources', :source)
       OR (details ->> 'scope', CASE WHEN details ->> 'scope' = 'all' THEN '' ELSE subject END) IN (
           SELECT * FROM unnest(CAST(:scopes AS text[]), CAST(:subjects AS text[]))))
  AND (:who = '' OR who = :who)
  AND (:action = '' OR action = :action)
ORDER BY at DESC, action, subject LIMIT :most OFFSET :past
""")
_NAMES = sa.text("SELECT who, count(*) AS n FROM api.audit GROUP BY who ORDER BY n DESC, who LIMIT 200")
_ACTIONS = sa.text("SELECT action, count(*) AS n FROM api.audit GROUP BY action ORDER BY action")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which rows; an empty value leaves all in. What was said of all of a source's district is about it, too."""

    source: str = ""
    who: str = ""
    action: str = ""


# Any: rows as the queries name the columns
@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """One page of what people did.

    Attributes:
        rows: the newest first.
        has_more: whether there is another page.
        names: who did anything, the most first.
        actions: what was done.
    """

    rows: Sequence[Any]
    has_more: bool
    names: Sequence[str]
    actions: Sequence[str]


def trail(
    connection: sa.Connection, registry: Registry, wanted: Wanted, *, page: int = 1, most: int = ROWS_A_PAGE
) -> Trail:
    """A page of it; `page` counts from 1."""
    source = registry.sources.get(wanted.source)
    scopes = scopes_of(source) if source else ()
    values = {
        "source": wanted.source, "who": wanted.who, "action": wanted.action,
        "scopes": [scope for scope, _ in scopes], "subjects": [subject for _, subject in scopes],
    }  # fmt: skip
    rows = connection.execute(_ROWS, {**values, "most": most + 1, "past": (page - 1) * most}).all()
    return Trail(
        rows=rows[:most],
        has_more=len(rows) > most,
        names=[row.who for row in connection.execute(_NAMES)],
        actions=[row.action for row in connection.execute(_ACTIONS)],
    )
