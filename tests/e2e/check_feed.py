"""The city feed against the truth, as a consumer reads it: rows, look-ups, agencies, and nothing about people."""

from __future__ import annotations

import functools
import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime

from tests.e2e.deadlines import VIETNAM
from tests.e2e.evidence import Evidence
from tests.e2e.feed_reader import Row
from tests.e2e.findings import Facts, Finding, compare, equal
from tests.e2e.truth import Truth
from tests.e2e.version import Version

LOOKUP_HEX = 3
# the contract page's, and no other: what is not here cannot be told by mistake
COLUMNS = (
    "code", "procedure_code", "procedure_name", "field", "agency_code", "agency_name", "unit_code", "channel",
    "service_level", "submitted_on", "received_on", "due_on", "due_source", "finished_on", "returned_on", "status",
    "progress", "supplements", "updated_on",
)  # fmt: skip
NUMBER = re.compile(r"(?<![0-9A-Za-z])\d{9,12}(?![0-9A-Za-z])")


def check_feed(truth: Truth, evidence: Evidence) -> list[Finding]:
    rows = {one.code: feed_row(one, truth) for one in truth.public()}
    findings = [
        finding
        for name, found in evidence.feed.formats.items()
        for finding in compare(f"feed: {name}", rows, [(str(row["code"]), row) for row in found])
    ]
    return [
        *findings,
        *_columns(evidence),
        *_pointer(truth, evidence),
        *_lookups(truth, evidence),
        *_agencies(truth, evidence),
        *_people(evidence),
    ]


def feed_row(one: Version, truth: Truth) -> Facts:
    """A dossier as rows of the feed tell it: dates of Vietnam, names of the registry."""
    return _told(one, truth) | {
        "submitted_on": _day(one.submitted_at),
        "received_on": _day(one.received_at),
        "due_on": _day(one.due_at),
        "finished_on": _day(one.finished_at),
        "returned_on": _day(one.returned_at),
        "updated_on": _day(one.changed_at),
    }


def _told(one: Version, truth: Truth) -> dict[str, object]:
    procedure, unit = truth.tables.procedures.get(one.procedure), truth.tables.units[one.agency]
    return {
        "code": one.code,
        "procedure_code": one.procedure,
        "procedure_name": procedure["name"] if procedure else None,
        "field": truth.tables.fields[procedure["field_code"]]["name"] if procedure else None,
        "agency_code": one.agency,
        "agency_name": unit["name"],
        "unit_code": unit["unit_code"],
        "channel": one.channel,
        "due_source": one.due_source,
        "status": one.status,
        "progress": truth.progress(one),
        "supplements": one.supplements,
    }


def _columns(evidence: Evidence) -> list[Finding]:
    return [
        finding
        for name, rows in evidence.feed.formats.items()
        for columns in {tuple(row) for row in rows}
        for finding in equal(f"feed: {name}", "columns", COLUMNS, columns)
    ]


def _pointer(truth: Truth, evidence: Evidence) -> list[Finding]:
    index, total = evidence.feed.index, len(truth.tables.sources)
    return [
        *equal("feed: manifest.json", "promises broken", [], evidence.feed.broken),
        *equal("feed: manifest.json", "seq", index["seq"], evidence.feed.manifest["seq"]),
        *equal("feed: index.json", "as_of", evidence.as_of, datetime.fromisoformat(str(index["as_of"]))),
        *equal("feed: index.json", "sources", (total, total), (index["sources_ok"], index["sources_total"])),
    ]


def _lookups(truth: Truth, evidence: Evidence) -> list[Finding]:
    expected = {
        one.code: {
            **_told(one, truth),
            "shard": hashlib.sha256(one.code.encode()).hexdigest()[:LOOKUP_HEX],
            "submitted_at": one.submitted_at,
            "received_at": one.received_at,
            "due_at": one.due_at,
            "finished_at": one.finished_at,
            "returned_at": one.returned_at,
            "updated_at": one.changed_at,
            "steps": one.steps,
            "newest_step": one.newest_step,
        }
        for one in truth.public()
    }
    return compare("feed: lookup", expected, [(str(entry["code"]), _entry(entry)) for entry in evidence.feed.lookups])


def _entry(entry: Row) -> Facts:
    """An entry with real times; steps are counted, and the newest of them is named."""
    steps = entry["steps"]
    assert isinstance(steps, list)
    times = {name: _moment(value) for name, value in entry.items() if name.endswith("_at")}
    in_order = steps == sorted(steps, key=lambda step: step["at"])
    newest = steps[-1]["status"] if steps and in_order else None
    return {**entry, **times, "steps": len(steps), "newest_step": newest}


def _agencies(truth: Truth, evidence: Evidence) -> list[Finding]:
    dossiers = Counter(one.agency for one in truth.public())
    refused = Counter(one.agency for one in truth.refused.values())
    read = {str(row["agency_code"]) for row in evidence.feed.agencies} & set(truth.tables.units) - {"H24"}
    expected: dict[str, Mapping[str, object]] = {
        code: {
            "name": truth.tables.units[code]["name"],
            "data_state": "fresh" if dossiers[code] or refused[code] else "empty",
            "dossiers": dossiers[code],
            "quarantined": refused[code],
        }
        for code in truth.tables.units
        if code in read
    }
    expected["H24"] = {"data_state": "never_connected", "dossiers": 0, "quarantined": 0}
    return compare("feed: agencies.json", expected, [(str(row["agency_code"]), row) for row in evidence.feed.agencies])


def _people(evidence: Evidence) -> list[Finding]:
    """Nothing that the sources tell of people stands in any file, whether as rows, in a shard, or in the page."""
    return [
        finding
        for path, text in evidence.feed.text.items()
        for finding in equal(f"feed: {path}", "words about people", 0, _met(text, evidence.personal))
    ]


@functools.cache  # most files of one feed are those of another
def _met(text: str, personal: frozenset[str]) -> int:
    """How many of the words stand in a text, and not which: findings are printed."""
    plain = unicodedata.normalize("NFC", text)
    numbers = set(NUMBER.findall(plain))
    return sum(word in numbers if word.isdigit() else word in plain for word in personal)


def _moment(text: object) -> datetime | None:
    return None if text is None else datetime.fromisoformat(str(text))


def _day(moment: datetime | None) -> str | None:
    day: date | None = None if moment is None else moment.astimezone(VIETNAM).date()
    return None if day is None else day.isoformat()
