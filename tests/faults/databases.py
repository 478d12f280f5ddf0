"""Warehouses that are copies of others: a copy costs a tenth of what fills one."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import sqlalchemy as sa
from motcua.settings import Settings


@contextmanager
def own_settings(postgres: sa.URL, template: str, home: Path) -> Iterator[Settings]:
    """Settings of an installation whose warehouse is a copy of `template`."""
    name = f"motcua_{uuid.uuid4().hex[:12]}"
    execute(postgres, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    bare = Settings.from_environment({"MOTCUA_HOME": str(home)})
    yield replace(bare, database_url=postgres.set(database=name).render_as_string(hide_password=False))
    execute(postgres, f"DROP DATABASE {name} WITH (FORCE)")


def execute(url: sa.URL, statement: str) -> None:
    """In a session of its own: the server may have been restarted since the last."""
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(statement)
