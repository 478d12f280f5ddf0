"""The checker: compares every place with the stand-in's ledger, dossier by dossier, without the product's code.

Nothing lost, nothing doubled, nothing invented, every faulty dossier in quarantine under the right rule.
"""

from __future__ import annotations

from tests.e2e.check_feed import check_feed
from tests.e2e.check_portals import check_city_portal, check_government_portal
from tests.e2e.check_summary import check_summary
from tests.e2e.check_warehouse import check_warehouse
from tests.e2e.evidence import Evidence
from tests.e2e.findings import Finding
from tests.e2e.registry_tables import RegistryTables
from tests.e2e.truth import derive_truth

CHECKS = (check_warehouse, check_feed, check_government_portal, check_city_portal, check_summary)


def check(evidence: Evidence, tables: RegistryTables) -> list[Finding]:
    """All disagreements; empty when every place agrees with the ledger."""
    truth = derive_truth(evidence.ledgers, evidence.orders, tables, evidence.as_of)
    return [finding for place in CHECKS for finding in place(truth, evidence)]
