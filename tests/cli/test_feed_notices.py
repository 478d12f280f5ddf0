"""Subscribers told from a keyboard: a real feed, a real receiver, and a sender that dies at the worst moment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest
from motcua.settings import Settings

from tests.cli.shell import AS_OF, environment_of, motcua
from tests.ports import free_port
from tests.publishing.notices.receiver import SECRET, Receiver, receiving

pytestmark = pytest.mark.slow


@dataclass
class Office:
    """An installation with two subscribers: `a` listens, nobody listens for `b`."""

    settings: Settings
    environ: dict[str, str]
    receiver: Receiver

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return motcua(*arguments, **self.environ)

    def json(self, *arguments: str) -> object:
        done = self.run(*arguments, "--json")
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout)

    def standing(self) -> dict[str, tuple[object, ...]]:
        listed = self.json("feed", "subscribers")
        assert isinstance(listed, list)
        return {one["id"]: (one["seq"], one["state"], one["attempts"], one["answer_status"]) for one in listed}


@pytest.fixture
def office(settings: Settings, tmp_path: Path) -> Iterator[Office]:
    registry = tmp_path / "registry"
    registry.mkdir()
    (registry / "subscribers.yaml").write_text(
        "subscribers:\n- {id: a, name: Cổng A, connection: of_a}\n- {id: b, name: Cổng B, connection: of_b}\n",
        encoding="utf-8",
    )
    with receiving() as receiver:
        known = {
            "of_a": {"conn_type": "http", "host": receiver.url, "password": SECRET},
            "of_b": {"conn_type": "http", "host": f"http://127.0.0.1:{free_port()}/", "password": SECRET},
        }
        (tmp_path / "connections.json").write_text(json.dumps(known), encoding="utf-8")
        told = {"MOTCUA_REGISTRY": str(registry), "MOTCUA_CONNECTIONS": str(tmp_path / "connections.json")}
        yield Office(settings, environment_of(settings) | told, receiver)


def test_before_anything_is_published_nobody_is_told(office: Office) -> None:
    assert set(office.json("feed", "notify").values()) == {0}
    assert office.standing() == {"a": (None, None, None, None), "b": (None, None, None, None)}
    assert office.receiver.came == []


def test_what_is_published_is_told_and_the_list_says_who_waits(office: Office) -> None:
    assert office.run("publish", *AS_OF).returncode == 0
    told = office.run("feed", "notify")
    assert told.stdout == "1 bên đã nhận, 1 chờ gửi lại, 0 ngừng nhận, 0 thôi gửi, 0 cấu hình sai\n"
    (notice,) = office.receiver.came
    notice.verify()
    assert notice.body == (office.settings.home / "feeds" / "v1" / "index.json").read_bytes()
    assert office.standing() == {"a": (1, "accepted", 1, 204), "b": (1, "queued", 1, None)}
    lines = office.run("feed", "subscribers").stdout.splitlines()
    assert [line.split()[:5] for line in lines[1:3]] == [["a", "Cổng", "A", "1", "đã"], ["b", "Cổng", "B", "1", "chờ"]]
    assert lines[-1] == "2 bên đăng ký"


def test_a_sender_killed_between_call_and_ledger_tells_again_under_the_same_id(office: Office) -> None:
    assert office.run("publish", *AS_OF).returncode == 0
    command = [sys.executable, "-m", "motcua.cli", "feed", "notify"]
    with subprocess.Popen(command, env=os.environ | office.environ) as sender:

        def kill(_: object) -> int:
            os.kill(sender.pid, signal.SIGKILL)
            sender.wait()
            return 204

        office.receiver.answer = kill
        assert sender.wait(timeout=60) == -signal.SIGKILL
    office.receiver.answer = lambda _: 204
    assert office.standing()["a"] == (1, "sent", 1, None)
    assert office.json("feed", "notify")["accepted"] == 0  # it may still be under way
    office_is_sure = "UPDATE core.notice SET due_at = due_at - interval '1 minute'"
    psql(office.settings, office_is_sure)
    assert office.json("feed", "notify")["accepted"] == 1
    assert office.standing()["a"] == (1, "accepted", 2, 204)
    assert [notice.id for notice in office.receiver.came] == ["feed_a_00000001"] * 2
    office.receiver.came[1].verify()


def test_who_answered_that_nobody_is_there_is_resumed_by_a_person_with_a_reason(office: Office) -> None:
    assert office.run("publish", *AS_OF).returncode == 0
    office.receiver.answer = lambda _: 410
    told = office.run("feed", "notify", "--json")
    assert json.loads(told.stdout)["rejected"] == 1
    assert "subscriber a, version 1, try 1: rejected (HTTP 410)" in told.stderr
    assert office.json("feed", "notify")["accepted"] == 0
    assert len(office.receiver.came) == 1
    office.receiver.answer = lambda _: 204
    done = office.run("feed", "resume", "a", "--reason", "cổng mới đã chạy")
    assert (done.returncode, done.stdout, done.stderr) == (0, "sẽ báo lại từ lần gửi tới\n", "")
    assert office.json("feed", "notify")["accepted"] == 1
    for subscriber, said in (("a", "a has not ended its notices"), ("c", "there is no subscriber c")):
        refused = office.run("feed", "resume", subscriber, "--reason", "lần nữa")
        assert refused.returncode == 2
        assert said in refused.stderr


def psql(settings: Settings, statement: str) -> None:
    import sqlalchemy as sa

    assert settings.database_url is not None
    engine = sa.create_engine(settings.database_url)
    with engine.begin() as connection:
        connection.execute(sa.text(statement))
    engine.dispose()


def test_the_pointer_that_is_told_names_a_version_that_is_there(office: Office) -> None:
    assert office.run("publish", *AS_OF).returncode == 0
    office.run("feed", "notify")
    pointer = orjson.loads(office.receiver.came[0].body)
    assert (office.settings.home / "feeds" / "v1" / pointer["manifest"]).exists()
