"""One office's report, from the frames of all: what is to be mended and by whom, what it would change, the trend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import NamedTuple, TypeVar

import pandas as pd

from motcua.domain.calendar import VIETNAM
from motcua.domain.status import Channel, Status
from motcua.publishing.office_reports import words
from motcua.publishing.office_reports.findings import DOSSIER, NO_CODE, Findings
from motcua.publishing.office_reports.trend import Day, Trends
from motcua.publishing.office_reports.words import Sentence


class Line(NamedTuple):
    """One thing to look at: a broken rule of a dossier, or of a whole source (`code` is ""). Days as dd/mm/yyyy."""

    kind: str  # refused, warning
    owner: str  # office, motcua
    rule: str
    code: str
    place: str
    field: str
    first_day: str
    last_day: str
    attempts: int


class Rejected(NamedTuple):
    """One dossier that the Government portal refused, in its words."""

    code: str
    service: str
    portal_code: str
    message: str
    day: str


class SourceLine(NamedTuple):
    """The state of one system's data."""

    source_id: str
    state: str
    advice: str
    is_well: bool
    read_at: str | None  # 17:00 ngày 25/12/2018
    fetched: int | None
    accepted: int | None
    quarantined: int | None


class Effect(NamedTuple):
    """What would change if all that is refused were accepted, as far as it can be read. Counts of dossiers.

    Attributes:
        received: more dossiers received: none of which an earlier version counts, nor status 1 and 3.
        online: of these, submitted online.
        in_progress: of these, status 2, 4; waiting: 5, 6, 8; finished: 9, 10; withdrawn: 7.
        not_received: new ones of status 1 and 3, which do not count as received.
        unread: new ones whose status cannot be read; they may count or not.
        updated: dossiers of which an earlier version counts meanwhile.
    """

    received: int = 0
    online: int = 0
    in_progress: int = 0
    waiting: int = 0
    finished: int = 0
    withdrawn: int = 0
    not_received: int = 0
    unread: int = 0
    updated: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """What breaks one rule, with the sentence of the rule; `dossiers` are distinct."""

    rule: str
    sentence: Sentence
    dossiers: int
    lines: list[Line]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything on the page of one office, as of one moment."""

    agency_code: str
    name: str
    as_of: datetime
    lines: list[Line]
    refused: int
    refused_ours: int
    rejected: list[Rejected]
    effect: Effect
    trend: list[Day]
    sources: list[SourceLine]

    @property
    def warnings(self) -> int:
        """Warnings of dossiers and of the whole source."""
        return sum(line.kind == "warning" for line in self.lines)

    @property
    def is_clean(self) -> bool:
        """Whether nothing is open and every source is read."""
        return not self.lines and not self.rejected and all(source.is_well for source in self.sources)

    def groups(self, kind: str, owner: str) -> list[Group]:
        """The lines of a kind and an owner by rule, the most dossiers first."""
        wanted = (line for line in self.lines if (line.kind, line.owner) == (kind, owner))
        found = [(rule, list(lines)) for rule, lines in groupby(wanted, key=lambda line: line.rule)]
        groups = [
            Group(rule, words.sentence(rule), len({(one.code, one.place) for one in lines}), lines)
            for rule, lines in found
        ]
        return sorted(groups, key=lambda group: (-group.dossiers, group.rule))


def reports(findings: Findings, names: Mapping[str, str], as_of: datetime) -> Iterator[Report]:
    """The reports of `names` (by agency code), in its order."""
    lines = _lines(findings)
    counts, effects = _counts(findings.refused), _effects(findings.refused)
    trend_of = Trends(findings, as_of)
    rejected, sources = _rejected(findings.rejected), _sources(findings.sources)
    for agency_code, name in names.items():
        refused, ours = counts.get(agency_code, (0, 0))
        yield Report(
            agency_code=agency_code,
            name=name,
            as_of=as_of,
            lines=lines.get(agency_code, []),
            refused=refused,
            refused_ours=ours,
            rejected=rejected.get(agency_code, []),
            effect=effects.get(agency_code, Effect()),
            trend=trend_of(agency_code),
            sources=sources.get(agency_code, []),
        )


def _lines(findings: Findings) -> dict[str, list[Line]]:
    """Open ones by agency: kind, owner, rule, then as they stand in the list."""
    refused = findings.refused.assign(kind="refused")
    warnings = findings.issues.assign(kind="warning", place="", attempts=0)
    refused["code"] = refused["code"].fillna(NO_CODE)
    warnings["code"] = warnings["code"].fillna("")
    frame = pd.concat([frame[frame["settled_day"].isna()] for frame in (refused, warnings)], ignore_index=True)
    frame["field"] = frame["field"].map(words.field_name)
    for column in ("first_day", "last_day"):
        frame[column] = frame[column].dt.strftime("%d/%m/%Y")
    frame["place"] = frame["place"].astype("str")
    frame = frame.sort_values(["agency", "kind", "owner", "rule"], kind="stable")
    return _by_agency(frame, Line)


def _rejected(frame: pd.DataFrame) -> dict[str, list[Rejected]]:
    told = frame.assign(
        service=frame["service"].map(words.SERVICES), day=frame["day"].dt.strftime("%d/%m/%Y")
    ).fillna({"portal_code": "", "message": "", "day": ""})  # fmt: skip
    return _by_agency(told.sort_values("agency", kind="stable"), Rejected)


_Told = TypeVar("_Told", Line, Rejected, SourceLine)


def _by_agency(frame: pd.DataFrame, kind: type[_Told]) -> dict[str, list[_Told]]:
    names: tuple[str, ...] = kind._fields
    rows = frame[["agency", *names]].itertuples(index=False, name=None)
    return {agency: [kind(*row[1:]) for row in some] for agency, some in groupby(rows, key=lambda row: row[0])}


def _counts(refused: pd.DataFrame) -> dict[str, tuple[int, int]]:
    """Open refused dossiers by agency: all, and those of which every broken rule is ours to mend."""
    open_ones = refused[refused["settled_day"].isna()]
    is_ours = open_ones["owner"].eq("motcua").groupby([open_ones[name] for name in DOSSIER]).all()
    counted = is_ours.groupby("agency").agg(["size", "sum"])
    return {str(agency): (int(size), int(ours)) for agency, size, ours in counted.itertuples(name=None)}


def _effects(refused: pd.DataFrame) -> dict[str, Effect]:
    open_ones = refused[refused["settled_day"].isna() & refused["is_primary"]]
    is_new, status = ~open_ones["is_known"].astype(bool), open_ones["status"]

    def of(*wanted: Status) -> pd.Series:
        return is_new & status.isin(wanted).fillna(False)

    not_received = of(Status.NEW, Status.REFUSED)
    received = is_new & status.notna() & ~not_received
    parts = pd.DataFrame(
        {
            "received": received,
            "online": received & open_ones["channel"].eq(Channel.ONLINE).fillna(False),
            "in_progress": of(Status.RECEIVED, Status.IN_PROGRESS),
            "waiting": of(Status.SUPPLEMENT, Status.PAYMENT, Status.STOPPED),
            "finished": of(Status.DONE, Status.RETURNED),
            "withdrawn": of(Status.WITHDRAWN),
            "not_received": not_received,
            "unread": is_new & status.isna(),
            "updated": ~is_new,
        }
    ).astype(int)
    summed = parts.groupby(open_ones["agency"]).sum()
    return {str(agency): Effect(*map(int, row)) for agency, *row in summed.itertuples(name=None)}


def _sources(frame: pd.DataFrame) -> dict[str, list[SourceLine]]:
    told = frame.assign(
        read_at=frame["read_at"].dt.tz_convert(VIETNAM).dt.strftime("%H:%M ngày %d/%m/%Y"),
        is_well=frame["state"] == "ok",
        advice=frame["error_kind"].map(words.failure).where(frame["state"] == "down", ""),
        state=frame["state"].map(words.STATES),
    ).astype(object)
    return _by_agency(told.where(told.notna(), None).sort_values("agency", kind="stable"), SourceLine)
