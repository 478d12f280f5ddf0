"""What stands in quarantine, and the pages from which it can be judged again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from motcua.warehouse.ledger import Page, with_notes


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayable:
    """What a source has in quarantine: how many dossiers, and all pages of the listings that they stood in last.

    All of a listing, since a row may be refused for what stands on another page of it.
    """

    source_id: str
    dossiers: int
    pages: Sequence[Page]


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


def replayable(
    connection: sa.Connection, *, sources: Sequence[str], rules: Sequence[str], lacking: Collection[str] = ()
) -> list[Replayable]:
    """Each source's open dossiers with their pages, by source; older listings first.

    Listings with any of the pages `lacking` are left out: what is refused on one page may be so for another.
    """
    statement = sa.text("""
        WITH standing AS (
            SELECT source_id, batch_id, count(DISTINCT identity) AS dossiers FROM quarantine
            WHERE settled_at IS NULL AND (:all_sources OR source_id = ANY(:sources))
              AND (:all_rules OR rule = ANY(:rules))
            GROUP BY source_id, batch_id
        )
        SELECT s.source_id, s.dossiers, b.pages, b.page_notes
        FROM standing s JOIN batch b USING (batch_id)
        WHERE NOT b.pages && CAST(:lacking AS text[]) ORDER BY s.source_id, b.cycle_id
    """)
    found: dict[str, Replayable] = {}
    for row in connection.execute(statement, {**_chosen(sources, rules, None, False), "lacking": list(lacking)}):
        before = found.get(row.source_id, Replayable(source_id=row.source_id, dossiers=0, pages=()))
        found[row.source_id] = Replayable(
            source_id=row.source_id, dossiers=before.dossiers + row.dossiers,
            pages=_once((*before.pages, *with_notes(row.pages, row.page_notes))),
        )  # fmt: skip
    return list(found.values())


def _once(pages: Sequence[Page]) -> list[Page]:
    return list({(page.sha256, *sorted(page.note.items())): page for page in pages}.values())


def identities(connection: sa.Connection, sources: Sequence[str]) -> dict[str, frozenset[str]]:
    """What is open of each source: dossier codes, and `#` with a digest for rows without one."""
    rows = connection.execute(
        sa.text("""
            SELECT source_id, array_agg(DISTINCT identity) AS found FROM quarantine
            WHERE settled_at IS NULL AND source_id = ANY(:sources) GROUP BY source_id
        """),
        {"sources": list(sources)},
    )
    return {row.source_id: frozenset(row.found) for row in rows}


def _chosen(sources: Sequence[str], rules: Sequence[str], code: str | None, settled: bool) -> dict[str, object]:
    return {
        "sources": list(sources), "all_sources": not sources, "rules": list(rules), "all_rules": not rules,
        "code": code, "settled": settled,
    }  # fmt: skip
