"""Runs of DAGs, started for a person through Airflow's own REST API: it checks their rights and records their name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
    """Starts a run whose id is made of `key`; the same key again gives the run that is there.

    Raises:
        NotStarted: the DAG is not known, the person may not start it, or the form is not what it asks for.
    """
    from airflow.api_fastapi.app import cached_app

    run_id = f"page__{key}"
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


def _said(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["detail"])[:500]
    except (ValueError, KeyError, TypeError):
        return answer.reason_phrase
