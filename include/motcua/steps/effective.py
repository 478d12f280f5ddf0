"""What counts for each source at this moment: the registry's values, and what people changed over them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from motcua.domain.schedule import Rhythm
from motcua.domain.ticks import Ticks
from motcua.errors import ConfigError
from motcua.registry import Source
from motcua.registry.schedules import SCHEDULE_PARSERS, parsed, schedule_of
from motcua.warehouse import schedule as ledger
from motcua.warehouse.schedule import Change

# Who comes first, and how fast, is no question of when.
_WHEN = SCHEDULE_PARSERS.keys() - {"priority", "rate_per_second"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Effective:
    """A source as it counts.

    Attributes:
        source: of the registry, with what was changed in place of its own values.
        changes: by key, the change whose value counts; a key without one has the registry's.
        changed_at: when somebody last changed when it is due, or took that back.
    """

    source: Source
    changes: Mapping[str, Change]
    changed_at: datetime | None

    def rhythm(self, ticks: Ticks) -> Rhythm:
        """Its schedule on the calendar."""
        return Rhythm(schedule_of(self.source), ticks)


def effective(
    connection: sa.Connection, sources: Iterable[Source], *, scopes: Collection[str] = ledger.SCOPES
) -> dict[str, Effective]:
    """Each source as it counts, by id, in their order; with `scopes` only what was said of these counts.

    Raises:
        ConfigError: a change has a value that this version does not take.
    """
    said: dict[tuple[str, str], dict[str, Change]] = {}
    for change in ledger.in_force(connection):
        if change.scope not in scopes:
            continue
        said.setdefault((change.scope, change.subject), {})[change.key] = change
    changed = ledger.newest(connection, _WHEN)
    return {source.id: _of(source, said, changed) for source in sources}


def scopes_of(source: Source) -> tuple[tuple[str, str], ...]:
    """Scope and subject of whatever is said of a source, the word that counts first."""
    return ("source", source.id), ("group", source.group), ("platform", source.platform), ("all", "")


def _of(
    source: Source, said: Mapping[tuple[str, str], Mapping[str, Change]], changed: Mapping[tuple[str, str], datetime]
) -> Effective:
    scopes = scopes_of(source)
    changes: dict[str, Change] = {}
    for scope in reversed(scopes):  # the nearest last: it takes the place of what was said of more
        changes |= said.get(scope, {})
    # Any: each value comes from the parser of its key
    values: dict[str, Any] = {key: _value(change) for key, change in changes.items()}
    return Effective(
        source=replace(source, **values) if values else source,
        changes=changes,
        changed_at=max((changed[scope] for scope in scopes if scope in changed), default=None),
    )


def _value(change: Change) -> object:
    try:
        return parsed(change.key, change.value)
    except ConfigError as error:
        raise ConfigError(
            f"schedule change {change.change_id} of {change.subject or 'all'}: {error}; take it back with "
            f"`motcua schedule reset {change.subject or 'all'} {change.key} --reason …`"
        ) from error
