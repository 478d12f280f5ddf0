"""Several systems tell of one dossier: whatever the order of their reports, it ends as `precedence.yaml` says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

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
from motcua.warehouse.precedence import Seniority
from motcua.warehouse.session import stage

from tests.warehouse.builders import AS_OF, SENIORITY, judged, row

pytestmark = pytest.mark.slow

WARD, DISTRICT, DEPARTMENT, NEIGHBOUR = "le_chan.an_bien", "le_chan.quan", "so_nganh.tu_phap", "le_chan.cat_dai"
AGENCIES = {WARD: "H24.33.05", DISTRICT: "H24.33", DEPARTMENT: "H24.72", NEIGHBOUR: "H24.33.01"}
# named by the ward where it was filed, or by an agency that tells nothing of it
CODES = ("000.05.33.H24-181012-0001", "000.00.99.H24-181012-0001")


@dataclass(frozen=True, slots=True)
class Claim:
    """What one source says of the dossier; hours count back from the cycle, and days of the due date forth."""

    source: str
    changed: int
    received: int | None
    status: int
    channel: int | None
    due: int | None
    step: int
    deleted: bool

    @property
    def agency(self) -> str:
        return AGENCIES[self.source]


@pytest.fixture
def engine(settings: Settings) -> Iterator[sa.Engine]:
    engine = warehouse.engine(settings, Role.PIPELINE)
    yield engine
    engine.dispose()


def _claims(source: str) -> st.SearchStrategy[Claim]:
    return st.builds(
        Claim, source=st.just(source), changed=st.integers(1, 4), received=st.none() | st.integers(1, 4),
        status=st.sampled_from([4, 5, 9, 10]), channel=st.none() | st.integers(1, 3), due=st.none() | st.integers(1, 3),
        step=st.integers(1, 3), deleted=st.booleans(),
    )  # fmt: skip


several = st.lists(st.sampled_from(list(AGENCIES)), min_size=2, max_size=3, unique=True).flatmap(
    lambda sources: st.tuples(*map(_claims, sources))
)


def expected(code: str, claims: Sequence[Claim]) -> dict[str, object]:
    """By the words of `precedence.yaml`, without its code."""
    counted = [claim for claim in claims if not claim.deleted] or list(claims)
    named = AGENCIES[WARD] if code == CODES[0] else None
    filed = sorted(
        counted,
        key=lambda claim: (claim.agency != named, claim.received is None, -(claim.received or 0), claim.source),
    )
    home = filed[0]
    above = {"H24.33.05": {"H24.33"}, "H24.33.01": {"H24.33"}}.get(home.agency, set()) | {
        home.agency,
        AGENCIES[DEPARTMENT],
    }
    line = [claim for claim in filed if claim.agency in above]
    furthest = min(line, key=lambda claim: (claim.changed, claim.source))
    return {
        "lead_source_id": home.source,
        "agency_code": home.agency,
        "channel": next((claim.channel for claim in line if claim.channel), None),
        "received_at": next((_moment(claim.received) for claim in line if claim.received), None),
        "due_at": next((_due(claim.due) for claim in line if claim.due), None),
        "status": furthest.status,
        "finished_at": _moment(furthest.changed) if furthest.status >= 9 else None,
        "source_changed_at": _moment(furthest.changed),
        "steps": len({(claim.step, claim.status) for claim in line}),
        "deleted": all(claim.deleted for claim in claims),
        "sources": [claim.source for claim in line],
    }


@limits(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(code=st.sampled_from(CODES), claims=several)
def test_any_order_of_reports_ends_as_the_precedence_says(
    settings: Settings, engine: sa.Engine, code: str, claims: tuple[Claim, ...]
) -> None:
    outcomes = []
    for order in permutations(claims):
        _empty(settings)
        for claim in order:
            _merge(engine, code, claim)
        outcomes.append(_dossier(engine))
    assert outcomes == [expected(code, claims)] * len(outcomes)


def test_three_systems_that_differ_are_one_dossier_and_their_differences_are_issues(
    settings: Settings, engine: sa.Engine
) -> None:
    ward = Claim(WARD, changed=4, received=4, status=4, channel=1, due=1, step=1, deleted=False)
    district = Claim(DISTRICT, changed=3, received=3, status=4, channel=2, due=None, step=2, deleted=False)
    department = Claim(DEPARTMENT, changed=1, received=2, status=9, channel=1, due=2, step=3, deleted=False)
    for claim in (department, ward, district):
        _merge(engine, CODES[0], claim)
    assert _dossier(engine) == {
        "lead_source_id": WARD, "agency_code": "H24.33.05", "channel": 1, "received_at": _moment(4),
        "due_at": _due(1), "status": 9, "finished_at": _moment(1), "source_changed_at": _moment(1), "steps": 3,
        "deleted": False, "sources": [WARD, DISTRICT, DEPARTMENT],
    }  # fmt: skip
    assert _open_issues(engine) == [
        (DISTRICT, "sources_disagree", "channel"),
        (DEPARTMENT, "sources_disagree", "due_at"),
    ]
    _merge(
        engine, CODES[0], Claim(DISTRICT, changed=2, received=3, status=4, channel=1, due=None, step=2, deleted=False)
    )
    assert _open_issues(engine) == [(DEPARTMENT, "sources_disagree", "due_at")]


def test_an_office_that_is_not_in_line_says_nothing_of_another_ones_dossier(
    settings: Settings, engine: sa.Engine
) -> None:
    honest = Claim(WARD, changed=4, received=3, status=4, channel=None, due=None, step=1, deleted=False)
    stolen = Claim(NEIGHBOUR, changed=1, received=4, status=10, channel=2, due=1, step=2, deleted=False)
    _merge(engine, CODES[0], honest)
    before = _dossier(engine)
    _merge(engine, CODES[0], stolen)
    assert _dossier(engine) == before
    assert _open_issues(engine) == [(NEIGHBOUR, "foreign_claim", "agency_code")]
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT max(version) FROM api.dossier_version").scalar_one() == 1
        assert connection.exec_driver_sql("SELECT count(*) FROM api.source_dossier").scalar_one() == 2


def test_agencies_above_are_those_of_all_times_and_every_office_of_the_city() -> None:
    assert SENIORITY.above["H24.33.05"] == ("H24", "H24.33")
    assert {"H24", AGENCIES[DEPARTMENT]} <= set(SENIORITY.of_the_city)
    assert not {"H24.33", "H24.33.05"} & set(SENIORITY.of_the_city)


def _merge(engine: sa.Engine, code: str, claim: Claim, seniority: Seniority = SENIORITY) -> None:
    with engine.begin() as connection:
        key = str(connection.execute(sa.text("SELECT count(*) FROM core.cycle")).scalar_one())
        cycle_id = ledger.open_cycle(connection, run_key=key, as_of=AS_OF, is_full=False, sources=1)
        batch_id = f"{cycle_id}.{claim.source}"
        ledger.record_collected(
            connection, batch_id=batch_id, at=ledger.cycle(connection, cycle_id), source_id=claim.source,
            kind="window", window=(None, AS_OF), pages=[], announced=1, fetched=1,
        )  # fmt: skip
    batch = Batch(
        batch_id=batch_id, cycle_id=cycle_id, source_id=claim.source, as_of=AS_OF, window_to=AS_OF, is_full=False,
        newest_change=_moment(claim.changed),
    )  # fmt: skip
    told = row(
        source_id=claim.source, code=code, batch_id=batch_id, agency_code=claim.agency, status=claim.status,
        channel=claim.channel, deleted=claim.deleted, source_changed_at=_moment(claim.changed),
        received_at=_moment(claim.received) if claim.received else None,
        due_at=_due(claim.due) if claim.due else None, due_source="source" if claim.due else None,
        finished_at=_moment(claim.changed) if claim.status >= 9 else None,
    )  # fmt: skip
    frames = judged([told])
    frames.steps["at"] = _moment(claim.step)
    with engine.connect() as connection:
        stage(connection, [frames])
        assert merge(connection, batch, seniority) is not None
        connection.detach()


def _dossier(engine: sa.Engine) -> dict[str, Any]:  # facts of every type
    query = """SELECT lead_source_id, agency_code, channel, received_at, due_at, status, finished_at, source_changed_at,
                      steps, deleted, sources FROM core.dossier"""
    with engine.connect() as connection:
        return dict(connection.exec_driver_sql(query).one()._mapping)


def _open_issues(engine: sa.Engine) -> list[tuple[object, ...]]:
    query = "SELECT source_id, rule, field FROM api.issue WHERE settled_at IS NULL ORDER BY 1, 2, 3"
    with engine.connect() as connection:
        return [tuple(one) for one in connection.exec_driver_sql(query)]


def _due(days: int) -> datetime:
    return AS_OF + timedelta(days=days)


def _moment(hours: int) -> datetime:
    return AS_OF - timedelta(hours=hours)


def _empty(settings: Settings) -> None:
    """Between two examples, by the owner: no role of the pipeline may forget anything."""
    assert settings.database_url is not None
    with psycopg.connect(settings.database_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(
            "TRUNCATE core.cycle, core.batch, core.hold, core.source_day, core.source_state, core.source_dossier,"
            " core.dossier, core.issue, core.claim, core.dossier_version, core.delivery, core.stage_run,"
            " private.applicant, private.step, private.supplement"
        )
