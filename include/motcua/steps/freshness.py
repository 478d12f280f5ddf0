"""How fresh what we hold of each source is, in working time, against the source's own schedule."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from motcua.domain.freshness import late_since
from motcua.settings import Settings
from motcua.steps import place
from motcua.steps.overview import overview


# Any: JSON but for moments
def freshness(*, settings: Settings, as_of: datetime, late_only: bool = False) -> list[dict[str, Any]]:
    """Each source in force, in the registry's order.

    Returns:
        `source_id, group, platform, state, succeeded_as_of, age_minutes` (working time; None: never read),
        `every_minutes`, `is_late`, and `late_since`, None where it is not late or was never read.

    Raises:
        ValueError: `as_of` is outside the years of the registry's calendar.
    """
    calendar = place.registry(settings.registry).calendar
    return [
        {
            "source_id": one.source_id,
            "group": one.group,
            "platform": one.platform,
            "state": one.state,
            "succeeded_as_of": one.succeeded_as_of,
            "age_minutes": None if one.age is None else int(one.age.total_seconds()) // 60,
            "every_minutes": int(one.every.total_seconds()) // 60,
            "is_late": one.is_late,
            "late_since": late_since(calendar, one.succeeded_as_of, one.every, as_of) if one.is_late else None,
        }
        for one in overview(settings=settings, as_of=as_of)
        if one.is_late or not late_only
    ]
