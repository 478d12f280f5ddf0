"""What the checker sees besides the facts of a sound dossier: quarantine, deliveries, steps, figures, and people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from tests.e2e.check_feed import feed_row
from tests.e2e.checker import check
from tests.e2e.evidence import Evidence
from tests.e2e.feed_reader import Row, Rows
from tests.e2e.findings import Finding
from tests.e2e.registry_tables import RegistryTables
from tests.e2e.spoil import Scene
from tests.e2e.truth import Truth

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("whole_city")]

Spoil = Callable[[Evidence, str], Evidence]


def _in_view(evidence: Evidence, view: str, rows: Rows) -> Evidence:
    return replace(evidence, warehouse={**evidence.warehouse, view: rows})


def _changed(rows: Rows, code: str, **changes: object) -> Rows:
    return [{**row, **changes} if row["code"] == code else row for row in rows]


def _lost_from_quarantine(evidence: Evidence, code: str) -> Evidence:
    return _in_view(evidence, "quarantine", [row for row in evidence.warehouse["quarantine"] if row["code"] != code])


def _under_another_rule(evidence: Evidence, code: str) -> Evidence:
    return _in_view(evidence, "quarantine", _changed(evidence.warehouse["quarantine"], code, rule="wrong_type"))


def _accepted_all_the_same(evidence: Evidence, code: str) -> Evidence:
    rows = evidence.warehouse["dossier"]
    return _in_view(evidence, "dossier", [*rows, {**rows[0], "code": code}])


def _published_all_the_same(evidence: Evidence, code: str) -> Evidence:
    return replace(evidence, city_portal=[*evidence.city_portal, {**evidence.city_portal[0], "code": code}])


@pytest.mark.parametrize(
    "spoil", [_lost_from_quarantine, _under_another_rule, _accepted_all_the_same, _published_all_the_same]
)
def test_checker_names_a_faulty_dossier(scene: Scene, truth: Truth, tables: RegistryTables, spoil: Spoil):
    code = scene.dice.choice(sorted({code for code, _ in truth.refused} - truth.versions.keys()))
    assert _codes(check(spoil(scene.evidence, code), tables)) == {code}


def _never_sent(evidence: Evidence, code: str) -> Evidence:
    return _in_view(evidence, "delivery", _changed(evidence.warehouse["delivery"], code, state="queued"))


def _sent_under_another_version(evidence: Evidence, code: str) -> Evidence:
    return replace(evidence, portal_effects=_changed(evidence.portal_effects, code, version=99))


def _step_lost_at_the_portal(evidence: Evidence, code: str) -> Evidence:
    steps = next(_list(copy["steps"]) for copy in evidence.portal if copy["code"] == code)
    return replace(evidence, portal=_changed(evidence.portal, code, steps=steps[:-1]))


def _step_lost_in_the_lookup(evidence: Evidence, code: str) -> Evidence:
    steps = next(_list(entry["steps"]) for entry in evidence.feed.lookups if entry["code"] == code)
    changed = _changed(evidence.feed.lookups, code, steps=steps[1:])
    return replace(evidence, feed=replace(evidence.feed, lookups=changed))


def _in_another_shard(evidence: Evidence, code: str) -> Evidence:
    return replace(evidence, feed=replace(evidence.feed, lookups=_changed(evidence.feed.lookups, code, shard="zzz")))


@pytest.mark.parametrize(
    "spoil",
    [_never_sent, _sent_under_another_version, _step_lost_at_the_portal, _step_lost_in_the_lookup, _in_another_shard],
)
def test_checker_names_a_sound_dossier(scene: Scene, tables: RegistryTables, spoil: Spoil):
    assert _codes(check(spoil(scene.evidence, scene.code), tables)) == {scene.code}


def test_checker_names_a_sensitive_dossier_among_the_public_ones(scene: Scene, truth: Truth, tables: RegistryTables):
    secret = scene.dice.choice([one for one in truth.newest if tables.is_sensitive(one.procedure) and one.has_facts])
    rows = [*scene.evidence.city_portal, dict(feed_row(secret, truth))]
    assert _codes(check(replace(scene.evidence, city_portal=rows), tables)) == {secret.code}


def test_checker_names_a_waiting_dossier_without_its_warning(scene: Scene, truth: Truth, tables: RegistryTables):
    waiting = scene.dice.choice([one.code for one in truth.newest if truth.is_unlisted(one) and one.has_facts])
    rows = [row for row in scene.evidence.warehouse["issue"] if row["code"] != waiting]
    assert _codes(check(_in_view(scene.evidence, "issue", rows), tables)) == {waiting}


@pytest.mark.parametrize("figure", ["received", "online", "accepted", "versions_new"])
def test_checker_sees_a_wrong_figure(scene: Scene, tables: RegistryTables, figure: str):
    wrong = {**scene.evidence.summary, figure: scene.evidence.summary[figure] + 1}
    assert _whats(check(replace(scene.evidence, summary=wrong), tables)) == {figure}


@pytest.mark.parametrize("figures", ["sources", "quarantined", "progress", "delivery"])
def test_checker_sees_a_wrong_part_of_a_figure(scene: Scene, tables: RegistryTables, figures: str):
    parts: Mapping[str, int] = scene.evidence.summary[figures]
    some = scene.dice.choice(sorted(parts))
    wrong = {**scene.evidence.summary, figures: {**parts, some: parts[some] + 1}}
    assert _whats(check(replace(scene.evidence, summary=wrong), tables)) == {figures}


def test_checker_sees_a_person_on_the_page(scene: Scene, tables: RegistryTables):
    feed, word = scene.evidence.feed, scene.dice.choice(sorted(scene.evidence.personal))
    text = {**feed.text, "index.html": f"{feed.text['index.html']}<p>{word}</p>"}
    findings = check(replace(scene.evidence, feed=replace(feed, text=text)), tables)
    assert [(finding.place, finding.what) for finding in findings] == [("feed: index.html", "words about people")]
    assert word not in repr(findings)


def test_checker_sees_a_source_that_was_not_read(scene: Scene, tables: RegistryTables):
    rows = scene.evidence.warehouse["batch"]
    newest = max(rows, key=lambda row: (row["cycle_id"], row["source_id"]))
    findings = check(_in_view(scene.evidence, "batch", [row for row in rows if row is not newest]), tables)
    assert [(finding.code, finding.what) for finding in findings] == [(newest["source_id"], "is lost")]


def test_checker_sees_an_agency_with_a_dossier_too_many(scene: Scene, tables: RegistryTables):
    feed, mine = scene.evidence.feed, scene.dice.choice(scene.evidence.feed.agencies)
    wrong = [_one_more(row) if row is mine else row for row in feed.agencies]
    findings = check(replace(scene.evidence, feed=replace(feed, agencies=wrong)), tables)
    assert [(finding.code, finding.what) for finding in findings] == [(mine["agency_code"], "dossiers")]


def _one_more(row: Row) -> Row:
    return {**row, "dossiers": int(str(row["dossiers"])) + 1}


def _list(value: object) -> list[object]:
    assert isinstance(value, list)
    return value


def _codes(findings: list[Finding]) -> set[str]:
    return {finding.code.split()[0] for finding in findings}


def _whats(findings: list[Finding]) -> set[str]:
    return {finding.what for finding in findings}
