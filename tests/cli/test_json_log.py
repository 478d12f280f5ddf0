"""The log as JSON: each line of a real cycle says of which run, source and batch it is, and nothing of a dossier."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sqlalchemy as sa
from motcua import warehouse
from motcua.settings import Settings
from motcua.warehouse import Role

from tests.cli.shell import AS_OF, Shell, environment_of, motcua
from tests.sandbox.city_client import CityClient

pytestmark = pytest.mark.slow

SOURCES = ("le_chan.an_bien", "le_chan.quan")


def lines(said: str) -> list[dict[str, Any]]:
    """Every line, parsed."""
    return [json.loads(line) for line in said.splitlines()]


def test_every_line_of_a_cycle_says_of_which_run_and_source_it_is_and_nothing_of_a_dossier(
    shell: Shell, city: CityClient
) -> None:
    city.misbehave(source=SOURCES[1], mode="html_login")
    done = motcua(
        "cycle", "--no-push", *AS_OF, *(part for name in SOURCES for part in ("--source", name)),
        **environment_of(shell.settings), MOTCUA_CONNECTIONS=str(shell.connections), MOTCUA_LOG="INFO",
        MOTCUA_LOG_FORMAT="json",
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    told = lines(done.stderr)
    assert all({"timestamp", "level", "logger", "event"} <= one.keys() for one in told)
    ours = [one for one in told if one["logger"].startswith("motcua.steps.")]
    assert {one.get("run") for one in ours} == {1}
    assert {one["stage"] for one in ours} >= {"collect", "judge", "consolidate"}
    (refused,) = [one for one in ours if "could not be read" in one["event"]]
    named = {name: refused[name] for name in ("level", "run", "stage", "source", "batch")}
    assert named == {
        "level": "warning", "run": 1, "stage": "collect", "source": SOURCES[1], "batch": f"1.{SOURCES[1]}",
    }  # fmt: skip
    assert any(line.startswith("published version 1") for line in said_by_people(told))
    people = words_of_people(shell.settings)
    assert len(people) > 10
    assert {word for word in people if word in done.stderr} == set()


def said_by_people(told: list[dict[str, Any]]) -> list[str]:
    """Lines for whoever waits."""
    return [one["event"] for one in told if one["logger"] == "motcua.cli.said"]


def words_of_people(settings: Settings) -> set[str]:
    """Names and numbers of the applicants that were read."""
    engine = warehouse.engine(settings, Role.PIPELINE)
    with engine.connect() as connection:
        people = connection.execute(sa.text("SELECT name, phone, identity_number FROM private.applicant")).all()
    engine.dispose()
    return {word for row in people for word in row if word}


def test_a_command_that_fails_says_so_in_json() -> None:
    done = motcua("trace", "x", MOTCUA_LOG_FORMAT="json", MOTCUA_DATABASE_URL="mysql://nowhere")
    (said,) = lines(done.stderr)
    assert (done.returncode, said["level"], said["logger"]) == (2, "error", "motcua.cli.said")
    assert said["event"].startswith("cấu hình: MOTCUA_DATABASE_URL: expected postgresql+psycopg://")


def test_an_unknown_form_is_refused_by_name() -> None:
    done = motcua("sources", MOTCUA_LOG_FORMAT="xml")
    assert (done.returncode, done.stderr.strip()) == (
        2, "cấu hình: MOTCUA_LOG_FORMAT: expected text or json, got 'xml'",
    )  # fmt: skip
