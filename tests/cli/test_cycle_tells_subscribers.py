"""A cycle tells the feed's subscribers what it has published, whatever becomes of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.shell import AS_OF, Shell, environment_of, motcua
from tests.publishing.notices.receiver import SECRET, receiving
from tests.sandbox.city_client import CityClient

pytestmark = pytest.mark.slow


def test_whoever_listens_is_told_and_whoever_does_not_stops_nothing(
    shell: Shell, city: CityClient, tmp_path: Path
) -> None:
    registry = tmp_path / "registry"
    registry.mkdir()
    (registry / "subscribers.yaml").write_text(
        "subscribers:\n- {id: a, name: Cổng A, connection: of_a}\n- {id: b, name: Cổng B, connection: of_b}\n",
        encoding="utf-8",
    )
    with receiving() as receiver:
        known = json.loads(shell.connections.read_text(encoding="utf-8"))
        known["of_a"] = {"conn_type": "http", "host": receiver.url, "password": SECRET}
        (tmp_path / "connections.json").write_text(json.dumps(known), encoding="utf-8")  # of_b is nowhere
        told = {"MOTCUA_REGISTRY": str(registry), "MOTCUA_CONNECTIONS": str(tmp_path / "connections.json")}
        done = motcua(
            "cycle", "--source", "an_duong.huyen", "--no-push", *AS_OF, **environment_of(shell.settings), **told
        )
        (notice,) = receiver.came
        notice.verify()
    assert done.returncode == 0, done.stderr
    assert "told the feed's subscribers: {'accepted': 1, 'waiting': 0, 'rejected': 0, 'given_up': 0," in done.stderr
    assert "subscriber b is not told: connection of_b is not defined" in " ".join(done.stderr.split())
    assert notice.body == (shell.settings.home / "feeds" / "v1" / "index.json").read_bytes()
