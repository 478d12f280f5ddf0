"""The ledger of a cycle, kept beside the pages: the archive then says by itself what was read and merged."""

from __future__ import annotations

import sqlalchemy as sa

from motcua.connections import Connections
from motcua.settings import Settings
from motcua.steps import place
from motcua.warehouse import kept


def keep_ledger(engine: sa.Engine, settings: Settings, connections: Connections, cycle_id: int) -> None:
    """Keeps what became of the cycle's batches so far; whoever comes second knows what the first did."""
    with engine.begin() as connection:
        document = kept.document(connection, cycle_id)
        place.kept_ledgers(settings, connections).keep(cycle_id, document)
