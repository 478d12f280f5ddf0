"""The few calls of Airflow's public REST API that the stack needs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import requests

FINISHED = frozenset({"success", "failed"})
ACTIVE = ("queued", "running")
COMPLAINTS = frozenset({"warning", "error", "critical"})


class AirflowApi:
    """A logged-in client; answers are the API's own JSON."""

    def __init__(self, address: str, user: str, password: str) -> None:
        self.address = address
        self._log_in = {"username": user, "password": password}
        self._session = requests.Session()
        self._session.trust_env = False  # loopback: no proxy

    def is_healthy(self, components: Sequence[str]) -> bool:
        """Whether the API server answers and has heard of the components lately."""
        try:
            health = self._session.get(f"{self.address}/api/v2/monitor/health", timeout=5).json()
        except (requests.RequestException, ValueError):
            return False
        return all((health.get(component) or {}).get("status") == "healthy" for component in components)

    def log_in(self) -> None:
        """Gets a token for all that follows."""
        answer = self._session.post(f"{self.address}/auth/token", json=self._log_in, timeout=30)
        answer.raise_for_status()
        self._session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def add_person(self, name: str, password: str, role: str) -> None:
        """Makes a log-in with a role of the FAB auth manager; one that is there stays as it is."""
        person = {"username": name, "password": password, "roles": [{"name": role}], "email": f"{name}@localhost",
                  "first_name": name, "last_name": role}  # fmt: skip
        answer = self._session.post(f"{self.address}/auth/fab/v1/users", json=person, timeout=30)
        if not answer.ok and answer.status_code != requests.codes.conflict:
            raise requests.HTTPError(f"log-in {name}: {answer.status_code} {answer.text[:500]}")

    def knows(self, dag_ids: Sequence[str]) -> bool:
        """Whether all the DAGs are parsed."""
        return set(dag_ids) <= {dag["dag_id"] for dag in self._call("GET", "/dags")["dags"]}

    def import_errors(self) -> list[str]:
        """Why DAG files could not be read."""
        return [error["stack_trace"] for error in self._call("GET", "/importErrors")["import_errors"]]

    def set_pools(self, pools: Mapping[str, Mapping[str, Any]]) -> None:
        """Makes the pools, or gives them these sizes."""
        entities = [{"name": name, **pool} for name, pool in pools.items()]
        action = {"action": "create", "entities": entities, "action_on_existence": "overwrite"}
        self._call("PATCH", "/pools", {"actions": [action]})

    def unpause(self, dag_ids: Sequence[str]) -> None:
        """Lets the DAGs run."""
        for dag_id in dag_ids:
            self._call("PATCH", f"/dags/{dag_id}", {"is_paused": False})

    def end_left_over(self, dag_ids: Sequence[str]) -> int:
        """Marks as failed what an interrupted stack left queued or running; how many runs."""
        left = [run for run in self._runs(state=ACTIVE) if run["dag_id"] in dag_ids]
        for run in left:
            self._call("PATCH", f"/dags/{run['dag_id']}/dagRuns/{run['dag_run_id']}", {"state": "failed"})
        return len(left)

    def trigger(self, dag_id: str, conf: Mapping[str, Any]) -> dict[str, Any]:
        """Starts a run."""
        return self._call("POST", f"/dags/{dag_id}/dagRuns", {"logical_date": None, "conf": dict(conf)})

    def backfill(self, dag_id: str, moment: str) -> None:
        """Asks for the run of a moment of the DAG's schedule that is past."""
        self._call("POST", "/backfills", {"dag_id": dag_id, "from_date": moment, "to_date": moment})

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """A run as it stands."""
        return self._call("GET", f"/dags/{dag_id}/dagRuns/{run_id}")

    def runs_since(self, run_after: str) -> list[dict[str, Any]]:
        """Runs of all DAGs, the newest first."""
        return self._runs(run_after_gte=run_after)

    def tasks(self, dag_id: str, run_id: str, *, state: str) -> list[dict[str, Any]]:
        """The task instances of a run that are in a state, the first to end first."""
        answer = self._call("GET", f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances?state={state}&limit=20")
        return sorted(answer["task_instances"], key=lambda task: task["end_date"] or "")

    def complaints(self, task: Mapping[str, Any], lines: int = 12) -> str:
        """The last warnings and errors of a task instance's log, exceptions with their messages."""
        path = f"/dags/{task['dag_id']}/dagRuns/{task['dag_run_id']}/taskInstances/{task['task_id']}/logs"
        answer = self._call("GET", f"{path}/{task['try_number']}?map_index={task['map_index']}&full_content=true")
        told = [_line(entry) for entry in answer["content"] if entry.get("level") in COMPLAINTS]
        return "\n".join(told[-lines:])

    def _runs(self, **filters: object) -> list[dict[str, Any]]:
        answer = self._call("GET", "/dags/~/dagRuns", params={"order_by": "-id", "limit": 50, **filters})
        found: list[dict[str, Any]] = answer["dag_runs"]
        return found

    def _call(self, method: str, path: str, body: object = None, params: Mapping[str, Any] | None = None) -> Any:
        address = f"{self.address}/api/v2{path}"
        answer = self._session.request(method, address, json=body, params=params, timeout=30)
        if not answer.ok:
            raise requests.HTTPError(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        return answer.json()


def _line(entry: Mapping[str, Any]) -> str:
    """One entry of a structured log as text, an exception with its message."""
    details = entry.get("error_detail") or []
    if isinstance(details, str):
        details = json.loads(details)
    return "\n".join([str(entry["event"]), *(f"{one['exc_type']}: {one['exc_value']}" for one in details)])
