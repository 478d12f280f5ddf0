"""All that the page has to say, counted once from a published version; templates only lay it out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import orjson
import pyarrow as pa

from motcua.domain.calendar import WorkingCalendar
from motcua.publishing.city_feed.reading import current_rows, required
from motcua.publishing.city_feed.store import FeedStore
from motcua.publishing.public_page.bottlenecks import Bottlenecks, find_bottlenecks
from motcua.publishing.public_page.figures import NOTHING, Figures, Key, count
from motcua.publishing.public_page.handling import Handling, handling_times
from motcua.publishing.public_page.procedures import Procedure, procedures
from motcua.publishing.public_page.trend import Month, flows, months, span
from motcua.publishing.public_page.units import Unit, units
from motcua.publishing.reading import CITY_TIME

_COLUMNS = ["agency_code", "agency_name", "procedure_code", "channel", "progress", "received_on", "finished_on"]
_PAIR = ("agency_code", "procedure_code")
# A look-up counts working days from the due date of a dossier to now: a year covers nearly all, beyond it says days.
_DAYS_AROUND = timedelta(days=370)


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What `index.json` says; `folder` and `snapshot` are the paths of the version and of the newest snapshot."""

    seq: int
    as_of: datetime
    expires_at: datetime
    folder: str
    snapshot: str
    sources_ok: int
    sources_total: int
    lookup_hex: int

    @property
    def example(self) -> str:
        """A dossier code that nobody has, as codes look now: Decision 20/2020/QĐ-TTg turned agency codes round."""
        return (
            f"H24.00-{self.as_of:%y}0101-0001" if self.as_of.year > 2020 else f"000.00.00.H24-{self.as_of:%y}0101-0001"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A procedure at a unit; `procedure` is None where dossiers do not tell it, `handling` where none is done."""

    procedure: Procedure | None
    unit: Unit
    figures: Figures
    handling: Handling | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The whole page.

    Attributes:
        version: the version it is made of.
        city: all dossiers.
        trend: the city's months.
        units: every unit, in the order of `agencies.json`.
        unit_trends: the same months by agency code, of those that had any flow.
        procedures: by code.
        handling: by procedure code; absent where none is done.
        lines: every procedure at every unit that has dossiers of it, largest first.
        bottlenecks: what holds the city back.
        swapped_days: around now, weekdays that are not worked and weekend days that are.
        counted_days: first and last day for which `swapped_days` holds.
    """

    version: Version
    city: Figures
    trend: Sequence[Month]
    units: Sequence[Unit]
    unit_trends: Mapping[str, Sequence[Month]]
    procedures: Mapping[str, Procedure]
    handling: Mapping[str, Handling]
    lines: Sequence[Line]
    bottlenecks: Bottlenecks
    swapped_days: Sequence[date]
    counted_days: tuple[date, date]

    def lines_by_unit(self) -> Mapping[str, Sequence[Line]]:
        """Lines by agency code."""
        found: defaultdict[str, list[Line]] = defaultdict(list)
        for line in self.lines:
            found[line.unit.code].append(line)
        return found

    def lines_by_procedure(self) -> Mapping[str, Sequence[Line]]:
        """Lines by procedure code."""
        found: defaultdict[str, list[Line]] = defaultdict(list)
        for line in self.lines:
            if line.procedure is not None:
                found[line.procedure.code].append(line)
        return found


def read_content(store: FeedStore, calendar: WorkingCalendar) -> Content:
    """Counts what the version that `index.json` names holds.

    Args:
        store: the feed.
        calendar: of the working days in which handling is measured.

    Raises:
        PublicationRefused: the feed has no version, or one that lacks a file.
    """
    index = orjson.loads(required(store, "index.json"))
    version = _version(index)
    rows = current_rows(store, index, columns=_COLUMNS)
    pairs = count(rows, *_PAIR)
    city = count(rows).get((), NOTHING)
    agencies = orjson.loads(required(store, f"{version.folder}/agencies.json"))
    shown_units = units(agencies, count(rows, "agency_code"), _names(rows))
    catalogue = required(store, f"{version.snapshot}/procedures.csv")
    shown_procedures = procedures(catalogue, count(rows, "procedure_code"))
    today = version.as_of.date()
    trend, unit_trends = _trends(rows, today)
    around = (today - _DAYS_AROUND, today + _DAYS_AROUND)
    return Content(
        version=version,
        city=city,
        trend=trend,
        units=shown_units,
        unit_trends=unit_trends,
        procedures=shown_procedures,
        handling={str(key[0]): taken for key, taken in handling_times(rows, calendar, "procedure_code").items()},
        lines=_lines(pairs, handling_times(rows, calendar, *_PAIR), shown_units, shown_procedures),
        bottlenecks=find_bottlenecks(city, shown_units, shown_procedures, pairs),
        swapped_days=calendar.swapped_days(*around),
        counted_days=around,
    )


def _version(index: Mapping[str, object]) -> Version:
    as_of, expires_at = (
        datetime.fromisoformat(str(index[name])).astimezone(CITY_TIME) for name in ("as_of", "expires_at")
    )
    return Version(
        seq=int(str(index["seq"])),
        as_of=as_of,
        expires_at=expires_at,
        folder=str(index["manifest"]).rpartition("/")[0],
        snapshot=f"versions/{int(str(index['snapshot'])):08d}",
        sources_ok=int(str(index["sources_ok"])),
        sources_total=int(str(index["sources_total"])),
        lookup_hex=int(str(index["lookup_hex"])),
    )


def _trends(rows: pa.Table, until: date) -> tuple[list[Month], dict[str, list[Month]]]:
    """The city's months, and the same months by agency code, of agencies that have flows."""
    city = flows(rows).get((), {})
    shown = span(city, until)
    by_agency = flows(rows, "agency_code")
    return months(city, shown), {str(key[0]): months(one, shown) for key, one in by_agency.items()}


def _names(rows: pa.Table) -> dict[str, str | None]:
    """Name by agency code, as the rows have it."""
    pairs = rows.group_by(["agency_code", "agency_name"]).aggregate([])
    return dict(zip(pairs["agency_code"].to_pylist(), pairs["agency_name"].to_pylist(), strict=True))


def _lines(
    pairs: Mapping[Key, Figures],
    taken: Mapping[Key, Handling],
    shown_units: Sequence[Unit],
    shown_procedures: Mapping[str, Procedure],
) -> list[Line]:
    by_code = {unit.code: unit for unit in shown_units}
    found = [
        Line(
            procedure=shown_procedures[key[1]] if key[1] is not None else None,
            unit=by_code[str(key[0])],
            figures=figures,
            handling=taken.get(key),
        )
        for key, figures in sorted(pairs.items(), key=str)
    ]
    return sorted(found, key=lambda line: -line.figures.received)
