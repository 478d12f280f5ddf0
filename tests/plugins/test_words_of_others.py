"""What stands where a code should, and the portal's own words: shown as far as offices are told them, no further."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

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
DOSSIER = sa.text("""
INSERT INTO core.dossier (code, lead_source_id, agency_code, supplements, steps, deleted, source_changed_at,
                          content_sha256, version, recorded_at, status)
VALUES (:code, :source, 'H24.33.05', 0, 0, false, :at, '\\xab', 1, :at, 4)
""")
REJECTED = sa.text("""
INSERT INTO core.delivery (code, version, service, state, portal_code, portal_message, queued_at)
VALUES (:code, 1, 'DongBoHoSoMC', 'rejected', '-4', :said, :at)
""")
STOPPED = sa.text("""
UPDATE core.sender SET closed_until = :until, reason = :said, doubt = :said, doubted_at = :until,
       drained = jsonb_build_object('stopped', CAST(:said AS text))
""")
RECONCILED = sa.text("""
INSERT INTO core.reconciliation (as_of, started_at, ended_at, stopped) VALUES (:until, :until, :until, :said)
""")

REFUSED_FIELDS = sa.text("""
INSERT INTO core.quarantine (source_id, identity, rule, field, severity, owner, page_sha256, page_row, batch_id,
                             first_seen, last_seen, attempts, is_primary)
SELECT :source, '#' || i, 'wrong_type', 'own ' || i, 'critical', 'motcua', repeat('cd', 32), 7, '1', :at, :at, 1, true
FROM generate_series(CAST(:first AS int), CAST(:last AS int)) AS i
""")
ISSUE_FIELDS = sa.text("""
INSERT INTO core.issue (source_id, code, rule, field, severity, owner, page_sha256, batch_id, first_seen, last_seen)
SELECT :source, '', 'unknown_field', 'own ' || i, 'warning', 'motcua', '', '1', :at, :at
FROM generate_series(CAST(:first AS int), CAST(:last AS int)) AS i
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


def test_the_portals_words_are_shown_without_people_in_them_and_not_endless(
    asking: TestClient, settings: Settings
) -> None:
    code = "000.05.33.H24-181012-0001"
    said = f"Hồ sơ {code}: gọi 0912.345.678, 0912 345 678, 031-090-001-234, viết an@example.vn " + "rất dài " * 100
    execute(settings, DOSSIER, {"code": code, "source": SOURCE, "at": AS_OF})
    execute(settings, REJECTED, {"code": code, "said": said, "at": AS_OF})
    for statement in (STOPPED, RECONCILED):
        execute(settings, statement, {"said": said, "until": AS_OF + timedelta(hours=1)})
    shown = text(page(asking, "/hang-doi?state=rejected"))
    # why the breaker is open, the doubt, the last drain, a reconciliation, the reason, the delivery
    assert shown.count(f"Hồ sơ {code}: gọi …, …, …, viết … rất dài") == 6
    assert shown.count("rất dài") < 6 * 300 / len("rất dài ")


@pytest.mark.parametrize("rule", ["x\nCRITICAL all is lost", "x" * 61, "Đúng hạn", "<b>"])
def test_a_rule_that_cannot_be_one_is_not_found_and_not_logged(
    asking: TestClient, caplog: pytest.LogCaptureFixture, rule: str
) -> None:
    found = asking.get(f"{PREFIX}/cach-ly", params={"rule": rule})
    assert found.status_code == 404
    assert [one for one in caplog.messages if "has no sentence" in one] == []
    assert asking.get(f"{PREFIX}/cach-ly", params={"rule": "x" * 60}).status_code == 200


@pytest.mark.parametrize(("section", "insert"), [("refused", REFUSED_FIELDS), ("issues", ISSUE_FIELDS)])
def test_a_source_with_endless_fields_of_its_own_has_a_page_of_the_usual_size(
    asking: TestClient, settings: Settings, section: str, insert: sa.TextClause
) -> None:
    def told(language: str) -> tuple[int, str]:
        (found,) = page(asking, f"/nguon/{SOURCE}?lang={language}").xpath(
            f"//section[@aria-labelledby='{section}-title']"
        )
        return len(found.xpath(".//tbody/tr")), text(found)

    execute(settings, insert, {"source": SOURCE, "at": AS_OF, "first": 1, "last": 100})
    rows, words = told("vi")
    assert (rows, "dòng khác" in words) == (100, False)
    execute(settings, insert, {"source": SOURCE, "at": AS_OF, "first": 101, "last": 1_334})
    rows, words = told("vi")
    assert (rows, words.endswith("và 1.234 dòng khác")) == (100, True)
    assert told("en")[1].endswith("and 1,234 more rows")
