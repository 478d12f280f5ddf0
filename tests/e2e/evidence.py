"""What there is to compare: read from the real stores, and held as plain rows that a test can spoil."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from tests.e2e.feed_reader import Feed, Rows, read_feed
from tests.sandbox.city_client import CityClient

VIEWS = ("dossier", "source_dossier", "quarantine", "issue", "delivery", "batch", "cycle", "dossier_version")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything that was found after a cycle.

    Attributes:
        as_of: the cycle's moment.
        ledgers: the stand-in's own ledger after each cycle so far.
        orders: in which place each source's batch of these cycles was merged.
        personal: names, numbers, addresses and other words of people that the sources listed.
        warehouse: rows of the stable views, by view.
        portal: the Government portal's copies, each with `code`, `record` and `steps`.
        portal_effects: what it accepted, in order.
        portal_oddities: what it noted as odd: codes told backwards, out of order, or refused.
        city_portal: the city portal's copy.
        summary: `run/summary.json`.
    """

    as_of: datetime
    ledgers: tuple[Rows, ...]
    orders: tuple[Mapping[str, int], ...]
    personal: frozenset[str]
    warehouse: Mapping[str, Rows]
    feed: Feed
    portal: Rows
    portal_effects: Rows
    portal_oddities: Mapping[str, Rows]
    city_portal: Rows
    summary: Mapping[str, Any]  # JSON of the contract page, judged key by key


def read_warehouse(database_url: str) -> dict[str, Rows]:
    with psycopg.connect(database_url.replace("+psycopg", "")) as connection:
        return read_views(connection)


def read_views(connection: psycopg.Connection[Any]) -> dict[str, Rows]:  # Any: rows of any shape
    """Every view, as this transaction sees it."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return {
            view: list(cursor.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier("api", view))).fetchall())
            for view in VIEWS
        }


def collect_evidence(
    *, as_of: str, city: CityClient, database_url: str, home: Path, ledgers: tuple[Rows, ...]
) -> Evidence:
    """Reads every store; the city portal is told to follow the feed first."""
    feed = home / "feeds" / "v1"
    followed = city.http.post(f"{city.url}/control/city-portal/follow", json={"feed": feed.as_uri()})
    assert followed.status_code == 200, followed.text
    oddities = city.http.get(f"{city.url}/control/portal/summary").raise_for_status().json()
    warehouse = read_warehouse(database_url)
    return Evidence(
        as_of=datetime.fromisoformat(as_of),
        ledgers=ledgers,
        orders=merge_orders(warehouse["batch"]),
        personal=personal_words(city),
        warehouse=warehouse,
        feed=read_feed(feed),
        portal=_lines(city, "/control/portal/dossiers"),
        portal_effects=_lines(city, "/control/portal/ledger"),
        portal_oddities={name: oddities[name] for name in ("backwards", "disordered", "refused")},
        city_portal=_lines(city, "/city-portal/dossiers.jsonl"),
        summary=json.loads((home / "run" / "summary.json").read_text(encoding="utf-8")),
    )


def merge_orders(batches: Rows) -> tuple[Mapping[str, int], ...]:
    """Of each cycle, in which order its batches ended: who merges a code holds it until then."""
    ended = sorted((row["cycle_id"], row["ended_at"], row["source_id"]) for row in batches if row["ended_at"])
    cycles: dict[object, dict[str, int]] = {}
    for cycle, _, source in ended:
        order = cycles.setdefault(cycle, {})
        order[str(source)] = len(order)
    return tuple(cycles.values())


def personal_words(city: CityClient) -> frozenset[str]:
    """What the sources tell of people in all their listings; as texts are cleaned: no markup, composed letters."""
    words = city.http.get(f"{city.url}/control/ledger/people").raise_for_status().json()
    return frozenset(filter(None, map(_plain, words)))


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", re.sub(r"<[^>]+>", "", text)).strip()


def _lines(city: CityClient, path: str) -> Rows:
    answer: httpx.Response = city.http.get(f"{city.url}{path}").raise_for_status()
    return [json.loads(line) for line in answer.text.splitlines()]
