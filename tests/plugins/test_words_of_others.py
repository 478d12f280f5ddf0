"""What stands where a code should, and the portal's own words: shown as far as offices are told them, no further."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from motcua import warehouse
from motcua.registry import Registry
from motcua.settings import Settings
from motcua.steps.tables import identity_of
from starlette.testclient import TestClient

from tests.plugins.conftest import PREFIX, mounted
from tests.plugins.made_up import AS_OF
from tests.plugins.test_sources import page, text

SOURCE = "le_chan.an_bien"
REFUSED = sa.text("""
INSERT INTO core.quarantine (source_id, identity, rule, field, severity, owner, page_sha256, page_row, batch_id,
                             first_seen, last_seen, attempts, is_primary)
VALUES (:source, :identity, 'code_shape', 'code', 'critical', 'office', repeat('cd', 32), 7, '1', :at, :at, 1, true)
""")


@pytest.fixture
def asking(settings: Settings, registry: Registry) -> Iterator[TestClient]:
    """Asks the page of a warehouse that is empty but for what a test puts there."""
    app, ground = mounted(settings, registry)
    with TestClient(app, base_url="http://airflow.test") as client:
        yield client
    ground.engine.dispose()


def execute(settings: Settings, statement: sa.TextClause, *given: dict[str, object]) -> None:
    engine = warehouse.engine(settings, None)
    with engine.begin() as connection:
        connection.execute(statement, given)
    engine.dispose()


@pytest.mark.parametrize("language", ["vi", "en"])
def test_what_stands_in_a_codes_place_is_shown_only_where_it_was_meant_as_one(
    asking: TestClient, settings: Settings, language: str
) -> None:
    meant = ["000.05.33.H24/181012/0001", "H24.33-18101-1"]
    other = ["0912.345.678", "0912-345-678", "031-090-001-234", "B1234567-8"]
    identities = [identity_of(one) for one in [*meant, *other]]
    assert identities == [*meant, *other]  # all are kept as they came: the page is what hides them
    execute(settings, REFUSED, *({"source": SOURCE, "identity": one, "at": AS_OF} for one in identities))
    for query in (f"?source={SOURCE}", "?rule=code_shape", "?owner=office"):
        found = page(asking, f"/cach-ly{query}&lang={language}")
        rows = found.xpath("//section[@aria-labelledby='rows-title']//tbody/tr")
        hidden = "Không có mã (dòng 7 của trang)" if language == "vi" else "Without a code (row 7 of its page)"
        assert sorted(text(row[0]) for row in rows) == sorted([*meant, *[hidden] * len(other)])
    for path in (f"/cach-ly?source={SOURCE}", f"/nguon/{SOURCE}", "/nhat-ky"):
        assert [one for one in other if one in asking.get(f"{PREFIX}{path}").text] == []
