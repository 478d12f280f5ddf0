"""`sql_view`: two views behind a read-only database account (contract page `source-platforms`, section 4).

Both are read in one transaction, see `sql_session`; a page is rows of `v_ho_so`, see `sql_keyset`, with their rows of
`v_qua_trinh` nested below them, as JSON. A view knows no units: one that it does not hold is an empty listing.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import orjson
import sqlalchemy as sa

from motcua.connections import Connection
from motcua.domain.text import fold
from motcua.errors import SourceChanged, SourceUnavailable
from motcua.http import Pace
from motcua.platforms import sql_session
from motcua.platforms.base import READINGS, Keep, Listing, PageRef, Record, Window, parse
from motcua.platforms.sql_keyset import UnitRows, Values, as_column
from motcua.platforms.sql_session import Session
from motcua.registry import Source

DOSSIERS, STEPS = "v_ho_so", "v_qua_trinh"
COLUMNS = {
    DOSSIERS: (
        "ma_ho_so", "ma_tthc", "ten_tthc", "ma_linh_vuc", "kenh_thuc_hien", "loai_doi_tuong", "ten_chu_ho_so",
        "so_giay_to", "ma_don_vi", "don_vi_xu_ly", "ngay_nop", "ngay_tiep_nhan", "ngay_hen_tra", "ngay_ket_thuc",
        "ngay_tra", "trang_thai", "da_xoa", "ngay_cap_nhat",
    ),
    STEPS: ("ma_ho_so", "thu_tu", "thoi_diem", "nguoi_xu_ly", "phong_ban", "noi_dung", "trang_thai"),
}  # fmt: skip
# A page larger than this (the HTTP platforms' limit) or with more steps is none of dossiers.
MOST_BYTES = 64 * 1024 * 1024
MOST_STEPS = 200_000


class SqlView:
    """The platform `sql_view`."""

    name = "sql_view"

    def read_listing(self, source: Source, connection: Connection, window: Window, *, keep: Keep) -> Listing:
        """See `Platform`; when the connection breaks, everything is read again in the state of then."""
        deadline = time.monotonic() + source.time_budget_seconds
        for reading in range(1, READINGS + 1):
            with sql_session.opened(source, connection, deadline=deadline) as session:
                try:
                    return _read(session, window, keep)
                except SourceUnavailable as error:
                    if error.kind != "UNAVAILABLE" or reading == READINGS:
                        raise
        raise AssertionError("unreachable: the last reading returns or raises")

    def records(self, body: bytes, *, source: Source, note: Mapping[str, str]) -> Sequence[Record]:
        """See `Platform`."""
        found: Sequence[Record] = parse(body)[DOSSIERS]
        return found


@dataclass(frozen=True, slots=True)
class _Views:
    """Both views with all their columns, in one session."""

    session: Session
    dossiers: sa.TableClause
    steps: sa.TableClause


def _read(session: Session, window: Window, keep: Keep) -> Listing:
    source = session.source
    views = _Views(session, _view(session, DOSSIERS), _view(session, STEPS))
    pace = Pace(source.rate_per_second, now=time.monotonic, sleep=time.sleep)
    pages: list[PageRef] = []
    for unit in source.units:
        rows_of_unit = UnitRows(session, views.dossiers, unit, pace)
        pages += [_page(views, unit, rows, keep) for rows in rows_of_unit.pages(window)] or [
            _page(views, unit, [], keep)
        ]
    return Listing(
        pages=tuple(pages), announced=None, fetched=sum(page.rows for page in pages),
        clock_skew_seconds=session.clock_skew_seconds,
    )  # fmt: skip


def _view(session: Session, name: str) -> sa.TableClause:
    """A view with all its columns; SourceChanged when it lacks one of the contract's, or has no time to page by."""
    is_local_time = session.columns(name)
    if missing := [column for column in COLUMNS[name] if column not in is_local_time]:
        problem = f"{name}: expected the columns of the contract, missing: {', '.join(missing)}"
    elif not is_local_time.get("ngay_cap_nhat", True):
        problem = f"{name}.ngay_cap_nhat: expected a timestamp without zone, got another type"
    else:
        return sa.table(name, *map(sa.column, is_local_time))
    raise SourceChanged(session.source.id, f"{problem}; ask its owner what changed")


def _page(views: _Views, unit: str, rows: Sequence[Values], keep: Keep) -> PageRef:
    """Keeps rows with their steps below them, as they came."""
    records = [dict(zip(views.dossiers.c.keys(), row, strict=True)) for row in rows]
    steps = _steps(views, {record["ma_ho_so"] for record in records} - {None})
    nested = [record | {STEPS: steps.get(record["ma_ho_so"], ())} for record in records]
    body = orjson.dumps({DOSSIERS: nested}, default=_as_hex)
    if len(body) > MOST_BYTES:
        raise SourceChanged(
            views.session.source.id, f"{DOSSIERS}: {len(rows)} rows are larger than {MOST_BYTES} bytes; ask its owner "
            "to leave files and pictures out, or make page_size smaller", kind="LIMIT",
        )  # fmt: skip
    return PageRef(unit=unit, sha256=keep(body), rows=len(rows))


def _steps(views: _Views, codes: Set[object]) -> Mapping[object, Sequence[Record]]:
    """Steps in order, by the codes of the dossiers whose they are."""
    if not codes:
        return {}
    code = views.steps.c.ma_ho_so
    wanted = (
        sa.select(views.steps, sa.func.lower(code) == sa.func.upper(code))
        .where(code.in_(as_column(list(codes))))
        .order_by(*(views.steps.c[column] for column in COLUMNS[STEPS][1:]))
    )
    rows = views.session.rows(wanted.limit(MOST_STEPS + 1), of=STEPS)
    if len(rows) > MOST_STEPS:
        raise SourceChanged(
            views.session.source.id, f"{STEPS}: more than {MOST_STEPS} steps of {len(codes)} dossiers; ask its owner",
            kind="LIMIT",
        )  # fmt: skip
    names = views.steps.c.keys()
    return _by_owner([(dict(zip(names, row[:-1], strict=True)), bool(row[-1])) for row in rows], codes)


def _by_owner(steps: Sequence[tuple[Record, bool]], codes: Set[object]) -> Mapping[object, Sequence[Record]]:
    """A step is a dossier's when the database takes their codes for equal, which is why it gave the step.

    Each step comes with whether the database ignores case: only then does a code that looks different name it too.
    """
    look_alike: dict[str, list[object]] = defaultdict(list)
    for code in codes:
        look_alike[fold(str(code))].append(code)
    owned: dict[object, list[Record]] = defaultdict(list)
    for step, ignores_case in steps:
        code = step["ma_ho_so"]
        for owner in look_alike[fold(str(code))] if ignores_case else [code]:
            owned[owner].append(step)
    return owned


# Any: whatever orjson does not know
def _as_hex(value: Any) -> str:
    """Bytes, as PostgreSQL writes them; the contract has none."""
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    raise TypeError
