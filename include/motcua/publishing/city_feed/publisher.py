"""One publication from the warehouse to the pointer: read, decide, build, gate, move.

Order of writing: the version's directory, the look-ups, the row of `core.publication`, `index.json` last. Whatever
interrupts it, the pointer names a complete version, and the next publication takes up what was left.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import resources

import orjson
import sqlalchemy as sa

from motcua.errors import PublicationRefused
from motcua.failpoints import pass_by
from motcua.publishing.city_feed.agencies import SourceState, read_agencies, read_source_states
from motcua.publishing.city_feed.dossiers import read_public_dossiers
from motcua.publishing.city_feed.gates import check_gates
from motcua.publishing.city_feed.ledger import Published, last_publication, one_publisher, record
from motcua.publishing.city_feed.lookup import LOOKUP_HEX, write_lookups
from motcua.publishing.city_feed.store import FeedStore
from motcua.publishing.city_feed.version import (
    PRETTY,
    Version,
    build_files,
    build_manifest,
    city_iso,
    count_changed,
    directory,
    procedures_table,
)
from motcua.publishing.reading import CITY_TIME
from motcua.registry import Registry

LOG = logging.getLogger(__name__)
# One night's cycle may fail, and two hours more: then the numbers are old.
EXPIRES_AFTER = timedelta(hours=26)
MAX_DROP_SHARE = 0.1


class LateRun(PublicationRefused):
    """A newer moment is published."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a publication did.

    Attributes:
        seq: the version that `index.json` names now.
        rows: its dossiers.
        changed: dossiers created, updated or gone since the version before; 0 when none was made.
        is_new: whether this call made a version.
    """

    seq: int
    rows: int
    changed: int
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cycle:
    """What every file of one publication repeats."""

    as_of: datetime
    published_at: datetime
    expires_after: timedelta
    next_expected: datetime | None
    number: int | None
    sources: Mapping[str, int]
    sources_total: int


def publish(
    engine: sa.Engine,
    feed_url: str,
    registry: Registry,
    *,
    as_of: datetime,
    published_at: datetime,
    next_expected: datetime | None = None,
    expires_after: timedelta = EXPIRES_AFTER,
    max_drop_share: float = MAX_DROP_SHARE,
) -> Outcome:
    """Publishes the city as of a moment, or says `unchanged` when nothing a reader sees has changed that day.

    Args:
        engine: connects as motcua_publisher.
        feed_url: fsspec URL of the feed's root.
        registry: names, units, calendar and the list of sensitive procedures.
        as_of: the moment of the data; never earlier than the last published one.
        published_at: the clock, for `index.json` and `status.json` alone.
        next_expected: when the next cycle is due, if the caller knows.
        expires_after: how long after `as_of` the version counts as current.
        max_drop_share: the largest share of the previous rows that may vanish; 1.0 lets everything pass.

    Raises:
        PublicationRefused: a gate failed, `as_of` goes backwards, or the store cannot be written. `index.json` is
            as before; `status.json` says why, except for a late run, which has no say over a newer one.
    """
    store = FeedStore(feed_url)
    with engine.connect() as lock, one_publisher(lock), engine.connect() as connection:
        connection.execution_options(isolation_level="REPEATABLE READ")
        known = read_source_states(connection)
        states = {source_id: state for source_id, state in known.items() if source_id in registry.sources}
        cycle = _Cycle(
            as_of=as_of,
            published_at=published_at,
            expires_after=expires_after,
            next_expected=next_expected,
            number=connection.execute(sa.text("SELECT max(cycle_id) FROM api.cycle")).scalar(),
            sources=_source_counts(states),
            sources_total=len(registry.sources),
        )
        last = last_publication(connection)
        with _failures_told(store, cycle, feed_url):
            _refuse_older(store, last, as_of)
            return _publish(connection, store, registry, cycle, states, last, max_drop_share)


def _publish(
    connection: sa.Connection,
    store: FeedStore,
    registry: Registry,
    cycle: _Cycle,
    states: Mapping[str, SourceState],
    last: Published | None,
    max_drop_share: float,
) -> Outcome:
    public = read_public_dossiers(connection, registry, as_of=cycle.as_of)
    agencies = read_agencies(connection, registry, public.rows, states, cycle.as_of)
    connection.rollback()
    _write_schemas(store)
    newest = max(last.seq if last else 0, _pointed_seq(store))
    version = Version(
        seq=newest + 1,
        previous=newest or None,
        as_of=cycle.as_of,
        public=public,
        agencies=agencies,
        procedures=procedures_table(registry),
        expires_at=cycle.as_of + cycle.expires_after,
    )
    # a pointer ahead of the ledger (restored from a backup) must not be moved back
    if last is not None and last.seq == newest and _is_unchanged(store, version, last):
        return _repeat(store, version, cycle, last)
    with store.building() as place:
        build_files(version, place)
        gates = check_gates(
            place, counted=public.counted, previous_rows=last.rows if last else None, max_drop_share=max_drop_share
        )
        failed = [f"{result.gate}: {result.detail}" for result in gates if not result.passed]
        if failed:
            raise PublicationRefused(f"feed version {version.seq} stays unpublished: {'; '.join(failed)}")
        changed = count_changed(store, version.previous, place)
        manifest = build_manifest(version, place, gates, rules=registry.fingerprint, changed=changed)
        pass_by("publish.before_install")
        store.install(place, directory(version.seq))
        pass_by("publish.after_install")
    shards = write_lookups(store, public, seq=version.seq, as_of=cycle.as_of)
    pass_by("publish.after_lookups")
    made = Published(
        seq=version.seq,
        as_of=cycle.as_of,
        rows=public.rows.num_rows,
        changed=changed,
        manifest_sha256=hashlib.sha256(manifest).hexdigest(),
    )
    record(connection, made, cycle.published_at)
    pass_by("publish.after_record")
    _point(store, made, cycle)
    pass_by("publish.after_pointer")
    _write_status(store, cycle, "ok")
    LOG.info("published version %d: %d rows, %d changed, %d shards", made.seq, made.rows, changed, shards)
    return Outcome(seq=made.seq, rows=made.rows, changed=changed, is_new=True)


def _repeat(store: FeedStore, version: Version, cycle: _Cycle, last: Published) -> Outcome:
    """Nothing new: finishes what an interrupted publication left undone, and says `unchanged`."""
    if _pointed_seq(store) != last.seq:
        write_lookups(store, version.public, seq=last.seq, as_of=last.as_of)
        _point(store, last, cycle)
    _write_status(store, cycle, "unchanged")
    LOG.info("nothing changed since version %d", last.seq)
    return Outcome(seq=last.seq, rows=last.rows, changed=0, is_new=False)


def _refuse_older(store: FeedStore, last: Published | None, as_of: datetime) -> None:
    """Compares with the ledger and with the pointer: either may have outlived the other."""
    index = store.read("index.json")
    published = [datetime.fromisoformat(orjson.loads(index)["as_of"])] if index else []
    newest = max([*published, *([last.as_of] if last else [])], default=as_of)
    if as_of < newest:
        raise LateRun(
            f"as_of {city_iso(as_of)} is older than {city_iso(newest)}, which is published: "
            "the feed never goes backwards; publish a newer moment"
        )


def _is_unchanged(store: FeedStore, version: Version, last: Published) -> bool:
    """Whether the last version says the same and its day is not over; a lost or damaged one is made again."""
    if version.as_of.astimezone(CITY_TIME).date() != last.as_of.astimezone(CITY_TIME).date():
        return False
    manifest = store.read(f"{directory(last.seq)}/manifest.json")
    if manifest is None or hashlib.sha256(manifest).hexdigest() != last.manifest_sha256:
        return False
    return bool(orjson.loads(manifest)["content_sha256"] == version.content_digest())


def _point(store: FeedStore, published: Published, cycle: _Cycle) -> None:
    """Swaps `index.json`: from here on readers see the version."""
    index = {
        "version": 1,
        "seq": published.seq,
        "as_of": city_iso(published.as_of),
        "published_at": city_iso(cycle.published_at),
        "manifest": f"{directory(published.seq)}/manifest.json",
        "snapshot": published.seq,
        "deltas": [],
        "lookup_hex": LOOKUP_HEX,
        "sources_ok": cycle.sources["ok"],
        "sources_total": cycle.sources_total,
        "next_expected": city_iso(cycle.next_expected) if cycle.next_expected else None,
        "expires_at": city_iso(published.as_of + cycle.expires_after),
    }
    store.replace("index.json", orjson.dumps(index, option=PRETTY))


def _write_status(store: FeedStore, cycle: _Cycle, state: str, *, reason: str | None = None) -> None:
    succeeded = state in {"ok", "unchanged"}
    held = store.read("status.json")
    before = orjson.loads(held)["last_success"] if held else None
    status = {
        "state": state,
        "cycle": cycle.number,
        "last_attempt": city_iso(cycle.published_at),
        "last_success": city_iso(cycle.published_at) if succeeded else before,
        "failed_stage": None if succeeded else "publish",
        "reason": reason,
        "next_expected": city_iso(cycle.next_expected) if cycle.next_expected else None,
        "sources": dict(cycle.sources),
    }
    store.replace("status.json", orjson.dumps(status, option=PRETTY))


@contextmanager
def _failures_told(store: FeedStore, cycle: _Cycle, feed_url: str) -> Iterator[None]:
    """Whatever stops a publication, `status.json` says so: it is the heartbeat. A late run has no say."""
    try:
        yield
    except LateRun:
        raise
    except PublicationRefused as refusal:
        _try_to_write_status(store, cycle, "gate_failed", reason=str(refusal))
        raise
    except OSError as error:
        # the system's words alone: libraries add paths of ours, and everyone reads this file
        why = os.strerror(error.errno) if error.errno else type(error).__name__
        _try_to_write_status(store, cycle, "failed", reason=f"DISK: {why}")
        raise PublicationRefused(f"DISK: {feed_url} cannot be read or written: {why}") from error
    except Exception as error:
        # the class alone: a message may quote data
        _try_to_write_status(store, cycle, "failed", reason=type(error).__name__)
        raise


def _try_to_write_status(store: FeedStore, cycle: _Cycle, state: str, *, reason: str) -> None:
    try:
        _write_status(store, cycle, state, reason=reason)
    except OSError:
        LOG.warning("status.json cannot be written either: the feed's disk needs a person")


def _write_schemas(store: FeedStore) -> None:
    for file in (resources.files(__package__) / "schema").iterdir():
        body = file.read_bytes()
        if store.read(f"schema/{file.name}") != body:
            store.replace(f"schema/{file.name}", body)


def _pointed_seq(store: FeedStore) -> int:
    index = store.read("index.json")
    return 0 if index is None else int(orjson.loads(index)["seq"])


def _source_counts(states: Mapping[str, SourceState]) -> dict[str, int]:
    counted = Counter(state.state for state in states.values())
    return {state: counted[state] for state in ("ok", "down", "held")}
