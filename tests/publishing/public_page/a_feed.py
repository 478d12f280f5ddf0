"""Published feeds, written by hand as the contract page describes them: the page may need nothing else.

A small one whose figures are counted in the head, and a whole city's, of the units of a day, drawn from a seed.
"""

from __future__ import annotations

import csv
import hashlib
import json
import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
from motcua.publishing.city_feed.dossiers import ROW
from motcua.registry import Registry

VERSION = "versions/00000007"
EARLY = "000.05.33.H24-181012-0001"
LATE = "000.05.33.H24-181203-0002"
SOON = "000.05.33.H24-181220-0003"
WAITING = "000.05.33.H24-181210-0004"
HOSTILE = "</script><script>document.title='hacked'</script>"
AS_OF = datetime.fromisoformat("2018-12-25T17:00:00+07:00")
BIRTH = ("1.001193", "Đăng ký khai sinh", "Hộ tịch", "cap_xa", "1", "ngay_lam_viec")
MAPS = ("1.000049", "Cấp chứng chỉ hành nghề đo đạc", "Đo đạc", "cap_tinh", "7", "ngay_lam_viec")
Row = dict[str, object]


def write_feed(feed: Path, *, hostile: str = "") -> None:
    """A feed of six dossiers in three agencies; `hostile` goes into every name."""
    write_version(
        feed,
        rows=[
            row(
                code=EARLY, agency="H24.33.05", channel=2, progress="early",
                received="2018-10-12", finished="2018-10-14",
            ),
            row(code=LATE, agency="H24.33.05", progress="open_overdue", received="2018-12-03"),
            row(code=SOON, agency="H24.33.05", progress="within_time", received="2018-12-20"),
            row(code=WAITING, agency="H24.33.05", progress="waiting", received="2018-12-10"),
            row(code="000.05.33.H24-181225-0005", agency="H24.33.05", progress="not_received"),
            row(
                code="000.00.02.H24-181101-0001", agency="H24.02", channel=3, progress="overdue", procedure=MAPS[0],
                received="2018-11-01", finished="2018-11-20",
            ),
        ],
        agencies=[
            agency("H24", "UBND thành phố", "city", None, state="never_connected", reason="Chưa kết nối nguồn dữ liệu"),
            agency("H24.02", f"Sở Nội vụ{hostile}", "department", "H24"),
            agency("H24.33", "UBND quận Lê Chân", "district", "H24", state="empty", reason="Chưa có hồ sơ"),
            agency("H24.33.05", f"UBND phường An Biên{hostile}", "ward", "H24.33"),
            agency("H24.35.02", "UBND phường Đồ Sơn", "ward", "H24.33", state="empty", reason="Chưa có hồ sơ"),
        ],
        procedures=[(BIRTH[0], f"{BIRTH[1]}{hostile}", *BIRTH[2:]), MAPS],
    )  # fmt: skip
    _write_lookups(feed, hostile)


def write_city(feed: Path, registry: Registry, as_of: datetime, *, dossiers_a_unit: int = 40) -> list[Row]:
    """The feed of a city with every unit of that day and every procedure that may be named; returns its rows."""
    dice = random.Random(as_of.isoformat())
    shown = [procedure for procedure in registry.procedures.values() if not procedure.sensitive]
    units = registry.units_on(as_of.date())
    rows = [_drawn(dice, code, shown, as_of.date(), n) for code in units for n in range(dossiers_a_unit)]
    write_version(
        feed,
        rows=rows,
        agencies=[agency(code, unit.name, unit.kind, unit.parent) for code, unit in units.items()],
        procedures=[
            (one.code, one.name, one.field_name, one.level, *_limit(one.limit_value, one.limit_unit)) for one in shown
        ],
        as_of=as_of,
    )  # fmt: skip
    return rows


def write_version(
    feed: Path,
    *,
    rows: Sequence[Row],
    agencies: Iterable[Mapping[str, object]],
    procedures: Iterable[Sequence[object]],
    as_of: datetime = AS_OF,
    seq: int = 7,
) -> None:
    """The files of a version that the page reads, and the pointer to it."""
    place = feed / VERSION
    place.mkdir(parents=True, exist_ok=True)
    pa.parquet.write_table(pa.Table.from_pylist(list(rows), schema=ROW), place / "dossiers.parquet")
    (place / "agencies.json").write_text(json.dumps(list(agencies)), encoding="utf-8")
    with (place / "procedures.csv").open("w", encoding="utf-8", newline="") as file:
        names = ("procedure_code", "procedure_name", "field", "level", "limit_value", "limit_unit")
        csv.writer(file, lineterminator="\n").writerows([names, *procedures])
    index = {
        "seq": seq, "as_of": as_of.isoformat(), "manifest": f"{VERSION}/manifest.json", "snapshot": 7, "lookup_hex": 3,
        "sources_ok": 257, "sources_total": 258, "expires_at": (as_of + timedelta(hours=26)).isoformat(),
    }  # fmt: skip
    (feed / "index.json").write_text(json.dumps(index), encoding="utf-8")


def row(
    *,
    code: str,
    agency: str,
    progress: str,
    channel: int = 1,
    procedure: str | None = BIRTH[0],
    received: str | None = None,
    finished: str | None = None,
) -> Row:
    """A row of the feed; what the page does not read is left as a feed may leave it."""
    received_on, finished_on = (date.fromisoformat(day) if day else None for day in (received, finished))
    return dict.fromkeys(ROW.names) | {
        "code": code, "agency_code": agency, "procedure_code": procedure, "channel": channel, "progress": progress,
        "received_on": received_on, "finished_on": finished_on, "supplements": 0, "updated_on": AS_OF.date(),
    }  # fmt: skip


def agency(
    code: str, name: str, kind: str, parent: str | None, *, state: str = "fresh", reason: str | None = None
) -> Row:
    """An entry of `agencies.json`."""
    return {
        "agency_code": code, "name": name, "kind": kind, "parent": parent, "data_state": state, "reason": reason,
        "data_as_of": None if state == "never_connected" else AS_OF.isoformat(),
    }  # fmt: skip


def _limit(value: float | None, unit: str | None) -> tuple[object, object]:
    return ("", "") if value is None else (f"{value:g}", unit)


def _drawn(dice: random.Random, code: str, shown: Sequence, today: date, n: int) -> Row:
    progress = dice.choice(["early"] * 6 + ["on_time"] * 3 + ["overdue", "within_time", "open_overdue", "not_received"])
    received = today - timedelta(days=dice.randrange(1, 300))
    finished = min(received + timedelta(days=dice.randrange(20)), today)
    is_received, is_done = progress != "not_received", progress in ("early", "on_time", "overdue")
    return row(
        code=f"{code}-{n:05d}", agency=code, progress=progress, channel=dice.choice([1, 1, 2, 3]),
        procedure=dice.choice(shown).code,
        received=received.isoformat() if is_received else None, finished=finished.isoformat() if is_done else None,
    )  # fmt: skip


def _write_lookups(feed: Path, hostile: str) -> None:
    shards: dict[str, dict[str, object]] = {}
    for code, entry in _entries(hostile).items():
        shards.setdefault(hashlib.sha256(code.encode()).hexdigest()[:3], {})[code] = entry
    (feed / "lookup").mkdir(exist_ok=True)
    for shard, dossiers in shards.items():
        body = {"seq": 7, "as_of": AS_OF.isoformat(), "dossiers": dossiers}
        (feed / "lookup" / f"{shard}.json").write_text(json.dumps(body), encoding="utf-8")


def _entries(hostile: str) -> dict[str, Row]:
    def entry(received: str, due: str, status: int, progress: str, finished: str | None = None) -> Row:
        ward = f"UBND phường An Biên{hostile}"
        steps = [{"at": f"{received}T09:30:00+07:00", "agency": ward, "status": 2}]
        if status != 2:
            steps.append({"at": f"{finished or '2018-12-21'}T10:00:00+07:00", "agency": ward, "status": status})
        return {
            "procedure_code": BIRTH[0], "procedure_name": f"{BIRTH[1]}{hostile}", "agency_code": "H24.33.05",
            "agency_name": ward, "received_at": f"{received}T09:30:00+07:00", "due_at": f"{due}T17:00:00+07:00",
            "finished_at": finished and f"{finished}T10:00:00+07:00", "returned_at": None,
            "status": status, "progress": progress, "steps": steps,
        }  # fmt: skip

    return {
        EARLY: entry("2018-10-12", "2018-10-15", 9, "early", "2018-10-14"),
        LATE: entry("2018-12-03", "2018-12-20", 4, "open_overdue"),
        # 31 December 2018 was off, and 5 January 2019, a Saturday, worked for it
        SOON: entry("2018-12-20", "2019-01-07", 2, "within_time"),
        WAITING: entry("2018-12-10", "2018-12-14", 5, "waiting"),
    }
