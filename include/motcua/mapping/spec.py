"""The language of a mapping spec: which field becomes which column, and how it is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

# an object of a page, as JSON gives it
Record = Mapping[str, object]


class Kind(StrEnum):
    """How the values of a field are read."""

    TEXT = "text"  # NFC, without markup, control characters and outer spaces; empty is null
    CODE = "code"  # a dossier code: trimmed, upper case, otherwise untouched
    PROCEDURE = "procedure"  # first two groups of a procedure code
    AGENCY = "agency"  # canonical agency code; what is not one stays as given
    TIME = "time"  # local time of Vietnam to UTC
    CODED = "coded"  # through a code table of the registry: unknown is -1, absent is null
    CODED_WORD = "coded word"  # the same, by words that are written with or without accents and capitals
    FLAG = "flag"  # true or false
    WORD = "word"  # kept as the source wrote it


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a record.

    Attributes:
        path: its key; `a.b` looks into an object.
        column: the canonical column.
        kind: how it is read.
        codes: name of the code table, for `Kind.CODED` and `Kind.CODED_WORD`.
        absent: canonical code for an absent value, for these two.
    """

    path: str
    column: str
    kind: Kind
    codes: str | None = None
    absent: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """One platform's records, read completely: what is neither mapped nor ignored is reported.

    Attributes:
        platform: as in the registry.
        record: fields of a dossier.
        steps: key of the list of steps; None where there are none, and receipt, end and return stand for them.
        step: fields of a step.
        supplements: key of the list of supplement requests; None where the steps with status 5 are the requests, and
            where there are no steps either, nothing is known of them.
        supplement: fields of a supplement request.
        ignored: keys known and left alone, of records, steps, supplements, and `a.b` of objects.
        aside: known keys that are no part of a record's content, besides the change time.
        odd: key that a record has when its cells do not fit its columns, so that it cannot be judged.
        time_formats: formats of `columns.times`, tried in order.
        fees: a record's fees as the portal's `DanhSachLePhi`; None where no record tells of any.
        components: a record's papers as the portal's `TaiLieuNop`; None where no record tells of any.
        dated_by_file: change times are those of the files that brought the records: the first with a content counts.
        paid_online: whether a record's fees were paid online, where no field of its own says so; None when unknown.
    """

    platform: str
    record: tuple[Field, ...]
    steps: str | None
    step: tuple[Field, ...]
    supplements: str | None
    supplement: tuple[Field, ...]
    ignored: frozenset[str]
    time_formats: tuple[str, ...]
    fees: Callable[[Record], Sequence[Mapping[str, str]]] | None = None
    components: Callable[[Record], Sequence[Mapping[str, str]]] | None = None
    paid_online: Callable[[Record], bool | None] | None = None
    dated_by_file: bool = False
    aside: frozenset[str] = frozenset()
    odd: str | None = None

    @property
    def code(self) -> str:
        """Key of the dossier code."""
        return next(field.path for field in self.record if field.column == "code")

    @property
    def change_time(self) -> str:
        """Key of the change time, which is no part of a record's content."""
        return next(field.path for field in self.record if field.column == "source_changed_at")

    @property
    def objects(self) -> frozenset[str]:
        """Keys of the objects that paths look into."""
        return frozenset(field.path.split(".")[0] for field in self.record if "." in field.path)

    @property
    def known_keys(self) -> frozenset[str]:
        """Every mapped path and every ignored key, of all levels."""
        paths = {field.path for field in (*self.record, *self.step, *self.supplement)}
        others = {key for key in (self.steps, self.supplements, self.odd) if key is not None}
        return self.ignored | self.aside | paths | self.objects | others
