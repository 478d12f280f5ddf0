"""Moments written as each platform writes them; None for none."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import numpy.typing as npt

from sandbox.city.faults import IMPOSSIBLE
from sandbox.city.worktime import DAY, HOUR, MINUTE, NEVER, SECOND, Moments, moment

_FIRST_DAY, _DAYS = 10_957, 366_000  # 2000-01-01 and a thousand years on: clocks may be wrong
_ALL = (_FIRST_DAY + np.arange(_DAYS)).astype("datetime64[D]")
_MONTHS = _ALL.astype("datetime64[M]")
_COMPACT = (
    (1970 + _ALL.astype("datetime64[Y]").astype(np.int64)) * 10_000
    + (_MONTHS.astype(np.int64) % 12 + 1) * 100
    + (_ALL - _MONTHS).astype(np.int64)
    + 1
)


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


def slashed(moments: Moments) -> list:
    """`dd/MM/yyyy HH:mm:ss`."""
    texts = np.datetime_as_string(_real(moments).astype("datetime64[ms]"), unit="s").astype("U19")
    signs = np.take(texts.view("U1").reshape(*texts.shape, 19), _SLASHED, axis=-1)
    signs[..., [2, 5]], signs[..., 10] = "/", " "
    return _written(moments, signs.view("U19")[..., 0], "30/02/2018 08:15:00")


# where the signs of `dd/MM/yyyy HH:mm:ss` stand in `yyyy-MM-ddTHH:mm:ss`
_SLASHED = [8, 9, 4, 5, 6, 7, 0, 1, 2, 3, *range(10, 19)]


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


def read_slashed(text: str) -> int:
    """A window's border as oss_soap writes it; ValueError for anything else."""
    if len(text) != 19:
        raise ValueError("expected dd/MM/yyyy HH:mm:ss")
    return moment(datetime.strptime(text, "%d/%m/%Y %H:%M:%S").isoformat())  # noqa: DTZ007  likewise


def _real(moments: Moments) -> Moments:
    return np.where(moments >= IMPOSSIBLE, _FIRST_DAY * DAY, moments)


def _written(moments: Moments, texts: npt.NDArray[np.str_], impossible: str) -> list:
    written = texts.astype(object)
    written[moments == NEVER] = None
    written[moments == IMPOSSIBLE] = impossible
    return written.tolist()
