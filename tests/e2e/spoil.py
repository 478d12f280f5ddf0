"""Ways to be wrong about one dossier, in the real stores where that is possible; each returns what is then found."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
from psycopg import sql

from tests.e2e.evidence import Evidence, read_views
from tests.e2e.feed_reader import read_feed

KINDS = ("drop", "double", "alter", "misdate")
DAY = timedelta(days=1)
# Any: rows are JSON, or of any view
Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Sound evidence, the stores it came from, room for copies, and the dossier and the dice of this case."""

    evidence: Evidence
    database_url: str
    feed: Path
    room: Path
    code: str
    dice: Random


def in_warehouse(scene: Scene, kind: str) -> Evidence:
    """Changes the real tables, looks at them inside the transaction, and takes it back."""
    with psycopg.connect(scene.database_url.replace("+psycopg", "")) as connection:
        connection.execute(_statement(scene, kind), {"code": scene.code})
        seen = read_views(connection)
        connection.rollback()
    return replace(scene.evidence, warehouse=seen)


def _statement(scene: Scene, kind: str) -> sql.Composable:
    if kind == "drop":
        return sql.SQL("DELETE FROM core.dossier WHERE code = %(code)s")
    if kind == "double":
        return sql.SQL(
            """INSERT INTO core.source_dossier
               SELECT (jsonb_populate_record(s, '{"source_id": "so_nganh.thu_hai"}')).*
               FROM core.source_dossier s WHERE code = %(code)s LIMIT 1"""
        )
    changes = {
        "alter": ("channel = channel %% 3 + 1", "status = status %% 10 + 1", "supplements = supplements + 1",
                  "steps = steps + 1", "agency_code = 'H24.99'", "procedure_code = '9.999999'",
                  "deleted = NOT deleted", "version = version + 1"),
        "misdate": ("submitted_at = submitted_at + interval '1 day'", "received_at = received_at + interval '1 day'"),
    }  # fmt: skip
    return (
        sql.SQL("UPDATE core.dossier SET ")
        + sql.SQL(scene.dice.choice(changes[kind]))
        + sql.SQL(" WHERE code = %(code)s")
    )


def in_feed(scene: Scene, kind: str) -> Evidence:
    """Writes a copy of the real feed anew, all formats alike and the manifest true to them."""
    root = _copy_of_feed(scene)
    version = (root / json.loads((root / "index.json").read_text(encoding="utf-8"))["manifest"]).parent
    table = pq.read_table(version / "dossiers.parquet")
    rows = spoilt(table.to_pylist(), kind, scene, dates=("submitted_on", "received_on", "updated_on"))
    _write_formats(version, pa.Table.from_pylist(rows, schema=table.schema))
    _mend_manifest(version, rows=len(rows))
    return replace(scene.evidence, feed=read_feed(root))


def in_lookup(scene: Scene, kind: str) -> Evidence:
    """Writes one shard of a copy of the real feed anew; doubled means: in another shard as well."""
    root = _copy_of_feed(scene)
    shard = root / "lookup" / f"{hashlib.sha256(scene.code.encode()).hexdigest()[:3]}.json"
    body = json.loads(shard.read_text(encoding="utf-8"))
    if kind == "double":
        body["dossiers"] = {scene.code: body["dossiers"][scene.code]}
        (root / "lookup" / "zzz.json").write_text(json.dumps(body), encoding="utf-8")
    else:
        entries = [{**entry, "code": code} for code, entry in body["dossiers"].items()]
        changed = spoilt(entries, kind, scene, dates=("submitted_at", "received_at", "updated_at"))
        body["dossiers"] = {entry.pop("code"): entry for entry in changed}
        shard.write_text(json.dumps(body), encoding="utf-8")
    return replace(scene.evidence, feed=read_feed(root))


def in_government_portal(scene: Scene, kind: str) -> Evidence:
    """Spoils its copies as read; doubled means: accepted twice."""
    evidence = scene.evidence
    if kind == "double":
        again = [effect for effect in evidence.portal_effects if effect["code"] == scene.code]
        return replace(evidence, portal_effects=[*evidence.portal_effects, again[0]])
    records: list[Row] = [{**copy, **_dict(copy["record"])} for copy in evidence.portal]
    changed = spoilt(
        records, kind, scene, dates=("NgayNopHoSo", "NgayTiepNhan"), facts=("TrangThaiHoSo", "KenhThucHien", "MaTTHC")
    )
    return replace(evidence, portal=[{**row, "record": row} for row in changed])


def in_city_portal(scene: Scene, kind: str) -> Evidence:
    """Spoils its copy as read."""
    rows = [dict(row) for row in scene.evidence.city_portal]
    return replace(scene.evidence, city_portal=spoilt(rows, kind, scene, dates=("submitted_on", "received_on")))


PLACES: dict[str, tuple[str, Callable[[Scene, str], Evidence]]] = {
    "warehouse": ("warehouse:", in_warehouse),
    "feed": ("feed: dossiers.", in_feed),
    "lookup": ("feed: lookup", in_lookup),
    "government portal": ("Government portal:", in_government_portal),
    "city portal": ("city portal:", in_city_portal),
}


def spoilt(
    rows: Sequence[Row],
    kind: str,
    scene: Scene,
    *,
    dates: Sequence[str],
    facts: Sequence[str] = ("status", "channel", "procedure_code", "agency_code", "supplements", "progress"),
) -> list[Row]:
    """The rows without, twice with, or with a changed fact or date of the scene's dossier."""
    mine = next(row for row in rows if row["code"] == scene.code)
    others = [row for row in rows if row is not mine]
    if kind == "drop":
        return others
    if kind == "double":
        return [*rows, dict(mine)]
    name = scene.dice.choice(dates if kind == "misdate" else facts)
    value = _later(mine[name]) if kind == "misdate" else _other(mine[name])
    return [*others, {**mine, name: value}]


def _later(value: object) -> object:
    """A day later, in the spelling of the store."""
    if isinstance(value, date):
        return value + DAY
    text = str(value)
    if text.isdigit():
        return (datetime.strptime(text, "%Y%m%d%H%M%S") + DAY).strftime("%Y%m%d%H%M%S")  # noqa: DTZ007  as the portal writes it
    moved = datetime.fromisoformat(text) + DAY
    return moved.isoformat() if "T" in text else moved.date().isoformat()


def _other(value: object) -> object:
    if isinstance(value, int):
        return value % 3 + 1
    text = str(value)
    return str(int(text) % 3 + 1) if text.isdigit() else f"{text[:-1]}{'8' if text[-1] == '9' else '9'}"


def _dict(value: object) -> Row:
    assert isinstance(value, dict)
    return value


def _copy_of_feed(scene: Scene) -> Path:
    return Path(shutil.copytree(scene.feed, scene.room / "feed"))


def _write_formats(version: Path, table: pa.Table) -> None:
    pq.write_table(table, version / "dossiers.parquet")
    rows = json.loads(json.dumps(table.to_pylist(), default=str))
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (version / "dossiers.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    body = io.StringIO(newline="")
    writer = csv.DictWriter(body, table.column_names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    (version / "dossiers.csv.gz").write_bytes(gzip.compress(body.getvalue().encode()))


def _mend_manifest(version: Path, *, rows: int) -> None:
    path = version / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    for entry in manifest["files"]:
        body = (version / entry["name"]).read_bytes()
        entry |= {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}
        if entry["name"].startswith("dossiers."):
            entry["rows"] = rows
    path.write_text(json.dumps(manifest), encoding="utf-8")
