"""What stands in quarantine, as people look at it."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa


def listed(
    connection: sa.Connection, *, sources: Sequence[str], rules: Sequence[str], code: str | None, settled: bool
) -> list[dict[str, object]]:
    """Rows of quarantine, the newest first; of all sources and rules where none is named."""
    statement = sa.text("""
        SELECT source_id, identity, rule, severity, owner, field, first_seen, last_seen, attempts, settled_at,
               batch_id, page_sha256, page_row
        FROM quarantine
        WHERE (:settled OR settled_at IS NULL) AND (:all_sources OR source_id = ANY(:sources))
          AND (:all_rules OR rule = ANY(:rules)) AND (CAST(:code AS text) IS NULL OR identity = :code)
        ORDER BY last_seen DESC, source_id, identity, rule, field
    """)
    return [dict(row._mapping) for row in connection.execute(statement, _chosen(sources, rules, code, settled))]


def counted(connection: sa.Connection, *, sources: Sequence[str], rules: Sequence[str]) -> list[dict[str, object]]:
    """Open dossiers by source and rule, with the owner of the rule; the most first."""
    statement = sa.text("""
        SELECT source_id, rule, owner, count(DISTINCT identity) AS dossiers, min(first_seen) AS first_seen,
               max(last_seen) AS last_seen
        FROM quarantine
        WHERE settled_at IS NULL AND (:all_sources OR source_id = ANY(:sources))
          AND (:all_rules OR rule = ANY(:rules))
        GROUP BY source_id, rule, owner ORDER BY dossiers DESC, source_id, rule
    """)
    return [dict(row._mapping) for row in connection.execute(statement, _chosen(sources, rules, None, False))]


def _chosen(sources: Sequence[str], rules: Sequence[str], code: str | None, settled: bool) -> dict[str, object]:
    return {
        "sources": list(sources), "all_sources": not sources, "rules": list(rules), "all_rules": not rules,
        "code": code, "settled": settled,
    }  # fmt: skip
