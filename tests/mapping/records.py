"""Bare records of each platform: what a test does not name is absent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from motcua.mapping import SPECS, MappedBatch, PageRecords, map_records
from motcua.mapping.spec import Record
from motcua.registry import Registry

PAGE = "ab" * 32
STEPS = {"igate": "TienTrinh", "lgsp": "QuaTrinhXuLy", "oss_soap": "lichSu", "sql_view": "v_qua_trinh"}
SUPPLEMENTS = {"igate": "BoSung", "lgsp": "DanhSachHoSoBoSung"}


def map_all(platform: str, records: Sequence[Record], registry: Registry) -> MappedBatch:
    """The frames of one page."""
    return map_records([PageRecords(PAGE, records)], SPECS[platform], registry)


def place(path: str, value: object) -> Record:
    """A record, step or supplement with one value; `a.b` puts it into an object."""
    head, _, tail = path.partition(".")
    return {head: {tail: value} if tail else value}


def values(column: pd.Series) -> list[object]:
    """Plain values, None for null."""
    return column.astype(object).where(column.notna(), None).tolist()


def local(text: str) -> pd.Timestamp:
    """A moment, told in Vietnam's time."""
    return pd.Timestamp(text, tz="Asia/Ho_Chi_Minh")


def observed(platform: str, record: Mapping[str, object], registry: Registry, observation: str) -> object:
    """What was noticed of one record."""
    return values(map_all(platform, [record], registry).dossiers[observation])[0]
