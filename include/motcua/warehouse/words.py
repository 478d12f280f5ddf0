"""Words of the sources that can be judged again, and from which archived pages: what is refused, and what is held."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from motcua.warehouse.pages import Only, Page, Pages, with_notes


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What is to be judged again of one source.

    Attributes:
        source_id: whose.
        listings: pages to read, a batch each; of each batch, only what counts.
        refused: what is open in quarantine → the first rule that it breaks; a code, or `#` and a digest.
        nameless: of these, the ones without a code: where each stands, sha256 and row → its identity.
        held: codes whose accepted word is judged again, too: of what lives, all that is not open in quarantine.
        asked: dossiers that were asked for; the others of the source go with them.
    """

    source_id: str
    listings: list[Pages] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    nameless: dict[tuple[str, int], str] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    asked: int = 0

    @property
    def pages(self) -> list[Page]:
        """Every page once."""
        found = {(page.sha256, *sorted(page.note.items())): page for one in self.listings for page in one.pages}
        return list(found.values())


def refused_words(
    connection: sa.Connection, *, sources: Sequence[str], rules: Sequence[str], lacking: Collection[str] = ()
) -> list[Words]:
    """Each source's open dossiers; of all sources and rules where none is named.

    All pages of the listing that each was refused in, since it may be refused for what stands on another page of it;
    listings with any of the pages `lacking` are left out. What a replay has refused is a single word, at its place.
    """
    found: dict[str, Words] = {}
    chosen = {
        "sources": list(sources), "all_sources": not sources, "rules": list(rules), "all_rules": not rules,
        "lacking": list(lacking),
    }  # fmt: skip
    for row in connection.execute(_REFUSED, chosen):
        words = found.setdefault(row.source_id, Words(source_id=row.source_id, asked=row.asked))
        words.refused.update(row.refused)
        nameless = {(place[0], place[1]): identity for identity, place in (row.nameless or {}).items()}
        words.nameless.update(nameless)
        places = _places([*nameless, *((sha256, number) for sha256, number in row.places or ())])
        pages = with_notes(row.pages, row.page_notes)
        if row.is_replay:
            pages, only = [page for page in pages if page.sha256 in places], Only(places=places)
        else:
            only = Only(identities=frozenset(row.refused), places=places)
        words.listings.append(Pages(row.source_id, pages, is_replay=True, only=only))
    return list(found.values())


def all_words(connection: sa.Connection, *, sources: Sequence[str], lacking: Collection[str] = ()) -> list[Words]:
    """What the present state of each source rests on: its open dossiers, and the accepted word of every other.

    What stands on pages that are `lacking` is left out.
    """
    found = {words.source_id: words for words in refused_words(connection, sources=sources, rules=(), lacking=lacking)}
    chosen = {"sources": list(sources), "all_sources": not sources, "lacking": list(lacking)}
    for row in connection.execute(_HELD, chosen):
        words = found.setdefault(row.source_id, Words(source_id=row.source_id))
        words.held.update(code for page in row.pages for code in page["codes"])
        only = Only(
            identities=frozenset(code for page in row.pages for code in page["unplaced"] or ()),
            places={page["sha256"]: frozenset(page["rows"] or ()) for page in row.pages},
        )
        pages = [Page(page["sha256"], page["note"] or {}) for page in row.pages]
        words.listings.append(Pages(row.source_id, pages, is_replay=True, only=only))
    return [found[source_id] for source_id in sorted(found)]


def judged_otherwise(connection: sa.Connection, makers: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Sources with open dossiers that were judged last by other rules, tables or code than `makers` has of them."""
    return list(connection.execute(_JUDGED_OTHERWISE, {"makers": json.dumps(makers)}).scalars())


def _places(found: Sequence[tuple[str, int]]) -> dict[str, frozenset[int]]:
    rows: dict[str, set[int]] = defaultdict(set)
    for sha256, row in found:
        rows[sha256].add(row)
    return {sha256: frozenset(some) for sha256, some in rows.items()}


_REFUSED = sa.text("""
WITH open AS (
    SELECT source_id, batch_id, identity, min(page_sha256) AS page_sha256, min(page_row) AS page_row,
           (array_agg(rule ORDER BY is_primary DESC, rule))[1] AS rule,
           bool_or(:all_rules OR rule = ANY(:rules)) AS asked
    FROM quarantine q
    WHERE settled_at IS NULL AND (:all_sources OR source_id = ANY(:sources))
      AND NOT EXISTS (SELECT FROM batch b WHERE b.batch_id = q.batch_id AND b.pages && CAST(:lacking AS text[]))
    GROUP BY source_id, batch_id, identity
), wanted AS (
    SELECT source_id, count(DISTINCT identity) AS asked FROM open WHERE open.asked GROUP BY source_id
)
SELECT source_id, w.asked, b.kind = 'replay' AS is_replay, b.pages, b.page_notes,
       jsonb_object_agg(o.identity, o.rule) AS refused,
       jsonb_object_agg(o.identity, jsonb_build_array(o.page_sha256, o.page_row))
           FILTER (WHERE o.identity LIKE '#%') AS nameless,
       jsonb_agg(jsonb_build_array(o.page_sha256, o.page_row)) FILTER (WHERE b.kind = 'replay') AS places
FROM open o JOIN wanted w USING (source_id) JOIN batch b USING (source_id, batch_id)
GROUP BY source_id, w.asked, b.batch_id
ORDER BY source_id, b.cycle_id
""")

# A word stands where its claim says; of one that was read before that was kept, only the page is known.
_HELD = sa.text("""
WITH held AS (
    SELECT s.source_id, s.batch_id, s.page_sha256, array_agg(s.code) AS codes,
           array_agg(s.page_row) FILTER (WHERE s.page_row IS NOT NULL) AS rows,
           array_agg(s.code) FILTER (WHERE s.page_row IS NULL) AS unplaced
    FROM source_dossier s
    WHERE NOT s.deleted AND (:all_sources OR s.source_id = ANY(:sources)) AND s.page_sha256 <> ALL(:lacking)
      AND NOT EXISTS (SELECT FROM quarantine q
                      WHERE q.identity = s.code AND q.source_id = s.source_id AND q.settled_at IS NULL)
    GROUP BY s.source_id, s.batch_id, s.page_sha256
)
SELECT h.source_id, jsonb_agg(jsonb_build_object(
           'sha256', h.page_sha256, 'codes', h.codes, 'rows', h.rows, 'unplaced', h.unplaced,
           'note', b.page_notes -> (array_position(b.pages, h.page_sha256) - 1)
       ) ORDER BY array_position(b.pages, h.page_sha256)) AS pages
FROM held h JOIN batch b USING (batch_id)
GROUP BY h.source_id, b.batch_id, b.cycle_id
ORDER BY h.source_id, b.cycle_id
""")

_JUDGED_OTHERWISE = sa.text("""
SELECT DISTINCT q.source_id
FROM (SELECT DISTINCT source_id, batch_id FROM quarantine WHERE settled_at IS NULL) q JOIN batch b USING (batch_id)
CROSS JOIN LATERAL (
    SELECT r.judged_by FROM batch r
    WHERE r.source_id = q.source_id
      AND (r.batch_id = b.batch_id OR (r.kind = 'replay' AND r.state = 'merged' AND r.cycle_id > b.cycle_id))
    ORDER BY r.cycle_id DESC LIMIT 1
) last
WHERE CAST(:makers AS jsonb) ? q.source_id
  AND NOT coalesce(last.judged_by @> (CAST(:makers AS jsonb) -> q.source_id), false)
ORDER BY 1
""")
