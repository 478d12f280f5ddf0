"""The list of sources, and a source's page."""

from __future__ import annotations

from starlette.testclient import TestClient

from tests.plugins.conftest import PREFIX


def test_list(client: TestClient) -> None:
    answer = client.get(f"{PREFIX}/")
    assert answer.status_code == 200, answer.text
    assert client.get(f"{PREFIX}/nguon/le_chan.cat_dai").status_code == 200
