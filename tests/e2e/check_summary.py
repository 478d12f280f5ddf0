"""`run/summary.json` against the truth: what the city reports is what its ledger counts."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from tests.e2e.evidence import Evidence
from tests.e2e.findings import Finding, equal
from tests.e2e.truth import Truth
from tests.e2e.version import NOT_RECEIVED


def check_summary(truth: Truth, evidence: Evidence) -> list[Finding]:
    accepted = [one for one in truth.newest if one.is_received]
    counted = {one.code for one in accepted}
    refused = [one for one in truth.refused.values() if one.code not in counted and one.status not in NOT_RECEIVED]
    sources = len(truth.tables.sources)
    expected = {
        "as_of": evidence.as_of,
        "sources": {"total": sources, "ok": sources, "down": 0, "held": 0},
        "received": len(accepted) + len(refused),
        "online": sum(one.channel == 2 for one in [*accepted, *refused]),
        "accepted": len(accepted),
        "quarantined": dict(Counter(one.rule for one in refused)),
        "progress": dict(Counter(truth.progress(one) for one in truth.newest if not one.deleted)),
        "versions_new": truth.versions_new,
        "delivery": _delivery(truth),
        "feed rows": len(truth.public()),
    }
    summary = evidence.summary
    found = {name: summary.get(name) for name in expected} | {
        "as_of": datetime.fromisoformat(summary["as_of"]),
        "feed rows": summary["feed"]["rows"],
    }
    return [finding for name in expected for finding in equal("summary", name, expected[name], found[name])]


def _delivery(truth: Truth) -> dict[str, int]:
    """Messages about dossiers, their steps not counted again."""
    waiting = [one for one in truth.newest if truth.waits(one) and not one.deleted]
    return {
        "queued": len(waiting),
        "accepted": sum(len(truth.told(code)) for code in truth.versions),
        "rejected": 0,
        "unknown": 0,
    }
