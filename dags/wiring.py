"""What the DAGs share: the asset between them, retries by kind of error, schedules, and Airflow's connections.

No DAG stands here, and nothing of the pipeline is imported while Airflow parses.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, ExceptionRetryPolicy, Param, RetryAction, RetryRule

if TYPE_CHECKING:
    from motcua.settings import Settings

# Each has a pool of its own in config/pools.json; a platform is added in both places.
PLATFORMS = ("igate", "lgsp", "oss_soap", "sql_view", "sftp_register")
CITY_TIME = "Asia/Ho_Chi_Minh"

# What the city holds true has moved (`extra` carries `as_of` and `cycle_id`); the feed says so, too.
DOSSIERS = Asset(name="dossiers", uri="motcua://warehouse/dossiers", group="motcua")
FEED = Asset(name="feed", uri="motcua://feed/v1", group="motcua")

# With MOTCUA_SCHEDULE=off nothing starts by the clock: a stand-in city stands still at its own moment.
RUNS_BY_CLOCK = os.environ.get("MOTCUA_SCHEDULE") != "off"

DEFAULTS = {"owner": "motcua", "retries": 2, "retry_delay": timedelta(seconds=30)}

# The first rule that fits counts. Sources that are down are no exception here: they are rows of the ledger.
BY_KIND_OF_ERROR = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            exception="motcua.errors.StaleWrite",
            action=RetryAction.RETRY,
            retry_delay=timedelta(seconds=10),
            reason="another run has taken over, or its lock was lost: it begins again from how things stand",
        ),
        RetryRule(
            exception=["motcua.errors.MotcuaError", "sqlalchemy.exc.ProgrammingError", "sqlalchemy.exc.IntegrityError"],
            action=RetryAction.FAIL,
            reason="repeating changes nothing: read the message",
        ),
        RetryRule(
            exception=["sqlalchemy.exc.DBAPIError", "psycopg.OperationalError", "builtins.OSError"],
            action=RetryAction.RETRY,
            retry_delay=timedelta(seconds=10),
            reason="the database, the disk or the network was away",
        ),
        RetryRule(exception="builtins.Exception", action=RetryAction.FAIL, reason="a mistake in our own code"),
    ]
)

# What several forms ask.
AS_OF = Param(None, type=["null", "string"], format="date-time", title="Tính đến thời điểm",
              description="Để trống: thời điểm của lần chạy. Ví dụ 2018-12-25T17:00:00+07:00")  # fmt: skip
REASON = Param(type="string", minLength=5, maxLength=500, title="Lý do",
               description="Được lưu cùng tên người yêu cầu; không ghi thông tin cá nhân")  # fmt: skip


# by so much the clocks of machines may differ
CLOCKS_DIFFER = timedelta(minutes=5)


def settings() -> Settings:
    """Where things live, from the environment of the task."""
    from dataclasses import replace

    from motcua.settings import Settings

    return replace(Settings.from_environment(os.environ), via="airflow")


def places() -> dict[str, Any]:
    """Arguments of every step that talks to the outside: where things live, and Airflow's connections."""
    from airflow_connections import AirflowConnections

    return {"settings": settings(), "connections": AirflowConnections()}


def moment(params: dict[str, Any], dag_run: Any, data_interval_end: datetime | None = None) -> datetime:
    """The `as_of` of a run: its parameter, else the end of its interval, else when it was to run."""
    return when(params, "as_of") or data_interval_end or dag_run.run_after


def when(params: dict[str, Any], name: str) -> datetime | None:
    """A moment that the form asks for; None where it was left empty."""
    if not params[name]:
        return None
    given = datetime.fromisoformat(params[name])
    if given.tzinfo is None:
        raise ValueError(f"{name}: expected a moment with its zone, such as 2018-12-25T17:00:00+07:00, got {given}")
    if given > datetime.now(UTC) + CLOCKS_DIFFER:
        raise ValueError(f"{name}: {given} lies in the future: until then nothing would be due, nor be published")
    return given


def who(dag_run: Any) -> str:
    """Who started a run by hand, as Airflow knows them."""
    return dag_run.triggering_user_name or f"unknown, run {dag_run.run_id}"


def newest(triggering_asset_events: Any) -> dict[str, Any]:
    """What `announce` told last among the events that started this run; empty when it was started by hand."""
    told = [event.extra for event in triggering_asset_events.get(DOSSIERS, [])] if triggering_asset_events else []
    return max(told, key=lambda extra: extra["cycle_id"], default={})
