"""Figures beside the rows: agencies and statistics, recounted from the rows that stand."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from motcua.publishing.feed_check.place import Feed, folder
from motcua.publishing.feed_check.report import Told

HEADER = ["agency_code", "field", "month", "measure", "value", "state"]
MEASURES = {
    "received", "carried_over", "in_progress", "finished", "returned", "early", "on_time", "overdue", "open_overdue",
    "due_soon", "no_due_date", "waiting", "stopped", "withdrawn", "online", "online_returned", "postal", "median_days",
    "p80_days",
}  # fmt: skip
STATES = {"shown", "suppressed"}
# of one class each: what stands at `as_of`, or has happened by then
CLASSES = ("early", "on_time", "overdue", "open_overdue", "due_soon", "waiting", "stopped", "withdrawn")
OPEN = ("within_time", "due_soon", "open_overdue", "waiting")
ALL = "*"
# a figure of sensitive procedures that is shown is never smaller
FEWEST = 5

Key = tuple[str, str, str, str]


def check_agencies(feed: Feed, seq: int, rows: pa.Table, told: Told) -> Iterator[str]:
    """Every agency of a row is there, with as many dossiers as there are rows; each but a fresh one says why."""
    agencies = feed.json(f"{folder(seq)}/agencies.json")
    counted = Counter(rows["agency_code"].to_pylist())
    codes = [one["agency_code"] for one in agencies]
    if codes != sorted(set(codes)):
        yield "agencies.json: cần xếp theo mã, mỗi cơ quan một dòng"
    for one in agencies:
        if one["dossiers"] != counted[one["agency_code"]]:
            yield f"{one['agency_code']}: ghi {one['dossiers']} hồ sơ, đếm được {counted[one['agency_code']]}"
        if (one["data_state"] == "fresh") != (one["reason"] is None):
            yield f"{one['agency_code']}: trạng thái {one['data_state']} với lý do {one['reason']!r}"
        if one["parent"] is not None and one["parent"] not in codes:
            yield f"{one['agency_code']}: cơ quan cấp trên {one['parent']} không có trong tệp"
    for code in sorted(counted.keys() - set(codes)):
        yield f"{code}: có {counted[code]} hồ sơ nhưng không có trong agencies.json"
    told.detail = f"{len(agencies)} cơ quan"


def check_statistics(feed: Feed, seq: int, rows: pa.Table, told: Told) -> Iterator[str]:
    """Shape and names of every line, and those figures recounted that the rows give without a calendar."""
    lines = csv.reader(io.StringIO(feed.body(f"{folder(seq)}/statistics.csv").decode(), newline=""))
    if next(lines, None) != HEADER:
        yield f"statistics.csv: dòng đầu cần là {','.join(HEADER)}"
        return
    figures: dict[Key, int] = {}
    before: Key | None = None
    number = 1
    for number, (agency, field, month, measure, value, state) in enumerate(lines, start=2):
        key = (agency, field, month, measure)
        if measure not in MEASURES or state not in STATES or (state == "shown") != bool(value):
            yield f"statistics.csv, dòng {number}: {measure}, {value!r}, {state} không đúng hợp đồng dữ liệu"
        elif before is not None and key <= before:
            yield f"statistics.csv, dòng {number}: cần xếp theo {', '.join(HEADER[:4])}, mỗi tổ hợp một dòng"
        elif state == "shown" and _is_counted(*key):
            figures[key] = int(value)
        before = key
    yield from _recounted(figures, rows)
    told.detail = f"{number - 1} số liệu"


def _recounted(figures: dict[Key, int], rows: pa.Table) -> Iterator[str]:
    counted = _count(rows)
    for key in sorted(figures.keys() | counted.keys()):
        agency, field, month, measure = key
        told, seen = figures.get(key, 0), counted[key]
        # dossiers of sensitive procedures have no row, and count here alone
        hidden = told - seen if (agency, month, measure) == (ALL, ALL, "received") and field != ALL else 0
        if told - hidden != seen or 0 < hidden < FEWEST or hidden < 0:
            yield f"{measure} của ({agency}, {field}, {month}): ghi {told}, đếm được {seen}"


def _is_counted(agency: str, field: str, month: str, measure: str) -> bool:
    if measure in ("received", "in_progress", "finished", *CLASSES) and month == ALL:
        return agency == ALL or field == ALL
    return measure == "received" and field == ALL


def _count(rows: pa.Table) -> Counter[Key]:
    """The figures of `_is_counted`, but those that are 0."""
    rows = rows.filter(pc.not_equal(rows["progress"], "not_received"))
    agencies = rows["agency_code"].to_pylist()
    fields = pc.fill_null(rows["field"], "khác").to_pylist()
    began = pc.coalesce(rows["received_on"], rows["submitted_on"], rows["updated_on"])
    months = pc.strftime(began, format="%Y-%m").to_pylist()
    counted: Counter[Key] = Counter()
    for agency, field, month, progress in zip(agencies, fields, months, rows["progress"].to_pylist(), strict=True):
        for measure in ("received", *_measures(progress)):
            counted.update(((ALL, ALL, ALL, measure), (agency, ALL, ALL, measure), (ALL, field, ALL, measure)))
        counted.update(((ALL, ALL, month, "received"), (agency, ALL, month, "received")))
    return counted


def _measures(progress: str) -> Iterable[str]:
    if progress in CLASSES:
        yield progress
    if progress in OPEN:
        yield "in_progress"
    if progress in ("early", "on_time", "overdue"):
        yield "finished"
