"""What the programs are told: Airflow's settings, the pipeline's, and the secrets made for this machine."""

from __future__ import annotations

import json
import os
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.fernet import Fernet

CHECKOUT = Path(__file__).resolve().parents[2]
# before what is installed: two checkouts may share one installation
OWN_CODE = str(CHECKOUT / "include")
USERS = {"admin": "admin", "can_bo": "viewer"}
# those of a stack with production's auth manager, with the roles of config/roles.json
PEOPLE = {"admin": "Admin", "van_hanh": "Operator", "can_bo": "Viewer"}
FAB = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"

# The same in docker-compose.yaml: tests/deploy compares.
AIRFLOW_SETTINGS: Mapping[str, str] = {
    "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
    # forked at start: the two cores, and one for a task that waits for a source
    "AIRFLOW__CORE__PARALLELISM": "3",
    "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
    "AIRFLOW__CORE__DEFAULT_TIMEZONE": "Asia/Ho_Chi_Minh",
    "AIRFLOW__CORE__HOSTNAME_CALLABLE": "socket.gethostname",  # the default asks DNS, and may wait for it
    # with 5, the default, the supervisor of a task that has ended often sleeps for 5 s more
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
    # 20 beats a second apart: a few slow answers of the API server must not kill tasks
    "AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS": "20",
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.3",
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
}

# More of them where workers of several machines share the tasks; the same in docker-compose.yaml.
CELERY_SETTINGS: Mapping[str, str] = {
    # of the whole installation: two workers with two tasks each
    "AIRFLOW__CORE__PARALLELISM": "4",
    "AIRFLOW__CELERY__WORKER_CONCURRENCY": "2",
    # nothing waits at a busy worker while another is idle, and a worker that is lost takes only what it was doing
    "AIRFLOW__CELERY__WORKER_PREFETCH_MULTIPLIER": "1",
    "AIRFLOW__CELERY__TASK_ACKS_LATE": "true",
    # longer than the longest task may take (60 minutes): sooner, the broker would hand a running one out again
    "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": "4500",
}


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Where the stack listens, on loopback."""

    airflow: int
    city: int
    page: int
    broker: int = field(default_factory=lambda: _free())

    @property
    def page_address(self) -> str:
        """Of the public page: it lies in the feed's folder."""
        return f"http://127.0.0.1:{self.page}/v1/"

    @property
    def reports_address(self) -> str:
        """Of the reports to the offices."""
        return f"http://127.0.0.1:{self.page}/bao-cao/"

    @classmethod
    def free(cls) -> Ports:
        """Ones that nobody uses now."""
        return cls(airflow=_free(), city=_free(), page=_free())

    @classmethod
    def usual(cls) -> Ports:
        """The ones to remember, or free ones where they are taken."""
        return cls(airflow=_free(8080), city=_free(8070), page=_free(8090))


def _free(wanted: int = 0) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return _free()
        return int(probe.getsockname()[1])


def airflow_secrets(home: Path) -> dict[str, str]:
    """Keys and log-ins of this machine's Airflow, made once, readable by their owner alone."""
    path = home / "secrets" / "airflow.json"
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = {
            "jwt": secrets.token_urlsafe(64),
            "api": secrets.token_urlsafe(32),
            "fernet": Fernet.generate_key().decode(),
            "passwords": {user: secrets.token_urlsafe(9) for user in {**USERS, **PEOPLE}},
        }
        path.touch(mode=0o600)
        path.write_text(json.dumps(made), encoding="utf-8")
    kept: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return kept


def airflow_environment(home: Path, ports: Ports, database_url: str) -> dict[str, str]:
    """Airflow's settings for this machine."""
    kept = airflow_secrets(home)
    airflow_home = home / "airflow"
    airflow_home.mkdir(parents=True, exist_ok=True)
    passwords = airflow_home / "passwords.json"
    passwords.touch(mode=0o600)
    passwords.write_text(json.dumps(kept["passwords"]), encoding="utf-8")
    address = f"http://127.0.0.1:{ports.airflow}"
    connections = {"connections_file_path": str(city_home(home) / "connections.json")}
    return {
        **AIRFLOW_SETTINGS,
        "MOTCUA_PAGE_URL": ports.page_address,  # plugins/public_page_link.py
        "MOTCUA_REPORTS_ADDRESS": ports.reports_address,
        "AIRFLOW_HOME": str(airflow_home),
        # this checkout's pipeline, whichever is installed; and airflow_local_settings.py
        "PYTHONPATH": os.pathsep.join((OWN_CODE, str(CHECKOUT / "config"))),
        "AIRFLOW__CORE__DAGS_FOLDER": str(CHECKOUT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(CHECKOUT / "plugins"),
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "false",
        "AIRFLOW__CORE__FERNET_KEY": kept["fernet"],
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
        "AIRFLOW__CORE__AUTH_MANAGER": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{user}:{role}" for user, role in USERS.items()),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database_url,
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(ports.airflow),
        "AIRFLOW__API__BASE_URL": address,
        "AIRFLOW__API__SECRET_KEY": kept["api"],
        "AIRFLOW__API_AUTH__JWT_SECRET": kept["jwt"],
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs" / "tasks"),
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH": str(airflow_home / "bundles"),
        "AIRFLOW__SECRETS__BACKEND": "airflow.secrets.local_filesystem.LocalFilesystemBackend",
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps(connections),
    }


def celery_environment(ports: Ports, database_url: str, password: str) -> dict[str, str]:
    """What Airflow is told besides where Celery workers do the tasks; results are kept in Airflow's database."""
    return {
        **CELERY_SETTINGS,
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "AIRFLOW__CELERY__BROKER_URL": f"redis://:{password}@127.0.0.1:{ports.broker}/0",
        "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{database_url}",
    }


def pipeline_environment(home: Path, database_url: str, registry: Path | None) -> dict[str, str]:
    """The pipeline's settings; nothing starts by the clock, for the stand-in city stands at its own moment."""
    told = {
        "MOTCUA_HOME": str(home),
        "MOTCUA_DATABASE_URL": database_url,
        "MOTCUA_CONNECTIONS": str(city_home(home) / "connections.json"),
        "MOTCUA_SCHEDULE": "off",
        "GX_ANALYTICS_ENABLED": "false",
    }
    return told if registry is None else {**told, "MOTCUA_REGISTRY": str(registry)}


def city_home(home: Path) -> Path:
    """Where the stand-in keeps its ledger and writes its connections."""
    return home / "city"
