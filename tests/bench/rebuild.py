"""The warehouse rebuilt from the archive, as of three moments, against the first reading and what it said then."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import psycopg
from psycopg import sql

from tests.bench.stack import CHECKOUT, BenchStack, running, stages
from tests.bench.whole_city import Rows

MOMENTS = ("2018-11-09T17:00:00+07:00", "2018-12-10T17:00:00+07:00", "2018-12-25T17:00:00+07:00")
# what a merge writes, but for ledgers and clocks; a batch is merged again at another time of the day
FACTS = (
    "core.source_dossier", "core.dossier", "core.dossier_version", "core.claim", "core.quarantine", "core.issue",
    "core.source_state", "core.source_day", "private.applicant", "private.step", "private.supplement",
)  # fmt: skip


def measure(home: Path, scale: float) -> Rows:
    """Reads the city as of three moments, then rebuilds each."""
    with running(home, scale=scale, as_of=MOMENTS[0]) as stack:
        reading = []
        for moment in MOMENTS:
            stack.move_clock(moment[:16] + ":00")
            cycle = stack.cycle("--no-push", as_of=moment)
            reading.append(cycle["whole_seconds"] - stages(cycle)["publish"]["seconds"])
            _keep(stack, moment)
        rows = [("first reading, without publication", f"{reading[0]:.1f} s", "")]
        for number, moment in enumerate(MOMENTS):
            seconds, done = _rebuild(stack, moment)
            rows += [
                (f"as of {moment}", f"{seconds:.1f} s", f"≤ {sum(reading[: number + 1]):.1f} s, as it was read"),
                ("  dossiers / versions", f"{done['dossiers']} / {done['versions']}", ""),
                ("  rows that differ", str(_differences(stack, moment, done["schema"])), "0"),
            ]
    return rows


def _rebuild(stack: BenchStack, moment: str) -> tuple[float, dict]:
    command = [sys.executable, "-m", "motcua.cli", "rebuild", "--as-of", moment, "--json"]
    began = time.monotonic()
    done = subprocess.run(
        command, env=stack.environment, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        cwd=CHECKOUT,
    )  # fmt: skip
    return time.monotonic() - began, json.loads(done.stdout)


def _keep(stack: BenchStack, moment: str) -> None:
    """Copies every fact aside, as it was said at a moment."""
    with psycopg.connect(stack.database_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(_kept(moment))))
        for fact in FACTS:
            schema, table = fact.split(".")
            kept, said = sql.Identifier(_kept(moment), table), sql.Identifier(schema, table)
            connection.execute(sql.SQL("CREATE TABLE {} AS TABLE {}").format(kept, said))


def _differences(stack: BenchStack, moment: str, schema: str) -> int:
    found = 0
    with psycopg.connect(stack.database_url.replace("+psycopg", "")) as connection:
        for fact in FACTS:
            table = fact.split(".")[1]
            said, again = sql.Identifier(_kept(moment), table), sql.Identifier(schema, table)
            for one, other in ((said, again), (again, said)):
                query = sql.SQL("SELECT count(*) FROM (TABLE {} EXCEPT ALL TABLE {}) AS rows").format(one, other)
                row = connection.execute(query).fetchone()
                assert row is not None
                found += int(row[0])
    return found


def _kept(moment: str) -> str:
    return f"said_{moment[:10].replace('-', '')}"
