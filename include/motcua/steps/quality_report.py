"""The report of the rule book: built from the ledgers, for the data team alone."""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path

from motcua.domain.calendar import VIETNAM
from motcua.domain.codes import canonical_agency
from motcua.files import Files
from motcua.publishing.disclosure import Watch
from motcua.publishing.quality_report.figures import read_figures
from motcua.publishing.quality_report.page import page
from motcua.publishing.quality_report.report import BookRule, Members, QualityReport, quality_report
from motcua.publishing.quality_report.table import table
from motcua.registry import Registry
from motcua.settings import Settings
from motcua.steps import place
from motcua.steps.cycles import in_force
from motcua.warehouse import Role

log = logging.getLogger(__name__)

# Below HOME, which no web server of ours serves.
FOLDER, PAGE, TABLE = "quality", "index.html", "pass_rates.csv"


def build_quality_report(*, settings: Settings, as_of: datetime) -> dict[str, object]:
    """Writes `HOME/quality/index.html` and `pass_rates.csv` anew.

    Returns:
        `page`, its path; `rules` in force, `sources`, `known` and `refused` dossiers.

    Raises:
        PublicationRefused: it would tell of a person; the last one stays.
    """
    registry = place.registry(settings.registry)
    with place.connected(settings, Role.WATCHER) as engine:
        looking = engine.connect().execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with looking as connection:
            figures = read_figures(connection, as_of=as_of)
    told = quality_report(figures, book(registry), _groups(registry, as_of), as_of=as_of)
    files = Files((settings.home / FOLDER).as_uri())
    watch = Watch(registry.canaries)
    for name, body in ((TABLE, table(figures)), (PAGE, page(told))):
        watch.refuse(f"quality report, {name}", body)
        files.replace(name, body, flush=False)  # made again from the warehouse
    return _done(told, settings.home / FOLDER / PAGE)


def _done(told: QualityReport, path: Path) -> dict[str, object]:
    rules = sum(rule.severity != "ignored" for rule in told.rules)
    sources = sum(len(group.sources) for group in told.groups)
    today = told.city[-1]
    log.info("quality report: %d rules, %d sources, %d of %d refused", rules, sources, today.broken, today.known)
    return {
        "page": str(path), "rules": rules, "sources": sources, "known": today.known, "refused": today.broken,
    }  # fmt: skip


def book(registry: Registry) -> list[BookRule]:
    """The rule book with the severities in force; a code that stands under two severities is two rules."""
    # seconds to import
    from motcua.quality.rules import OBSERVATIONS, RULES, Rule

    together: dict[tuple[str, str], list[Rule]] = {}
    for rule in RULES:
        severity = rule.severity if rule.is_firm else registry.rules.get(rule.code, rule.severity)
        together.setdefault((str(severity), rule.code), []).append(rule)
    return [
        BookRule(
            code=code, severity=severity, owner=str(rules[0].owner),
            # an observation names the field by its value: such a rule watches every field
            fields=tuple(rule.field for rule in rules if rule.field not in OBSERVATIONS),
            is_firm=all(rule.is_firm for rule in rules),
            is_changed=any(str(rule.severity) != severity for rule in rules),
        )
        for (severity, code), rules in together.items()
    ]  # fmt: skip


def _groups(registry: Registry, as_of: datetime) -> dict[str, Members]:
    """Sources in force by group, each with the name of its first unit."""
    known = registry.units_by(as_of.astimezone(VIETNAM).date())
    groups: dict[str, Members] = {}
    for source in in_force(registry, as_of):
        unit = known.get(str(canonical_agency(source.units[0])))
        members = groups.setdefault(source.group, Members(registry.groups[source.group].name, {}))
        members.sources[source.id] = unit.name if unit else source.id
    return groups
