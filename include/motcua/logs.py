"""The ids that every line of the log carries: of the run, the source, the batch. Bound once, wherever a step begins.

They stand in context variables that Airflow's task logs merge into each line, and the command line's JSON, too.
"""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager
from typing import cast

import structlog
from structlog.contextvars import bound_contextvars


def bound(
    *, run: int | None = None, stage: str | None = None, source: str | None = None, batch: str | None = None
) -> AbstractContextManager[None]:
    """What is logged in the block, by this thread, says of which run (`cycle_id`), stage, source and batch it is.

    A thread that is started in the block knows nothing of it: bind in what it runs.
    """
    ids = {"run": run, "stage": stage, "source": source, "batch": batch}
    return cast(
        "AbstractContextManager[None]",  # structlog types the decorator that it is, too
        bound_contextvars(**{name: value for name, value in ids.items() if value is not None}),
    )


def as_json() -> logging.Formatter:
    """Each record as one line of JSON: `timestamp, level, logger, event`, the bound ids, and a stack trace if any."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )
