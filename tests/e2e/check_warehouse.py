"""The warehouse against the truth: dossiers, what each source says, quarantine, issues, outbox and batches."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.e2e.evidence import Evidence
from tests.e2e.feed_reader import Row
from tests.e2e.findings import Facts, Finding, compare
from tests.e2e.truth import ALIKE, Truth
from tests.e2e.version import Version

DOSSIERS, STEPS = "DongBoHoSoMC", "CapNhatTienDoHoSoMC"
MOMENTS = ("submitted_at", "received_at", "due_at", "finished_at", "returned_at", "source_changed_at")


def check_warehouse(truth: Truth, evidence: Evidence) -> list[Finding]:
    return [
        *_dossiers(truth, evidence),
        *_source_rows(truth, evidence),
        *_versions(truth, evidence),
        *_quarantine(truth, evidence),
        *_issues(truth, evidence),
        *_differences(truth, evidence),
        *_deliveries(truth, evidence),
        *_batches(truth, evidence),
    ]


def _dossiers(truth: Truth, evidence: Evidence) -> list[Finding]:
    expected = {one.code: {**_facts(one, truth), "version": len(truth.versions[one.code])} for one in truth.newest}
    return compare("warehouse: api.dossier", expected, _by("code", evidence, "dossier"))


def _source_rows(truth: Truth, evidence: Evidence) -> list[Finding]:
    """Every word that is held of each dossier, a row a source."""
    expected = {_name(one.code, one.source_id): _facts(one, truth) for one in truth.all_claims()}
    found = [
        (_name(row["code"], row["source_id"]), _to_the_second(row)) for row in evidence.warehouse["source_dossier"]
    ]
    return compare("warehouse: api.source_dossier", expected, found)


def _versions(truth: Truth, evidence: Evidence) -> list[Finding]:
    expected = {
        f"{code} v{number}": {"status": one.status, "deleted": one.deleted} if one.has_facts else {"deleted": True}
        for code, versions in truth.versions.items()
        for number, one in enumerate(versions, start=1)
    }
    found = [(f"{row['code']} v{row['version']}", row) for row in evidence.warehouse["dossier_version"]]
    return compare("warehouse: api.dossier_version", expected, found)


def _quarantine(truth: Truth, evidence: Evidence) -> list[Finding]:
    expected = {
        _name(one.code, one.source_id): {"rule": one.rule, "severity": "critical"} for one in truth.refused.values()
    }
    return compare("warehouse: api.quarantine", expected, _open(evidence, "quarantine"))


def _issues(truth: Truth, evidence: Evidence) -> list[Finding]:
    """Procedures of the right shape that nobody knows: a warning each, and the dossier goes on."""
    unknown = [one for one in truth.all_claims() if one.has_facts and truth.is_unlisted(one)]
    expected = {_name(one.code, one.source_id): {"severity": "warning"} for one in unknown}
    found = [(name, row) for name, row in _open(evidence, "issue") if row["rule"] == "unknown_procedure"]
    return compare("warehouse: api.issue", expected, found)


def _differences(truth: Truth, evidence: Evidence) -> list[Finding]:
    """What an office writes otherwise than where it was filed."""
    expected = {
        f"{_name(one.code, one.source_id)} {field}": {"severity": "warning"} for one, field in truth.differences()
    }
    found = [
        (f"{name} {row['field']}", row)
        for name, row in _open(evidence, "issue")
        if row["rule"] == "sources_disagree" and row["field"] in ALIKE
    ]
    return compare("warehouse: api.issue (sources_disagree)", expected, found)


def _open(evidence: Evidence, view: str) -> list[tuple[str, Row]]:
    return [
        (_name(row["code"], row["source_id"]), row) for row in evidence.warehouse[view] if row["settled_at"] is None
    ]


def _name(code: object, source_id: object) -> str:
    return f"{code} {source_id}"


def _deliveries(truth: Truth, evidence: Evidence) -> list[Finding]:
    expected = {}
    for code, versions in truth.versions.items():
        told = {number for number, _ in truth.told(code)}
        for number, one in enumerate(versions, start=1):
            waits = truth.waits(one) and number == len(versions) and not one.deleted
            state = "accepted" if number in told else "queued" if waits else "superseded"
            for service in (DOSSIERS, STEPS) if one.steps and not one.deleted else (DOSSIERS,):
                expected[f"{code} v{number} {service}"] = {"state": state}
    rows = evidence.warehouse["delivery"]
    found = [(f"{row['code']} v{row['version']} {row['service']}", row) for row in rows]
    return compare("warehouse: api.delivery", expected, found)


def _batches(truth: Truth, evidence: Evidence) -> list[Finding]:
    """One merged batch a source; in the first cycle, which reads everything, with as many rows as were listed.

    Files repeat what is in them from one evening to the next, so rows of registers are not counted.
    """
    newest = max(int(str(row["cycle_id"])) for row in evidence.warehouse["batch"])
    batches = [(str(row["source_id"]), row) for row in evidence.warehouse["batch"] if row["cycle_id"] == newest]
    expected: dict[str, Facts] = {
        source: {"state": "merged", "fetched": truth.rows[source]}
        if truth.cycles == 1 and source not in truth.tables.registers
        else {"state": "merged"}
        for source in truth.tables.sources
    }
    return compare("warehouse: api.batch", expected, batches)


def _facts(one: Version, truth: Truth) -> Facts:
    """Facts of a row of `api.dossier`; of a dossier that was never seen alive, those that a tombstone carries."""
    bare = {"agency_code": one.agency, "deleted": one.deleted, "source_changed_at": one.changed_at}
    if not one.has_facts:
        return bare
    known = truth.tables.procedures.get(one.procedure)
    return bare | {
        "procedure_code": one.procedure,
        "field_code": known["field_code"] if known else None,
        "unit_code": truth.tables.units[one.agency]["unit_code"],
        "channel": one.channel,
        "status": one.status,
        "submitted_at": one.submitted_at,
        "received_at": one.received_at,
        "due_at": one.due_at,
        "due_source": one.due_source,
        "finished_at": one.finished_at,
        "returned_at": one.returned_at,
        "steps": one.steps,
        "supplements": one.supplements,
    }


def _by(key: str, evidence: Evidence, view: str) -> list[tuple[str, Facts]]:
    return [(str(row[key]), _to_the_second(row)) for row in evidence.warehouse[view]]


def _to_the_second(row: Row) -> Facts:
    moments = {name: _second(row[name]) for name in MOMENTS if name in row}
    return {**row, **moments}


def _second(moment: object) -> object:
    return moment.astimezone(UTC).replace(microsecond=0) if isinstance(moment, datetime) else moment
