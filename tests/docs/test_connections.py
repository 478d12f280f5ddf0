"""The table of connections in docs/settings.md says what `motcua doctor` asks for, and the other way round."""

from __future__ import annotations

import re

import pytest
from motcua.registry import load_registry
from motcua.registry.sources import PLATFORMS
from motcua.steps.needed import KINDS, needed

from tests.docs.markdown import CHECKOUT

# those of alerts are Airflow's notifiers' own, in their formats
TABLE = {
    name: row
    for row in (CHECKOUT / "docs" / "settings.md").read_text(encoding="utf-8").splitlines()
    for name in re.findall(r"^\| `((?:\w+_(?:<group>|…))|government_portal|motcua_(?!alerts_)\w+)`", row)
}
# fields that have a column of their own, and so need no name in the row
COLUMNS = {"host", "login", "password"}


def test_every_kind_of_connection_has_its_row_and_no_other_is_described() -> None:
    assert TABLE.keys() == KINDS.keys()
    assert {f"{platform}_<group>" for platform in PLATFORMS} < KINDS.keys()


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_names_all_that_its_connections_must_say(kind: str) -> None:
    asked = {name for one in KINDS[kind].required for name in one.split("|")} - COLUMNS
    assert {name for name in asked if f"`{name}`" not in TABLE[kind] and name not in words(TABLE[kind])} == set()


@pytest.mark.parametrize("kind", [kind for kind, found in KINDS.items() if found.is_optional])
def test_what_may_be_left_out_is_said_to_be(kind: str) -> None:
    assert f"Without `{kind}`" in (CHECKOUT / "docs" / "settings.md").read_text(encoding="utf-8")


def test_an_installation_needs_each_connection_once() -> None:
    registry = load_registry()
    sources = {source.id: source.connection for source in registry.sources.values()}
    found = needed(registry, sources)
    assert len({one.id for one in found}) == len(found)
    assert {source for one in found for source in one.sources} == sources.keys()


def words(row: str) -> set[str]:
    """Names in lists within one pair of backquotes."""
    return {word for part in re.findall(r"`([^`]+)`", row) for word in re.split(r"[, ]+", part)}
