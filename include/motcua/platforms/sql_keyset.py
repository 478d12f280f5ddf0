"""Rows of one unit in `v_ho_so`, page by page, by keyset on (`ngay_cap_nhat`, `ma_ho_so`).

Only the database compares keys, because collations differ. The last key need not be unique, so a page begins with all
rows of the last key once more, and what the page before has given of them is left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

import sqlalchemy as sa

from motcua.domain.calendar import VIETNAM
from motcua.domain.codes import canonical_agency
from motcua.errors import SourceChanged
from motcua.http import Pace
from motcua.platforms.base import EVERYTHING_SINCE, MOST_PAGES, Window
from motcua.platforms.sql_session import Session

# Rows that no key tells apart are read at once, at most so many: as records, 20,000 are some 60 MB.
MOST_ALIKE = 20_000
# No window reaches so far: a change time from then on (`infinity`, a year 2999) is none.
NEVER_SINCE = datetime(2100, 1, 1, tzinfo=VIETNAM)

# values of a row, in the order of the view's columns
Values = tuple[object, ...]


class _Key(NamedTuple):
    changed: object
    code: object


class UnitRows:
    """Rows of a unit as one state of the database holds them; repeated rows are rows.

    Args:
        session: in which they are read.
        view: `v_ho_so` with all its columns.
        unit: agency code; rows with either spelling of it are its rows.
        pace: how often the source may be asked.
    """

    def __init__(self, session: Session, view: sa.TableClause, unit: str, pace: Pace) -> None:
        self._session = session
        self._view = view
        self._size = session.source.page_size
        self._pace = pace
        self._unit = unit

    def pages(self, window: Window) -> Iterator[list[Values]]:
        """Pages with at least a row: first what changed in the window, then what no window reaches."""
        in_use = [code for code in _spellings(self._unit) if self._holds(code)]
        if not in_use:
            return
        unit = self._view.c.ma_don_vi
        # compared with one, an index gives rows in order; with several, every page would sort all of them
        of_unit = unit == as_column(in_use[0]) if len(in_use) == 1 else unit.in_(as_column(in_use))
        for stretch in (self._in_window(of_unit, window), self._in_no_window(of_unit)):
            yield from filter(None, stretch)

    def _holds(self, code: str) -> bool:
        return bool(self._ask(sa.select(sa.literal(1)).where(self._view.c.ma_don_vi == as_column(code)), 1))

    def _in_window(self, of_unit: sa.ColumnElement[bool], window: Window) -> Iterator[list[Values]]:
        """Rows whose change time is in the window; the first page that is not full is the last."""
        changed, code = self._view.c.ngay_cap_nhat, self._view.c.ma_ho_so
        wanted = sa.and_(of_unit, code.is_not(None), changed >= _time(window.start), changed < _time(window.end))
        after: _Key | None = None
        before: Counter[Values] = Counter()
        for _ in range(MOST_PAGES):
            rows, is_last = self._page(sa.select(self._view).where(wanted), after)
            yield _without(rows, before)
            if is_last:
                return
            last = dict(zip(self._view.c.keys(), rows[-1], strict=True))
            after, before = _Key(last["ngay_cap_nhat"], last["ma_ho_so"]), Counter(rows)
        raise self._refused(f"does not end within {MOST_PAGES} pages")

    def _page(self, wanted: sa.Select[Any], after: _Key | None) -> tuple[list[Values], bool]:
        """Rows from a key on, all those of that key among them, however many; and whether they are the last."""
        changed, code = self._view.c.ngay_cap_nhat, self._view.c.ma_ho_so
        wanted = wanted.order_by(changed, code)
        if after is None:
            rows = self._ask(wanted, self._size)
            return rows, len(rows) < self._size
        last_changed, last_code = as_column(after.changed), as_column(after.code)
        is_beyond = sa.or_(changed > last_changed, code > last_code)
        # not as a row comparison, for which MariaDB uses no index
        wanted = wanted.where(changed >= last_changed, sa.or_(changed > last_changed, code >= last_code))
        asked = self._size + 1  # the last row comes again
        while True:
            flagged = self._ask(wanted.add_columns(is_beyond), asked)
            if len(flagged) < asked or flagged[-1][-1]:
                return [row[:-1] for row in flagged], len(flagged) < asked
            if asked > MOST_ALIKE:
                raise self._refused(f"more than {MOST_ALIKE} rows share one change time and code")
            asked = min(4 * asked, MOST_ALIKE + 1)

    def _in_no_window(self, of_unit: sa.ColumnElement[bool]) -> Iterator[list[Values]]:
        """Rows that no window or no key reaches, such as those without a change time: they come with every listing."""
        changed, code = self._view.c.ngay_cap_nhat, self._view.c.ma_ho_so
        is_outside = sa.or_(
            changed.is_(None), code.is_(None), changed < _time(EVERYTHING_SINCE), changed >= _time(NEVER_SINCE)
        )
        wanted = sa.select(self._view).where(of_unit, is_outside).order_by(code, changed)
        rows = self._ask(wanted, MOST_ALIKE + 1)
        if len(rows) > MOST_ALIKE:
            raise self._refused(f"more than {MOST_ALIKE} rows have no code or no change time that a window holds")
        coming = iter(rows)
        while page := list(islice(coming, self._size)):
            yield page

    def _ask(self, statement: sa.Select[Any], rows: int) -> list[Values]:
        self._pace.wait()
        return [tuple(row) for row in self._session.rows(statement.limit(rows), of=self._view.name)]

    def _refused(self, what: str) -> SourceChanged:
        return SourceChanged(
            self._session.source.id, f"{self._view.name}: {what}, which cannot be paged; ask its owner", kind="LIMIT"
        )


# Any: what a source's own column holds
def as_column(value: Any) -> sa.BindParameter[Any]:
    """A value, or a list of them for IN, that the database reads as the column that it is compared with."""
    return sa.bindparam(None, value, type_=sa.types.NullType(), expanding=isinstance(value, list))


def _time(moment: datetime) -> sa.BindParameter[Any]:
    return as_column(moment.strftime("%Y-%m-%d %H:%M:%S.%f"))


def _without(rows: Sequence[Values], before: Counter[Values]) -> list[Values]:
    """Rows that the page before has not given: equal rows are as good as each other, so they are counted off."""
    fresh = []
    for row in rows:
        if before[row]:
            before[row] -= 1
        else:
            fresh.append(row)
    return fresh


def _spellings(unit: str) -> list[str]:
    """The codes that mean a unit: as the registry spells it, and in the forms of QCVN 102 and of Decision 20."""
    canonical = canonical_agency(unit) or unit
    city, *groups = canonical.split(".")
    padded = [*groups, *["00"] * (2 - len(groups)), "000"][:3]
    return sorted({unit, canonical, ".".join([*reversed(padded), city])})
