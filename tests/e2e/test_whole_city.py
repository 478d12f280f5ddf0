"""The real components, end to end: sources, Airflow, warehouse, feed and both portals hold what the ledger holds."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.e2e.checker import check
from tests.e2e.conftest import WholeCity
from tests.e2e.evidence import Evidence
from tests.e2e.findings import told
from tests.e2e.processes import processes_of
from tests.e2e.registry_tables import RegistryTables
from tests.e2e.truth import ALIKE, derive_truth

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("whole_city")]


PLATFORMS = ("igate", "lgsp", "oss_soap", "sql_view", "sftp_register")


def test_every_place_agrees_with_the_ledger_after_the_first_cycle(in_november: Evidence, tables: RegistryTables):
    findings = check(in_november, tables)
    assert not findings, told(findings)


def test_every_place_agrees_with_the_ledger_after_an_incremental_cycle(in_december: Evidence, tables: RegistryTables):
    findings = check(in_december, tables)
    assert not findings, told(findings)


def test_what_the_city_reported_is_what_the_product_reports(in_december: Evidence):
    """A hundredth of 92,118 received and 13,342 online."""
    assert (in_december.summary["received"], in_december.summary["online"]) == (921, 133)


def test_the_cycles_met_every_kind_of_change(in_december: Evidence, tables: RegistryTables):
    """The agreement above proves something only if all of this happened."""
    truth = derive_truth(in_december.ledgers, in_december.orders, tables, in_december.as_of)
    met = {
        "updated": any(len(versions) > 1 and not versions[-1].deleted for versions in truth.versions.values()),
        "deleted": any(len(versions) > 1 and versions[-1].deleted for versions in truth.versions.values()),
        "deleted before it was known": any(not one.has_facts for one in truth.newest),
        "faulty after it was sound": any(code in truth.versions for code, _ in truth.refused),
        "waiting for its field code": any(truth.is_unlisted(one) for one in truth.newest),
        "due date computed": any(one.due_source == "computed" for one in truth.newest),
        "sensitive": any(tables.is_sensitive(one.procedure) for one in truth.newest),
        "listed twice": any(line["duplicate"] for line in in_december.ledgers[-1]),
        "told by two offices": any(len(claims) == 2 for claims in truth.claims.values()),
        "told by three": any(len(claims) == 3 for claims in truth.claims.values()),
        "told differently": {field for _, field in truth.differences()} == set(ALIKE),
        "struck out at one office of several": any(
            len({one.deleted for one in claims.values()}) == 2 for claims in truth.claims.values()
        ),
        "supplemented": any(one.supplements for one in truth.newest),
        **{platform: any(line["platform"] == platform for line in in_december.ledgers[-1]) for platform in PLATFORMS},
    }
    assert met == dict.fromkeys(met, True)
    assert len(Counter(one.rule for one in truth.refused.values())) == 16


def test_a_cycle_without_changes_does_nothing(in_december: Evidence, once_more: Evidence, tables: RegistryTables):
    findings = check(once_more, tables)
    assert not findings, told(findings)
    for view in ("dossier", "source_dossier", "dossier_version"):
        assert _sorted(once_more, view) == _sorted(in_december, view)
    assert len(once_more.warehouse["delivery"]) == len(in_december.warehouse["delivery"])
    assert once_more.portal_effects == in_december.portal_effects
    assert once_more.feed.index["seq"] == in_december.feed.index["seq"]
    assert once_more.feed.manifest == in_december.feed.manifest


def test_an_incremental_cycle_reads_only_what_may_have_changed(in_december: Evidence):
    """Windows begin at the watermark less the overlap: well under half of what the full listings hold."""
    fetched: Counter[int] = Counter()
    for row in in_december.warehouse["batch"]:
        fetched[int(str(row["cycle_id"]))] += int(str(row["fetched"]))
    first, second = (fetched[cycle] for cycle in sorted(fetched)[:2])
    assert second < first / 2


def test_stopping_leaves_no_process(whole_city: WholeCity, once_more: Evidence):
    whole_city.stack.stop()
    assert processes_of(str(whole_city.stack.home), whole_city.stack.programs.mark) == []


def _sorted(evidence: Evidence, view: str) -> list[str]:
    return sorted(map(str, evidence.warehouse[view]))
