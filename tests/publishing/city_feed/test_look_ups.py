"""Look-up shards: the right file, whole, with times and public names, and rewritten only where something changed."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pandas as pd
import pytest

from tests.publishing.city_feed.feed import NEXT_DAY, Feed, code
from tests.publishing.city_feed.loading import AGENCY, SOURCE
from tests.warehouse.builders import AS_OF, row

pytestmark = pytest.mark.slow


def shard(dossier: str) -> str:
    return f"lookup/{hashlib.sha256(dossier.encode()).hexdigest()[:3]}.json"


def neighbour(dossier: str) -> str:
    """Another code of the same shard."""
    return next(other for other in map(code, count(2)) if shard(other) == shard(dossier))


def step(dossier: str, at: datetime, status: int) -> dict[str, object]:
    return {"source_id": SOURCE, "code": dossier, "at": at, "status": status, "n": 1}


def test_entry_has_the_facts_of_the_row_with_times(feed: Feed) -> None:
    night = datetime(2018, 12, 21, 17, 30, 59, 999000, tzinfo=UTC)
    feed.load(row(code=code(1), submitted_at=night, received_at=None, status=1, due_at=None, due_source=None))
    feed.publish()
    assert feed.json(shard(code(1))) == {
        "seq": 1,
        "as_of": "2018-12-25T17:00:00+07:00",
        "dossiers": {
            code(1): {
                "procedure_code": "1.001193", "procedure_name": "Thủ tục đăng ký khai sinh",
                "field": feed.registry.procedures["1.001193"].field_name, "agency_code": AGENCY,
                "agency_name": "UBND phường An Biên", "unit_code": "11371", "channel": 1, "service_level": 2,
                "submitted_at": "2018-12-22T00:30:59+07:00", "received_at": None, "due_at": None, "due_source": None,
                "finished_at": None, "returned_at": None, "status": 1, "progress": "not_received", "supplements": 0,
                "updated_at": "2018-12-23T17:00:00+07:00",
                "steps": [{"at": "2018-12-23T17:00:00+07:00", "agency": "UBND phường An Biên", "status": 1}],
            }
        },
    }  # fmt: skip
    assert list(feed.files("lookup")) == [shard(code(1)).removeprefix("lookup/")]


def test_steps_stand_in_the_order_of_time(feed: Feed) -> None:
    moments = [AS_OF - timedelta(hours=hours) for hours in (1, 3, 2)]
    steps = [step(code(1), at, status) for at, status in zip(moments, (9, 2, 4), strict=True)]
    feed.load(row(code=code(1), steps=3), steps=pd.DataFrame(steps))
    feed.publish()
    assert [(one["at"], one["status"]) for one in feed.json(shard(code(1)))["dossiers"][code(1)]["steps"]] == [
        ("2018-12-25T14:00:00+07:00", 2),
        ("2018-12-25T15:00:00+07:00", 4),
        ("2018-12-25T16:00:00+07:00", 9),
    ]


def test_dossier_without_steps_has_an_empty_list(feed: Feed) -> None:
    feed.load(row(code=code(1), steps=0), steps=pd.DataFrame())
    feed.publish()
    assert feed.json(shard(code(1)))["dossiers"][code(1)]["steps"] == []


def test_agency_that_the_registry_lacks_has_no_name(feed: Feed) -> None:
    feed.load(row(code=code(1), agency_code="H24.99.99"))
    feed.publish()
    entry = feed.json(shard(code(1)))["dossiers"][code(1)]
    assert (entry["agency_code"], entry["agency_name"], entry["unit_code"]) == ("H24.99.99", None, None)
    assert [one["agency"] for one in entry["steps"]] == [None]


def test_agency_is_named_as_it_was_on_the_day(feed: Feed) -> None:
    unit = feed.registry.units[AGENCY]
    until = NEXT_DAY.date()
    later = replace(unit, name="UBND phường Mới", unit_code="99999", valid_from=until)
    spans = (replace(unit, valid_to=until), later)
    feed.registry = replace(
        feed.registry,
        units={**feed.registry.units, AGENCY: later},
        history={**feed.registry.history, AGENCY: spans},
    )
    feed.load(row(code=code(1)))
    named = []
    for as_of in (AS_OF, NEXT_DAY):
        feed.publish(as_of)
        entry = feed.json(shard(code(1)))["dossiers"][code(1)]
        assert entry["agency_name"] == feed.rows()[0]["agency_name"] == feed.agency(AGENCY)["name"]
        named.append((entry["agency_name"], entry["unit_code"], entry["steps"][0]["agency"]))
    assert named == [(unit.name, "11371", unit.name), ("UBND phường Mới", "99999", "UBND phường Mới")]


def test_change_rewrites_its_shard_whole_and_no_other(feed: Feed) -> None:
    first, second = code(1), neighbour(code(1))
    feed.load(row(code=first), row(code=second), row(code=code(2)))
    feed.publish()
    before = feed.files("lookup")
    feed.load(row(code=second, status=9, finished_at=AS_OF, source_changed_at=AS_OF))
    feed.publish(AS_OF + timedelta(minutes=15))
    held = feed.json(shard(first))
    assert (held["seq"], held["as_of"]) == (2, "2018-12-25T17:15:00+07:00")
    assert {key: entry["status"] for key, entry in held["dossiers"].items()} == {first: 4, second: 9}
    changed = {name for name, body in feed.files("lookup").items() if body != before.get(name)}
    assert changed == {shard(first).removeprefix("lookup/")}


def test_deleted_dossier_leaves_its_shard_and_an_empty_shard_goes(feed: Feed) -> None:
    first, second = code(1), neighbour(code(1))
    feed.load(row(code=first), row(code=second), row(code=code(2)))
    feed.publish()
    feed.load(row(code=first, deleted=True), row(code=code(2), deleted=True))
    feed.publish(AS_OF + timedelta(minutes=15), max_drop_share=1.0)
    assert set(feed.files("lookup")) == {shard(first).removeprefix("lookup/")}
    assert set(feed.json(shard(first))["dossiers"]) == {second}
    assert [dossier["code"] for dossier in feed.rows()] == [second]


def test_lost_and_damaged_shards_are_mended_by_the_next_version(feed: Feed) -> None:
    feed.load(row(code=code(1)), row(code=code(2)))
    feed.publish()
    before = {number: feed.json(shard(code(number)))["dossiers"] for number in (1, 2)}
    (feed.folder / shard(code(1))).unlink()
    (feed.folder / shard(code(2))).write_bytes(b'{"seq":1,"doss')
    (feed.folder / "lookup" / "stray.json").write_bytes(b"{}")
    feed.publish(NEXT_DAY - timedelta(hours=16))
    assert {number: feed.json(shard(code(number)))["dossiers"] for number in (1, 2)} == before
    assert len(feed.files("lookup")) == 2
