"""A small published feed, written by hand as the contract page describes it: the page may need nothing else."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

VERSION = "versions/00000007"
CODE = "000.05.33.H24-181012-0001"
HOSTILE = "</script><script>document.title='hacked'</script>"


def write_feed(feed: Path, *, hostile: str = "") -> None:
    """A feed of four dossiers in three agencies; `hostile` goes into every name."""
    rows = [
        ("H24.33.05", 2, "early"),
        ("H24.33.05", 1, "open_overdue"),
        ("H24.33.05", 1, "not_received"),
        ("H24.02", 3, "overdue"),
    ]
    place = feed / VERSION
    place.mkdir(parents=True)
    names = ("agency_code", "channel", "progress")
    table = pa.table({name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)})
    extra = pa.array([date(2018, 12, 25)] * len(rows))
    pyarrow.parquet.write_table(table.append_column("updated_on", extra), place / "dossiers.parquet")
    agencies = [
        _agency("H24", "UBND thành phố", "city", None, state="never_connected", reason="Chưa kết nối nguồn dữ liệu"),
        _agency("H24.02", f"Sở Nội vụ{hostile}", "department", "H24"),
        _agency("H24.33", "UBND quận Lê Chân", "district", "H24", state="empty", reason="Chưa có hồ sơ"),
        _agency("H24.33.05", f"UBND phường An Biên{hostile}", "ward", "H24.33"),
    ]
    (place / "agencies.json").write_text(json.dumps(agencies), encoding="utf-8")
    index = {
        "seq": 7, "as_of": "2018-12-25T17:00:00+07:00", "manifest": f"{VERSION}/manifest.json",
        "lookup_hex": 3, "sources_ok": 257, "sources_total": 258,
    }  # fmt: skip
    (feed / "index.json").write_text(json.dumps(index), encoding="utf-8")
    _write_lookup(feed, hostile)


def _agency(
    code: str, name: str, kind: str, parent: str | None, *, state: str = "fresh", reason: str | None = None
) -> dict[str, object]:
    return {
        "agency_code": code, "name": name, "kind": kind, "parent": parent, "data_state": state, "reason": reason,
    }  # fmt: skip


def _write_lookup(feed: Path, hostile: str) -> None:
    agency = f"UBND phường An Biên{hostile}"
    entry = {
        "procedure_code": "1.001193", "procedure_name": f"Đăng ký khai sinh{hostile}", "agency_name": agency,
        "received_at": "2018-10-12T09:30:00+07:00", "due_at": "2018-10-15T17:00:00+07:00",
        "finished_at": "2018-10-14T10:00:00+07:00", "returned_at": None, "status": 9, "progress": "early",
        "steps": [
            {"at": "2018-10-12T09:30:00+07:00", "agency": agency, "status": 2},
            {"at": "2018-10-14T10:00:00+07:00", "agency": agency, "status": 9},
        ],
    }  # fmt: skip
    shard = hashlib.sha256(CODE.encode()).hexdigest()[:3]
    (feed / "lookup").mkdir()
    body = {"seq": 7, "as_of": "2018-12-25T17:00:00+07:00", "dossiers": {CODE: entry}}
    (feed / "lookup" / f"{shard}.json").write_text(json.dumps(body), encoding="utf-8")
