"""Measures and pushes when a task that closes something ends, where `OTEL_EXPORTER_OTLP_ENDPOINT` names a collector.

A listener and no task: red or green, each end is told, and a collector that is away costs no task its state.
"""

from __future__ import annotations

import logging
import os
import sys
from datetime import UTC, datetime
from typing import Any

from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

log = logging.getLogger(__name__)

# a cycle, a publication, a delivery: the last comes every five minutes, so that nothing measured is older
CLOSING = {
    ("collect_dossiers", "report"),
    ("publish_progress", "publish"),
    ("drain_government", "drain"),
}


@hookimpl
def on_task_instance_success(previous_state: Any, task_instance: Any) -> None:
    """A task ended well."""
    push_after(task_instance)


@hookimpl
def on_task_instance_failed(previous_state: Any, task_instance: Any, error: Any) -> None:
    """A task failed: what it left is measured all the same."""
    push_after(task_instance)


def push_after(task_instance: Any) -> None:
    """Measures now; where nothing runs by the clock, at the moment of the newest cycle."""
    if (task_instance.dag_id, task_instance.task_id) not in CLOSING:
        return
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    if not isinstance(task_instance, RuntimeTaskInstance):  # somebody set its state by hand: this is the API server
        return
    from motcua import steps
    from motcua.errors import MotcuaError
    from motcua.settings import Settings
    from sqlalchemy.exc import SQLAlchemyError

    as_of = None if os.environ.get("MOTCUA_SCHEDULE") == "off" else datetime.now(UTC)
    try:
        steps.push_metrics(settings=Settings.from_environment(os.environ), as_of=as_of)
    except (MotcuaError, SQLAlchemyError, OSError, ValueError) as error:  # ValueError: a moment outside the calendar
        log.warning("nothing was measured after %s: %s", task_instance.task_id, type(error).__name__)


def _listeners() -> list[Any]:
    named = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
    return [sys.modules[__name__]] if any(os.environ.get(name) for name in named) else []


class MetricsListener(AirflowPlugin):
    """Nothing at all where no collector is named."""

    name = "metrics_listener"
    listeners = _listeners()
