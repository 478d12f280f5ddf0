"""Quarantine: what stands in it, and the way back when a rule or a code table has changed.

What a source sends anew is judged anew by itself. A replay asks no source: it judges the archived pages again, of
which only what is open in quarantine counts, and, when everything is asked for, what was accepted. It moves no
watermark, proves no absence and is never held.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TypedDict

import sqlalchemy as sa

from motcua.errors import ConfigError
from motcua.landing import StoredPages
from motcua.settings import Settings
from motcua.steps import place
from motcua.steps.cycles import named
from motcua.steps.lineage import verdict_by
from motcua.warehouse import Role, crosswalk, ledger, retention
from motcua.warehouse import quarantine as kept
from motcua.warehouse.words import Words, all_words, judged_otherwise, refused_words

log = logging.getLogger(__name__)


# why a replay begins by itself
RULES_CHANGED = "quy tắc, bảng mã hoặc chương trình xét đã đổi"


class Replay(TypedDict):
    """A cycle that is to be cut into chunks, judged and consolidated like any other; 0 sources: nothing to do."""

    cycle_id: int
    as_of: str
    sources: int
    dossiers: int


def quarantine(
    *, settings: Settings, sources: Sequence[str] = (), rules: Sequence[str] = ()
) -> list[dict[str, object]]:
    """Open dossiers by source and rule, the most first.

    Returns:
        Of each: `source_id, rule, owner, dossiers, first_seen, last_seen`.
    """
    with place.connected(settings, Role.PIPELINE) as engine, engine.connect() as connection:
        return kept.counted(connection, sources=sources, rules=rules)


def quarantined(
    *,
    settings: Settings,
    sources: Sequence[str] = (),
    rules: Sequence[str] = (),
    code: str | None = None,
    settled: bool = False,
) -> list[dict[str, object]]:
    """Rows of quarantine, the newest first; with `settled` those that were mended, too.

    Returns:
        Of each: `source_id, identity` (the code, or `#` and a digest where there is none), `rule, severity, owner,
        field, first_seen, last_seen, attempts, settled_at, batch_id, page_sha256, page_row`.
    """
    with place.connected(settings, Role.PIPELINE) as engine, engine.connect() as connection:
        return kept.listed(connection, sources=sources, rules=rules, code=code, settled=settled)


def replay_quarantine(
    *,
    settings: Settings,
    run_key: str,
    as_of: datetime,
    reason: str,
    requested_by: str,
    sources: Sequence[str] = (),
    rules: Sequence[str] = (),
    everything: bool = False,
) -> Replay:
    """Opens a cycle of what is open in quarantine, of all sources and rules when none is named.

    With `everything`, of all that the present state of the sources rests on, whatever the rules.

    Listings with a page that is past its time are left out, with a warning: what they refused stays as it is.

    Raises:
        ConfigError: a source is not in the registry, or `as_of` has no zone, or nobody or no reason is named; or a page
            is not in the archive that should be.
    """
    if as_of.tzinfo is None:
        raise ConfigError(f"as_of: expected a time with its zone, got {as_of.isoformat()}; add +07:00")
    if not requested_by.strip() or not reason.strip():
        raise ConfigError("a replay needs a name and a reason: both stay in the ledger")
    registry = place.registry(settings.registry)
    named(registry, sources)
    with place.connected(settings, Role.PIPELINE) as engine, engine.begin() as connection:
        found = words_there(connection, settings, sources=sources, rules=rules, everything=everything)
        ours = [one for one in found if one.source_id in registry.sources]
        for one in found:
            if one.source_id not in registry.sources:
                log.warning("%s: %d dossiers stay as they are: not in the registry", one.source_id, _size(one))
        cycle_id = ledger.open_cycle(
            connection, run_key=run_key, as_of=as_of, is_full=everything, sources=len(ours), reason=reason.strip(),
            requested_by=requested_by.strip(), asked_sources=sources, asked_rules=rules,
        )  # fmt: skip
        cycle = ledger.cycle(connection, cycle_id)
        done = ledger.finished_batches(connection, cycle_id)
        for one in ours:
            if one.source_id in done:
                continue
            ledger.record_collected(
                connection, batch_id=f"{cycle_id}.{one.source_id}", at=cycle, source_id=one.source_id, kind="replay",
                window=(None, cycle.as_of), pages=one.pages, announced=None, fetched=_size(one),
            )  # fmt: skip
    dossiers = sum(map(_size, ours))
    log.info("replaying %d dossiers of %d sources", dossiers, len(ours))
    return {"cycle_id": cycle_id, "as_of": cycle.as_of.isoformat(), "sources": len(ours), "dossiers": dossiers}


def words_there(
    connection: sa.Connection, settings: Settings, *, sources: Sequence[str], rules: Sequence[str], everything: bool
) -> list[Words]:
    """What can be judged again: of the listings whose pages are all there.

    Raises:
        ConfigError: a page is not in the archive that should be.
    """

    def found(lacking: Collection[str]) -> list[Words]:
        if everything:
            return all_words(connection, sources=sources, lacking=lacking)
        return refused_words(connection, sources=sources, rules=rules, lacking=lacking)

    words = found(())
    gone = StoredPages(settings.archive_url).missing({page.sha256 for one in words for page in one.pages})
    if not gone:
        return words
    if lost := gone - retention.expired(connection, gone):
        raise ConfigError(
            f"{len(lost)} pages are not in the archive, and not past their time (the first: {min(lost)}): was the "
            "folder moved? Bring them back from a copy"
        )
    left = found(gone)
    log.warning(
        "%d dossiers stay as they are: pages of their listings are past their time, and were removed",
        sum(map(_size, words)) - sum(map(_size, left)),
    )
    return left


def replay_changed(*, settings: Settings, run_key: str, as_of: datetime) -> Replay | None:
    """Opens a cycle of what is open in quarantine and was judged by other rules, tables or code than those of now.

    Once it is merged nothing is left to do until they change again. None: nothing is. What is accepted gets the field
    codes of now.
    """
    with place.connected(settings, Role.PIPELINE) as engine:
        registry = place.registry_in_force(settings.registry, engine)
        makers = {source.id: verdict_by(registry, source) for source in registry.sources.values()}
        with engine.begin() as connection:
            crosswalk.align(connection, registry, as_of)
            due = judged_otherwise(connection, makers)
    if not due:
        return None
    return replay_quarantine(
        settings=settings, run_key=run_key, as_of=as_of, reason=RULES_CHANGED, requested_by="motcua", sources=due
    )


def _size(words: Words) -> int:
    return words.asked + len(words.held)
