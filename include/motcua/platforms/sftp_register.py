"""`sftp_register`: dossier registers dropped as files over SFTP (contract page `source-platforms`, section 5).

A file counts when it is whole: no change within the last `settle_seconds` before the moment of reading, the same size
and time before and after our visit, as many bytes as announced, and a last row that parses. A younger one, or one that
changed meanwhile, is left for the next cycle: it is newer than all that was read, so that the watermark stays behind
it. Where a server's clock is late, a file being written can look old; then the visit must fall into a pause of the
writing that ends a row, and the whole file, which is newer again, is read with the next window all the same.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import filterfalse

from motcua.connections import Connection
from motcua.domain.codes import canonical_agency
from motcua.errors import SourceChanged, SourceError, SourceUnavailable
from motcua.platforms.base import Keep, Listing, PageRef, Record, Window
from motcua.platforms.register.names import RegisterFile, is_like_one, register_file
from motcua.platforms.register.sftp import Entry, Folder, Unsettled
from motcua.platforms.register.ssh import SftpLimits
from motcua.registry import Source

log = logging.getLogger(__name__)


class SftpRegister:
    """The platform `sftp_register`.

    Args:
        limits: of the talk with its servers.
        settle_seconds: how long a file must have been left alone (contract: 60).
    """

    name = "sftp_register"

    def __init__(self, *, limits: SftpLimits = SftpLimits(), settle_seconds: float = 60.0) -> None:
        self._limits = limits
        self._settle_seconds = settle_seconds

    def read_listing(self, source: Source, connection: Connection, window: Window, *, keep: Keep) -> Listing:
        """See `Platform`. A window asks for the files that were uploaded in it; a full listing for all there are."""
        now = time.time()
        with Folder(source, connection, limits=self._limits) as folder:
            began = time.monotonic()
            wanted = _wanted(_registers(source, folder.look()), window, settle_seconds=self._settle_seconds, now=now)
            readings = [_read(source, folder, file, keep) for file in wanted]
            if any(file.entry.modified > now for file in wanted):
                folder.wait(began + self._settle_seconds - time.monotonic())
            pages = _whole(source, readings, folder.look())
        ahead = max((file.entry.modified - now for file in wanted), default=0.0)
        return Listing(
            pages=tuple(pages), announced=None, fetched=sum(page.rows for page in pages),
            clock_skew_seconds=ahead if ahead > 0 else None,
        )  # fmt: skip

    def records(self, body: bytes, *, source: Source, note: Mapping[str, str]) -> Iterable[Record]:
        """See `Platform`."""
        return read_rows(body, source=source, note=note)


@dataclass(frozen=True, slots=True)
class _Reading:
    """A file with its page, or with what is wrong with it, which counts for nothing while the file still changes."""

    file: RegisterFile
    page: PageRef | None
    error: SourceError | None


def _registers(source: Source, entries: Mapping[str, Entry]) -> list[RegisterFile]:
    """The register files of this source's units.

    Raises:
        SourceChanged: a unit has none at all, not even an old one: the folder is not its folder.
    """
    found = [file for file in map(register_file, entries.values()) if file is not None]
    known = {file.entry.name for file in found}
    unread = sum(map(is_like_one, filterfalse(known.__contains__, entries)))
    if unread:
        log.warning(
            "%s: %d files in its folder look like registers and are not read: ask its owner to name them "
            "so-theo-doi_<unit>_<yyyyMMdd>.csv or .xlsx", source.id, unread
        )  # fmt: skip
    units = {canonical_agency(unit): unit for unit in source.units}
    if missing := units.keys() - {file.unit for file in found}:
        unit = units[min(map(str, missing))]
        raise SourceChanged(
            source.id, f"expected registers so-theo-doi_{unit}_… in its folder, got none: look at `path` of the "
            "connection and at the unit in the registry, then ask its owner"
        )  # fmt: skip
    return [file for file in found if file.unit in units]


def _wanted(
    files: Sequence[RegisterFile], window: Window, *, settle_seconds: float, now: float
) -> list[RegisterFile]:
    """Files to read now, in their order.

    One that is dated after `now`, which cannot be, counts as uploaded now: it stands in every window until its time
    has come, because nobody knows when that was.
    """
    settled_until = window.end - timedelta(seconds=settle_seconds)
    uploaded = [file for file in files if window.start <= file.uploaded_at < window.end]
    wanted = [file for file in uploaded if file.uploaded_at <= settled_until]
    if young := len(uploaded) - len(wanted):
        log.info("%d files are younger than %.0f s: they are read next cycle", young, settle_seconds)
    return sorted(wanted + [file for file in files if file.entry.modified > now], key=lambda file: file.order)


def _read(source: Source, folder: Folder, file: RegisterFile, keep: Keep) -> _Reading:
    """Keeps a file and counts its rows."""
    try:
        _refuse_large(source, file)
        body = folder.read(file.entry)
        sha256 = keep(body)
        rows = sum(1 for _ in read_rows(body, source=source, name=file.entry.name))
    except Unsettled:
        return _Reading(file, error=SourceUnavailable(
            source.id, f"{file.entry.name}: expected {file.entry.size} bytes, got more or less; it is read next cycle"
        ))  # fmt: skip
    except Unfinished: ...
    except SourceChanged as error:
        return _Reading(file, error=error)
    return _Reading(file, page=PageRef(unit=_unit(), sha256=sha256, rows=rows, note=file.note))


def _whole(source: Source, readings: Sequence[_Reading], entries: Mapping[str, Entry]) -> list[PageRef]:
    """The pages of the files that are still as they were when we came; raises what is wrong with the first of them."""
    still = [reading for reading in readings if entries.get(reading.file.entry.name) == reading.file.entry]
    if moved := len(readings) - len(still):
        log.info("%s: %d files changed while they were read: they are read next cycle", source.id, moved)
    pages = []
    for reading in still:
        if reading.error is not None:
            raise reading.error
        pages.append(reading.page)
    return pages
