from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg
import pytest
import sqlalchemy as sa
from motcua import warehouse
from motcua.settings import Settings
from motcua.warehouse import Role

pytestmark = pytest.mark.slow

SCHEMA = """
SELECT table_schema, table_name, column_name, data_type, is_nullable FROM information_schema.columns
WHERE table_schema IN ('core', 'private', 'api', 'public') ORDER BY 1, 2, 3
"""
RIGHTS = """
SELECT grantee, table_schema, table_name, privilege_type FROM information_schema.role_table_grants
WHERE grantee LIKE 'motcua%' ORDER BY 1, 2, 3, 4
"""


@pytest.fixture
def empty(settings: Settings, postgres: sa.URL) -> Iterator[Settings]:
    """An installation whose database has nothing in it."""
    name = f"motcua_{uuid.uuid4().hex[:12]}"
    server = postgres.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield replace(settings, database_url=postgres.set(database=name).render_as_string(hide_password=False))
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _all(settings: Settings, query: str) -> list[tuple[object, ...]]:
    engine = warehouse.engine(settings, None)
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(sa.text(query))]
    engine.dispose()
    return found


def test_migrating_again_changes_nothing(empty: Settings) -> None:
    warehouse.migrate(empty)
    before = _all(empty, SCHEMA), _all(empty, RIGHTS)
    warehouse.migrate(empty)
    assert (_all(empty, SCHEMA), _all(empty, RIGHTS)) == before
    assert _all(empty, "SELECT count(*) FROM schema_version") == [(1,)]
    assert {grantee for grantee, *_ in before[1]} == set(Role)


def test_migrating_keeps_what_is_there(settings: Settings) -> None:
    engine = warehouse.engine(settings, None)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO core.cycle (run_key, as_of, is_full, sources) VALUES ('kept', now(), true, 1)"
        )
    engine.dispose()
    warehouse.migrate(settings)
    assert _all(settings, "SELECT run_key FROM api.cycle") == [("kept",)]


def test_migrations_at_once_take_turns(empty: Settings) -> None:
    with ThreadPoolExecutor(4) as pool:
        for migrated in [pool.submit(warehouse.migrate, empty) for _ in range(4)]:
            migrated.result()
    assert _all(empty, "SELECT count(*) FROM schema_version") == [(1,)]
    assert _all(empty, "SELECT count(*) FROM core.sender") == [(1,)]


def test_migration_that_breaks_off_leaves_nothing(empty: Settings) -> None:
    engine = warehouse.engine(empty, None)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE SCHEMA api")  # in its way, after it has made the other two
    with pytest.raises(psycopg.errors.DuplicateSchema, match='schema "api" already exists'):
        warehouse.migrate(empty)
    schemas = "SELECT nspname FROM pg_namespace WHERE nspname IN ('core', 'private', 'api')"
    assert _all(empty, schemas) == [("api",)]
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA api")
    engine.dispose()
    warehouse.migrate(empty)
    assert len(_all(empty, schemas)) == 3
