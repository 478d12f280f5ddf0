"""How the claims of several sources become one dossier: `registry/precedence.yaml` as SQL.

A dossier that passes from office to office is listed by each as its own. Its first claim is where it was filed; a
claim counts for its progress when its agency is in line: the one where it was filed, or one above it. Others are kept,
and say nothing: whoever knows a code could end anybody's dossier.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import sqlalchemy as sa

from motcua.registry import Precedence, Registry

_CITY_LEVEL = {"city", "department"}
_ORDER_BY = {
    "named": "named_in_code IS NOT TRUE",
    "first_received": "received_at",
    "in_line": "NOT in_line",
    "newest": "source_changed_at DESC",
    "source": "source_id",
}


@dataclass(frozen=True, kw_only=True)
class Seniority:
    """Which claim comes first, and which agencies are above which.

    Attributes:
        precedence: the orders, and the facts that follow each.
        above: canonical codes of the agencies above each, by its own; over all times.
        of_the_city: agencies that are above everybody.
    """

    precedence: Precedence
    above: Mapping[str, tuple[str, ...]]
    of_the_city: tuple[str, ...]

    @classmethod
    def of(cls, registry: Registry) -> Seniority:
        """As the registry has it."""
        parents = {code: {span.parent for span in spans if span.parent} for code, spans in registry.history.items()}
        return cls(
            precedence=registry.precedence,
            above={code: tuple(sorted(_ancestors(code, parents))) for code in parents},
            of_the_city=tuple(
                code for code, spans in registry.history.items() if any(span.kind in _CITY_LEVEL for span in spans)
            ),
        )

    @cached_property
    def parameters(self) -> dict[str, object]:
        """What `dossiers` and the findings about claims ask for, beside the batch's own."""
        return {"above": json.dumps(self.above), "of_the_city": list(self.of_the_city)}

    @cached_property
    def dossiers(self) -> sa.TextClause:
        """Dossiers, versions and outbox rows of the codes in `changed`; how many new versions there are."""
        order = {"filed": self.precedence.filed.order, "progress": self.precedence.progress.order}
        by = {name: ", ".join(_ORDER_BY[criterion] for criterion in criteria) for name, criteria in order.items()}
        filed = [_first_known(fact) for fact in self.precedence.filed.facts]
        progress = [
            f"(array_agg({fact} ORDER BY progress_rank))[1] AS {fact}" for fact in self.precedence.progress.facts
        ]
        facts = [*self.precedence.filed.facts, *self.precedence.progress.facts]
        return sa.text(
            _DOSSIERS.format(
                filed=by["filed"], progress=by["progress"], merged=",\n           ".join([*filed, *progress]),
                facts=", ".join(facts), excluded=", ".join(f"EXCLUDED.{fact}" for fact in facts),
                held=", ".join(f"d.{fact}" for fact in facts),
            )
        )  # fmt: skip

    @cached_property
    def differ(self) -> sa.TextClause:
        """Issues of claims in line that tell otherwise what all should tell alike."""
        facts = (*self.precedence.filed.facts, *self.precedence.progress.facts)
        return sa.text(_DIFFER.format(alike=_texts(self.precedence.alike), facts=_texts(facts)))


def _texts(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _ancestors(code: str, parents: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = {code}
    while waiting:
        waiting = {parent for one in waiting for parent in parents.get(one, ())} - found
        found |= waiting
    return found


def _first_known(fact: str) -> str:
    return f"(array_agg({fact} ORDER BY filed_rank) FILTER (WHERE {fact} IS NOT NULL AND in_line))[1] AS {fact}"


# A new version only where a fact, or the content of a claim that counts (which the portal is told), differs; it queues
# what the portal must be told. It is never recorded before the version it follows, which another source's newer cycle
# may have written meanwhile. The names in braces are columns that the registry's loader has checked.
# What the sender has in hand at this moment is left to it, so that the two never wait for each other: it supersedes
# what is older when the newer version has its end.
# Most dossiers have one claim, which needs no merging: what several tell is put together apart.
_DOSSIERS = """
WITH told AS (
    SELECT s.*, count(*) FILTER (WHERE NOT s.deleted) OVER codes AS lives, count(*) OVER codes AS all_claims
    FROM source_dossier s JOIN changed c USING (code) WINDOW codes AS (PARTITION BY s.code)
), counted AS (
    SELECT told.*, row_number() OVER filing AS filed_rank, first_value(agency_code) OVER filing AS home
    FROM told WHERE (NOT deleted OR lives = 0) AND CASE lives WHEN 0 THEN all_claims ELSE lives END > 1
    WINDOW filing AS (PARTITION BY code ORDER BY {filed})
), placed AS (
    SELECT counted.*, agency_code = home OR agency_code = ANY(:of_the_city)
                      OR coalesce(CAST(:above AS jsonb) -> home ? agency_code, false) AS in_line
    FROM counted
), word AS (
    SELECT placed.*, row_number() OVER (PARTITION BY code ORDER BY {progress}) AS progress_rank FROM placed
), several AS (
    SELECT code,
           (array_agg(source_id ORDER BY filed_rank))[1] AS lead_source_id,
           {merged},
           bool_and(deleted) AS deleted,
           (array_agg(source_changed_at ORDER BY progress_rank))[1] AS source_changed_at,
           CASE WHEN count(*) FILTER (WHERE in_line) = 1 THEN (array_agg(content_sha256 ORDER BY filed_rank))[1]
                ELSE sha256(string_agg(content_sha256, '' ORDER BY filed_rank) FILTER (WHERE in_line)) END
               AS content_sha256,
           (array_agg(steps ORDER BY filed_rank))[1] AS own_steps,
           (array_agg(supplements ORDER BY filed_rank))[1] AS own_supplements,
           array_agg(source_id ORDER BY filed_rank) FILTER (WHERE in_line) AS sources,
           array_agg(batch_id ORDER BY filed_rank) FILTER (WHERE in_line) AS claims
    FROM word GROUP BY code
), merged AS (
    SELECT code, source_id AS lead_source_id, {facts}, deleted, source_changed_at, content_sha256, steps AS own_steps,
           supplements AS own_supplements, ARRAY[source_id] AS sources, ARRAY[batch_id] AS claims
    FROM told WHERE (NOT deleted OR lives = 0) AND CASE lives WHEN 0 THEN all_claims ELSE lives END = 1
    UNION ALL
    SELECT code, lead_source_id, {facts}, deleted, source_changed_at, content_sha256, own_steps, own_supplements,
           sources, claims
    FROM several
), written AS (
    INSERT INTO dossier AS d
           (code, lead_source_id, {facts}, supplements, steps, deleted, source_changed_at, content_sha256, version,
            recorded_at, sources, claims)
    SELECT m.code, lead_source_id, {facts},
           CASE WHEN cardinality(sources) = 1 THEN own_supplements
                ELSE (SELECT count(DISTINCT requested_at) FROM supplement t
                      WHERE t.code = m.code AND t.source_id = ANY(m.sources)) END,
           CASE WHEN cardinality(sources) = 1 THEN own_steps
                ELSE (SELECT count(DISTINCT (at, status, n)) FROM step t
                      WHERE t.code = m.code AND t.source_id = ANY(m.sources)) END,
           deleted, source_changed_at, content_sha256, 1, CAST(:as_of AS timestamptz), sources, claims
    FROM merged m ORDER BY m.code
    ON CONFLICT (code) DO UPDATE SET
        (lead_source_id, {facts}, supplements, steps, deleted, source_changed_at, content_sha256, version, recorded_at,
         sources, claims)
      = (EXCLUDED.lead_source_id, {excluded}, EXCLUDED.supplements, EXCLUDED.steps, EXCLUDED.deleted,
         EXCLUDED.source_changed_at, EXCLUDED.content_sha256, d.version + 1,
         GREATEST(d.recorded_at, EXCLUDED.recorded_at), EXCLUDED.sources, EXCLUDED.claims)
    WHERE (d.lead_source_id, {held}, d.supplements, d.steps, d.deleted, d.content_sha256, d.sources)
          IS DISTINCT FROM
          (EXCLUDED.lead_source_id, {excluded}, EXCLUDED.supplements, EXCLUDED.steps, EXCLUDED.deleted,
           EXCLUDED.content_sha256, EXCLUDED.sources)
    RETURNING d.*
), versions AS (
    INSERT INTO dossier_version
    SELECT code, version, :cycle_id, recorded_at, source_changed_at, lead_source_id, procedure_code, agency_code,
           unit_code, channel, service_level, applicant_kind, status, submitted_at, received_at, due_at, due_source,
           finished_at, returned_at, supplements, steps, deleted, claims
    FROM written
), queued AS (
    SELECT o.code, o.version, o.service FROM written w JOIN delivery o USING (code)
    WHERE w.version > 1 AND o.state = 'queued' FOR NO KEY UPDATE OF o SKIP LOCKED
), superseded AS (
    UPDATE delivery o SET state = 'superseded', settled_at = clock_timestamp()
    FROM queued q WHERE o.code = q.code AND o.version = q.version AND o.service = q.service
), outbox AS (
    INSERT INTO delivery (code, version, service, queued_at)
    SELECT code, version, 'DongBoHoSoMC', clock_timestamp() FROM written
    UNION ALL
    SELECT code, version, 'CapNhatTienDoHoSoMC', clock_timestamp() FROM written WHERE steps > 0 AND NOT deleted
)
SELECT count(*) FROM written
"""

# What is not told is no other word, nor is what we worked out ourselves. Times are compared by their day, Vietnam's:
# one system writes seconds, another writes days.
_DIFFER = """
INSERT INTO issue (source_id, code, rule, field, severity, owner, page_sha256, batch_id, first_seen, last_seen)
SELECT s.source_id, s.code, 'sources_disagree', f.key, 'warning', 'office', s.page_sha256, s.batch_id, :as_of, :as_of
FROM changed c JOIN dossier d USING (code)
JOIN source_dossier s ON s.code = c.code AND s.source_id <> d.lead_source_id AND s.source_id = ANY(d.sources)
JOIN source_dossier l ON l.code = c.code AND l.source_id = d.lead_source_id
CROSS JOIN LATERAL jsonb_each_text(to_jsonb(s)) AS f
CROSS JOIN LATERAL (SELECT to_jsonb(l) ->> f.key AS value) AS home
WHERE f.key IN ({facts}) AND (s.agency_code = l.agency_code OR f.key IN ({alike})) AND NOT s.deleted
  AND CASE WHEN f.key LIKE '%\\_at' THEN left(f.value, 10) <> left(home.value, 10) ELSE f.value <> home.value END
  AND (f.key <> 'due_at' OR 'computed' NOT IN (s.due_source, l.due_source))
ON CONFLICT (code, source_id, rule, field)
DO UPDATE SET last_seen = EXCLUDED.last_seen, settled_at = NULL, page_sha256 = EXCLUDED.page_sha256,
              batch_id = EXCLUDED.batch_id
"""

# an agency that has no part in a dossier, and tells of it
FOREIGN = sa.text("""
INSERT INTO issue (source_id, code, rule, field, severity, owner, page_sha256, batch_id, first_seen, last_seen)
SELECT s.source_id, s.code, 'foreign_claim', 'agency_code', 'warning', 'office', s.page_sha256, s.batch_id, :as_of,
       :as_of
FROM changed c JOIN dossier d USING (code)
JOIN source_dossier s ON s.code = c.code AND NOT s.deleted AND s.source_id <> ALL(d.sources)
ON CONFLICT (code, source_id, rule, field)
DO UPDATE SET last_seen = EXCLUDED.last_seen, settled_at = NULL, page_sha256 = EXCLUDED.page_sha256,
              batch_id = EXCLUDED.batch_id
""")

# found again below where it still holds, by whichever source's batch
SETTLE = sa.text("""
UPDATE issue o SET settled_at = :as_of FROM changed c
WHERE o.code = c.code AND o.rule IN ('sources_disagree', 'foreign_claim') AND o.settled_at IS NULL
""")
