"""What a connection of `sql_view` must say before anybody is asked."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from motcua.connections import Connection
from motcua.errors import ConfigError
from motcua.platforms import PLATFORMS, Window
from motcua.registry import Source

SOURCE = Source(
    id="kien_an.quan", group="kien_an", units=("000.00.35.H24",), platform="sql_view", connection="office"
)  # fmt: skip


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({}, "dialect is missing"),
        ({"dialect": "oracle"}, "dialect: expected postgresql or mysql, got another word"),
        ({"dialect": "mysql", "search_path": "mot_cua"}, "search_path: MariaDB and MySQL have none"),
        ({"dialect": "postgresql", "ca": "/nowhere/ca.pem"}, "ca: /nowhere/ca.pem is no file"),
        ({"dialect": "mysql", "ca": "/nowhere/ca.pem"}, "ca: /nowhere/ca.pem is no file"),
    ],
)
def test_connection_that_cannot_be_is_a_mistake_of_ours(extra: dict[str, str], message: str) -> None:
    connection = Connection(id="office", host="127.0.0.1", schema="a", login="b", password="c", extra=extra)
    window = Window(since=None, until=datetime(2018, 12, 25, tzinfo=UTC))
    with pytest.raises(ConfigError, match=f"^connection office: {message}"):
        PLATFORMS["sql_view"].read_listing(SOURCE, connection, window, keep=lambda _: "")
