"""`sftp_register`: dossier registers dropped as files over SFTP (contract page `source-platforms`, section 5).

A file counts when it is whole: left alone for `settle_seconds` before the moment of reading, the same in size and time
before and behind our visit, as long as announced, and with a last row that parses. One that is younger or has changed
meanwhile is left for the next cycle; it is newer than all that was read, so that the watermark stays behind it.

Sleeping out `settle_seconds` between two looks, for each source and each cycle, would take minutes of every quarter of
an hour. So the first look is the server's own word, the time of the file. Where its clock is late, a file that is being
written looks old; then the writing must pause for the whole of our visit, at the end of a row, for us to take a part,
and even so the whole file is newer again and is read with the next window. Where its clock is ahead of ours, the time
of a file proves nothing, and we do wait.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from motcua.connections import Connection
from motcua.domain.codes import canonical_agency
from motcua.errors import SourceChanged, SourceError, SourceUnavailable
from motcua.platforms.base import Keep, Listing, PageRef, Record, Window
from motcua.platforms.register import reading
from motcua.platforms.register.names import RegisterFile, is_like_one, register_file
from motcua.platforms.register.sftp import Entry, Folder, Unsettled
from motcua.platforms.register.ssh import SftpLimits
from motcua.registry import Source

log = logging.getLogger(__name__)

SETTLE_SECONDS = 60.0  # of the contract


class SftpRegister:
    """The platform `sftp_register`.

    Args:
        limits: of the talk with its servers.
        settle_seconds: how long a file must have been left alone.
    """

    name = "sftp_register"

    def __init__(self, *, limits: SftpLimits | None = None, settle_seconds: float = SETTLE_SECONDS) -> None:
        self._limits = limits or SftpLimits()
        self._settle_seconds = settle_seconds

    def read_listing(self, source: Source, connection: Connection, window: Window, *, keep: Keep) -> Listing:
        """See `Platform`. A window is of files uploaded in it; a full listing is of all that are there."""
        now = time.time()
        with Folder(source, connection, limits=self._limits) as folder:
            began = time.monotonic()
            files = _wanted(_registers(source, folder.look()), window, settle_seconds=self._settle_seconds, now=now)
            readings = [_read(source, folder, file, keep) for file in files]
            ahead = max((file.entry.modified - now for file in files), default=0.0)
            if ahead > 0:
                folder.wait(began + self._settle_seconds - time.monotonic())
            pages = _whole(source, readings, folder.look())
        return Listing(
            pages=pages, announced=None, fetched=sum(page.rows for page in pages),
            clock_skew_seconds=ahead if ahead > 0 else None,
        )  # fmt: skip

    def records(self, body: bytes, *, source: Source, note: Mapping[str, str]) -> Iterable[Record]:
        """See `Platform`; each with the unit of its file and the time of its upload."""
        return reading.records(
            body, name=note["name"], source=source, unit=note["unit"],
            uploaded_at=datetime.fromisoformat(note["uploaded_at"]),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Reading:
    """A file and its page, or what is wrong with it: that counts for nothing when the file is still changing."""

    file: RegisterFile
    outcome: PageRef | SourceError


def _registers(source: Source, entries: Mapping[str, Entry]) -> list[RegisterFile]:
    """The register files of a source's units.

    Raises:
        SourceChanged: a unit has none at all, of no age: this is not its folder.
    """
    found = {name: register_file(entry) for name, entry in entries.items()}
    if unread := sum(file is None and is_like_one(name) for name, file in found.items()):
        log.warning(
            "%s: %d files in its folder look like registers, but cannot be told by their names: ask its owner to name "
            "them so-theo-doi_<unit>_<yyyyMMdd>.csv or .xlsx", source.id, unread
        )  # fmt: skip
    units = {canonical_agency(unit): unit for unit in source.units}
    files = [file for file in found.values() if file is not None and file.unit in units]
    for agency, unit in units.items():
        if all(file.unit != agency for file in files):
            raise SourceChanged(
                source.id, f"expected registers so-theo-doi_{unit}_… in its folder, got none: look at `path` of its "
                "connection and at the unit in the registry, then ask its owner"
            )  # fmt: skip
    return files


def _wanted(files: Sequence[RegisterFile], window: Window, *, settle_seconds: float, now: float) -> list[RegisterFile]:
    """The files to read now, in order.

    One that is dated after `now`, which cannot be, counts as uploaded now: every window has it until its time has
    come.
    """
    uploaded = [file for file in files if window.start <= file.uploaded_at < window.end]
    settled = [file for file in uploaded if file.uploaded_at <= window.end - timedelta(seconds=settle_seconds)]
    if len(settled) < len(uploaded):
        log.info("%d register files are too young: they are read next cycle", len(uploaded) - len(settled))
    return sorted([*settled, *(file for file in files if file.entry.modified > now)], key=lambda file: file.order)


def _read(source: Source, folder: Folder, file: RegisterFile, keep: Keep) -> _Reading:
    """Keeps a file and counts its rows."""
    try:
        _refuse_large(source, file)
        body = folder.read(file.entry)
        sha256 = keep(body)
        rows = sum(1 for _ in reading.read_rows(body, name=file.entry.name, source=source))
    except Unsettled:
        error = SourceUnavailable(
            source.id, f"{file.entry.name}: its server gives fewer than the {file.entry.size} bytes that it lists; it "
            "is read again next cycle", kind="UNFINISHED"
        )  # fmt: skip
        return _Reading(file, error)
    except SourceChanged as error:
        return _Reading(file, error)
    unit = next(unit for unit in source.units if canonical_agency(unit) == file.unit)
    return _Reading(file, PageRef(unit=unit, sha256=sha256, rows=rows, note=file.note | {"unit": unit}))


def _refuse_large(source: Source, file: RegisterFile) -> None:
    """A file beyond all bounds is not even fetched."""
    if file.entry.size > reading.BOUNDS.file_bytes:
        raise SourceChanged(
            source.id, f"{file.entry.name}: expected at most {reading.BOUNDS.file_bytes} bytes, got {file.entry.size}; "
            "ask the office what it is", kind="FILE_LIMIT"
        )  # fmt: skip


def _whole(source: Source, readings: Sequence[_Reading], entries: Mapping[str, Entry]) -> tuple[PageRef, ...]:
    """Pages of the files that are still as they were before; raises what is wrong with the first of these."""
    pages: list[PageRef] = []
    changed = 0
    for one in readings:
        if entries.get(one.file.entry.name) != one.file.entry:
            changed += 1
        elif isinstance(one.outcome, SourceError):
            raise one.outcome
        else:
            pages.append(one.outcome)
    if changed:
        log.info("%s: %d register files changed while they were read: they are read next cycle", source.id, changed)
    return tuple(pages)
