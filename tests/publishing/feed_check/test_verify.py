"""What `motcua feed verify` finds: nothing in a feed that is right, and each damage by the check that is for it."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from motcua.publishing import feed_check

from tests.cli.shell import motcua
from tests.object_store import object_store
from tests.publishing.city_feed.feed import KEYS
from tests.publishing.feed_check.copies import READ_AT, Copy
from tests.publishing.feed_check.damages import (
    AGENCIES,
    ALL,
    DAMAGES,
    EXPIRY,
    FIRST,
    HTTP,
    KEYS_SIGNED,
    LAST,
    LISTED,
    POINTER,
    SECOND,
    STATUS,
    sensitive,
)
from tests.web_servers import SERVERS, serving

pytestmark = pytest.mark.slow


def found(url: str, **wanted: object) -> dict[str, tuple[str, ...]]:
    """Problems by check."""
    asked = feed_check.Wanted(**{"at": READ_AT, "pin": KEYS.current.kid, "shards": None, **wanted})  # type: ignore[arg-type]  # as they are
    return {finding.check: finding.problems for finding in feed_check.verify(url, asked)}


def wrong(url: str, **wanted: object) -> dict[str, str]:
    """Problems of the checks that do not hold, a text each."""
    return {check: "\n".join(problems) for check, problems in found(url, **wanted).items() if problems}


def test_nothing_is_wrong_with_a_feed_that_is_right(copy: Copy) -> None:
    assert found(copy.url) == dict.fromkeys(ALL, ())


@pytest.mark.parametrize("server", SERVERS)
def test_nothing_is_wrong_with_it_over_either_web_server(copy: Copy, tmp_path: Path, server: str) -> None:
    with serving(server, copy.folder.parent, tmp_path / "server") as address:
        assert found(f"{address}/v1/") == dict.fromkeys({*ALL, HTTP}, ())


def test_nothing_is_wrong_with_it_on_an_object_store(copy: Copy) -> None:
    from motcua.files import Files

    with object_store() as bucket:
        there, here = Files(f"{bucket}/v1"), Files(copy.url)
        for path in here.below(""):
            there.replace(path, here.read(path) or b"")
        assert found(f"{bucket}/v1") == dict.fromkeys(ALL, ())


def test_of_the_last_days_only_their_versions_are_read(copy: Copy) -> None:
    shutil.rmtree(copy.path("versions/00000001"))
    assert found(copy.url) == dict.fromkeys(ALL - {FIRST}, ())  # the chain begins where the feed does
    assert found(copy.url, days=0) == dict.fromkeys(ALL - {FIRST, SECOND}, ())


def test_expiry_is_of_the_moment_it_is_asked_for(copy: Copy) -> None:
    assert set(wrong(copy.url, at=READ_AT + timedelta(days=2))) == {EXPIRY}


def test_a_pin_that_is_not_published_is_told(copy: Copy) -> None:
    problems = wrong(copy.url, pin="x" * 43)
    assert set(problems) == {LISTED}
    assert f"không có khóa đã ghim {'x' * 43}; các khóa công bố: {KEYS.current.kid}" in problems[LISTED]


@pytest.mark.parametrize("damage", DAMAGES)
def test_each_damage_is_found_by_the_check_that_is_for_it(copy: Copy, damage: str) -> None:
    spoil, checks, said = DAMAGES[damage]
    spoil(copy)
    problems = wrong(copy.url)
    assert set(problems) == checks
    assert said in "\n".join(problems.values())


def test_a_sensitive_figure_that_is_large_enough_is_none_of_ours_to_recount(copy: Copy) -> None:
    sensitive(copy, by=5)
    assert wrong(copy.url) == {}


def test_a_gap_where_a_version_was_taken_down_is_no_damage(copy: Copy) -> None:
    copy.index(deltas=[1, 3, 4, 5, 6])
    copy.write("tombstone.json", b"{}", 2)
    assert wrong(copy.url) == {}


def test_all_that_is_wrong_is_told_at_once(copy: Copy) -> None:
    for damage in ("one key alone", "a heartbeat in an unknown state", "an agency with a dossier more"):
        DAMAGES[damage][0](copy)
    assert set(wrong(copy.url, at=READ_AT + timedelta(days=2))) == {LISTED, KEYS_SIGNED, STATUS, AGENCIES, EXPIRY}


def test_where_there_is_no_feed_every_check_says_so(tmp_path: Path) -> None:
    problems = wrong(tmp_path.as_uri())
    assert set(problems) == ALL - {FIRST, SECOND, LAST}
    assert problems[POINTER] == "thiếu tệp index.json"


def test_the_command_line_tells_each_check_and_ends_with_what_came_of_it(copy: Copy) -> None:
    asked = ("--at", READ_AT.isoformat(), "--pin", KEYS.current.kid, "--every-lookup")
    done = motcua("feed", "verify", str(copy.folder), *asked)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line[0] for line in lines[:-1]] == ["✓"] * len(ALL)
    assert lines[0] == "✓ Con trỏ index.json · phiên bản 6, tính đến 2018-12-27T18:00:00+07:00"
    assert lines[-1] == f"{len(ALL)} trong {len(ALL)} mục đạt"
    DAMAGES["an agency with a dossier more"][0](copy)
    spoilt = motcua("feed", "verify", copy.url, *asked)
    assert spoilt.returncode == 1
    assert "✗ Cơ quan agencies.json\n" in spoilt.stdout
    assert spoilt.stdout.splitlines()[-1] == f"{len(ALL) - 1} trong {len(ALL)} mục đạt"
    told = json.loads(motcua("feed", "verify", copy.url, *asked, "--json").stdout)
    assert [one["check"] for one in told if not one["holds"]] == [AGENCIES]


def test_a_server_that_is_not_there_is_told_and_not_thrown() -> None:
    from tests.ports import free_port

    problems = wrong(f"http://127.0.0.1:{free_port()}/v1", shards=1)
    assert "index.json: không tải được" in problems[POINTER]
