from __future__ import annotations

from pathlib import Path

import pytest
from motcua.errors import ConfigError
from motcua.settings import CHECKOUT, Settings

EVERYTHING = {
    "MOTCUA_HOME": "/srv/motcua",
    "MOTCUA_DATABASE_URL": "postgresql+psycopg://motcua@db/motcua",
    "MOTCUA_REGISTRY": "/etc/motcua/registry",
    "MOTCUA_ARCHIVE_URL": "s3://bucket/archive",
    "MOTCUA_STAGING_URL": "s3://bucket/staging",
    "MOTCUA_FEED_URL": "file:///srv/www/feeds/v1",
    "MOTCUA_REPORTS_URL": "s3://bucket/reports",
    "MOTCUA_RUNBOOK_URL": "https://git.example/operating.md",
    "MOTCUA_REPORTS_ADDRESS": "https://motcua.example/bao-cao/",
    "MOTCUA_CONNECTIONS": "/etc/motcua/connections.json",
    "MOTCUA_WORKERS": "4",
    "MOTCUA_ARCHIVE_MONTHS": "36",
    "MOTCUA_LEDGER_MONTHS": "12",
}


def test_every_variable_arrives() -> None:
    assert Settings.from_environment(EVERYTHING) == Settings(
        home=Path("/srv/motcua"),
        database_url="postgresql+psycopg://motcua@db/motcua",
        registry=Path("/etc/motcua/registry"),
        archive_url="s3://bucket/archive",
        staging_url="s3://bucket/staging",
        feed_url="file:///srv/www/feeds/v1",
        reports_url="s3://bucket/reports",
        reports_address="https://motcua.example/bao-cao/",
        runbook_url="https://git.example/operating.md",
        connections=Path("/etc/motcua/connections.json"),
        workers=4,
        archive_months=36,
        ledger_months=12,
    )


@pytest.mark.parametrize("environment", [{}, dict.fromkeys(EVERYTHING, "")], ids=["absent", "empty"])
def test_without_variables_everything_lives_in_the_checkout(environment: dict[str, str]) -> None:
    home = CHECKOUT / "var"
    assert (CHECKOUT / "pyproject.toml").exists()
    assert Settings.from_environment(environment) == Settings(
        home=home,
        database_url=None,
        registry=None,
        archive_url=f"file://{home}/archive",
        staging_url=f"file://{home}/staging",
        feed_url=f"file://{home}/feeds/v1",
        reports_url=f"file://{home}/reports",
        reports_address=None,
        runbook_url=None,
        connections=None,
        workers=2,
        archive_months=24,
        ledger_months=24,
    )


def test_places_follow_the_home_and_paths_become_absolute() -> None:
    settings = Settings.from_environment({"MOTCUA_HOME": "somewhere else", "MOTCUA_REGISTRY": "mine"})
    assert settings.home == Path.cwd() / "somewhere else"
    assert settings.registry == Path.cwd() / "mine"
    assert settings.archive_url == (Path.cwd() / "somewhere else" / "archive").as_uri()


@pytest.mark.parametrize("workers", ["0", "-1", "two", "1.5", " 2"])
def test_wrong_number_of_workers_is_refused_with_what_to_do(workers: str) -> None:
    with pytest.raises(ConfigError, match=r"MOTCUA_WORKERS: expected a whole number from 1, got '.*'; unset it for 2"):
        Settings.from_environment({"MOTCUA_WORKERS": workers})
