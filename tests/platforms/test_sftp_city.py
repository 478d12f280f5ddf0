"""The stand-in's register offices: read to the last dossier, whatever they write, and told of when they misbehave."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from motcua.connections import Connection
from motcua.errors import SourceChanged, SourceError, SourceRefused, SourceUnavailable
from motcua.platforms import PLATFORMS, Listing, Window
from motcua.platforms.base import Record
from motcua.registry import Registry, Source

from tests.platforms.conftest import ALL
from tests.sandbox.city_client import CityClient, serve

pytestmark = pytest.mark.slow

REGISTER = PLATFORMS["sftp_register"]
SOURCE = "vinh_bao.lien_am"
_NUMBER = itertools.count(1)
Read = Callable[..., tuple[Listing, Sequence[Record]]]


@pytest.fixture(scope="module")
def large_city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CityClient]:
    """Large enough for each of the small offices to have some dozen dossiers."""
    with serve(tmp_path_factory.mktemp("city"), scale=0.3) as client:
        yield client


@pytest.fixture
def city(large_city: CityClient) -> Iterator[CityClient]:
    yield large_city
    for scope in large_city.http.get(f"{large_city.url}/control/misbehave").json():
        large_city.misbehave(source=scope, mode="off")


@pytest.fixture
def read(city: CityClient, registry: Registry) -> Read:
    """Reads a source of the registry, and gives the listing with its records."""

    def run(name: str = SOURCE, window: Window = ALL, **differs: object) -> tuple[Listing, Sequence[Record]]:
        source = replace(registry.sources[name], **differs)  # type: ignore[arg-type]  # a test gives what it means
        kept: dict[str, bytes] = {}

        def keep(body: bytes) -> str:
            sha256 = hashlib.sha256(body).hexdigest()
            kept[sha256] = body
            return sha256

        listing = REGISTER.read_listing(source, _connection(city, source), window, keep=keep)
        return listing, [
            record
            for page in listing.pages
            for record in REGISTER.records(kept[page.sha256], source=source, note=page.note)
        ]

    return run


def _connection(city: CityClient, source: Source) -> Connection:
    account = city.connections[source.connection]
    # a name of its own: a log-in that failed is remembered by it
    names = {key: account[key] for key in ("host", "port", "login", "password", "extra")}
    return Connection(id=f"{source.connection}_{next(_NUMBER)}", **names)


def test_every_office_is_read_to_its_last_dossier_whatever_it_writes(
    city: CityClient, registry: Registry, read: Read
) -> None:
    expected: dict[str, set[str]] = {}
    damaged = set()
    for line in city.ledger():
        if not line["deleted"]:
            expected.setdefault(line["source_id"], set()).add(line["code_listed"])
        if line["fault"] == "text_damaged":
            damaged.add(line["code_listed"])
    offices = [source for source in registry.sources.values() if source.platform == "sftp_register"]
    assert len(offices) == 30
    for source in offices:
        listing, records = read(source.id)
        assert listing.fetched == len(records)
        assert {record["Mã hồ sơ"] for record in records} >= expected.get(source.id, set()), source.id
        assert {record["_đơn vị"] for record in records} == set(source.units)
        assert {record["Mã hồ sơ"] for record in records if "\ufffd" in "".join(map(str, record.values()))} <= damaged
        names = {str(record["Họ tên người nộp"]).split()[0] for record in records}
        assert names & {"Nguyễn", "Trần", "Phạm", "Lê", "Vũ", "Hoàng", "Đỗ", "Đặng", "Ngô"}, source.id


def test_windows_side_by_side_hold_every_file_once(read: Read) -> None:
    listing, records = read()
    middle = ALL.until - timedelta(days=10)
    before, after = read(window=Window(since=None, until=middle)), read(window=Window(since=middle, until=ALL.until))
    assert before[0].pages + after[0].pages == listing.pages
    assert [*before[1], *after[1]] == records
    assert before[0].pages
    assert after[0].pages


def test_file_that_is_being_uploaded_is_left(city: CityClient, read: Read) -> None:
    whole = read()[0]
    for seconds in (5, 7200):  # as its server's clock is right, or late
        city.misbehave(source=SOURCE, mode="growing", seconds=seconds)
        assert read()[0].pages == whole.pages[:-1]


def test_file_that_came_twice_is_twice_the_same_page(city: CityClient, read: Read) -> None:
    whole = read()[0]
    city.misbehave(source=SOURCE, mode="dropped_twice", seconds=120)
    *pages, again = read()[0].pages
    assert tuple(pages) == whole.pages
    assert (again.sha256, again.rows) == (whole.pages[-1].sha256, whole.pages[-1].rows)
    assert again.note["name"] != whole.pages[-1].note["name"]


def test_transfer_that_breaks_twice_is_whole_in_the_end(city: CityClient, read: Read) -> None:
    whole = read()[0]
    city.misbehave(source=SOURCE, mode="broken_transfer", times=2)
    assert read()[0] == whole


@pytest.mark.parametrize(
    ("mode", "kind", "word"),
    [
        ("cut_off", SourceChanged, "UNFINISHED"),
        ("denied", SourceChanged, "PROTOCOL"),
        ("host_key", SourceRefused, "HOST_KEY"),
        ("unauthorised", SourceRefused, "AUTH"),
        ("down", SourceUnavailable, "UNAVAILABLE"),
        ("broken_transfer", SourceUnavailable, "UNAVAILABLE"),
        ("slow", SourceUnavailable, "TIMEOUT"),
    ],
)
def test_trouble_is_told_by_its_kind(
    city: CityClient, registry: Registry, read: Read, mode: str, kind: type[SourceError], word: str
) -> None:
    city.misbehave(source=SOURCE, mode=mode, seconds=3)
    with pytest.raises(kind) as caught:
        read(time_budget_seconds=2)
    assert (caught.value.kind, caught.value.source_id) == (word, SOURCE)
    assert city.connections[registry.sources[SOURCE].connection]["password"] not in str(caught.value)


def test_trouble_with_one_offices_files_is_not_its_neighbours(city: CityClient, read: Read) -> None:
    neighbour = read("vinh_bao.thanh_luong")
    for mode in ("growing", "cut_off", "broken_transfer"):
        city.misbehave(source=SOURCE, mode=mode)
        assert read("vinh_bao.thanh_luong") == neighbour


@pytest.mark.parametrize("field", ["Mã hồ sơ", "Trạng thái", "Ngày tiếp nhận"])
@pytest.mark.parametrize("kind", ["renamed", "missing_column"])
def test_register_without_a_column_that_counts_is_told(city: CityClient, read: Read, kind: str, field: str) -> None:
    city.misbehave(source=SOURCE, mode="drift", kind=kind, field=field)
    with pytest.raises(SourceChanged):
        read()


def test_register_with_a_column_more_is_read_with_it(city: CityClient, read: Read) -> None:
    city.misbehave(source=SOURCE, mode="drift", kind="new_column")
    _, records = read()
    assert records
    assert all("truongmoi" in record for record in records)
