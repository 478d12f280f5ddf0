"""An installation whose offices have something to hear: rows merged for real, then reports built by the step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pandas as pd
import sqlalchemy as sa
from motcua import steps, warehouse
from motcua.connections import EnvironmentConnections
from motcua.settings import Settings
from motcua.warehouse import Role

from tests.publishing.city_feed.loading import SOURCE, merge_rows
from tests.warehouse.builders import AS_OF, CODE

WARD = "H24.33.05"
NEIGHBOUR, NEIGHBOURS_SOURCE = "H24.33.06", "le_chan.ho_nam"


@dataclass(frozen=True, slots=True)
class Offices:
    """One installation, with the connections that a test gives it."""

    settings: Settings
    variables: dict[str, str]

    @property
    def connections(self) -> EnvironmentConnections:
        return EnvironmentConnections(self.variables)

    @property
    def shelf(self) -> Path:
        return self.settings.home / "reports"

    def merge(
        self, rows: Sequence[dict[str, object]] = (), *, source_id: str = SOURCE,
        quarantine: Sequence[dict[str, object]] = (), issues: Sequence[dict[str, object]] = (),
        as_of: datetime = AS_OF,
    ) -> None:  # fmt: skip
        engine = warehouse.engine(self.settings, Role.PIPELINE)
        own = [row | {"source_id": source_id} for row in quarantine]
        frames = {"issues": pd.DataFrame(issues)} if issues else {}
        merge_rows(engine, rows, source_id=source_id, quarantine=own, as_of=as_of, **frames)
        engine.dispose()

    def execute(self, statement: str, **values: object) -> list[tuple[object, ...]]:
        """A statement of the warehouse's owner."""
        engine = warehouse.engine(self.settings, None)
        with engine.begin() as connection:
            done = connection.execute(sa.text(statement), values)
            rows = [tuple(row) for row in done] if done.returns_rows else []
        engine.dispose()
        return rows

    def build(self, *agencies: str, as_of: datetime = AS_OF) -> dict[str, int]:
        return steps.build_reports(settings=self.settings, connections=self.connections, as_of=as_of, agencies=agencies)

    def revoke(self, agency: str = WARD) -> str:
        done = steps.revoke_report(
            settings=self.settings, connections=self.connections, as_of=AS_OF, agency=agency,
            reason="gửi nhầm thư", by="test",
        )  # fmt: skip
        return str(done["link"])

    def mail(self, **limits: object) -> dict[str, object]:
        return steps.mail_digest(settings=self.settings, connections=self.connections, as_of=AS_OF, **limits)

    def links(self, settings: Settings | None = None) -> dict[str, str]:
        found = steps.report_links(settings=settings or self.settings, connections=self.connections, as_of=AS_OF)
        return {str(one["agency_code"]): str(one["link"]) for one in found}

    def folder(self, agency: str = WARD) -> Path:
        return self.shelf / self.links()[agency].strip("/")

    def page(self, agency: str = WARD) -> str:
        return (self.folder(agency) / "index.html").read_text(encoding="utf-8")

    def table(self, agency: str = WARD) -> list[list[str]]:
        """The rows of `loi.csv` below its heading, as Excel in Vietnamese splits them."""
        text = (self.folder(agency) / "loi.csv").read_text(encoding="utf-8-sig")
        return [line.split(";") for line in text.splitlines()[1:]]

    def at(self, address: str) -> Offices:
        """The same installation, of which it is known where its reports are seen."""
        return replace(self, settings=replace(self.settings, reports_address=address))


def issue(code: str = CODE, **differs: object) -> dict[str, object]:
    """An open warning of an accepted dossier but for `differs`."""
    return {
        "source_id": SOURCE, "code": code, "rule": "due_disagrees", "field": "due_at", "severity": "warning",
        "owner": "office", "page_sha256": "ab" * 32, "batch_id": "1", "first_seen": AS_OF, "last_seen": AS_OF,
        "settled_at": None,
    } | differs  # fmt: skip
