"""The platforms over HTTP side by side: a scripted office for each, and one running city for all."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from datetime import datetime
from functools import partial

import pytest
from motcua.connections import Connection
from motcua.platforms import PLATFORMS, Listing, Window
from motcua.platforms.base import Record
from motcua.registry import Registry, Source, load_registry

from sandbox.city.database_server import DatabaseServer
from tests.contract.scripted_server import ScriptedServer, serving
from tests.faults.proxy import Proxy
from tests.platforms import databases
from tests.platforms.dialects import Dialect, IgateDialect, LgspDialect, Office, Row
from tests.platforms.soap_dialect import SoapDialect
from tests.sandbox.city_client import CityClient, serve

UNIT = "000.05.33.H24"
ALL = Window(since=None, until=datetime.fromisoformat("2018-12-25T17:00:00+07:00"))
_NUMBER = itertools.count(1)


class Reading:
    """One office behind a real server, and the client that reads it."""

    def __init__(self, office: Office, server: ScriptedServer) -> None:
        self.office, self.server = office, server
        # a name of its own: log-ins are shared by name and address, and a later server may get the same port
        self.connection: Connection = office.dialect.connection(f"office_{next(_NUMBER)}", server.url)
        self.kept: list[bytes] = []

    def source(self, **differs: object) -> Source:
        facts: dict[str, object] = {
            "id": "le_chan.an_bien", "group": "le_chan", "units": (UNIT,), "platform": self.office.dialect.name,
            "connection": "office", "page_size": 3, "rate_per_second": 1_000,
        }  # fmt: skip
        return Source(**facts | differs)  # type: ignore[arg-type]  # a test gives what it means

    def read(self, window: Window = ALL, **differs: object) -> Listing:
        source = self.source(**differs)
        return PLATFORMS[source.platform].read_listing(source, self.connection, window, keep=self.keep)

    def keep(self, body: bytes) -> str:
        self.kept.append(body)
        return hashlib.sha256(body).hexdigest()

    def records(self) -> list[Record]:
        """Records of all kept pages, in order, as they are read from the archive again."""
        read = PLATFORMS[self.office.dialect.name].records
        return [record for body in self.kept for record in read(body, source=self.source(), note={})]

    def codes(self) -> list[object]:
        """Their codes."""
        return [record[self.office.dialect.code] for record in self.records()]

    @property
    def listings(self) -> list[tuple[str, str, str, int]]:
        """Unit, start, end and size of every listing page that was asked for."""
        dialect = self.office.dialect
        return [dialect.asked(request) for request in self.server.requests if not dialect.is_log_in(request)]


DIALECTS = (IgateDialect(), LgspDialect(), SoapDialect())
with_log_in = pytest.mark.parametrize(
    "dialect", [one for one in DIALECTS if one.logs_in], indirect=True, ids=lambda dialect: dialect.name
)


@pytest.fixture(params=DIALECTS, ids=lambda dialect: dialect.name)
def dialect(request: pytest.FixtureRequest) -> Dialect:
    found: Dialect = request.param
    return found


@pytest.fixture
def open_office_of() -> Iterator[Callable[..., Reading]]:
    """Opens an office of a platform, with some rows."""
    with ExitStack() as stack:

        def opened(dialect: Dialect, rows: Sequence[Row] | dict[str, Sequence[Row]]) -> Reading:
            office = Office(dialect, rows)
            return Reading(office, stack.enter_context(serving(office)))

        yield opened


@pytest.fixture
def open_office(dialect: Dialect, open_office_of: Callable[..., Reading]) -> Callable[..., Reading]:
    """Opens an office of each platform in turn, with some rows."""
    return partial(open_office_of, dialect)


@pytest.fixture(scope="session", params=["postgresql", "mysql"])
def database_server(request: pytest.FixtureRequest) -> Iterator[DatabaseServer]:
    with databases.server(request.param) as running:
        yield running


@pytest.fixture
def database(database_server: DatabaseServer) -> Iterator[databases.Database]:
    """An office's empty database on a server of each kind in turn."""
    with Proxy(str(database_server.socket)) as line, closing(databases.Database(database_server, line)) as opened:
        yield opened


@pytest.fixture(scope="session")
def registry() -> Registry:
    return load_registry()


@pytest.fixture(scope="session")
def running_city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CityClient]:
    with serve(tmp_path_factory.mktemp("city"), scale=0.06) as client:  # an oss_soap page holds 100 rows
        yield client


@pytest.fixture
def city(running_city: CityClient) -> Iterator[CityClient]:
    yield running_city
    for scope in running_city.http.get(f"{running_city.url}/control/misbehave").json():
        running_city.misbehave(source=scope, mode="off")
