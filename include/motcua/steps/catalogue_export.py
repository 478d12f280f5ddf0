"""`procedures.csv` and `fields.csv` as the portal's catalogues have them, for a person to review and put in force.

What is exported: national field codes in the place of ours, other names and fields, and procedures in force that the
file lacks. What was withdrawn stays, since dossiers were filed under it. Limits of known procedures are the file's own.
"""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

from motcua.errors import ConfigError
from motcua.files import Files
from motcua.registry.reading import PACKAGED, Directory
from motcua.settings import Settings
from motcua.steps import place
from motcua.steps.catalogues import standing
from motcua.warehouse import Role, crosswalk

PROCEDURES, FIELDS = "procedures.csv", "fields.csv"
# Its field has procedures that must not be shown as rows: hidden until somebody has read its name.
TO_REVIEW = "cần xem lại: cùng lĩnh vực với thủ tục nhạy cảm"

Row = dict[str, str]
# Any: an entry as `warehouse.catalogues.standing` has it
Entry = Mapping[str, Any]


class Export(TypedDict):
    """What was written, and how it differs from the files in force.

    `diff` are lines of a unified diff. To be looked at by a person: codes of procedures that are `added`, of which
    `hidden` are taken for sensitive, and `skipped`, of which the portal does not say for which level they are.
    """

    files: list[str]
    diff: list[str]
    added: list[str]
    hidden: list[str]
    skipped: list[str]


def export_catalogues(*, settings: Settings, directory: Path) -> Export:
    """Writes both files into `directory`, which is made where there is none.

    Raises:
        ConfigError: the catalogues were never read, or `directory` is the registry in force.
    """
    if directory.resolve() in {PACKAGED.resolve(), (settings.registry or PACKAGED).resolve()}:
        raise ConfigError(f"{directory} is the registry in force: export beside it, review, then copy")
    place.registry(settings.registry)  # which finds what is wrong with the files
    in_force = Directory(settings.registry)
    with place.connected(settings, Role.PIPELINE) as engine, engine.connect() as connection:
        entries = standing(connection)
        predecessors = {pair.new: pair.old for pair in crosswalk.confirmed(connection)}
    if not entries:
        raise ConfigError("the portal's catalogues were never read: `motcua catalogues refresh` first")
    before = {name: in_force.file(name).text() for name in (PROCEDURES, FIELDS)}
    procedures, added, skipped = _procedures(_rows(before[PROCEDURES]), entries, predecessors)
    after = {
        PROCEDURES: _text(procedures),
        FIELDS: _text(_fields(_rows(before[FIELDS]), procedures, entries)),
    }
    files = Files(str(directory))
    for name, text in after.items():
        files.replace(name, text.encode())
    return {
        "files": [str(directory / name) for name in after],
        "diff": [line for name in after for line in _diff(name, before[name], after[name])],
        "added": [row["code"] for row in added],
        "hidden": [row["code"] for row in added if row["sensitive"]],
        "skipped": skipped,
    }


def _procedures(
    rows: Sequence[Row], entries: Sequence[Entry], predecessors: Mapping[str, str]
) -> tuple[list[Row], list[Row], list[str]]:
    """All rows of the file to be, those that are new in it, and codes that cannot be in it."""
    procedures = {one["code"]: one for one in entries if one["kind"] == "procedure"}
    reasons = {row["code"]: row["sensitive"] for row in rows}
    delicate = {one["field_code"] for code, one in procedures.items() if reasons.get(code)}
    fields = {one["code"] for one in entries if one["kind"] == "field" and one["is_in_force"]}
    told = [_followed(row, procedures.get(row["code"]), fields) for row in rows]
    new = [one for code, one in sorted(procedures.items()) if one["is_in_force"] and code not in reasons]
    added = [
        _added(one, list(rows[0]), reasons.get(predecessors.get(one["code"], ""), ""), delicate)
        for one in new
        if one["level"] is not None
    ]
    skipped = [one["code"] for one in new if one["level"] is None]
    return sorted([*told, *added], key=lambda row: row["code"]), added, skipped


def _followed(row: Row, entry: Entry | None, fields: Collection[str]) -> Row:
    """A line with the portal's field, and, where it is in force there, its name."""
    if entry is None:
        return row
    name = entry["title"] if entry["is_in_force"] else row["name"]
    field_code = entry["field_code"] if entry["field_code"] in fields else row["field_code"]
    return row | {"name": name, "field_code": field_code}


def _added(entry: Entry, columns: Sequence[str], inherited: str, sensitive_fields: set[str]) -> Row:
    sensitive = inherited or (TO_REVIEW if entry["field_code"] in sensitive_fields else "")
    said = {
        "code": entry["code"], "name": entry["title"], "field_code": entry["field_code"], "level": entry["level"],
        "limit_value": _number(entry["limit_value"]), "limit_unit": entry["limit_unit"] or "",
        "online_limit_value": _number(entry["online_limit_value"]),
        "online_limit_unit": entry["online_limit_unit"] or "", "sensitive": sensitive,
    }  # fmt: skip
    return {column: said.get(column, "") for column in columns}


def _fields(rows: Sequence[Row], procedures: Sequence[Row], entries: Sequence[Entry]) -> list[Row]:
    """The fields of the procedures to be: as the portal names them, and of ours what is used still."""
    used = {row["field_code"] for row in procedures}
    listed = {one["code"]: one["title"] for one in entries if one["kind"] == "field" and one["code"] in used}
    stay = [row | {"name": listed.get(row["code"], row["name"])} for row in rows if row["code"] in used]
    come = sorted(listed.keys() - {row["code"] for row in rows})
    return [*stay, *({"code": code, "name": listed[code], "placeholder": "no"} for code in come)]


def _rows(text: str) -> list[Row]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def _text(rows: Sequence[Row]) -> str:
    written = io.StringIO(newline="")
    writer = csv.DictWriter(written, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return written.getvalue()


def _diff(name: str, before: str, after: str) -> list[str]:
    found = difflib.unified_diff(before.splitlines(), after.splitlines(), f"a/{name}", f"b/{name}", lineterm="", n=0)
    return [line for line in found if not re.match("@@", line)]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
