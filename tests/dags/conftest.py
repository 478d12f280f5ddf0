"""Airflow beside the other tests: the DAG folder is parsed in processes of their own; only `airflow.sdk` comes here."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


def airflow_environ(home: Path, **more: str) -> dict[str, str]:
    """An Airflow of nobody else, with our folders; Airflow reads this when it is imported."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "MOTCUA_"))}
    return {
        **kept,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(CHECKOUT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(CHECKOUT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "AIRFLOW__CORE__HOSTNAME_CALLABLE": "socket.gethostname",  # the default asks DNS
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",  # never opened
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        **more,
    }


def run_python(arguments: list[str], environ: Mapping[str, str]) -> Any:
    """The JSON that a Python program prints; its warnings are errors, as in every test."""
    done = subprocess.run(
        # Airflow 3.3 reads .airflowignore with a class that pathspec 1.0 has renamed
        [sys.executable, "-W", "error", "-W", "ignore:GitWildMatchPattern:DeprecationWarning", *arguments],
        env=environ,
        cwd=CHECKOUT,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def parse_dags(home: Path, **more: str) -> dict[str, Any]:
    """What `tests.dags.parse` tells of the DAG folder."""
    found: dict[str, Any] = run_python(["-m", "tests.dags.parse"], airflow_environ(home, **more))
    return found


@pytest.fixture(scope="session")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The DAG folder as production parses it."""
    return parse_dags(tmp_path_factory.mktemp("airflow"))


@pytest.fixture(scope="session")
def parsed_without_clock(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The DAG folder as `make up` parses it, where nothing starts by the clock."""
    return parse_dags(tmp_path_factory.mktemp("airflow"), MOTCUA_SCHEDULE="off")


@pytest.fixture(scope="session")
def wiring(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """`dags/wiring.py`, in this process. As a library Airflow neither logs nor opens a database: no other test is
    touched, and its settings are gone from the environment when it is imported."""
    with pytest.MonkeyPatch.context() as patch:
        environ = airflow_environ(tmp_path_factory.mktemp("airflow"), _AIRFLOW__AS_LIBRARY="true")
        for name in environ.keys() - os.environ.keys():
            patch.setenv(name, environ[name])
        patch.syspath_prepend(CHECKOUT / "dags")
        return importlib.import_module("wiring")
