"""COPY of whole frames: what goes in comes out, however a frame was put together."""

from __future__ import annotations

import pandas as pd
import psycopg
import pytest
import sqlalchemy as sa
from motcua.warehouse.copying import copy_in

pytestmark = pytest.mark.slow


def test_frames_joined_to_an_empty_one_are_copied_as_they_are(postgres: sa.URL) -> None:
    some = pd.DataFrame({"word": pd.Series(["một", None, ""], dtype="str"), "number": pd.Series([1, 2, 3])})
    frame = pd.concat([some.iloc[:0], some])
    with psycopg.connect(postgres.set(drivername="postgresql").render_as_string(hide_password=False)) as connection:
        connection.execute("CREATE TEMP TABLE copied (word text, number integer)")
        with connection.cursor() as cursor:
            assert copy_in(cursor, "copied", frame) == 3
        assert connection.execute("TABLE copied").fetchall() == [("một", 1), (None, 2), ("", 3)]
