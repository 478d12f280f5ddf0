"""Runs of DAGs, started for a person through Airflow's own REST API: it checks their rights and records their name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import httpx

TIMEOUT_SECONDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A run; `waits` says that its DAG is paused, and nothing happens until somebody unpauses it."""

    dag_id: str
    run_id: str
    waits: bool


class NotStarted(Exception):
    """Airflow takes no such run; its status, and what it says."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status, self.said = status, said


# Any: JSON
async def start(dag_id: str, conf: Mapping[str, Any], *, key: str, token: str) -> Started:
    """Starts a run; the same form again (`key` and what it asks for) gives the run that is there.

    Raises:
        NotStarted: the DAG is not known, the person may not start it, or the form is not what it asks for.
    """
    from airflow.api_fastapi.app import cached_app

    run_id = run_id_of(conf, key=key)
    # in this process: no address of ours is needed, and none has to be reachable from here
    transport = httpx.ASGITransport(app=cached_app())
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://airflow/api/v2", headers=headers, timeout=TIMEOUT_SECONDS
    ) as airflow:
        body = {"dag_run_id": run_id, "logical_date": None, "conf": dict(conf)}
        answer = await airflow.post(f"/dags/{dag_id}/dagRuns", json=body)
        if answer.status_code not in (200, 409):
            raise NotStarted(answer.status_code, _said(answer))
        dag = await airflow.get(f"/dags/{dag_id}")
        return Started(dag_id=dag_id, run_id=run_id, waits=dag.status_code == 200 and dag.json()["is_paused"])


# Any: JSON
def run_id_of(conf: Mapping[str, Any], *, key: str) -> str:
    """The same for a form that is sent twice; another for one that was altered before it was sent again.

    The moment of a city that stands still is no part of what was asked for.
    """
    asked = json.dumps({name: value for name, value in conf.items() if name != "as_of"}, sort_keys=True)
    return f"page__{sha256(f'{key} {asked}'.encode()).hexdigest()[:32]}"


def _said(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["detail"])[:500]
    except (ValueError, KeyError, TypeError):
        return answer.reason_phrase
