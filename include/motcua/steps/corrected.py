"""What the corrections of the registry came to in a reading, told to whoever keeps them: issues of whole sources."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import pandas as pd

from motcua.domain.calendar import VIETNAM
from motcua.registry import Registry
from motcua.warehouse.pages import Pages

_COLUMNS = ["source_id", "code", "rule", "field", "severity", "owner", "page_sha256", "batch_id", "first_seen",
            "last_seen"]  # fmt: skip


class Used(NamedTuple):
    """Ids of the corrections that changed a fact, and of those that a source had followed already."""

    applied: frozenset[str]
    unneeded: frozenset[str]


def used(dossiers: pd.DataFrame) -> Used:
    """What mapped dossiers tell of them."""
    names = (dossiers[column].dropna().unique() for column in ("corrections", "corrections_unneeded"))
    return Used(*(frozenset(name for some in listed for name in some[1:-1].split(",")) for listed in names))


def issues(
    seen: Sequence[Used], pages: Sequence[Pages], registry: Registry, *, cycle_id: int, as_of: datetime
) -> pd.DataFrame:
    """Rows of `core.issue` (code `''`, the correction's id as field) of all that was read together.

    An expired one in every reading; one that matched nothing, and one whose source has mended its error, where the
    source was listed in full. Of many sources one may well have no such error: of those, neither is told.
    """
    applied, unneeded = (frozenset[str]().union(*sets) for sets in zip(*seen, strict=True))
    day = as_of.astimezone(VIETNAM).date()
    found = []
    for batch in pages:
        for one in registry.corrections:
            if batch.source_id not in one.sources or batch.is_replay:
                continue
            if day > one.until:
                found.append((batch.source_id, "correction_expired", one.id))
            elif batch.is_full and one.applies_on(day) and not one.is_wide and one.id not in applied:
                rule = "correction_unneeded" if one.id in unneeded else "correction_unused"
                found.append((batch.source_id, rule, one.id))
    moment = pd.Timestamp(as_of)
    rows = [
        (source, "", rule, name, "warning", "motcua", "", f"{cycle_id}.{source}", moment, moment)
        for source, rule, name in found
    ]
    return pd.DataFrame(rows, columns=_COLUMNS)
