"""Where things live, read once from the environment (prefix `MOTCUA_`); no secrets here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from motcua.errors import ConfigError

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Locations of one installation.

    Attributes:
        home: state directory.
        database_url: SQLAlchemy URL of the warehouse; None means the embedded server under `home`.
        registry: directory of the registry; None means the packaged one.
        archive_url: fsspec URL of the sealed raw pages.
        staging_url: fsspec URL of the sealed frames between stages.
        feed_url: fsspec URL of the published feed.
        reports_url: fsspec URL of the reports to the offices.
        reports_address: where people find what lies at `reports_url`, or None.
        runbook_url: where people find `docs/operating.md`, for the links in messages, or None.
        connections: file with connections in Airflow's local-filesystem JSON format, or None.
        workers: processes that collect and judge side by side in `motcua cycle`.
        archive_months: how long pages stay after the last listing that had them.
        ledger_months: how long rows of ledgers stay that are no trail: stages that ran, what was mended.
        schema: of a warehouse that was rebuilt beside the real one; None means the real one, `core` and `private`.
        via: where people act: `cli` or `airflow`; the name of every session with the warehouse, and so of
            what is kept of it in `api.audit`.
    """

    home: Path
    database_url: str | None
    registry: Path | None
    archive_url: str
    staging_url: str
    feed_url: str
    reports_url: str
    reports_address: str | None
    runbook_url: str | None
    connections: Path | None
    workers: int
    archive_months: int
    ledger_months: int
    schema: str | None = None
    via: str = "motcua"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Settings:
        """Reads `MOTCUA_*`; an empty value counts as absent."""
        given = {key: value for key, value in environ.items() if value}
        home = Path(given.get("MOTCUA_HOME", CHECKOUT / "var")).absolute()
        return cls(
            home=home,
            database_url=given.get("MOTCUA_DATABASE_URL"),
            registry=_path(given.get("MOTCUA_REGISTRY")),
            archive_url=given.get("MOTCUA_ARCHIVE_URL", (home / "archive").as_uri()),
            staging_url=given.get("MOTCUA_STAGING_URL", (home / "staging").as_uri()),
            feed_url=given.get("MOTCUA_FEED_URL", (home / "feeds" / "v1").as_uri()),
            reports_url=given.get("MOTCUA_REPORTS_URL", (home / "reports").as_uri()),
            reports_address=given.get("MOTCUA_REPORTS_ADDRESS"),
            runbook_url=given.get("MOTCUA_RUNBOOK_URL"),
            connections=_path(given.get("MOTCUA_CONNECTIONS")),
            workers=_count(given, "MOTCUA_WORKERS", default=2),
            archive_months=_count(given, "MOTCUA_ARCHIVE_MONTHS", default=24),
            ledger_months=_count(given, "MOTCUA_LEDGER_MONTHS", default=24),
        )


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text).absolute()


def _count(given: Mapping[str, str], name: str, *, default: int) -> int:
    text = given.get(name)
    if text is None:
        return default
    if not text.isdecimal() or int(text) < 1:
        raise ConfigError(f"{name}: expected a whole number from 1, got {text!r}; unset it for {default}")
    return int(text)
