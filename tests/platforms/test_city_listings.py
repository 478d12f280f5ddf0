"""The contract of all five platforms, against the stand-in city: what is read is what its ledger says was listed."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from motcua.connections import Connection
from motcua.errors import SourceChanged, SourceError, SourceRefused, SourceUnavailable
from motcua.mapping import SPECS, columns
from motcua.platforms import PLATFORMS, Listing, Window
from motcua.platforms.base import VIETNAM, Record
from motcua.registry import Registry, Source

from tests.platforms.conftest import ALL
from tests.sandbox.city_client import CityClient

pytestmark = pytest.mark.slow

SOURCES = {
    "igate": "so_nganh.ke_hoach_va_dau_tu", "lgsp": "so_nganh.tai_nguyen_va_moi_truong", "oss_soap": "so_nganh.tu_phap",
    "sql_view": "so_nganh.giao_thong_van_tai", "sftp_register": "cat_hai.xuan_dam",
}  # fmt: skip
# a register has no change times of its own, and says anew in each full file what stood in the last
TIMED = ["igate", "lgsp", "oss_soap", "sql_view"]
REGISTER = "sftp_register"
NEAREST = {
    "igate": timedelta(milliseconds=1), "lgsp": timedelta(seconds=1), "oss_soap": timedelta(seconds=1),
    "sql_view": timedelta(microseconds=1),
}  # fmt: skip
ROWS_A_PAGE = {"igate": 7, "lgsp": 7, "oss_soap": 100, "sql_view": 7}  # of oss_soap always
ANNOUNCES_NOTHING = ("lgsp", "sql_view", REGISTER)
BETWEEN_FILES = datetime.fromisoformat("2018-12-15T17:00:00+07:00")  # between its files
Read = Callable[..., tuple[Listing, Sequence[Record]]]
# what can only be wrong with an answer over HTTP
timed = pytest.mark.parametrize("source", TIMED, indirect=True)
over_http = pytest.mark.parametrize("source", ["igate", "lgsp", "oss_soap"], indirect=True)


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest, registry: Registry) -> Source:
    """A department's source of each platform, read in small pages as fast as it answers."""
    return replace(registry.sources[SOURCES[request.param]], page_size=7, rate_per_second=1_000)


@pytest.fixture
def read(city: CityClient, source: Source, tmp_path_factory: pytest.TempPathFactory) -> Read:
    """Reads the source, or one like it, and gives the listing with its records."""

    def run(window: Window = ALL, of: Source = source, **differs: object) -> tuple[Listing, Sequence[Record]]:
        wanted = replace(of, **differs)  # type: ignore[arg-type]  # a test gives what it means
        platform, kept = PLATFORMS[wanted.platform], {}
        connection = _connection(city, wanted.connection)

        def keep(body: bytes) -> str:
            sha256 = hashlib.sha256(body).hexdigest()
            kept[sha256] = body
            return sha256

        listing = platform.read_listing(wanted, connection, window, keep=keep)
        return listing, [
            record
            for page in listing.pages
            for record in platform.records(kept[page.sha256], source=wanted, note=page.note)
        ]

    return run


def _connection(city: CityClient, name: str) -> Connection:
    fields = city.connections[name]
    known = ("host", "port", "schema", "login", "password", "extra")
    return Connection(id=name, **{field: fields[field] for field in known if field in fields})


def _requests(city: CityClient, source: Source) -> int:
    lines = city.http.get(f"{city.url}/control/ledger/served").json()
    return next(int(line["requests"]) for line in lines if line["source"] == source.id)


def _listed(city: CityClient, *sources: str) -> Counter[str]:
    """Codes as the ledger says they are listed, each as often as it is."""
    listed: Counter[str] = Counter()
    for line in city.ledger():
        if line["source_id"] in sources:
            listed[line["code_listed"]] += 1 + line["duplicate"] + (line["fault"] == "duplicate_in_batch")
    return listed


def _is_whole(city: CityClient, records: Sequence[Record], *sources: Source) -> bool:
    """Whether these are the records of all that the sources list."""
    listed, read = _listed(city, *(source.id for source in sources)), _codes(records, sources[0])
    if sources[0].platform != REGISTER:
        return read == listed
    ids = {source.id for source in sources}
    deleted = {line["code_listed"] for line in city.ledger() if line["source_id"] in ids and line["deleted"]}
    return listed.keys() - deleted <= read.keys() - {""} <= listed.keys()


def _codes(records: Sequence[Record], source: Source) -> Counter[object]:
    code = next(field.path for field in SPECS[source.platform].record if field.column == "code")
    return Counter(record[code] for record in records)


def _changed(record: Record, source: Source) -> datetime:
    spec = SPECS[source.platform]
    return columns.times([record[spec.change_time]], spec.time_formats)[0][0].tz_convert(VIETNAM).to_pydatetime()


def test_everything_that_the_ledger_lists_is_read(city: CityClient, source: Source, read: Read) -> None:
    listing, records = read()
    assert _is_whole(city, records, source)
    assert listing.fetched == len(records) == sum(page.rows for page in listing.pages)
    assert listing.announced == (None if source.platform in ANNOUNCES_NOTHING else len(records))
    assert len(listing.pages) > 1
    if source.platform != REGISTER:
        assert len(listing.pages) == -(-len(records) // ROWS_A_PAGE[source.platform])


def test_second_reading_is_like_the_first(source: Source, read: Read) -> None:
    (first, records), (second, again) = read(), read()
    assert again == records
    assert [page.rows for page in second.pages] == [page.rows for page in first.pages]


def test_every_source_of_a_group_is_read(city: CityClient, registry: Registry, read: Read, source: Source) -> None:
    alike = [one for one in registry.sources.values() if one.connection == source.connection]
    for one in alike:
        assert _is_whole(city, read(of=one)[1], one)


def test_several_units_are_one_listing(city: CityClient, registry: Registry, read: Read, source: Source) -> None:
    """Where offices of one folder write alike, too."""
    alike = [
        one for one in registry.sources.values()
        if (one.connection, one.encoding, one.delimiter) == (source.connection, source.encoding, source.delimiter)
    ][:3]  # fmt: skip
    assert len(alike) > 1
    listing, records = read(units=tuple(unit for one in alike for unit in one.units))
    assert _is_whole(city, records, *alike)
    assert {page.unit for page in listing.pages} == {unit for one in alike for unit in one.units}


def test_windows_side_by_side_hold_every_row_once(source: Source, read: Read) -> None:
    whole = read()[1]
    middle = BETWEEN_FILES if source.platform == REGISTER else _changed(whole[len(whole) // 2], source)
    before = read(Window(since=None, until=middle))[1]
    after = read(Window(since=middle, until=ALL.until))[1]
    assert [*before, *after] == whole
    assert before
    assert after


@timed
def test_window_begins_with_its_first_moment_and_ends_before_its_last(source: Source, read: Read) -> None:
    whole = read()[1]
    middle = _changed(whole[len(whole) // 2], source)
    before = read(Window(since=None, until=middle))[1]
    after = read(Window(since=middle, until=ALL.until))[1]
    assert all(_changed(record, source) < middle for record in before)
    assert _changed(after[0], source) == middle


@timed
def test_window_of_one_moment_holds_its_row(source: Source, read: Read) -> None:
    row = read()[1][3]
    at = _changed(row, source)
    assert row in read(Window(since=at, until=at + NEAREST[source.platform]))[1]
    assert read(Window(since=at, until=at))[1] == []
    assert row not in read(Window(since=at - NEAREST[source.platform], until=at))[1]


@pytest.mark.parametrize("source", ["igate", "lgsp"], indirect=True)
def test_log_in_that_ended_is_renewed(city: CityClient, source: Source, read: Read) -> None:
    whole = read()[1]
    city.misbehave(source=source.id, mode="expired_token", times=1)
    assert read()[1] == whole


@over_http
@pytest.mark.parametrize(
    ("trouble", "kind", "word"),
    [
        ({"mode": "expired_token"}, SourceRefused, "AUTH"),
        ({"mode": "html_login"}, SourceChanged, "PROTOCOL"),
        ({"mode": "truncated_json"}, SourceChanged, "PROTOCOL"),
        ({"mode": "down"}, SourceUnavailable, "UNAVAILABLE"),
        ({"mode": "too_many_requests", "retry_after": "3600"}, SourceUnavailable, "RATE_LIMIT"),
        ({"mode": "slow", "seconds": 3}, SourceUnavailable, "TIMEOUT"),
    ],
    ids=lambda value: value["mode"] if isinstance(value, dict) else "",
)
def test_trouble_is_told_by_its_kind(
    city: CityClient, source: Source, read: Read, trouble: dict[str, object], kind: type[SourceError], word: str
) -> None:
    city.misbehave(source=source.id, **trouble)
    with pytest.raises(SourceError) as caught:
        read(time_budget_seconds=1 if trouble["mode"] == "slow" else 5)
    assert (type(caught.value), caught.value.kind, caught.value.source_id) == (kind, word, source.id)
    assert _connection(city, source.connection).required("password") not in str(caught.value)


@pytest.mark.parametrize(
    ("mode", "kind", "word"),
    [("down", SourceUnavailable, "UNAVAILABLE"), ("unauthorised", SourceRefused, "AUTH")],
)
def test_source_that_is_off_or_lets_nobody_in_is_told(
    city: CityClient, source: Source, read: Read, mode: str, kind: type[SourceError], word: str
) -> None:
    own = f"{source.connection} {mode}"  # a log-in that failed is remembered by its name
    city.connections[own] = city.connections[source.connection]
    city.misbehave(source=source.id, mode=mode)
    try:
        with pytest.raises(SourceError) as caught:
            read(connection=own, time_budget_seconds=5)
    finally:
        del city.connections[own]
    assert (type(caught.value), caught.value.kind, caught.value.source_id) == (kind, word, source.id)


@over_http
@pytest.mark.parametrize("mode", ["down", "too_many_requests"])
def test_trouble_that_passes_is_waited_for(city: CityClient, source: Source, read: Read, mode: str) -> None:
    city.misbehave(source=source.id, mode=mode, retry_after="0", times=1)
    assert _codes(read()[1], source) == _listed(city, source.id)


@over_http
def test_total_that_changes_from_page_to_page_is_read_three_times(city: CityClient, source: Source, read: Read) -> None:
    city.misbehave(source=source.id, mode="total_changes")
    if source.platform == "lgsp":  # it announces no total
        assert _codes(read()[1], source) == _listed(city, source.id)
        return
    before = _requests(city, source)
    with pytest.raises(SourceChanged) as caught:
        read()
    assert (caught.value.kind, _requests(city, source) - before) == ("CHANGED_WHILE_READING", 3 * 2)


@over_http
def test_unknown_unit_is_an_error_and_no_empty_list(source: Source, read: Read) -> None:
    with pytest.raises(SourceChanged, match=r"listing of 000\.99\.99\.H24: expected .* look at the unit"):
        read(units=("000.99.99.H24",))


def test_unit_is_asked_in_either_spelling(source: Source, read: Read) -> None:
    (unit,) = source.units
    _, ward, district, _ = unit.split(".")
    turned = f"H24.{district}" if ward == "00" else f"H24.{district}.{ward}"
    assert _codes(read(units=(turned,))[1], source) == _codes(read()[1], source)


def test_account_of_another_installation_is_refused(city: CityClient, source: Source, read: Read) -> None:
    city.connections["elsewhere"] = city.connections[source.connection] | {"login": "somebody", "password": "else"}
    try:
        with pytest.raises(SourceRefused, match="refuses the log-in of connection elsewhere"):
            read(connection="elsewhere")
    finally:
        del city.connections["elsewhere"]
