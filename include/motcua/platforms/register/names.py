"""What the name of a register file says: `so-theo-doi_{maDonVi}_{yyyyMMdd}[_NN][_full].csv|.xlsx`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime

from motcua.domain.codes import canonical_agency
from motcua.platforms.register.sftp import Entry

_NAME = re.compile(
    r"so-theo-doi_(?P<unit>[0-9A-Z.]+)_(?P<day>[0-9]{8})(?:_(?P<number>[0-9]{2}))?(?P<full>_full)?\.(?:csv|xlsx)",
    re.IGNORECASE,
)
_UNFINISHED = (".part", ".tmp", ".filepart")  # what clients call a file until it is whole


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterFile:
    """A register file in its folder.

    Attributes:
        entry: as the folder lists it.
        unit: canonical code of the unit whose register it is.
        day: as its name says.
        number: orders the files of one time; 0 for none.
        is_full: whether it is the whole register of the running year.
    """

    entry: Entry
    unit: str
    day: date
    number: int
    is_full: bool

    @property
    def uploaded_at(self) -> datetime:
        """By the server's clock."""
        return datetime.fromtimestamp(self.entry.modified, UTC)

    @property
    def order(self) -> tuple[int, date, int, str]:
        """Files are read by time; those of one time, which a copied folder is full of, by day and number."""
        return self.entry.modified, self.day, self.number, self.entry.name

    @property
    def note(self) -> dict[str, str]:
        """What its bytes do not say: `name, uploaded_at` (ISO, UTC), `date` (of its name, ISO), `full` (1 or 0)."""
        return {
            "name": self.entry.name,
            "uploaded_at": self.uploaded_at.isoformat(),
            "date": self.day.isoformat(),
            "full": str(int(self.is_full)),
        }


def register_file(entry: Entry) -> RegisterFile | None:
    """What a file's name says; None for one that is no register's."""
    match = _NAME.fullmatch(entry.name)
    unit = canonical_agency(match["unit"]) if match else None
    if match is None or unit is None:
        return None
    try:
        day = date.fromisoformat(match["day"])
    except ValueError:
        return None
    return RegisterFile(
        entry=entry, unit=unit, day=day, number=int(match["number"] or 0), is_full=match["full"] is not None
    )


def is_like_one(name: str) -> bool:
    """Whether a file that is no register's looks as if somebody meant it to be one."""
    return name.casefold().startswith("so-theo-doi") and not name.casefold().endswith(_UNFINISHED)
