"""Batches of which much is refused: a few bad rows are their own affair, many are for somebody to look at.

A source of which all but a stray dossier is refused has changed its format, or was never understood: what it had
stays as it was, what is wrong stands in quarantine, and it is down until it can be read again. Of few dossiers no
share means anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

BAD_ROWS = "BAD_ROWS"
FEWEST = 10
# from this share on, somebody should look at it
MANY = 0.10
# all, but for a stray dossier that is right by chance
ALL = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Dossiers of a batch, tombstones left out, and the rule that most of those refused break."""

    accepted: int
    refused: int
    rule: str | None
    field: str | None
    by_rule: int | None

    @property
    def reason(self) -> str:
        """Why none of it can be taken."""
        return (
            f"{self.refused} of the {self.accepted + self.refused} dossiers listed are refused, {self.by_rule} of them "
            f"by rule {self.rule} (field {self.field}); what it had stays as it was: ask its owner what changed, or "
            "mend its mapping"
        )


def weigh(connection: sa.Connection, values: Mapping[str, object]) -> Share:
    """How much of the staged batch of `source_id` is refused."""
    return Share(**connection.execute(_SHARE, values).one()._mapping)


def awaiting_full_listing(connection: sa.Connection) -> set[str]:
    """Sources whose last batch was refused: what they have, and what of it is right, only a full listing says."""
    return set(connection.execute(_REFUSED, {"kind": f"{BAD_ROWS}:%"}).scalars())


def is_all(share: Share) -> bool:
    """Whether nothing of the batch can be taken."""
    return _is_from(ALL, share.accepted, share.refused)


def are_many(accepted: int, refused: int) -> bool:
    """Whether so much of a batch is refused that somebody should look at it."""
    return _is_from(MANY, accepted, refused)


def _is_from(share: float, accepted: int, refused: int) -> bool:
    return accepted + refused >= FEWEST and refused >= share * (accepted + refused)


def note(connection: sa.Connection, values: Mapping[str, object], share: Share) -> None:
    """Makes `many_refused` an issue of the batch's source, or settles it."""
    if share.accepted + share.refused < FEWEST:
        return
    connection.execute(_SETTLE, values)  # that of another field, too
    if are_many(share.accepted, share.refused):
        connection.execute(_MANY_REFUSED, {**values, "field": share.field})


# Tombstones say too little to be refused. The rule that refuses most dossiers speaks for the batch.
_SHARE = sa.text("""
SELECT (SELECT count(*) FROM incoming_dossier WHERE source_id = :source_id AND NOT deleted) AS accepted,
       (SELECT count(DISTINCT identity) FROM incoming_quarantine WHERE source_id = :source_id) AS refused,
       most.*
FROM (SELECT) AS one
LEFT JOIN (SELECT rule, field, count(DISTINCT identity) AS by_rule FROM incoming_quarantine
           WHERE source_id = :source_id GROUP BY rule, field ORDER BY by_rule DESC, rule, field LIMIT 1) most ON true
""")

_REFUSED = sa.text("SELECT source_id FROM source_state WHERE state = 'down' AND reason LIKE :kind")

# Rows without a code are known by their content alone: those of earlier listings are other rows, or these.
SETTLE_NAMELESS = sa.text("""
UPDATE quarantine q SET settled_at = :as_of
WHERE q.source_id = :source_id AND q.settled_at IS NULL AND q.identity LIKE '#%' AND NOT EXISTS (
    SELECT FROM incoming_quarantine i WHERE i.source_id = q.source_id AND i.identity = q.identity)
""")

_MANY_REFUSED = sa.text("""
INSERT INTO issue (source_id, code, rule, field, severity, owner, page_sha256, batch_id, first_seen, last_seen)
VALUES (:source_id, '', 'many_refused', :field, 'warning', 'office', '', :batch_id, :as_of, :as_of)
ON CONFLICT (code, source_id, rule, field)
DO UPDATE SET last_seen = EXCLUDED.last_seen, settled_at = NULL, batch_id = EXCLUDED.batch_id
""")

_SETTLE = sa.text("""
UPDATE issue SET settled_at = :as_of
WHERE source_id = :source_id AND code = '' AND rule = 'many_refused' AND settled_at IS NULL
""")
