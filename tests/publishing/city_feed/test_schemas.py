"""Every JSON file of a feed keeps to the schema that is published beside it."""

from __future__ import annotations

from datetime import datetime, timedelta

import orjson
import pytest
from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from motcua.errors import PublicationRefused

from tests.publishing.city_feed.feed import NEXT_DAY, Feed, code
from tests.publishing.city_feed.loading import held_back
from tests.warehouse.builders import AS_OF, row

# rows whose values are as varied as the warehouse lets them be
ROWS = [
    row(code=code(1)),
    row(code=code(2), status=1, received_at=None, due_at=None, due_source=None, channel=None, service_level=None),
    row(code=code(3), status=10, finished_at=AS_OF, returned_at=AS_OF, due_source="computed", channel=3),
    row(code=code(4), status=7, procedure_code=None),
    row(code=code(5), status=5, supplements=2, procedure_code="9.999999", agency_code="H24.99.99"),
]
SCHEMAS = ("agencies", "delta", "dossier", "index", "keys", "lookup", "manifest", "status", "tombstone")
FORMATS = FormatChecker(formats=["date"])


@FORMATS.checks("date-time", ValueError)
def _has_zone(text: object) -> bool:
    return not isinstance(text, str) or datetime.fromisoformat(text).tzinfo is not None


@pytest.fixture
def published(feed: Feed) -> Feed:
    feed.load(*ROWS, quarantine=[held_back(code(9))])
    feed.publish(next_expected=AS_OF + timedelta(minutes=15))
    return feed


def check(feed: Feed, schema: str, value: object) -> None:
    Draft202012Validator(feed.json(f"schema/{schema}.schema.json"), format_checker=FORMATS).validate(value)


def test_schemas_are_schemas(published: Feed) -> None:
    names = {path.name for path in (published.folder / "schema").glob("*.schema.json")}
    assert names == {f"{name}.schema.json" for name in SCHEMAS}
    for name in names:
        Draft202012Validator.check_schema(published.json(f"schema/{name}"))


@pytest.mark.parametrize("name", ["index", "status", "keys"])
def test_pointer_heartbeat_and_keys_keep_to_their_schemas(published: Feed, name: str) -> None:
    check(published, name, published.json(f"{name}.json"))


@pytest.mark.parametrize("name", ["manifest", "agencies"])
def test_files_of_a_version_keep_to_their_schemas(published: Feed, name: str) -> None:
    check(published, name, published.json(f"versions/00000001/{name}.json"))


def test_rows_keep_to_their_schema(published: Feed) -> None:
    rows = published.rows()
    assert len(rows) == len(ROWS)
    for dossier in rows:
        check(published, "dossier", dossier)


def test_look_ups_keep_to_their_schema(published: Feed) -> None:
    shards = published.files("lookup")
    for body in shards.values():
        check(published, "lookup", orjson.loads(body))
    assert sum(len(orjson.loads(body)["dossiers"]) for body in shards.values()) == len(ROWS)


def test_schema_names_the_columns_of_a_row_in_their_order(published: Feed) -> None:
    schema = published.json("schema/dossier.schema.json")
    assert list(schema["properties"]) == schema["required"] == list(published.rows()[0])
    with pytest.raises(ValidationError, match="Additional properties are not allowed"):
        check(published, "dossier", published.rows()[0] | {"applicant": "x"})


def test_status_of_a_refused_version_keeps_to_its_schema(published: Feed) -> None:
    published.load(*(row(code=code(number), deleted=True, source_changed_at=AS_OF) for number in range(1, 6)))
    with pytest.raises(PublicationRefused):
        published.publish(NEXT_DAY)
    status = published.json("status.json")
    assert status["state"] == "gate_failed"
    check(published, "status", status)
