"""When a run is late, and where people read on. No DAG stands here."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import AsyncCallback, DeadlineAlert, DeadlineReference

# By the time one waits to begin, too: a run that stands behind another is as late for whoever waits for the figures.
# A night's full pass over the whole city takes a quarter of an hour on two cores, a quiet cycle less than a minute.
COLLECTED_WITHIN = timedelta(minutes=45)
PUBLISHED_WITHIN = timedelta(minutes=30)


def ends_within(interval: timedelta) -> DeadlineAlert:
    """A run that has not ended so long after it was queued is noted, and told of by `watch_over`."""
    return DeadlineAlert(
        name="ends_within",
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=interval,
        callback=AsyncCallback("missed_deadline.note"),
    )


def links(run_id: str) -> dict[str, str]:
    """Addresses of Airflow's pages, by what people call them; none where nobody has said where it is seen."""
    from airflow.sdk import conf

    base = conf.get("api", "base_url", fallback="").rstrip("/")
    if not base:
        return {}
    return {
        "Nguồn dữ liệu": f"{base}/plugin/nguon-du-lieu",
        "Lần theo dõi này": f"{base}/dags/watch_over/runs/{run_id}",
    }
