"""A register file tried before it is sent: read, mapped and judged by what reads, maps and judges for real.

It needs no database and no network, keeps nothing, and tells lines, codes and rules, never what stands in a cell.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pandas as pd

from motcua.domain.calendar import VIETNAM
from motcua.domain.codes import canonical_agency
from motcua.errors import ConfigError, SourceChanged
from motcua.landing import Archive
from motcua.platforms.register import reading
from motcua.platforms.register.names import RegisterFile, register_file
from motcua.platforms.register.reading import Placed
from motcua.platforms.register.sftp import Entry
from motcua.publishing.office_reports import words
from motcua.publishing.office_reports.findings import shown_codes
from motcua.registry import Registry, Source
from motcua.registry.sources import ENCODINGS
from motcua.settings import Settings
from motcua.steps import place
from motcua.steps.judge import ROWS_AT_ONCE, verdicts
from motcua.steps.mapped import Mapped, map_batches
from motcua.steps.tables import identity_of
from motcua.warehouse.pages import Page, Pages

PLATFORM = "sftp_register"
# Of an office that has no source of its own yet.
NEW_SOURCE = "kiem_tra.tep"


class Finding(NamedTuple):
    """One broken rule of a row, or (line 0) of the whole file."""

    severity: str  # critical, warning
    owner: str  # office, motcua
    rule: str
    sheet: int
    line: int
    code: str
    field: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCheck:
    """What would become of a file.

    Attributes:
        source_id: under whose entry of the registry it was read.
        is_named_well: whether it would be taken from its folder: its name is a register's of that source.
        rows: that tell of a dossier.
        accepted: dossiers; and refused likewise; rows beyond these tell of one of them again.
        findings: in the order of the lines.
    """

    source_id: str
    is_named_well: bool
    rows: int
    accepted: int
    refused: int
    findings: list[Finding]

    @property
    def is_good(self) -> bool:
        """Whether all of it would be accepted."""
        return self.is_named_well and self.refused == 0


def check_file(
    *, settings: Settings, file: Path, as_of: datetime, source_id: str | None = None, unit: str | None = None,
    encoding: str | None = None,
) -> FileCheck:  # fmt: skip
    """Tries a file as the register of a source, or of a unit: the one given, else the one in its name.

    Raises:
        ConfigError: there is no such source or unit, or nothing says whose it is.
        SourceError: the file cannot be read as a register at all; `kind` says why.
    """
    registry = place.registry(settings.registry)
    named = register_file(Entry(name=file.name, size=0, modified=0))
    source = _source(registry, named, source_id=source_id, unit=unit)
    if encoding not in (None, *ENCODINGS):
        raise ConfigError(f"encoding: expected one of {', '.join(ENCODINGS)}, got {encoding}")
    source = replace(source, encoding=encoding or source.encoding)
    registry = replace(registry, sources={**registry.sources, source.id: source})
    body = _body(source, file)
    places = [row for row, _ in reading.placed_rows(body, name=file.name, source=source)]
    units = {canonical_agency(one): one for one in source.units}
    note = {
        "name": file.name, "unit": units.get(named.unit if named else None, source.units[0]),
        "uploaded_at": as_of.isoformat(), "date": as_of.astimezone(VIETNAM).date().isoformat(), "full": "0",
    }  # fmt: skip
    judged = [_judged(read, registry, as_of, places) for read in _mapped(source, body, note, registry, as_of)]
    findings = [one for some in judged for one in some.findings]
    return FileCheck(
        source_id=source.id,
        is_named_well=named is not None and named.unit in units,
        rows=len(places),
        accepted=sum(one.accepted for one in judged),
        refused=sum(one.refused for one in judged),
        findings=sorted(findings, key=lambda one: (one.sheet, one.line, one.severity, one.rule)),
    )


def _source(registry: Registry, named: RegisterFile | None, *, source_id: str | None, unit: str | None) -> Source:
    if source_id is not None:
        source = registry.sources.get(source_id)
        if source is None:
            raise ConfigError(f"no such source in the registry: {source_id}; `motcua sources` lists them")
        if source.platform != PLATFORM:
            raise ConfigError(f"{source_id} is read over {source.platform}, which has no files; say --unit instead")
        return source
    agency = canonical_agency(unit) if unit else named.unit if named else None
    if agency is None or agency not in registry.history:
        raise ConfigError(
            f"whose register is it? expected --source, --unit with a code of the registry, or a name such as "
            f"so-theo-doi_000.05.33.H24_20181012.xlsx, got {unit or 'neither'}"
        )
    for source in registry.sources.values():
        if source.platform == PLATFORM and agency in map(canonical_agency, source.units):
            return source
    wire_code = registry.units[agency].wire_code
    return Source(id=NEW_SOURCE, group="kiem_tra", units=(wire_code,), platform=PLATFORM, connection="")


def _body(source: Source, file: Path) -> bytes:
    try:
        if (size := file.stat().st_size) > reading.BOUNDS.file_bytes:
            raise SourceChanged(
                source.id, f"{file.name}: expected at most {reading.BOUNDS.file_bytes} bytes, got {size}",
                kind="FILE_LIMIT",
            )  # fmt: skip
        return file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}; give the path of a register file") from error


def _mapped(source: Source, body: bytes, note: dict[str, str], registry: Registry, as_of: datetime) -> Iterator[Mapped]:
    """The file by way of an archive like any other, sealed with a key that nobody keeps: it holds applicants' data."""
    with TemporaryDirectory(prefix="motcua-check-") as folder:
        archive = Archive(Path(folder).as_uri(), secrets.token_bytes(32))
        listing = Pages(source.id, [Page(archive.put(body), note)])
        day = as_of.astimezone(VIETNAM).date()
        yield from map_batches([listing], archive, registry, cycle_id=0, rows_at_once=ROWS_AT_ONCE, day=day)


@dataclass(frozen=True, slots=True)
class _Judged:
    accepted: int
    refused: int
    findings: list[Finding]


def _judged(read: Mapped, registry: Registry, as_of: datetime, places: Sequence[Placed]) -> _Judged:
    signed, current, verdict = verdicts(read, registry, as_of)
    frame = verdict.findings.drop_duplicates(["row", "rule", "field"]).join(current[["code", "page_row"]], on="row")
    accepted = len(current) - len(verdict.refused)
    # a refused row has more to worry about than its warnings
    frame = frame[(frame["severity"] == "critical") | ~frame["row"].isin(verdict.refused)]
    frame = _at_every_copy(frame, signed)
    code = shown_codes(frame["code"].map(identity_of, na_action="ignore")).fillna("")
    frame = frame.assign(code=code, field=frame["field"].map(words.field_name))
    columns = ["severity", "owner", "rule", "page_row", "code", "field"]
    findings = [
        Finding(severity, owner, rule, places[row].sheet, places[row].line, code, field)
        for severity, owner, rule, row, code, field in frame[columns].itertuples(index=False, name=None)
    ]
    if not read.unknown_fields.empty:
        findings.append(Finding("warning", "motcua", "unknown_field", 0, 0, "", words.OTHER_FIELD))
    return _Judged(accepted, len(verdict.refused), findings)


def _at_every_copy(frame: pd.DataFrame, signed: pd.DataFrame) -> pd.DataFrame:
    """What stands twice and differs is told of each of its lines: only their office knows which one is right."""
    is_twice = frame["rule"] == "duplicate_in_batch"
    copies = signed.loc[~signed["copies_agree"], ["code", "page_row"]]
    twice = frame[is_twice].drop(columns="page_row").merge(copies, on="code")
    return pd.concat([frame[~is_twice], twice], ignore_index=True)
