"""What is told of a warehouse that is away, and what is not taken for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import sqlalchemy as sa
from fastapi import APIRouter, FastAPI
from motcua import warehouse
from motcua.domain.ticks import Ticks
from motcua.registry import Registry
from motcua.settings import Settings
from motcua.warehouse import Role
from nguon_du_lieu.ground import Ground
from nguon_du_lieu.site import make_app
from starlette.testclient import TestClient

from tests.plugins.conftest import PREFIX, let_in
from tests.plugins.made_up import AS_OF
from tests.ports import free_port

pytestmark = pytest.mark.slow
AWAY = "Kho dữ liệu không trả lời"


@pytest.fixture
def ground(settings: Settings, registry: Registry) -> Iterator[Ground]:
    engine = warehouse.engine(settings, Role.WATCHER)
    yield Ground(engine=engine, registry=registry, ticks=Ticks(registry.calendar), clock=lambda: AS_OF)
    engine.dispose()


def asking(ground: Ground, actions: APIRouter) -> TestClient:
    outer = FastAPI()
    outer.mount(PREFIX, make_app(ground, guard=let_in, actions=actions))
    return TestClient(outer, base_url="http://airflow.test")


def test_a_server_that_is_away_is_told_as_that(ground: Ground) -> None:
    nowhere = sa.create_engine(f"postgresql+psycopg://motcua@127.0.0.1:{free_port()}/motcua")
    answer = asking(replace(ground, engine=nowhere), APIRouter()).get(f"{PREFIX}/")
    assert answer.status_code == 503
    assert AWAY in answer.text


def test_a_pool_without_a_free_connection_is_told_as_that(ground: Ground) -> None:
    small = sa.create_engine(ground.engine.url, pool_size=1, max_overflow=0, pool_timeout=0.1)
    with small.connect():
        answer = asking(replace(ground, engine=small), APIRouter()).get(f"{PREFIX}/")
    small.dispose()
    assert answer.status_code == 503
    assert AWAY in answer.text


def test_a_query_of_ours_that_is_wrong_is_not_taken_for_a_server_that_is_away(ground: Ground) -> None:
    router = APIRouter()

    @router.get("/wrong")
    def wrong() -> None:
        with ground.looking() as (connection, _):
            connection.execute(sa.text("SELECT 1 / 0"))

    with pytest.raises(sa.exc.DataError):
        asking(ground, router).get(f"{PREFIX}/wrong")
