"""The city feed of a made-up warehouse: first version, nothing changed, one in a hundred changed, the page."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import psycopg
from motcua.registry import load_registry

from tests.bench.stack import CHECKOUT

Rows = list[tuple[str, str, str]]
WHOLE_CITY, TEN_CITIES = 92_118, 1_000_000
STEPS_A_DOSSIER = 6
AS_OF, LATER = "2018-12-25T17:00:00+07:00", "2018-12-25T17:15:00+07:00"
# in a process of its own: its memory is nobody else's
PUBLISH = """
import json, resource, sys, time
from datetime import datetime
from motcua import steps
from motcua.cli import surroundings
from motcua.publishing import public_page, city_feed
settings = surroundings.settings()
steps.place.registry(settings.registry)
moment = datetime.fromisoformat(sys.argv[1])
began = time.monotonic()
with steps.place.connected(settings, steps.place.warehouse.Role.PUBLISHER) as engine:
    outcome = city_feed.publish(engine, settings.feed_url, steps.place.registry(settings.registry),
        keys=city_feed.feed_keys(surroundings.connections(settings), settings.home), as_of=moment, published_at=moment)
print(json.dumps({"seconds": time.monotonic() - began, "seq": outcome.seq, "changed": outcome.changed,
                  "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))
"""
PAGE = """
import json, sys, time
from motcua import steps
from motcua.cli import surroundings
from motcua.publishing import public_page
settings = surroundings.settings()
steps.place.registry(settings.registry)
began = time.monotonic()
public_page.build_page(settings.feed_url, steps.place.registry(settings.registry).calendar)
print(json.dumps({"seconds": time.monotonic() - began}))
"""
DOSSIERS = """
INSERT INTO core.dossier (code, lead_source_id, sources, procedure_code, agency_code, unit_code, channel, service_level,
    applicant_kind, status, submitted_at, received_at, due_at, due_source, finished_at, returned_at, supplements, steps,
    deleted, source_changed_at, content_sha256, version, recorded_at)
SELECT to_char(day, '"000.00.15.H24-"YYMMDD') || '-' || lpad((i %% 100000)::text, 5, '0') AS code, 's', ARRAY['s'],
    (%(procedures)s::text[])[1 + i %% cardinality(%(procedures)s::text[])],
    (%(agencies)s::text[])[1 + (i * 7) %% cardinality(%(agencies)s::text[])], NULL, 1 + (i %% 7 = 0)::int, 2, 1,
    CASE WHEN i %% 40 = 0 THEN 4 ELSE 10 END, day, day, day + interval '7 days', 'source',
    CASE WHEN i %% 40 <> 0 THEN day + (i %% 9) * interval '1 day' END,
    CASE WHEN i %% 40 <> 0 THEN day + (i %% 11) * interval '1 day' END, 0, %(steps)s, false, day, '\\x00', 1, %(as_of)s
FROM (SELECT i, timestamptz '2018-04-01 08:00+07' + (i %% 260) * interval '1 day' + (i / 260) * interval '1 s' AS day
      FROM generate_series(1, %(count)s) i) made ON CONFLICT DO NOTHING
"""
STEPS = """
INSERT INTO private.step (source_id, code, at, status, n)
SELECT 's', code, received_at + n * interval '5 hours', CASE WHEN n = 1 THEN 2 ELSE 4 END, n
FROM core.dossier, generate_series(1, %(steps)s) n
"""
CHANGE = """
UPDATE core.dossier SET version = version + 1, status = 9, finished_at = %(as_of)s, source_changed_at = %(as_of)s
WHERE hashtext(code) %% 100 = 0
"""


def measure(home: Path, scale: float) -> Rows:
    """A city of 92,118 dossiers; ten and more with scale 1."""
    rows = _city(home / "city", int(WHOLE_CITY * scale), pages=True, bars=("≤ 15 s", ""))
    if scale < 1:
        return rows
    return [*rows, *_city(home / "million", TEN_CITIES, pages=False, bars=("≤ 120 s", "≤ 1024 MiB"))]


def _city(home: Path, count: int, *, pages: bool, bars: tuple[str, str]) -> Rows:
    environment = os.environ | {"MOTCUA_HOME": str(home)}
    server = [sys.executable, "-m", "motcua.warehouse.embedded", "--home", str(home)]
    with subprocess.Popen(server, stdout=subprocess.PIPE, text=True, env=environment) as database:
        try:
            assert database.stdout is not None
            url = json.loads(database.stdout.readline())["urls"]["motcua"]
            environment["MOTCUA_DATABASE_URL"] = url
            subprocess.run([sys.executable, "-m", "motcua.cli", "prepare"], env=environment, check=True, cwd=CHECKOUT)
            _fill(url, count)
            first = _run(PUBLISH, environment, AS_OF)
            page = _run(PAGE, environment) if pages else None
            same = _run(PUBLISH, environment, LATER)
            _execute(url, CHANGE, as_of=LATER)
            changed = _run(PUBLISH, environment, LATER)
        finally:
            database.terminate()
    folder = home / "feeds" / "v1" / "versions"
    snapshot = (folder / "00000001" / "dossiers.jsonl.gz").stat().st_size
    delta = (folder / "00000002" / "delta.jsonl.gz").stat().st_size
    return [
        (f"{count} dossiers: first version", f"{first['seconds']:.1f} s, {first['mib']} MiB", " ".join(bars).strip()),
        *([("  page", f"{page['seconds']:.1f} s", "≤ 15 s")] if page else []),
        ("  nothing changed", f"{same['seconds']:.1f} s, version {same['seq']}", "≤ 2 s, version 1" if pages else ""),
        (f"  {changed['changed']} changed", f"{changed['seconds']:.1f} s", "≤ 5 s" if pages else ""),
        ("  delta ÷ snapshot", f"{delta / snapshot:.2%}", "≤ 2 %"),
    ]


def _fill(url: str, count: int) -> None:
    registry = load_registry()
    procedures = [code for code, one in registry.procedures.items() if not one.sensitive]
    agencies = sorted(registry.units)
    _execute(url, DOSSIERS, procedures=procedures, agencies=agencies, count=count, steps=STEPS_A_DOSSIER, as_of=AS_OF)
    _execute(url, STEPS, steps=STEPS_A_DOSSIER)
    _execute(url, "ANALYZE")


def _execute(url: str, statement: str, **values: object) -> None:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(statement.encode(), values or None)


def _run(program: str, environment: dict[str, str], *arguments: str) -> dict:
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT)
    return json.loads(done.stdout.splitlines()[-1])
