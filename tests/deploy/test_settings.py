"""Production is told what `make up` is told, but for differences that are listed here, each with its reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.stack.environment import (
    CELERY_SETTINGS,
    Ports,
    airflow_environment,
    celery_environment,
    pipeline_environment,
)
from tests.deploy import compose

OF_THE_LAPTOP_ALONE = {
    "AIRFLOW_HOME": "the image has its own, /opt/airflow",
    "AIRFLOW__API__HOST": "a container listens on all of its addresses; compose opens the port on loopback",
    "AIRFLOW__API__PORT": "8080, the default",
    "AIRFLOW__CORE__DAGS_FOLDER": "the image's default, below its AIRFLOW_HOME",
    "AIRFLOW__CORE__PLUGINS_FOLDER": "the image's default, below its AIRFLOW_HOME",
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": "people log in by Airflow's FAB manager",
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "people log in by Airflow's FAB manager",
    "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH": "the image's default; its temporary folder is its own",
    "AIRFLOW__LOGGING__BASE_LOG_FOLDER": "the image's default, a volume",
    "AIRFLOW__SECRETS__BACKEND": "connections are kept sealed in Airflow's database, and added on its page",
    "AIRFLOW__SECRETS__BACKEND_KWARGS": "connections are kept sealed in Airflow's database, and added on its page",
    "MOTCUA_CONNECTIONS": "connections are kept sealed in Airflow's database, and added on its page",
    "MOTCUA_SCHEDULE": "production runs by the clock; a stand-in city stands still at its own moment",
}
OF_PRODUCTION_ALONE = {
    "AIRFLOW__LOGGING__JSON_LOGS": "programs gather its logs; a laptop's are read by people",
    "MOTCUA_RUNBOOK_URL": "where the city keeps the runbook; a laptop has the file",
    "AIRFLOW__METRICS__LEGACY_NAMES_ON": "of Airflow's metrics, where they are on: each under one name",
    "AIRFLOW__METRICS__OTEL_ON": "a laptop has no collector",
    "AIRFLOW__OPENLINEAGE__EXTRACTORS": "of lineage, where a transport is set",
    "AIRFLOW__OPENLINEAGE__NAMESPACE": "of lineage, where a transport is set",
    "AIRFLOW__OPENLINEAGE__TRANSPORT": "a laptop has nobody to tell lineage to",
    "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK": "compose asks the scheduler how it is; the laptop asks the API",
    "AIRFLOW_CONN_MOTCUA_ARCHIVE": "the key lies apart from what it seals; a laptop makes its own",
    "MOTCUA_REPORTS_URL": "a volume of its own, which the web server reads below /bao-cao/",
    "MOTCUA_FEED_URL": "a volume of its own, which the web server reads",
}
# Production has them always, for there they do nothing until workers read them.
OF_CELERY_ALONE = {
    "AIRFLOW__CELERY__BROKER_URL": "a password of one installation",
    "AIRFLOW__CELERY__RESULT_BACKEND": "the server is another container, with a log-in for each database",
} | {name: "read by workers" for name in CELERY_SETTINGS if "CELERY" in name}
DIFFERENT = {
    "AIRFLOW__API__BASE_URL": "where people see it",
    "AIRFLOW__API__SECRET_KEY": "secret of one installation",
    "AIRFLOW__API_AUTH__JWT_SECRET": "secret of one installation",
    "AIRFLOW__CORE__AUTH_MANAGER": "people with roles, against two made-up users",
    "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "a new DAG waits until its connections are there",
    "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": "the API server is another container",
    "AIRFLOW__CORE__FERNET_KEY": "secret of one installation",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "the server is another container, with a log-in for each database",
    "MOTCUA_DATABASE_URL": "the server is another container, with a log-in for each database",
    "MOTCUA_HOME": "a volume",
}
# Known to one side or both, as the laptop likes: addresses are free there.
ADDRESSES = {"MOTCUA_PAGE_URL", "MOTCUA_REPORTS_ADDRESS"}


def ours(environ: dict[str, str]) -> dict[str, str]:
    wanted = ("AIRFLOW", "MOTCUA_", "GX_")
    return {name: value for name, value in environ.items() if name.startswith(wanted) and name not in ADDRESSES}


@pytest.fixture(params=["LocalExecutor", "CeleryExecutor"])
def executor(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def laptop(tmp_path: Path, executor: str) -> dict[str, str]:
    """What `make up` tells its programs, and a stack with Celery workers."""
    ports = Ports(airflow=18080, city=18070, page=18090)
    database = "postgresql+psycopg://postgres@/airflow?host=/socket"
    return ours(
        {
            **airflow_environment(tmp_path, ports, database),
            **(celery_environment(ports, database, "secret") if executor == "CeleryExecutor" else {}),
            **pipeline_environment(tmp_path, "postgresql+psycopg://postgres@/motcua?host=/socket", None),
        }
    )


@pytest.fixture
def production(executor: str) -> dict[str, str]:
    """What the scheduler's container is told, without and with the profile."""
    environ = compose.made() | (compose.CELERY if executor == "CeleryExecutor" else {})
    return ours(compose.filled_in(environ)["services"]["airflow-scheduler"]["environment"])


def test_each_side_has_only_the_settings_of_its_own_that_are_listed(
    laptop: dict[str, str], production: dict[str, str], executor: str
) -> None:
    of_production = OF_PRODUCTION_ALONE | (OF_CELERY_ALONE if executor == "LocalExecutor" else {})
    assert laptop.keys() - production.keys() == OF_THE_LAPTOP_ALONE.keys()
    assert production.keys() - laptop.keys() == of_production.keys()


def test_shared_settings_are_equal_but_for_those_that_are_listed(
    laptop: dict[str, str], production: dict[str, str], executor: str
) -> None:
    different = set(DIFFERENT)
    if executor == "CeleryExecutor":
        different |= OF_CELERY_ALONE.keys() - CELERY_SETTINGS.keys()
    shared = laptop.keys() & production.keys()
    assert {name for name in shared if laptop[name] != production[name]} == different


def test_where_production_differs_it_says_this(production: dict[str, str]) -> None:
    plain = (
        DIFFERENT.keys()
        - {name for name in DIFFERENT if "secret" in DIFFERENT[name]}
        - {
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
            "MOTCUA_DATABASE_URL",
        }
    )
    assert {name: production[name] for name in plain} == {
        "AIRFLOW__API__BASE_URL": "http://127.0.0.1:8080",
        "AIRFLOW__CORE__AUTH_MANAGER": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "true",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": "http://airflow-apiserver:8080/execution/",
        "MOTCUA_HOME": "/opt/motcua/home",
    }


def test_each_database_has_its_own_log_in() -> None:
    environ = compose.made()
    told = compose.filled_in(environ)["services"]["airflow-scheduler"]["environment"]
    assert [told["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"], told["MOTCUA_DATABASE_URL"]] == [
        f"postgresql+psycopg://airflow:{environ['AIRFLOW_DB_PASSWORD']}@postgres/airflow",
        f"postgresql+psycopg://motcua:{environ['MOTCUA_DB_PASSWORD']}@postgres/motcua",
    ]
