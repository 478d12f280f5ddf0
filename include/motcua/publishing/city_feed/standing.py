"""The feed as it stands before a publication: by its ledger, by its pointer, and by its files."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import orjson
import pyarrow as pa
import sqlalchemy as sa

from motcua.publishing.city_feed.keys import SigningKey
from motcua.publishing.city_feed.ledger import Published, last_publication, publications_since
from motcua.publishing.city_feed.pointer import LateRun, is_signed, read_index
from motcua.publishing.city_feed.reading import MANIFEST, Manifest, NotInFeed, directory, read_manifest, rows_of
from motcua.publishing.city_feed.retention import KEPT_FOR
from motcua.publishing.city_feed.store import FeedStore
from motcua.publishing.city_feed.version import city_iso, program
from motcua.publishing.reading import CITY_TIME

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """A version that can be read whole: its rows have schema ROW."""

    seq: int
    manifest: Manifest
    rows: pa.Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a publication starts from.

    Attributes:
        last: the newest version of the ledger.
        seq: the newest number taken, by the ledger or by the pointer; 0 for none.
        manifest: of that version; None where it is lost, or not what the ledger knows.
        kept: versions of the ledger that can still be had, oldest first.
        pointed: the version that readers see; 0 for none.
        is_signed: whether the pointer's signature is of the key in force and fits it.
        is_same_day: whether the version describes the day that is to be published, by the same registry and program,
            and has a snapshot of that day to stand on.
    """

    last: Published | None
    seq: int
    manifest: Manifest | None
    kept: Sequence[Published]
    pointed: int
    is_signed: bool
    is_same_day: bool

    def followed(self, store: FeedStore) -> Followed | None:
        """The version that the next one follows: the newest, else the one that readers have, else none."""
        for seq in dict.fromkeys([*([self.seq] if self.manifest else []), *([self.pointed] if self.pointed else [])]):
            try:
                return Followed(seq=seq, manifest=read_manifest(store, seq), rows=rows_of(store, seq))
            except NotInFeed as lost:
                LOG.warning("the next version does not follow version %d: %s", seq, lost)
        return None


def read_standing(
    connection: sa.Connection, store: FeedStore, as_of: datetime, *, rules: str, key: SigningKey
) -> Standing:
    """What is there, before a version of `as_of` by the registry of fingerprint `rules`, signed with `key`.

    Raises:
        LateRun: a newer moment is published.
    """
    last, index = last_publication(connection), read_index(store)
    _refuse_older(last, index, as_of)
    pointed = 0 if index is None else int(index["seq"])
    newest = max(last.seq if last else 0, pointed)
    # a pointer ahead of the ledger (restored from a backup) must not be moved back
    known = last if last is not None and last.seq == newest else None
    kept = publications_since(connection, as_of - KEPT_FOR)
    manifest = _manifest(store, newest, known)
    return Standing(
        last=last,
        seq=newest,
        manifest=manifest,
        kept=kept,
        pointed=pointed,
        is_signed=is_signed(store, key),
        is_same_day=known is not None
        and manifest is not None
        and city_day(known.as_of) == city_day(as_of)
        and (manifest["rules"], manifest["code"]) == (rules, program())
        and any(one.is_snapshot and city_day(one.as_of) == city_day(as_of) for one in kept),
    )


def city_day(moment: datetime) -> date:
    """The city's day of a moment."""
    return moment.astimezone(CITY_TIME).date()


def _manifest(store: FeedStore, seq: int, known: Published | None) -> Manifest | None:
    body = store.read(f"{directory(seq)}/{MANIFEST}") if seq else None
    if body is None or (known is not None and hashlib.sha256(body).hexdigest() != known.manifest_sha256):
        return None
    manifest: Manifest = orjson.loads(body)
    return manifest


def _refuse_older(last: Published | None, index: Mapping[str, Any] | None, as_of: datetime) -> None:
    """Compares with the ledger and with the pointer: either may have outlived the other."""
    published = [datetime.fromisoformat(str(index["as_of"]))] if index else []
    newest = max([*published, *([last.as_of] if last else [])], default=as_of)
    if as_of < newest:
        raise LateRun(
            f"as_of {city_iso(as_of)} is older than {city_iso(newest)}, which is published: "
            "the feed never goes backwards; publish a newer moment"
        )
