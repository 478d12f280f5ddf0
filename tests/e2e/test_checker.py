"""The checker itself: whatever is wrong about one dossier, anywhere, it goes red and names the dossier."""

from __future__ import annotations

import pytest

from tests.e2e.checker import check
from tests.e2e.registry_tables import RegistryTables
from tests.e2e.spoil import KINDS, PLACES, Scene

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("whole_city")]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", PLACES)
def test_checker_names_the_dossier(scene: Scene, tables: RegistryTables, place: str, kind: str):
    prefix, spoil = PLACES[place]
    findings = check(spoil(scene, kind), tables)
    named = {finding.place for finding in findings if finding.code.split()[0] == scene.code}
    assert [where for where in named if where.startswith(prefix)], f"{scene.code}: {findings}"
    assert {finding.code.split()[0] for finding in findings} <= {scene.code, "-", *_agencies(scene)}


def _agencies(scene: Scene) -> set[str]:
    return {str(row["agency_code"]) for row in scene.evidence.feed.agencies}
