"""The report's contents: rules of the book and beside it, sources by group, the city by day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import pandas as pd

from motcua.publishing.office_reports.words import Sentence, field_name, sentence
from motcua.publishing.quality_report.figures import Figures

MOST_SOURCES = 10
# cells of the table of sources; the curves have all days
RECENT = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class BookRule:
    """A rule as the book has it, all its expectations together.

    Attributes:
        severity: in force: `critical, warning`, or `ignored` where the registry says so.
        fields: the facts that it watches.
        is_firm: it cannot be loosened.
        is_changed: the registry gives it another severity than the book.
    """

    code: str
    severity: str
    owner: str
    fields: tuple[str, ...]
    is_firm: bool
    is_changed: bool


@dataclass(frozen=True, slots=True)
class Members:
    """A group: its name, and the names of its sources' units by source."""

    name: str
    sources: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Of `known` dossiers so many break a rule or are refused."""

    known: int
    broken: int

    @property
    def passed(self) -> float | None:
        """The share that passes, 0 to 1; None of nothing."""
        return 1 - self.broken / self.known if self.known else None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRow:
    """How a rule fares: today, by day, and in the sources that break it most."""

    code: str
    severity: str
    owner: str
    fields: tuple[str, ...]
    is_firm: bool
    is_changed: bool
    sentence: Sentence
    today: Rate
    trend: Sequence[Rate]
    sources: int
    worst: Sequence[tuple[str, Rate]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow:
    """A source's rate by day, and the rule that refuses most of it."""

    source_id: str
    name: str
    trend: Sequence[Rate]
    first_rule: str | None

    @property
    def today(self) -> Rate:
        """The last day's."""
        return self.trend[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRows:
    """The sources of a group, and all of them together."""

    group: str
    name: str
    trend: Sequence[Rate]
    sources: Sequence[SourceRow]

    @property
    def today(self) -> Rate:
        """The last day's."""
        return self.trend[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityReport:
    """All that the page has."""

    as_of: datetime
    days: Sequence[date]
    city: Sequence[Rate]
    rules: Sequence[RuleRow]
    others: Sequence[RuleRow]
    groups: Sequence[GroupRows]


def quality_report(
    figures: Figures, book: Sequence[BookRule], groups: Mapping[str, Members], *, as_of: datetime
) -> QualityReport:
    """Everything of the sources that `groups` has, in their order."""
    asked = [source for members in groups.values() for source in members.sources]
    known = figures.known.reindex(asked, fill_value=0)
    refused = figures.refused.reindex(asked, fill_value=0)
    broken = figures.broken[figures.broken.index.get_level_values("source_id").isin(asked)]
    rows = [_rule_row(rule, broken, known) for rule in book]
    in_book = {(rule.severity, rule.code) for rule in book}
    others = [
        _rule_row(_beside(severity, rule, owner), broken, known)
        for (severity, rule), owner in sorted(figures.owners.items())
        if (severity, rule) not in in_book
    ]
    first = _first_rules(broken)
    return QualityReport(
        as_of=as_of,
        days=figures.days,
        city=_rates(known.sum(), refused.sum()),
        rules=sorted(rows, key=lambda row: (_ORDER[row.severity], -row.today.broken)),
        others=[row for row in others if any(rate.broken for rate in row.trend)],
        groups=[_group_rows(group, members, known, refused, first) for group, members in groups.items()],
    )


_ORDER = {"critical": 0, "warning": 1, "ignored": 2}


def _beside(severity: str, rule: str, owner: str) -> BookRule:
    return BookRule(code=rule, severity=severity, owner=owner, fields=(), is_firm=False, is_changed=False)


def _rule_row(rule: BookRule, broken: pd.DataFrame, known: pd.DataFrame) -> RuleRow:
    own, known_today = _of_rule(broken, rule), known.iloc[:, -1]
    today = own.iloc[:, -1]
    breaking = today[today > 0].sort_values(ascending=False, kind="stable")
    return RuleRow(
        code=rule.code, severity=rule.severity, owner=rule.owner,
        fields=tuple(dict.fromkeys(field_name(field) for field in rule.fields)),
        is_firm=rule.is_firm, is_changed=rule.is_changed, sentence=sentence(rule.code),
        today=Rate(known=int(known_today.sum()), broken=int(today.sum())),
        trend=_rates(known.sum(), own.sum()),
        sources=len(breaking),
        worst=[
            (str(source), Rate(known=int(known_today[str(source)]), broken=int(count)))
            for source, count in breaking.head(MOST_SOURCES).items()
        ],
    )  # fmt: skip


def _of_rule(broken: pd.DataFrame, rule: BookRule) -> pd.DataFrame:
    """One row a source that breaks it; none when nobody does."""
    is_own = (broken.index.get_level_values("severity") == rule.severity) & (
        broken.index.get_level_values("rule") == rule.code
    )
    return broken[is_own].droplevel(["severity", "rule"])


def _first_rules(broken: pd.DataFrame) -> dict[str, str]:
    """By source, the critical rule that refuses most today."""
    today = broken.iloc[:, -1]
    critical = today[(today.index.get_level_values("severity") == "critical") & (today > 0)]
    first = critical.sort_values(ascending=False, kind="stable").reset_index().drop_duplicates("source_id")
    return dict(zip(first["source_id"].astype(str), first["rule"].astype(str), strict=True))


def _group_rows(
    group: str, members: Members, known: pd.DataFrame, refused: pd.DataFrame, first: Mapping[str, str]
) -> GroupRows:
    rows = [
        SourceRow(
            source_id=source, name=name, trend=_rates(known.loc[[source]].sum(), refused.loc[[source]].sum()),
            first_rule=first.get(source),
        )
        for source, name in members.sources.items()
    ]  # fmt: skip
    own = list(members.sources)
    return GroupRows(
        group=group, name=members.name, trend=_rates(known.loc[own].sum(), refused.loc[own].sum()), sources=rows
    )


def _rates(known: pd.Series, broken: pd.Series) -> list[Rate]:
    return [Rate(known=int(of), broken=int(some)) for of, some in zip(known, broken, strict=True)]
