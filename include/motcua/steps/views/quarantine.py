"""Quarantine: how much is open by rule, source and owner, how that went, and which dossiers: codes, never values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from motcua.domain.calendar import VIETNAM
from motcua.publishing.disclosure import MEANT_AS_CODE

DAYS_SHOWN = 30
ROWS_A_PAGE = 100
OWNERS = ("office", "motcua")

_CHOSEN = """
settled_at IS NULL AND (:rule = '' OR rule = :rule) AND (:source = '' OR source_id = :source)
AND (:owner = '' OR owner = :owner)
"""
_BY_RULE_AND_SOURCE = sa.text(f"""
SELECT rule, owner, source_id, count(DISTINCT identity) AS dossiers, count(*) FILTER (WHERE is_primary) AS first_of,
       min(first_seen) AS first_seen, max(last_seen) AS last_seen
FROM api.quarantine WHERE {_CHOSEN} GROUP BY rule, owner, source_id
""")  # noqa: S608  # a constant
_ROWS = sa.text(f"""
SELECT source_id, CASE WHEN code ~ :meant THEN code END AS code, rule, field, owner, first_seen, last_seen, attempts,
       page_row
FROM api.quarantine WHERE {_CHOSEN} ORDER BY first_seen, source_id, identity, rule, field LIMIT :most OFFSET :past
""")  # noqa: S608  # a constant
_COUNT = sa.text(f"SELECT count(*) FROM api.quarantine WHERE {_CHOSEN}")  # noqa: S608  # a constant
_BEGUN = sa.text("""
SELECT (first_seen AT TIME ZONE 'Asia/Ho_Chi_Minh')::date AS day, count(*) AS n FROM api.quarantine
WHERE first_seen >= :since AND first_seen < :until AND (:rule = '' OR rule = :rule)
  AND (:source = '' OR source_id = :source) AND (:owner = '' OR owner = :owner) GROUP BY 1
""")
_SETTLED = sa.text("""
SELECT (settled_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date AS day, count(*) AS n FROM api.quarantine
WHERE settled_at >= :since AND settled_at < :until AND (:rule = '' OR rule = :rule)
  AND (:source = '' OR source_id = :source) AND (:owner = '' OR owner = :owner) GROUP BY 1
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which rows; an empty value leaves all in."""

    rule: str = ""
    source: str = ""
    owner: str = ""

    @property
    def is_narrow(self) -> bool:
        """Whether anything is left out."""
        return bool(self.rule or self.source or self.owner)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What of quarantine belongs to one rule, source or owner.

    Attributes:
        key: the rule, the source's id or the owner.
        owner: who can mend it; of a source: empty where it is both.
        dossiers: of a rule or owner: that break it; of a source: each once, by the first rule that it breaks.
        others: how many sources it touches; of a source: how many rules.
    """

    key: str
    owner: str
    dossiers: int
    others: int
    first_seen: datetime
    last_seen: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """Rows that came into quarantine, and that left it."""

    day: date
    begun: int
    settled: int


# Any: rows as `_ROWS` names the columns
@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is open of what was asked for.

    Attributes:
        dossiers: open ones, each once.
        by_rule: the most first.
        by_source: the most first.
        by_owner: in the order of `OWNERS`.
        days: the last 30, the oldest first.
        rows: one page of what is open, the oldest first, `code` null where it is not to be shown; empty while
            nothing is asked for.
        count: how many rows there are.
    """

    dossiers: int
    by_rule: Sequence[Share]
    by_source: Sequence[Share]
    by_owner: Sequence[Share]
    days: Sequence[Day]
    rows: Sequence[Any]
    count: int


def standing(connection: sa.Connection, wanted: Wanted, as_of: datetime, *, page: int) -> Standing:
    """What is open at `as_of`; `page` counts from 1."""
    values = {"rule": wanted.rule, "source": wanted.source, "owner": wanted.owner}
    cells = connection.execute(_BY_RULE_AND_SOURCE, values).all()
    rows: Sequence[Any] = []
    count = 0
    if wanted.is_narrow:
        shown = {"meant": MEANT_AS_CODE, "most": ROWS_A_PAGE, "past": (page - 1) * ROWS_A_PAGE}
        rows = connection.execute(_ROWS, {**values, **shown}).all()
        count = connection.execute(_COUNT, values).scalar_one()
    return Standing(
        dossiers=sum(cell.first_of for cell in cells),
        by_rule=_shares(cells, lambda cell: cell.rule, lambda cell: cell.source_id, lambda cell: cell.dossiers),
        by_source=_shares(cells, lambda cell: cell.source_id, lambda cell: cell.rule, lambda cell: cell.first_of),
        by_owner=sorted(
            _shares(cells, lambda cell: cell.owner, lambda cell: cell.source_id, lambda cell: cell.first_of),
            key=lambda share: share.key not in OWNERS[:1],
        ),
        days=_days(connection, values, as_of),
        rows=rows,
        count=count,
    )


# Any: cells, as `_BY_RULE_AND_SOURCE` names the columns
def _shares(cells: Sequence[Any], key: Any, other: Any, number: Any) -> list[Share]:
    together: dict[str, list[Any]] = {}
    for cell in cells:
        together.setdefault(key(cell), []).append(cell)
    shares = []
    for name, some in together.items():
        owners = {cell.owner for cell in some}
        shares.append(
            Share(
                key=name, owner=owners.pop() if len(owners) == 1 else "", dossiers=sum(map(number, some)),
                others=len({other(cell) for cell in some}), first_seen=min(cell.first_seen for cell in some),
                last_seen=max(cell.last_seen for cell in some),
            )
        )  # fmt: skip
    return sorted(shares, key=lambda share: (-share.dossiers, share.key))


def _days(connection: sa.Connection, values: dict[str, str], as_of: datetime) -> list[Day]:
    today = as_of.astimezone(VIETNAM).date()
    days = [today - timedelta(days=back) for back in range(DAYS_SHOWN - 1, -1, -1)]
    since = datetime(days[0].year, days[0].month, days[0].day, tzinfo=VIETNAM)
    span = {**values, "since": since, "until": since + timedelta(days=DAYS_SHOWN)}
    begun = {row.day: row.n for row in connection.execute(_BEGUN, span)}
    settled = {row.day: row.n for row in connection.execute(_SETTLED, span)}
    return [Day(day=day, begun=begun.get(day, 0), settled=settled.get(day, 0)) for day in days]
