"""What figures are counted from: the living dossiers with nothing but what decides where and how they count."""

from __future__ import annotations

import pandas as pd
import sqlalchemy as sa

_DOSSIERS = sa.text("SELECT agency_code, status, due_at, finished_at FROM dossier WHERE NOT deleted")
_COUNT = sa.text("SELECT count(*) FROM dossier WHERE NOT deleted")


def living_dossiers(connection: sa.Connection) -> tuple[pd.DataFrame, int]:
    """`agency_code, status` (Int16), `due_at, finished_at` (UTC) of every dossier, and how many the warehouse counts.

    Sensitive procedures are among them: figures of this are for the city's offices, not for the public.
    """
    connection.execution_options(isolation_level="REPEATABLE READ")
    found = connection.execute(_DOSSIERS)
    frame = pd.DataFrame(list(map(tuple, found)), columns=list(found.keys()))
    for moment in ("due_at", "finished_at"):
        frame[moment] = pd.to_datetime(frame[moment], utc=True)
    return frame.astype({"agency_code": "str", "status": "Int16"}), connection.execute(_COUNT).scalar_one()
