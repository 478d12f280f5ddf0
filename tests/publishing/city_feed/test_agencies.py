"""The state of each agency's data: the first that holds, with its reason in the readers' language."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta

import pytest
from motcua.registry import Source
from motcua.warehouse import ledger

from tests.publishing.city_feed.feed import Feed, code
from tests.publishing.city_feed.loading import AGENCY, SOURCE, held_back
from tests.warehouse.builders import AS_OF, row

pytestmark = pytest.mark.slow

DISTRICT = "H24.33"
REASONS = {
    "closed": "Đơn vị đã ngừng hoạt động",
    "never_connected": "Chưa kết nối nguồn dữ liệu",
    "held": "Số liệu thay đổi bất thường, đang chờ xác nhận; đang dùng số liệu lần trước",
    "source_down": "Nguồn dữ liệu không phản hồi; đang dùng số liệu lần trước",
    "stale": "Số liệu cập nhật chậm hơn lịch",
    "empty": "Chưa có hồ sơ",
    "fresh": None,
}


def told(feed: Feed) -> tuple[str, str | None]:
    agency = feed.agency(AGENCY)
    assert agency["reason"] == REASONS[agency["data_state"]]
    return agency["data_state"], agency["data_as_of"]


def fail_to_read(feed: Feed, as_of: datetime = AS_OF) -> None:
    with feed.pipeline.begin() as connection:
        number = ledger.open_cycle(connection, run_key="down", as_of=as_of, is_full=False, sources=1)
        ledger.record_failed(
            connection, batch_id=f"{number}.{SOURCE}", at=ledger.cycle(connection, number), source_id=SOURCE,
            kind="window", window=(None, as_of), error_kind="TIMEOUT", error="no answer",
        )  # fmt: skip


def hold(feed: Feed) -> None:
    feed.execute("UPDATE core.source_state SET state = 'held' WHERE source_id = :source_id", source_id=SOURCE)


def change_sources(feed: Feed, *sources: Source) -> None:
    others = {key: source for key, source in feed.registry.sources.items() if key != SOURCE}
    feed.registry = replace(feed.registry, sources=others | {source.id: source for source in sources})


def test_agency_row_is_the_contracts(feed: Feed) -> None:
    feed.load(row(code=code(1)), row(code=code(2)), quarantine=[held_back(code(3)), held_back(code(4))])
    feed.publish()
    assert feed.agency(AGENCY) == {
        "agency_code": AGENCY, "name": "UBND phường An Biên", "kind": "ward", "parent": DISTRICT,
        "valid_from": "2017-10-15", "valid_to": None, "data_state": "fresh", "data_as_of": "2018-12-25T17:00:00+07:00",
        "reason": None, "dossiers": 2, "quarantined": 2,
    }  # fmt: skip


def test_every_agency_of_the_day_stands_in_order(feed: Feed) -> None:
    feed.publish()
    codes = [row["agency_code"] for row in feed.json("versions/00000001/agencies.json")]
    assert codes == sorted(feed.registry.units_on(AS_OF.date()))
    assert told(feed) == ("never_connected", None)


def test_source_that_never_answered_is_never_connected(feed: Feed) -> None:
    fail_to_read(feed)
    feed.publish()
    assert told(feed) == ("never_connected", None)
    assert feed.json("status.json")["sources"] == {"ok": 0, "down": 1, "held": 0}


def test_source_that_stopped_answering_is_down_and_keeps_its_rows(feed: Feed) -> None:
    feed.load(row())
    fail_to_read(feed, AS_OF + timedelta(minutes=15))
    feed.publish(AS_OF + timedelta(minutes=15))
    assert told(feed) == ("source_down", "2018-12-25T17:00:00+07:00")
    assert feed.agency(AGENCY)["dossiers"] == 1


def test_mass_change_that_waits_for_a_person_is_held(feed: Feed) -> None:
    feed.load(row())
    hold(feed)
    feed.publish()
    assert told(feed)[0] == "held"
    assert feed.json("status.json")["sources"] == {"ok": 0, "down": 0, "held": 1}


def test_agency_without_dossiers_is_empty(feed: Feed) -> None:
    feed.load()
    feed.publish()
    assert told(feed) == ("empty", "2018-12-25T17:00:00+07:00")


def test_agency_whose_dossiers_are_all_held_back_is_not_empty(feed: Feed) -> None:
    feed.load(quarantine=[held_back()])
    feed.publish()
    assert told(feed)[0] == "fresh"


@pytest.mark.parametrize(
    ("read_at", "state"),
    [
        (datetime.fromisoformat("2018-12-25T16:30:00+07:00"), "fresh"),
        (datetime.fromisoformat("2018-12-25T16:29:59+07:00"), "stale"),
    ],
)
def test_reading_older_than_twice_its_schedule_is_stale(feed: Feed, read_at: datetime, state: str) -> None:
    feed.load(row(), as_of=read_at)
    feed.publish()
    assert told(feed) == (state, read_at.isoformat())


def test_night_does_not_make_a_reading_stale(feed: Feed) -> None:
    feed.load(row())
    feed.publish(datetime.fromisoformat("2018-12-26T07:30:00+07:00"))
    assert told(feed)[0] == "fresh"
    feed.publish(datetime.fromisoformat("2018-12-26T07:30:01+07:00"))
    assert told(feed)[0] == "stale"


def test_source_that_may_be_read_at_night_alone_is_not_stale_by_day(feed: Feed) -> None:
    change_sources(feed, replace(feed.registry.sources[SOURCE], allowed=((time(20), time(6)),)))
    feed.load(row(), as_of=datetime.fromisoformat("2018-12-25T05:00:00+07:00"))
    feed.publish(datetime.fromisoformat("2018-12-25T17:00:00+07:00"))
    assert told(feed)[0] == "fresh"
    feed.publish(datetime.fromisoformat("2018-12-27T17:00:00+07:00"))
    assert told(feed)[0] == "stale"


def test_source_that_is_paused_grows_old_all_the_same(feed: Feed) -> None:
    change_sources(feed, replace(feed.registry.sources[SOURCE], paused=True))
    feed.load(row(), as_of=datetime.fromisoformat("2018-12-24T17:00:00+07:00"))
    feed.publish()
    assert told(feed)[0] == "stale"


def test_source_that_ended_closes_its_agency_whatever_else_holds(feed: Feed) -> None:
    feed.load(row())
    hold(feed)
    change_sources(feed, replace(feed.registry.sources[SOURCE], until=date(2018, 12, 25)))
    feed.publish()
    assert told(feed) == ("closed", "2018-12-25T17:00:00+07:00")


def test_source_that_took_over_speaks_for_its_agency(feed: Feed) -> None:
    old = replace(feed.registry.sources[SOURCE], until=date(2018, 12, 1))
    change_sources(feed, old, replace(old, id="le_chan.moved", until=None))
    feed.load(row(), as_of=AS_OF - timedelta(days=30))
    feed.load(row(), source_id="le_chan.moved")
    feed.publish()
    assert told(feed) == ("fresh", "2018-12-25T17:00:00+07:00")


def test_worst_of_several_sources_counts(feed: Feed) -> None:
    change_sources(feed, feed.registry.sources[SOURCE], replace(feed.registry.sources[SOURCE], id="le_chan.more"))
    feed.load(row(), as_of=AS_OF - timedelta(minutes=15))
    feed.load(row(), source_id="le_chan.more")
    hold(feed)
    feed.publish()
    assert told(feed) == ("held", "2018-12-25T16:45:00+07:00")


def test_source_that_the_registry_has_no_more_counts_nowhere(feed: Feed) -> None:
    feed.load(row())
    hold(feed)
    change_sources(feed)
    feed.publish()
    assert feed.json("status.json")["sources"] == {"ok": 0, "down": 0, "held": 0}
    assert (feed.json("index.json")["sources_ok"], feed.json("index.json")["sources_total"]) == (0, 257)


def test_held_back_row_without_an_agency_counts_for_its_sources_unit(feed: Feed) -> None:
    feed.load(quarantine=[held_back(code(1), agency_code=None), held_back("#ab", agency_code="H24.99.99")])
    feed.publish()
    assert feed.agency(AGENCY)["quarantined"] == 2


def test_held_back_dossier_counts_once_and_until_it_is_settled(feed: Feed) -> None:
    rules = [held_back(code(1)), held_back(code(1), rule="code_shape", field="code", is_primary=False)]
    feed.load(quarantine=rules)
    feed.publish()
    assert feed.agency(AGENCY)["quarantined"] == 1
    feed.load(row(code=code(1)))
    feed.publish()
    assert feed.agency(AGENCY)["quarantined"] == 0
    assert feed.agency(AGENCY)["dossiers"] == 1


def test_unit_that_is_no_more_has_no_row(feed: Feed) -> None:
    ended = replace(feed.registry.units[AGENCY], valid_to=AS_OF.date())
    feed.registry = replace(
        feed.registry,
        units={**feed.registry.units, AGENCY: ended},
        history={**feed.registry.history, AGENCY: (ended,)},
    )
    feed.load(row())
    feed.publish()
    assert AGENCY not in {agency["agency_code"] for agency in feed.json("versions/00000001/agencies.json")}
    assert [dossier["agency_name"] for dossier in feed.rows()] == ["UBND phường An Biên"]
