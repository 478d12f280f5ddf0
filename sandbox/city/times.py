"""Moments written as each platform writes them; None for none."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import numpy.typing as npt

from sandbox.city.faults import IMPOSSIBLE
from sandbox.city.worktime import DAY, HOUR, MINUTE, NEVER, SECOND, Moments, moment

_FIRST_DAY, _DAYS = 10_957, 20_000  # 2000-01-01 and some 55 years on
_COMPACT = np.array([int(date.fromordinal(719_163 + _FIRST_DAY + day).strftime("%Y%m%d")) for day in range(_DAYS)])


def iso(moments: Moments) -> list:
    """`yyyy-MM-ddTHH:mm:ss.fff`."""
    return _written(moments, np.datetime_as_string(_real(moments).astype("datetime64[ms]")), "2018-02-30T08:15:00.000")


def iso_one(at: int) -> str:
    """One moment, `yyyy-MM-ddTHH:mm:ss.fff`."""
    return str(np.datetime_as_string(np.datetime64(at, "ms")))


def compact(moments: Moments) -> list:
    """`yyyyMMddHHmmss`."""
    days, rest = np.divmod(_real(moments), DAY)
    clock = rest // HOUR * 10_000 + rest % HOUR // MINUTE * 100 + rest % MINUTE // SECOND
    return _written(moments, (_COMPACT[days - _FIRST_DAY] * 1_000_000 + clock).astype("U14"), "20180230081500")


def read_iso(text: str) -> int:
    """A window's border as igate writes it; ValueError for anything else."""
    if len(text) not in (19, 23) or text[10] != "T":
        raise ValueError("expected yyyy-MM-ddTHH:mm:ss.fff")
    return moment(text)


def read_compact(text: str) -> int:
    """A window's border as lgsp writes it; ValueError for anything else."""
    if len(text) != 14:
        raise ValueError("expected yyyyMMddHHmmss")
    return moment(datetime.strptime(text, "%Y%m%d%H%M%S").isoformat())  # noqa: DTZ007  the contract's times have no zone


def _real(moments: Moments) -> Moments:
    return np.where(moments >= IMPOSSIBLE, _FIRST_DAY * DAY, moments)


def _written(moments: Moments, texts: npt.NDArray[np.str_], impossible: str) -> list:
    written = texts.astype(object)
    written[moments == NEVER] = None
    written[moments == IMPOSSIBLE] = impossible
    return written.tolist()
