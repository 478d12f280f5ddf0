"""Any course of batches ends where a plain dictionary ends: the merge against a model of a dozen lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count

import psycopg
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st
from motcua import warehouse
from motcua.settings import Settings
from motcua.warehouse import Role, ledger
from motcua.warehouse.merge import Batch, merge
from motcua.warehouse.session import stage

from tests.warehouse.builders import AS_OF, SENIORITY, judged, row

pytestmark = pytest.mark.slow

CODES = [f"000.05.33.H24-181012-{number:04d}" for number in range(1, 4)]
SOURCES = ["le_chan.an_bien", "le_chan.quan"]


@dataclass(frozen=True, slots=True)
class Told:
    """What a listing says of one dossier."""

    hour: int
    status: int | None
    deleted: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """One batch of one source; `again` merges it a second time."""

    source: str
    rows: dict[str, Told]
    is_full: bool
    again: bool


@dataclass(frozen=True, slots=True)
class Held:
    """What is held of one claim: its facts, what its newest row said, and the step that came with it."""

    told: Told
    content: tuple[int | None, bool]
    step: tuple[int, int] | None


@dataclass(slots=True)
class Model:
    """What each source is held to say, and the version of each dossier. All claims are of one agency."""

    held: dict[tuple[str, str], Held] = field(default_factory=dict)
    facts: dict[str, tuple[object, ...]] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    rest: dict[str, object] = field(default_factory=dict)

    def take(self, listing: Listing) -> None:
        for code, told in listing.rows.items():
            before = self.held.get((code, listing.source))
            if before is None or listing.is_full or told.hour >= before.told.hour:
                content = (told.status, told.deleted)
                step = (told.hour, told.status) if told.status is not None else None
                if told.deleted and before is not None:
                    # a tombstone says that it is gone and leaves the other facts as they were
                    told, step = Told(told.hour, before.told.status, told.deleted), before.step
                self.held[code, listing.source] = Held(told, content, step)
                self._settle(code)

    def _settle(self, code: str) -> None:
        claims = {source: held for (one, source), held in sorted(self.held.items()) if one == code}
        living = {source: held for source, held in claims.items() if not held.told.deleted} or claims
        newest = min(living, key=lambda source: (-living[source].told.hour, source))
        facts = (min(living), living[newest].told.status, living[newest].told.deleted)
        steps = len({held.step for held in living.values()} - {None}) if len(living) > 1 else 1
        rest = ([(source, held.content) for source, held in living.items()], steps)
        if (self.facts.get(code), self.rest.get(code)) != (facts, rest):
            self.facts[code], self.rest[code] = facts, rest
            self.versions[code] = self.versions.get(code, 0) + 1


hours = st.integers(0, 3)
living = st.builds(Told, hour=hours, status=st.sampled_from([4, 5, 9]), deleted=st.just(False))
tombstones = st.builds(Told, hour=hours, status=st.none(), deleted=st.just(True))
listings = st.builds(
    Listing,
    source=st.sampled_from(SOURCES),
    rows=st.dictionaries(st.sampled_from(CODES), living | tombstones),
    is_full=st.booleans(),
    again=st.booleans(),
)


@pytest.fixture
def engine(settings: Settings) -> Iterator[sa.Engine]:
    engine = warehouse.engine(settings, Role.PIPELINE)
    yield engine
    engine.dispose()


@limits(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(course=st.lists(listings, min_size=1, max_size=6))
def test_any_course_of_batches_ends_in_the_state_of_the_model(
    settings: Settings, engine: sa.Engine, course: list[Listing]
) -> None:
    _empty(settings)
    model, numbers = Model(), count(1)
    for listing in course:
        _merge(engine, listing, next(numbers))
        model.take(listing)
    with engine.connect() as connection:
        claims = connection.exec_driver_sql(
            "SELECT code, source_id, status, deleted, source_changed_at FROM api.source_dossier"
        ).all()
        dossiers = connection.exec_driver_sql(
            "SELECT code, lead_source_id, status, deleted, version FROM core.dossier"
        ).all()
        kept = connection.exec_driver_sql(
            "SELECT code, count(*), max(version) FROM api.dossier_version GROUP BY code"
        ).all()
        queued = connection.exec_driver_sql(
            "SELECT code, version FROM api.delivery WHERE service = 'DongBoHoSoMC' AND state = 'queued'"
        ).all()
    assert {(one.code, one.source_id): (one.status, one.deleted, one.source_changed_at) for one in claims} == {
        key: (held.told.status, held.told.deleted, _moment(held.told.hour)) for key, held in model.held.items()
    }
    assert {(one.code): (one.lead_source_id, one.status, one.deleted) for one in dossiers} == model.facts
    assert {one.code: one.version for one in dossiers} == model.versions
    assert {code: (number, newest) for code, number, newest in kept} == {
        code: (version, version) for code, version in model.versions.items()
    }
    assert dict(map(tuple, queued)) == model.versions
    assert len(queued) == len(model.versions)


def _merge(engine: sa.Engine, listing: Listing, number: int) -> None:
    as_of = AS_OF + timedelta(days=number)
    with engine.begin() as connection:
        cycle_id = ledger.open_cycle(connection, run_key=str(number), as_of=as_of, is_full=listing.is_full, sources=1)
        batch_id = f"{cycle_id}.{listing.source}"
        ledger.record_collected(
            connection, batch_id=batch_id, at=ledger.cycle(connection, cycle_id), source_id=listing.source,
            kind="window", window=(None, as_of), pages=[], announced=None, fetched=len(listing.rows),
        )  # fmt: skip
    batch = Batch(
        batch_id=batch_id, cycle_id=cycle_id, source_id=listing.source, as_of=as_of, window_to=as_of,
        is_full=listing.is_full,
        newest_change=max((_moment(said.hour) for said in listing.rows.values()), default=None),
    )  # fmt: skip
    with engine.connect() as connection:
        stage(connection, [judged([_row(listing.source, code, said, batch_id) for code, said in listing.rows.items()])])
        assert merge(connection, batch, SENIORITY) is not None
        if listing.again:
            assert merge(connection, batch, SENIORITY) is None
        connection.detach()


def _row(source: str, code: str, said: Told, batch_id: str) -> dict[str, object]:
    return row(
        source_id=source, code=code, status=said.status, deleted=said.deleted, source_changed_at=_moment(said.hour),
        batch_id=batch_id,
    )  # fmt: skip


def _moment(hour: int) -> object:
    return AS_OF - timedelta(hours=10 - hour)


def _empty(settings: Settings) -> None:
    """Between two examples, by the owner: no role of the pipeline may forget anything."""
    assert settings.database_url is not None
    with psycopg.connect(settings.database_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(
            "TRUNCATE core.cycle, core.batch, core.hold, core.source_day, core.source_state,"
            " core.source_dossier, core.dossier, core.issue, core.claim,"
            " core.dossier_version, core.delivery, core.stage_run, private.applicant, private.step, private.supplement"
        )
