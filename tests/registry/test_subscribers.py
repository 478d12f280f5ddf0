"""`subscribers.yaml`: who is told when the feed moves, and what is refused, with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from motcua.errors import ConfigError
from motcua.registry import load_registry
from motcua.registry.model import Subscriber

ENTRY = "- {id: cong_thanh_pho, name: Cổng thông tin điện tử thành phố, connection: subscriber_city}\n"


def test_without_the_file_nobody_is_told() -> None:
    assert load_registry().subscribers == {}


def test_each_subscriber_has_a_name_and_a_connection(tmp_path: Path) -> None:
    (tmp_path / "subscribers.yaml").write_text(f"subscribers:\n{ENTRY}", encoding="utf-8")
    registry = load_registry(tmp_path)
    assert registry.subscribers == {
        "cong_thanh_pho": Subscriber(
            id="cong_thanh_pho", name="Cổng thông tin điện tử thành phố", connection="subscriber_city"
        )
    }
    assert registry.fingerprint_of_verdicts == load_registry().fingerprint_of_verdicts


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("- {id: Cong, name: x, connection: y}", "id: expected a name such as cong_thanh_pho"),
        ("- {id: b, name: ' ', connection: y}", "name: expected a text, got ' '"),
        ("- {id: b, name: x, connection: 'https://cong.vn'}", "connection: expected a name such as"),
        ("- {id: b, name: x}", "missing: connection; expected the keys id, name, connection"),
        ("- {id: b, name: x, connection: y, url: z}", "unknown key 'url'; allowed: connection, id, name"),
        ("- {id: cong_thanh_pho, name: x, connection: y}", "subscriber 'cong_thanh_pho' stands twice"),
        ("- {id: b, name: x, connection: subscriber_city}", "connection 'subscriber_city' stands twice"),
        ("- cong", "expected a mapping of keys to values, got 'cong'"),
    ],
)
def test_what_is_wrong_is_refused_with_its_line(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "subscribers.yaml").write_text(f"subscribers:\n{ENTRY}{line}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_registry(tmp_path)
    assert f"subscribers.yaml:3: {said}" in str(caught.value)


def test_a_file_without_its_list_is_refused(tmp_path: Path) -> None:
    (tmp_path / "subscribers.yaml").write_text("members: []\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="missing: subscribers; expected a list"):
        load_registry(tmp_path)
