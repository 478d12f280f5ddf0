"""What a publisher could get wrong and sign, or somebody else could change: each with the checks that must find it."""

from __future__ import annotations

import json
from collections.abc import Callable

import orjson
import pyarrow.parquet
from motcua.key_files import new_key
from motcua.publishing.city_feed.keys import SigningKey

from tests.publishing.city_feed.feed import KEYS, code
from tests.publishing.feed_check.copies import NEWEST, Copy

POINTER, LISTED, STATUS, EXPIRY = (
    "Con trỏ index.json",
    "Khóa công khai keys.json",
    "Nhịp hoạt động status.json",
    "Còn hạn dùng",
)
POINTER_SIGNED, KEYS_SIGNED = "Chữ ký của con trỏ", "Chữ ký của danh sách khóa"
VERSIONS = "Chữ ký, kích thước, sha256, số dòng của các phiên bản"
CHAIN = "Chuỗi bản đầy đủ và thay đổi"
AGENCIES, STATISTICS, LOOKUPS = "Cơ quan agencies.json", "Thống kê statistics.csv", "Tra cứu lookup/"
HTTP = "HTTP: ETag, 304, bộ nhớ đệm"
FIRST, SECOND, LAST = (f"Bản đầy đủ {seq}: ba định dạng, thứ tự, kiểu và giá trị" for seq in (1, 4, 5))
OF_ROWS = {AGENCIES, STATISTICS, LOOKUPS}
ALL = {POINTER, LISTED, STATUS, EXPIRY, POINTER_SIGNED, KEYS_SIGNED, VERSIONS, CHAIN, FIRST, SECOND, LAST, *OF_ROWS}
ROW = b'"channel":1,'
DELTA, JSONL, CSV, PARQUET = "delta.jsonl.gz", "dossiers.jsonl.gz", "dossiers.csv.gz", "dossiers.parquet"

Damage = Callable[[Copy], object]

# what the publisher could get wrong and sign, or somebody else could change without signing
DAMAGES: dict[str, tuple[Damage, set[str], str]] = {
    "a pointer that nobody signed": (
        lambda copy: copy.write("index.json", copy.body("index.json").replace(b'"sources_ok": 1', b'"sources_ok": 2')),
        {POINTER_SIGNED}, "không khớp nội dung",
    ),
    "a pointer that is no JSON": (
        lambda copy: copy.write("index.json", b"<!doctype html>"),
        ALL - {LISTED, STATUS, KEYS_SIGNED, FIRST, SECOND, LAST},
        "không phải JSON",
    ),
    "a pointer that lacks a field": (
        lambda copy: copy.index(lookup_hex=None), {POINTER, LOOKUPS}, "$.lookup_hex",
    ),
    "a pointer to another manifest": (
        lambda copy: copy.index(manifest="versions/00000005/manifest.json"), {POINTER}, "seq là 6",
    ),
    "a pointer whose deltas are out of order": (
        lambda copy: copy.index(deltas=[3, 2, 4, 5, 6]), {POINTER}, "không theo thứ tự",
    ),
    "a pointer with another moment than its version": (
        lambda copy: copy.index(as_of="2018-12-27T18:30:00+07:00"), {VERSIONS}, "as_of",
    ),
    "a pointer whose snapshot is none": (
        lambda copy: copy.index(snapshot=6), {VERSIONS}, "snapshot 6 không phải bản đầy đủ",
    ),
    "a key under another name": (
        lambda copy: copy.write("keys.json", copy.body("keys.json").replace(KEYS.following.kid.encode(), b"x" * 43)),
        {LISTED, KEYS_SIGNED}, "kid không phải vân tay",
    ),
    "one key alone": (
        lambda copy: copy.write("keys.json", orjson.dumps({"keys": orjson.loads(copy.body("keys.json"))["keys"][:1]})),
        {LISTED, KEYS_SIGNED}, "chỉ có 1",
    ),
    "a signature by an unknown key": (
        lambda copy: copy.write(
            "index.jws", SigningKey.of_seed(new_key(), "test").sign_detached(copy.body("index.json"))
        ),
        {POINTER_SIGNED}, "không có trong keys.json",
    ),
    "a signature of another version": (
        lambda copy: copy.write("manifest.jws", copy.body("manifest.jws", 5), NEWEST),
        {VERSIONS}, "không khớp nội dung",
    ),
    "a signature that is none": (
        lambda copy: copy.write("index.jws", b"signed"), {POINTER_SIGNED}, "không phải JWS tách rời",
    ),
    "a heartbeat in an unknown state": (
        lambda copy: copy.write("status.json", copy.body("status.json").replace(b'"ok"', b'"fine"')),
        {STATUS}, "'fine'",
    ),
    "a heartbeat that has failed and does not say where": (
        lambda copy: copy.write("status.json", copy.body("status.json").replace(b'"ok"', b'"failed"')), {STATUS},
        "failed_stage None",
    ),
    "a file with a byte less": (
        lambda copy: copy.path("statistics.md", NEWEST).write_bytes(copy.body("statistics.md", NEWEST)[:-1]),
        {VERSIONS},
        "statistics.md: sha256 không khớp manifest",
    ),
    "a file that is gone": (
        lambda copy: copy.path("statistics.md", NEWEST).unlink(),
        {VERSIONS}, "thiếu tệp versions/00000006/statistics.md",
    ),
    "a file that the manifest does not name": (
        lambda copy: copy.write("draft.json", b"{}", NEWEST), {VERSIONS}, "không ghi trong manifest: draft.json",
    ),
    "rows that are counted wrong": (
        lambda copy: copy.manifest(5, rows=33), {CHAIN}, "34 hồ sơ, manifest ghi 33",
    ),
    "a version published in spite of a gate": (
        lambda copy: copy.manifest(5, gates=[{"gate": "codes_rise", "passed": False, "detail": "no"}]), {VERSIONS},
        "không qua cổng codes_rise",
    ),
    "a version whose number is another's": (lambda copy: copy.manifest(5, seq=4), {VERSIONS}, "manifest ghi seq 4"),
    "a snapshot that forgot a change": (
        lambda copy: copy.replace(JSONL, f'"code":"{code(3)}"'.encode(), f'"code":"{code(999)}"'.encode(), 4),
        {CHAIN, SECOND}, "thiếu 1 hồ sơ",
    ),
    "a snapshot with another value than the deltas lead to": (
        lambda copy: copy.replace(JSONL, ROW, b'"channel":3,', 4), {CHAIN, SECOND}, "cột channel khác bản trước cộng",
    ),
    "CSV with another value": (
        lambda copy: copy.replace(CSV, b'"due_soon"', b'"within_time"', 5), {LAST}, f"cột progress khác {JSONL}",
    ),
    "CSV with the line ends of another system": (
        lambda copy: copy.replace(CSV, b"\n", b"\r\n", 5, times=-1), {LAST}, "có ký tự CR",
    ),
    "CSV with a byte order mark": (
        lambda copy: (copy.write(CSV, b"\xef\xbb\xbf" + copy.body(CSV, 5), 5), copy.seal(5)), {LAST}, "có BOM",
    ),
    "CSV with a row less": (lambda copy: copy.lines(CSV, 5, lambda lines: lines[:-1]), {LAST}, "33 dòng"),
    "Parquet with wide numbers": (lambda copy: wide(copy, 5), {LAST}, "sai kiểu cột: channel int64, cần int16"),
    "rows out of order": (
        lambda copy: copy.lines(JSONL, 5, lambda lines: [lines[1], lines[0], *lines[2:]]), {LAST},
        "cần xếp theo mã",
    ),
    "a row twice": (
        lambda copy: copy.lines(JSONL, 5, lambda lines: [lines[0], *lines]),
        {LAST, CHAIN, AGENCIES, STATISTICS}, "cần xếp theo mã",
    ),
    "a value that the schema does not know": (
        lambda copy: copy.replace(JSONL, b'"progress":"due_soon"', b'"progress":"soon"', 5),
        {LAST, CHAIN, STATISTICS, LOOKUPS},
        "progress: 'soon' is not one of",
    ),
    "a column too many": (
        lambda copy: copy.replace(JSONL, b'"updated_on"', b'"phone":null,"updated_on"', 5), {LAST, CHAIN, *OF_ROWS},
        "cần đúng các cột",
    ),
    "a delta that creates what was there": (
        lambda copy: copy.replace(DELTA, b'"op":"update"', b'"op":"create"', 2), {CHAIN}, "create 1 hồ sơ đã có",
    ),
    "a delta that updates what was not there": (
        lambda copy: copy.replace(DELTA, b'"op":"create"', b'"op":"update"', 2), {CHAIN}, "update 1 hồ sơ chưa có",
    ),
    "a delta that changes nothing": (
        lambda copy: copy.lines(DELTA, 3, lambda lines: [*lines, unchanged(copy)]),
        {CHAIN}, "1 dòng update không đổi gì",
    ),
    "a delta with an unknown word": (
        lambda copy: copy.replace(DELTA, b'"op":"delete"', b'"op":"remove"', 3), {CHAIN}, "dòng 1 cần op, code, row",
    ),
    "a delta of two codes in one line": (
        lambda copy: copy.replace(DELTA, code(34).encode(), code(77).encode(), 2), {CHAIN}, "row có cùng mã",
    ),
    "a delta that lost a line": (
        lambda copy: copy.lines(DELTA, 3, lambda lines: lines[:1]), {CHAIN}, "bản đầy đủ 4",
    ),
    "the newest delta lost a line": (
        lambda copy: copy.lines(DELTA, NEWEST, lambda lines: lines[:1]), {CHAIN, *OF_ROWS}, "35",
    ),
    "a chain with a gap": (
        lambda copy: copy.index(deltas=[1, 3, 4, 5, 6]), {CHAIN}, "tiếp sau 2, không có trong index.json",
    ),
    "an agency with a dossier more": (
        lambda copy: copy.replace("agencies.json", b'"dossiers": 35', b'"dossiers": 36', NEWEST), {AGENCIES},
        "ghi 36 hồ sơ, đếm được 35",
    ),
    "an agency that is fresh and says why not": (
        lambda copy: copy.replace("agencies.json", b'"stale"', b'"fresh"', NEWEST), {AGENCIES}, "trạng thái fresh",
    ),
    "a figure that nobody can recount": (
        lambda copy: copy.replace("statistics.csv", b'"received",34,', b'"received",33,', NEWEST), {STATISTICS},
        "ghi 33, đếm được 34",
    ),
    "a measure that the contract does not know": (
        lambda copy: copy.replace("statistics.csv", b'"received",', b'"came",', NEWEST), {STATISTICS}, "came",
    ),
    "a sensitive figure that is small": (
        lambda copy: sensitive(copy, by=2), {STATISTICS}, "received của (*, ",
    ),
    "a look-up without a dossier": (lambda copy: lookups(copy, drop=True), {LOOKUPS}, "thiếu hồ sơ"),
    "a look-up with another word": (
        lambda copy: lookups(copy, progress="withdrawn"), {LOOKUPS}, "progress là 'withdrawn', dòng dữ liệu ghi",
    ),
    "a look-up with another day": (
        lambda copy: lookups(copy, received_at="2018-01-01T00:00:00+07:00"), {LOOKUPS}, "received_at là 2018-01-01",
    ),
    "a look-up of a version to come": (lambda copy: lookups(copy, seq=NEWEST + 2), {LOOKUPS}, "con trỏ mới ở 6"),
    "a look-up nobody belongs to": (
        lambda copy: copy.write("lookup/zzz.json", b"{}"), {LOOKUPS}, "lookup/zzz.json: không có hồ sơ nào",
    ),
}  # fmt: skip


def wide(copy: Copy, seq: int) -> None:
    table = pyarrow.parquet.read_table(copy.path(PARQUET, seq))
    place = table.column_names.index("channel")
    table = table.set_column(place, "channel", table["channel"].cast("int64"))
    pyarrow.parquet.write_table(table, copy.path(PARQUET, seq))
    copy.seal(seq)


def unchanged(copy: Copy) -> bytes:
    line = copy.body(JSONL, 1).splitlines()[20]
    return b'{"op":"update","code":"%b","row":%b}\n' % (orjson.loads(line)["code"].encode(), line)


def sensitive(copy: Copy, by: int) -> None:
    """More dossiers of a field than have rows."""
    line = '"*","Hộ tịch","*","received",'
    value = copy.body("statistics.csv", NEWEST).decode().partition(line)[2].partition(",")[0]
    copy.replace("statistics.csv", f"{line}{value}".encode(), f"{line}{int(value) + by}".encode(), NEWEST)


def lookups(copy: Copy, *, drop: bool = False, seq: int | None = None, **differs: str) -> None:
    """Another look-up: without its first dossier, of another version, or with other facts of that dossier."""
    path = min(copy.path("lookup").glob("*.json"))
    shard = json.loads(path.read_text(encoding="utf-8"))
    first = min(shard["dossiers"])
    if drop:
        del shard["dossiers"][first]
    else:
        shard["dossiers"][first].update(differs)
    path.write_bytes(orjson.dumps(shard | ({"seq": seq} if seq else {})))
