"""What the warehouse holds at one moment, as plain rows that a test can compare and spoil."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

Row = Mapping[str, Any]  # columns of any type
TABLES = (
    "core.source_dossier", "core.dossier", "core.dossier_version", "core.quarantine", "core.issue", "core.delivery",
    "core.source_state", "core.batch", "core.hold", "core.publication", "private.applicant", "private.step",
    "private.supplement",
)  # fmt: skip
# which run wrote a row, and when it was last seen: what differs between two runs that end alike
OF_A_RUN = {
    "batch_id", "cycle_id", "page_sha256", "page_row", "recorded_at", "queued_at", "sent_at", "settled_at", "attempts",
    "last_seen", "first_seen", "fence", "failures", "attempted_as_of", "succeeded_as_of", "full_listing_as_of",
    "clock_skew_seconds", "body_sha256", "portal_message", "claims",
}  # fmt: skip
OF_A_SOURCE = ("core.source_dossier", "core.quarantine", "core.issue", "private.applicant", "private.step",
               "private.supplement")  # fmt: skip
OF_SEVERAL = ("sources_disagree", "foreign_claim")  # rules on what several sources tell of one dossier
OF_A_CODE = ("core.dossier", "core.dossier_version", "core.delivery")
Facts = frozenset[tuple[tuple[str, object], ...]]


@dataclass(frozen=True)
class Standing:
    """Rows by table."""

    rows: Mapping[str, list[Row]]

    def of(self, table: str, **wanted: object) -> list[Row]:
        """Rows of a table with these values."""
        rows = self._by_source.get(table, {}).get(wanted.get("source_id"), []) if "source_id" in wanted else None
        found = self.rows[table] if rows is None else rows
        return [row for row in found if all(row[name] == value for name, value in wanted.items())]

    @cached_property
    def _by_source(self) -> dict[str, dict[object, list[Row]]]:
        groups: dict[str, dict[object, list[Row]]] = {}
        for table, rows in self.rows.items():
            for row in rows:
                groups.setdefault(table, {}).setdefault(row.get("source_id"), []).append(row)
        return groups

    def codes(self, source: str) -> set[str]:
        """Codes that a source is held to have told."""
        return {row["code"] for row in self.of("core.source_dossier", source_id=source)}

    def deleted(self, source: str) -> set[str]:
        """Those of them that count as deleted."""
        return {row["code"] for row in self.of("core.source_dossier", source_id=source, deleted=True)}

    def refused(self, source: str) -> set[str]:
        """What of a source stands in quarantine and is not mended."""
        return {row["identity"] for row in self.of("core.quarantine", source_id=source, settled_at=None)}

    def rules(self, source: str) -> set[str]:
        """Rules that rows of a source break at present, critical ones and warnings."""
        return {
            row["rule"]
            for table in ("core.quarantine", "core.issue")
            for row in self.of(table, source_id=source, settled_at=None)
        }

    def watermark(self, source: str) -> Any:  # a time, or None
        return next((row["watermark"] for row in self.of("core.source_state", source_id=source)), None)

    def facts(self, source: str, shared: Collection[str] = ()) -> dict[str, Facts]:
        """All that a source has brought, in a form that does not depend on when it was read.

        What is made of `shared` codes is left out: others have a part in it.
        """
        led = {row["code"] for row in self.of("core.dossier", lead_source_id=source)} - set(shared)
        own = {table: self.of(table, source_id=source) for table in OF_A_SOURCE}
        own["core.issue"] = [
            row for row in own["core.issue"] if row["rule"] not in OF_SEVERAL or row["code"] not in shared
        ]
        found = {table: _facts(rows) for table, rows in own.items()}
        return found | {table: _facts([row for row in self.rows[table] if row["code"] in led]) for table in OF_A_CODE}


def read_standing(database_url: str) -> Standing:
    """Everything, in one snapshot."""
    with psycopg.connect(database_url.replace("+psycopg", ""), row_factory=dict_row) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        return Standing(
            {
                table: connection.execute(
                    sql.SQL("SELECT * FROM {}").format(sql.Identifier(*table.split(".")))
                ).fetchall()
                for table in TABLES
            }
        )


def _facts(rows: list[Row]) -> Facts:
    """Open rows without what belongs to a run; a set, for each table has a key."""
    living = [row for row in rows if not ("first_seen" in row and row["settled_at"] is not None)]
    return frozenset(
        tuple((name, fixed(value)) for name, value in row.items() if name not in OF_A_RUN) for row in living
    )


def fixed(value: object) -> object:
    """The value, in a form that can stand in a set."""
    if isinstance(value, dict):
        return tuple(sorted(value.items()))
    return tuple(value) if isinstance(value, list) else value
