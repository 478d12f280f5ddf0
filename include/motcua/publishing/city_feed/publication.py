"""One publication under its lock: read, decide, build, gate, show. All it reads is of one moment of the warehouse.

Order of writing: the version's directory, the look-ups, the row of `core.publication`, `index.json` last. Whatever
interrupts it, the pointer names a complete version, and the next publication takes up what was left.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

import orjson
import pyarrow.compute as pc
import sqlalchemy as sa

from motcua.errors import PublicationRefused
from motcua.failpoints import pass_by
from motcua.publishing.city_feed import lookup, told_steps
from motcua.publishing.city_feed.agencies import SourceState, read_agencies
from motcua.publishing.city_feed.delta import Delta, compare
from motcua.publishing.city_feed.dossiers import (
    ROW,
    PublicDossiers,
    count_by_agency,
    has_fresh,
    note_shown,
    read_public_dossiers,
    sensitive_procedures,
)
from motcua.publishing.city_feed.gates import Bounds, Built, check_gates
from motcua.publishing.city_feed.key_ledger import announce, record_use
from motcua.publishing.city_feed.keys import FeedKeys
from motcua.publishing.city_feed.ledger import Published, Turn, record, record_removal
from motcua.publishing.city_feed.pointer import Cycle, point, write_status
from motcua.publishing.city_feed.reading import directory
from motcua.publishing.city_feed.retention import bury, remove_expired
from motcua.publishing.city_feed.sensitive import count_sensitive, may_show
from motcua.publishing.city_feed.standing import Followed, Standing, city_day, read_standing
from motcua.publishing.city_feed.statistics import statistics_table
from motcua.publishing.city_feed.store import FeedStore
from motcua.publishing.city_feed.version import Version, build_files, build_manifest, procedures_table
from motcua.publishing.disclosure import Watch
from motcua.publishing.reading import give_back_memory
from motcua.registry import Registry

LOG = logging.getLogger(__name__)


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
class Asked:
    """What a person asks of a publication.

    Attributes:
        snapshot: a version with all rows, even where nothing has changed.
        accept: why the figures are right although they jump: the gates that compare with the last version let it pass.
        remove: versions to take down, and why.
        by: who asks.
    """

    snapshot: bool = False
    accept: str | None = None
    remove: Mapping[int, str] | None = None
    by: str | None = None


class Publication:
    """One publication: all it reads is of one moment of the warehouse."""

    def __init__(
        self,
        connection: sa.Connection,
        store: FeedStore,
        registry: Registry,
        keys: FeedKeys,
        cycle: Cycle,
        states: Mapping[str, SourceState],
        asked: Asked,
        turn: Turn,
    ) -> None:
        self._connection = connection
        self._store = store
        self._registry = registry
        self._keys = keys
        self._cycle = cycle
        self._states = states
        self._asked = asked
        self._turn = turn
        self._watch = Watch(registry.canaries)

    def run(self, max_drop_share: float) -> Outcome:
        """To its end, or to nothing."""
        rules = self._registry.fingerprint
        before = read_standing(self._connection, self._store, self._cycle.as_of, rules=rules, key=self._keys.current)
        dossiers = count_by_agency(self._connection, self._registry)
        agencies = read_agencies(self._connection, self._registry, dossiers, self._states, self._cycle.as_of)
        looks_alike = before.is_same_day and not self._asked.snapshot and self._same_agencies(before.seq, agencies)
        if looks_alike and not has_fresh(self._connection):
            return self._repeat(before)
        public = read_public_dossiers(self._connection, self._registry, as_of=self._cycle.as_of)
        followed = before.followed(self._store)
        delta = Delta.none() if followed is None else compare(followed.rows, public.rows)
        is_next = before.is_same_day and followed is not None and followed.seq == before.seq
        touched = self._touched(public, delta) if is_next else None
        if looks_alike and is_next and not delta.size and not touched:
            note_shown(self._connection)
            self._connection.commit()
            return self._repeat(before)
        self._turn.go_on()
        _write_schemas(self._store)
        is_snapshot = self._asked.snapshot or not is_next
        version = self._version(before, followed, public, delta, agencies, is_snapshot=is_snapshot)
        give_back_memory()
        manifest = self._build(version, followed, max_drop_share)
        give_back_memory()
        return self._show(version, hashlib.sha256(manifest).hexdigest(), before, touched)

    def _same_agencies(self, seq: int, agencies: Sequence[Mapping[str, object]]) -> bool:
        held = self._store.read(f"{directory(seq)}/agencies.json")
        return held is not None and _lasting(orjson.loads(held)) == _lasting(orjson.loads(orjson.dumps(list(agencies))))

    # ── what is to be ──

    def _touched(self, public: PublicDossiers, delta: Delta) -> dict[str, lookup.Entries]:
        """Look-ups that change since the last version of the day."""
        fresh = public.rows["code"].filter(public.is_fresh)
        codes = sorted({*fresh.to_pylist(), *delta.rows["code"].to_pylist(), *delta.gone.to_pylist()})
        if not codes:
            return {}
        steps = told_steps.read_of(self._connection, self._registry, self._cycle.as_of, codes)
        return lookup.touched_shards(self._store, public, codes, steps)

    def _version(
        self,
        before: Standing,
        followed: Followed | None,
        public: PublicDossiers,
        delta: Delta,
        agencies: Sequence[Mapping[str, object]],
        *,
        is_snapshot: bool,
    ) -> Version:
        sensitive = self._sensitive(before, public)
        day = city_day(self._cycle.as_of)
        return Version(
            seq=before.seq + 1,
            previous=None if followed is None else followed.seq,
            as_of=self._cycle.as_of,
            is_snapshot=is_snapshot,
            public=public,
            delta=delta,
            agencies=agencies,
            sensitive=sensitive,
            statistics=statistics_table(public.rows, self._registry.calendar, as_of=day, sensitive=sensitive),
            procedures=procedures_table(self._registry),
            expires_at=self._cycle.as_of + self._cycle.expires_after,
        )

    def _sensitive(self, before: Standing, public: PublicDossiers) -> dict[str, int]:
        received = public.rows["field"].filter(pc.not_equal(public.rows["progress"], "not_received"))
        fields = [field for field in received.unique().to_pylist() if field]
        counted = count_sensitive(self._connection, self._registry, fields)
        return may_show(counted, [one.sensitive for one in reversed(before.kept)])

    def _build(self, version: Version, followed: Followed | None, max_drop_share: float) -> bytes:
        """Builds, judges and installs the version; its manifest. Nothing stays of what a gate refuses."""
        with self._store.building() as place:
            build_files(version, place)
            built = Built(
                place=place,
                version=version,
                before=ROW.empty_table() if followed is None else followed.rows,
                previous=None if followed is None else followed.manifest,
                sensitive=frozenset(sensitive_procedures(self._registry)),
            )
            bounds = Bounds(max_drop_share=max_drop_share, accepted=self._asked.accept is not None)
            gates = check_gates(built, bounds, self._watch)
            failed = [f"{result.gate}: {result.detail}" for result in gates if not result.passed]
            if failed:
                raise PublicationRefused(f"feed version {version.seq} stays unpublished: {'; '.join(failed)}")
            manifest = build_manifest(version, place, gates, rules=self._registry.fingerprint, key=self._keys.current)
            self._turn.go_on()
            announce(self._store, self._connection, self._keys, self._cycle.as_of)
            pass_by("publish.before_install")
            self._turn.go_on()
            self._store.install(place, directory(version.seq))
            pass_by("publish.after_install")
            self._turn.go_on()
        return manifest

    # ── what readers see ──

    def _show(
        self, version: Version, manifest_sha256: str, before: Standing, touched: Mapping[str, lookup.Entries] | None
    ) -> Outcome:
        shards = self._write_lookups(version, touched)
        pass_by("publish.after_lookups")
        self._turn.go_on()
        made = self._record(version, manifest_sha256)
        pass_by("publish.after_record")
        self._turn.go_on()
        removed = dict(self._asked.remove or {})
        kept = [one for one in (*before.kept, made) if one.seq not in removed]
        point(self._store, self._cycle, made, kept, self._keys.current)
        pass_by("publish.after_pointer")
        self._turn.go_on()
        write_status(self._store, self._cycle, "ok")
        for seq, reason in removed.items():
            bury(self._store, seq, reason=reason, replaced_by=made.seq, at=self._cycle.as_of)
        remove_expired(self._store, kept, made.seq)
        LOG.info("published version %d: %d rows, %d changed, %d shards", made.seq, made.rows, made.changed, shards)
        return Outcome(seq=made.seq, rows=made.rows, changed=made.changed, is_new=True)

    def _record(self, version: Version, manifest_sha256: str) -> Published:
        """Once this has ended, the version's number is taken."""
        made = Published(
            seq=version.seq,
            as_of=version.as_of,
            rows=version.public.rows.num_rows,
            changed=version.changed,
            manifest_sha256=manifest_sha256,
            previous=version.previous,
            is_snapshot=version.is_snapshot,
            sensitive=version.sensitive,
            accepted_because=self._asked.accept,
            accepted_by=self._asked.by if self._asked.accept else None,
        )
        note_shown(self._connection)
        record(self._connection, made, self._cycle.published_at)
        record_use(self._connection, self._keys.current, made.as_of)
        for seq, reason in (self._asked.remove or {}).items():
            by = self._asked.by or ""
            record_removal(self._connection, [seq], at=self._cycle.published_at, reason=reason, by=by)
        self._connection.commit()
        return made

    def _write_lookups(self, version: Version, touched: Mapping[str, lookup.Entries] | None) -> int:
        """Those that are to change; None compares all of them. Returns how many files changed."""
        seq, as_of = version.seq, version.as_of
        if touched is not None:
            return len(lookup.write_shards(self._store, iter(touched.items()), seq=seq, as_of=as_of, watch=self._watch))
        steps = told_steps.read_by_shard(self._connection, self._registry, as_of)
        met: set[str] = set()
        shards = _remembered(lookup.all_shards(version.public, steps), met)
        changed = lookup.write_shards(self._store, shards, seq=seq, as_of=as_of, watch=self._watch)
        return len(changed) + lookup.remove_others(self._store, met)

    def _repeat(self, before: Standing) -> Outcome:
        """Nothing new: finishes what an interrupted publication left undone, and says `unchanged`."""
        last = before.last
        assert last is not None  # what is alike has a version to be like
        self._turn.go_on()
        if before.pointed != last.seq or not before.is_signed:
            point(self._store, self._cycle, last, before.kept, self._keys.current)
        write_status(self._store, self._cycle, "unchanged")
        LOG.info("nothing changed since version %d", last.seq)
        return Outcome(seq=last.seq, rows=last.rows, changed=0, is_new=False)


def _remembered(shards: Iterator[tuple[str, lookup.Entries]], met: set[str]) -> Iterator[tuple[str, lookup.Entries]]:
    for shard, entries in shards:
        met.add(shard)
        yield shard, entries


def _lasting(agencies: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    """Rows of `agencies.json` without what moves at every reading."""
    return [{key: value for key, value in row.items() if key != "data_as_of"} for row in agencies]


def _write_schemas(store: FeedStore) -> None:
    for file in (resources.files(__package__) / "schema").iterdir():
        body = file.read_bytes()
        if store.read(f"schema/{file.name}") != body:
            store.replace(f"schema/{file.name}", body)
