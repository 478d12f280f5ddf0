"""A warehouse as full as wanted, made up by the database itself in seconds: every source of the registry, most of them
well, some down, held, late or never read. Codes and counts mean nothing; shapes and shares are those of the city."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from motcua import warehouse
from motcua.registry import Registry
from motcua.settings import Settings
from motcua.steps.cycles import in_force

AS_OF = datetime(2018, 12, 25, 10, tzinfo=UTC)
_STATEMENTS = Path(__file__).with_suffix(".sql")
# what is written into words of the ledger by whoever controls a source
HOSTILE = '<script>alert("x")</script><b onmouseover=alert(1)>&amp;'
DOWN, HELD, LATE, NEVER = "le_chan.an_bien", "le_chan.cat_dai", "le_chan.lam_son", "le_chan.an_duong"
PAUSED = "le_chan.ho_nam"


def fill(settings: Settings, registry: Registry, *, dossiers: int, as_of: datetime = AS_OF) -> None:
    """`dossiers` of all sources together, with their batches, days, refusals, deliveries and versions."""
    sources = [source.id for source in in_force(registry, as_of)]
    values = {
        "sources": sources, "each": max(1, dossiers // len(sources)), "as_of": as_of, "hostile": HOSTILE,
        "down": DOWN, "held": HELD, "late": LATE, "never": NEVER, "paused": PAUSED,
    }  # fmt: skip
    engine = warehouse.engine(settings, None)
    with engine.begin() as connection:
        for statement in _STATEMENTS.read_text(encoding="utf-8").split(";\n"):
            connection.execute(sa.text(statement), values)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM ANALYZE"))  # as autovacuum leaves it
    engine.dispose()
