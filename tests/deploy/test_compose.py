"""docker-compose.yaml against the compose specification, Airflow's own names, and its secrets against .env.example."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import redis
from cryptography.fernet import Fernet

from tests.deploy import compose
from tests.ports import free_port

SCHEMA = Path(__file__).with_name("compose-spec.json")
COMPONENTS = {"airflow-apiserver", "airflow-scheduler", "airflow-dag-processor", "airflow-triggerer", "airflow-worker"}
RUNNING = COMPONENTS | {"airflow-maintain"}
OF_AIRFLOW = RUNNING | {"airflow-init", "airflow-cli"}
SECRETS = {
    "POSTGRES_PASSWORD",
    "AIRFLOW_DB_PASSWORD",
    "AIRFLOW_BROKER_PASSWORD",
    "MOTCUA_DB_PASSWORD",
    "AIRFLOW_FERNET_KEY",
    "AIRFLOW_JWT_SECRET",
    "AIRFLOW_API_SECRET_KEY",
    "AIRFLOW_ADMIN_PASSWORD",
    "MOTCUA_ARCHIVE_KEY",
}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    return dict(compose.parsed()["services"])


@pytest.fixture(scope="module")
def environ() -> dict[str, str]:
    """What an operator who follows `.env.example` has in `.env`."""
    return compose.made()


def problems_of(file: dict[str, Any]) -> list[str]:
    validator = jsonschema.Draft7Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(file)]


def test_the_file_is_valid_against_the_compose_specification(environ: dict[str, str]) -> None:
    assert problems_of(compose.parsed()) == []
    assert problems_of(compose.filled_in(environ)) == []


def test_the_specification_notices_a_misspelt_key(environ: dict[str, str]) -> None:
    file = compose.filled_in(environ)
    file["services"]["postgres"]["health_check"] = {}
    assert problems_of(file) == ["$.services.postgres: 'health_check' does not match any of the regexes: '^x-'"]


def test_services_have_the_names_of_airflows_own_file(services: dict[str, Any]) -> None:
    assert services.keys() == OF_AIRFLOW | {"postgres", "feed", "redis"}
    assert {name: services[name]["command"].split()[0] for name in COMPONENTS} == {
        "airflow-apiserver": "api-server",
        "airflow-scheduler": "scheduler",
        "airflow-dag-processor": "dag-processor",
        "airflow-triggerer": "triggerer",
        "airflow-worker": "celery",
    }
    profiles = {name: service["profiles"] for name, service in services.items() if "profiles" in service}
    assert profiles == {"airflow-cli": ["debug"], "airflow-worker": ["celery"], "redis": ["celery"]}


def test_without_the_profile_the_scheduler_does_the_tasks_and_with_it_two_workers(environ: dict[str, str]) -> None:
    told = [
        compose.filled_in(environ | more)["x-airflow-environment"]["AIRFLOW__CORE__EXECUTOR"]
        for more in ({}, compose.CELERY)
    ]
    assert told == ["LocalExecutor", "CeleryExecutor"]
    assert compose.parsed()["services"]["airflow-worker"]["deploy"] == {"replicas": 2}


def test_nothing_that_always_runs_waits_for_what_runs_with_a_profile(services: dict[str, Any]) -> None:
    """Compose refuses a file in which it does."""
    always = {name for name, service in services.items() if "profiles" not in service}
    assert {other for name in always for other in services[name].get("depends_on", {})} - always == set()


def test_a_task_is_not_handed_out_again_while_it_may_still_run(environ: dict[str, str]) -> None:
    """No task may take longer than 60 minutes (tests/dags), and a worker that must stop has less."""
    told = compose.filled_in(environ)["x-airflow-environment"]
    assert int(told["AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT"]) > 60 * 60


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed: see `make test`")
def test_the_broker_asks_for_the_password_and_shows_it_to_nobody(environ: dict[str, str]) -> None:
    shell, option, script = compose.filled_in(environ)["services"]["redis"]["command"]
    port, password = free_port(), environ["AIRFLOW_BROKER_PASSWORD"]
    script = script.replace("redis-server -", f"redis-server - --port {port} --bind 127.0.0.1")
    broker = subprocess.Popen([shell, option, script], env={**os.environ, "AIRFLOW_BROKER_PASSWORD": password},
                              stdout=subprocess.PIPE, text=True)  # fmt: skip
    try:
        assert broker.stdout is not None
        assert any("Ready to accept connections" in line for line in broker.stdout)
        assert redis.Redis(port=port, password=password).ping()
        with pytest.raises(redis.AuthenticationError):
            redis.Redis(port=port).ping()
        assert password not in Path(f"/proc/{broker.pid}/cmdline").read_text()
    finally:
        broker.terminate()
        broker.communicate(timeout=10)


def test_what_keeps_running_is_watched_and_comes_back(services: dict[str, Any]) -> None:
    lasting = services.keys() - {"airflow-init", "airflow-cli"}
    assert {name for name in services if services[name]["restart"] == "unless-stopped"} == lasting
    assert {name for name in services if "healthcheck" in services[name]} == lasting
    waiting = {name: services[name]["depends_on"]["airflow-init"]["condition"] for name in RUNNING}
    assert waiting == dict.fromkeys(RUNNING, "service_completed_successfully")


def test_ports_are_open_on_this_machine_alone(services: dict[str, Any]) -> None:
    ports = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert ports == {"airflow-apiserver": ["127.0.0.1:8080:8080"], "feed": ["127.0.0.1:8090:80"]}


def test_the_web_server_sees_the_feed_and_the_reports_and_nothing_else_and_only_reads(services: dict[str, Any]) -> None:
    assert services["feed"]["volumes"] == [
        "feeds:/usr/share/nginx/html:ro",
        "reports:/usr/share/nginx/reports:ro",
        "./config/nginx.conf:/etc/nginx/nginx.conf:ro",
        "./config/feed.js:/etc/nginx/feed.js:ro",
    ]


def test_every_file_that_is_mounted_from_the_checkout_exists(services: dict[str, Any]) -> None:
    mounted = [entry.split(":")[0] for service in services.values() for entry in service.get("volumes", [])]
    files = [place for place in mounted if place.startswith(".")]
    assert files == ["./config/postgres/databases.sh", "./config/nginx.conf", "./config/feed.js"]
    assert [place for place in files if not (compose.CHECKOUT / place).is_file()] == []
    assert set(mounted) - set(files) == compose.parsed()["volumes"].keys()


def test_every_component_has_the_same_settings_and_secrets(services: dict[str, Any]) -> None:
    common = compose.parsed()["x-airflow-environment"]
    own = {name: dict(services[name]["environment"].items() - common.items()) for name in OF_AIRFLOW}
    assert own.pop("airflow-init").keys() == {"AIRFLOW_ADMIN_PASSWORD"}
    assert own.pop("airflow-worker") == {"DUMB_INIT_SETSID": "0"}
    assert own.pop("airflow-maintain").keys() == {"AIRFLOW_KEEP_DAYS"}
    assert own == {name: {} for name in OF_AIRFLOW - {"airflow-init", "airflow-worker", "airflow-maintain"}}
    assert all(common.items() <= services[name]["environment"].items() for name in OF_AIRFLOW)


def test_every_variable_stands_in_the_example_and_back() -> None:
    required = {name for name, (kind, _) in compose.variables().items() if kind == "?"}
    defaults = {name: rest for name, (kind, rest) in compose.variables().items() if kind != "?"}
    assert required == SECRETS
    assert {name for name, (command, _) in compose.example().items() if command} == SECRETS
    example = {name: value for name, (command, value) in compose.example().items() if not command}
    assert {name: example.pop(name) for name in compose.CELERY} == compose.CELERY
    assert {name: value for name, value in defaults.items() if name not in compose.CELERY} == example


def test_a_missing_secret_is_told_with_what_to_do() -> None:
    told = {rest for kind, rest in compose.variables().values() if kind == "?"}
    assert told == {"see .env.example"}


def test_no_secret_stands_in_the_file() -> None:
    secretive = {
        name: str(value)
        for service in compose.parsed()["services"].values()
        for name, value in service.get("environment", {}).items()
        if re.search("PASSWORD|SECRET|KEY|CONN|URL", name)
    }
    literal = {name for name, value in secretive.items() if not re.search(r"\$\{\w+:[?-]", value)}
    assert literal == {"AIRFLOW__CORE__EXECUTION_API_SERVER_URL", "MOTCUA_FEED_URL", "MOTCUA_REPORTS_URL"}
    passwords_in_urls = re.findall(r"://\w*:([^@\s]+)@", compose.COMPOSE_FILE.read_text(encoding="utf-8"))
    assert [text for text in passwords_in_urls if not text.startswith("${")] == []


def test_the_commands_of_the_example_make_keys_of_the_right_shape(environ: dict[str, str]) -> None:
    assert Fernet(environ["AIRFLOW_FERNET_KEY"]).decrypt(Fernet(environ["AIRFLOW_FERNET_KEY"]).encrypt(b"a")) == b"a"
    assert len(base64.b64decode(environ["MOTCUA_ARCHIVE_KEY"], validate=True)) == 32
    in_urls = [environ[name] for name in ("AIRFLOW_DB_PASSWORD", "MOTCUA_DB_PASSWORD", "AIRFLOW_BROKER_PASSWORD")]
    assert [bool(re.fullmatch("[0-9a-f]{64}", password)) for password in in_urls] == [True, True, True]
    assert len(set(environ.values())) == len(SECRETS)
    connection = compose.filled_in(environ)["x-airflow-environment"]["AIRFLOW_CONN_MOTCUA_ARCHIVE"]
    assert json.loads(connection) == {
        "conn_type": "generic", "password": environ["MOTCUA_ARCHIVE_KEY"], "extra": {"previous": ""},
    }  # fmt: skip
