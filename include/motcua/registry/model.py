"""The registry's entries, frozen; how they are read from files is the loader's business."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from motcua.domain.codes import canonical_agency
from motcua.domain.units import Succession
from motcua.registry.alerts import Alerts

if TYPE_CHECKING:  # it brings pandas, which Airflow's timetable does without
    from motcua.domain.calendar import WorkingCalendar

Windows = tuple[tuple[time, time], ...]
# a fact of a dossier, as the canonical frame has it
Fact = str | int | datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One agency with its administrative unit, for a span of time.

    Attributes:
        agency_code: canonical.
        wire_code: as the file spells it, which is how sources are asked.
        unit_code: statistics code; departments have the city's.
        name: public name of the agency.
        unit_name: name of the administrative unit.
        kind: `city, department, district, ward, township, commune, special_zone`.
        parent: canonical code of the agency above, or None.
        valid_from: first day.
        valid_to: first day on which it is no more, or None.
        placeholder: whether its agency code is made up until the portal's list is loaded.
    """

    agency_code: str
    wire_code: str
    unit_code: str
    name: str
    unit_name: str
    kind: str
    parent: str | None
    valid_from: date
    valid_to: date | None
    placeholder: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedUnit:
    """A unit that was another province's until its area came to the city, on the day `joined_on`."""

    unit_code: str
    unit_name: str
    district: str
    province: str
    joined_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Procedure:
    """One procedure with its time limit.

    Attributes:
        code: first two groups.
        level: `cap_tinh, cap_huyen, cap_xa`, as handled before July 2025.
        limit_value: number of `limit_unit`; None when unknown.
        limit_unit: `ngay_lam_viec, ngay, gio`.
        sensitive: whether its name alone says something about the applicant: it never appears as a row in public.
        placeholder_field: whether its field code is made up.
        lent_by: code of the procedure whose entry this is, by a crosswalk that a person confirmed; None: its own.
    """

    code: str
    name: str
    field_code: str
    field_name: str
    level: str
    limit_value: float | None
    limit_unit: str | None
    online_limit_value: float | None
    online_limit_unit: str | None
    online_level: int | None
    sensitive: bool
    placeholder_field: bool
    lent_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """How many changed dossiers a day are ordinary for a source."""

    min: int
    max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One office's installation of a platform; keys and defaults as on the contract page `interfaces`.

    Attributes:
        id: `<group>.<name>`, unique.
        group: whose file names it.
        units: agency codes as the file spells them, which is how they are asked for.
        platform: the product it speaks.
        connection: id of the connection that holds address and secrets; several sources may share it.
        since: first day on which it is read, or None.
        until: first day on which it is read no more, or None.
        schedule: how much working time lies between two readings.
        windows: working hours of its office, or None for the city's.
        allowed: spans of the day in which it may be read; none: at any time.
        blackout: first and last day of each span of days on which it is not read.
        paused: whether it is read only when somebody asks for it by name.
        priority: the higher, the earlier in a run.
        overlap: how far a window reaches back before the watermark.
        page_size: rows asked for at once.
        rate_per_second: requests a second at most.
        time_budget_seconds: a reading that lasts longer is given up until the next cycle.
        band: how many changed dossiers a day are ordinary, or None.
        encoding: of a register file.
        delimiter: of a register file in CSV.
        columns: headings of a register file → the contract's.
        codes: code table → the table that counts for this source instead.
        notes: for people.
    """

    id: str
    group: str
    units: tuple[str, ...]
    platform: str
    connection: str
    since: date | None = None
    until: date | None = None
    schedule: timedelta = timedelta(minutes=15)
    windows: Windows | None = None
    allowed: Windows = ()
    blackout: tuple[tuple[date, date], ...] = ()
    paused: bool = False
    priority: int = 0
    overlap: timedelta = timedelta(hours=24)
    page_size: int = 200
    rate_per_second: float = 20.0
    time_budget_seconds: int = 300
    band: Band | None = None
    encoding: str | None = None
    delimiter: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    codes: Mapping[str, str] = field(default_factory=dict)
    notes: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Sources that belong together: a district with its communes, or the departments."""

    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """Which claim comes first for some facts.

    Attributes:
        order: criteria, the first that tells two claims apart decides.
        facts: columns of `core.dossier`.
    """

    order: tuple[str, ...]
    facts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Precedence:
    """Whose word counts where several sources tell of one dossier.

    Attributes:
        filed: where it was filed, and what was said there; fact by fact.
        progress: how far it is; all facts of one claim.
        alike: facts that every claim should tell alike.
    """

    filed: Claims
    progress: Claims
    alike: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """A known error of sources, and what counts instead until it is mended.

    Attributes:
        id: stands in the history of what it changed.
        sources: whose dossiers.
        is_wide: a whole group or platform, of which many a source has no such error.
        codes: these dossiers; none: all of which `where` is true.
        where: field → what the source tells of it; None: nothing.
        field: the fact that is wrong.
        value: what counts instead.
        reason: why, for people.
        who: who said so.
        since: first day on which it applies, or None.
        until: last day on which it applies.
    """

    id: str
    sources: frozenset[str]
    is_wide: bool
    codes: frozenset[str]
    where: Mapping[str, Fact | None]
    field: str
    value: Fact
    reason: str
    who: str
    since: date | None
    until: date

    def applies_on(self, day: date) -> bool:
        """Whether it counts in a reading of that day."""
        return (self.since is None or self.since <= day) and day <= self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """Who is told when the city feed moves: `name` as people know it, address and secret in the connection."""

    id: str
    name: str
    connection: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """Everything that exists, checked as one.

    Attributes:
        groups: by id.
        sources: by id, in the order of the files.
        units: newest span of each agency, by canonical code.
        history: every span of each agency, oldest first.
        joined: units that came from other provinces, by statistics code.
        succession: what came after each agency that ended, and after each joined unit.
        procedures: by code.
        fields: field names by code.
        codes: code tables by file name: what a source writes → canonical code.
        departments: public names of step departments by what sources write, folded.
        precedence: whose word counts.
        calendar: working days and hours.
        corrections: known errors of sources, in the order in which they count.
        rules: severities that count instead of the rule book's, by rule: `critical, warning, ignored`.
        subscribers: of the city feed, by id.
        alerts: what people are told of, and from when on.
        canaries: texts planted among personal data, which must never leave; only for finding them if they do.
        fingerprint: sha256 of all files.
        fingerprint_of_verdicts: of those by which rows are judged: tables, calendar and rules.
    """

    groups: Mapping[str, Group]
    sources: Mapping[str, Source]
    units: Mapping[str, Unit]
    history: Mapping[str, tuple[Unit, ...]]
    joined: Mapping[str, JoinedUnit]
    succession: Succession
    procedures: Mapping[str, Procedure]
    fields: Mapping[str, str]
    codes: Mapping[str, Mapping[str, int]]
    departments: Mapping[str, str]
    precedence: Precedence
    calendar: WorkingCalendar
    corrections: tuple[Correction, ...]
    rules: Mapping[str, str]
    subscribers: Mapping[str, Subscriber]
    alerts: Alerts
    canaries: tuple[str, ...]
    fingerprint: str
    fingerprint_of_verdicts: str

    def units_on(self, day: date) -> dict[str, Unit]:
        """The units in force on that day, by canonical code, in the order of the codes."""
        return {code: unit for code in sorted(self.history) if (unit := self.unit_at(code, day)) is not None}

    def units_by(self, day: date) -> dict[str, Unit]:
        """Every agency that has begun by that day, as it was then; one that was no more, as it was known last."""
        return {
            code: max((unit for unit in spans if unit.valid_from <= day), key=lambda unit: unit.valid_from)
            for code, spans in self.history.items()
            if spans[0].valid_from <= day
        }

    def unit_at(self, agency_code: str, day: date) -> Unit | None:
        """The unit of an agency, in either spelling of its code, as it was on that day; None when there was none."""
        for unit in self.history.get(canonical_agency(agency_code) or "", ()):
            if unit.valid_from <= day and (unit.valid_to is None or day < unit.valid_to):
                return unit
        return None
