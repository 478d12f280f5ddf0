"""`motcua catalogues`: read, look, decide, export, as somebody at a keyboard does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from motcua.registry import load_registry

from tests.cli.shell import AS_OF, Shell
from tests.igate_records import record
from tests.sandbox.city_client import CityClient
from tests.steps.catalogue_portal import CataloguePortal
from tests.steps.pipeline import WARD, Pipeline

pytestmark = pytest.mark.slow

BIRTH, OLD, NEW = "1.001193", "1.988881", "1.988880"
CODE = "000.05.33.H24-181012-0001"
WHY = ("--reason", "Quyết định 1872")


@pytest.fixture
def portal(city: CityClient) -> Iterator[CataloguePortal]:
    portal = CataloguePortal(city)
    portal.control("reset")
    portal.change("publish", code=NEW, name="Thủ tục mới", above="G15-TP01")
    portal.change("publish", code=OLD, name="Thủ tục cũ", above="G15-TP01")
    portal.change("withdraw", code=OLD, on="20180101", successor=BIRTH)
    yield portal
    portal.control("reset")


def run(shell: Shell, *arguments: str, status: int = 0) -> str:
    done = shell.run("catalogues", *arguments)
    assert (done.returncode, done.stderr) == (status, "")
    return done.stdout


def test_from_a_reading_to_a_decision(shell: Shell, pipeline: Pipeline, portal: CataloguePortal) -> None:
    assert "Chưa đọc danh mục lần nào" in run(shell, *AS_OF)
    pipeline.land_and_load([record(MaHoSo=CODE, MaTTHC=OLD)])
    said = run(shell, "refresh", *AS_OF)
    assert "mục khác sổ đăng ký; 1 trường hợp dùng mã đã bãi bỏ;" in said

    standing = " ".join(run(shell, *AS_OF).split())
    assert "Đọc gần nhất 25/12/2018 17:00 (đã nhận)" in standing
    assert "thủ tục bãi bỏ 8" in standing
    assert "đã bãi bỏ 1" in standing
    lines = run(shell, "changes", *AS_OF).splitlines()
    assert [line.split()[:4] for line in lines if NEW in line] == [["Thủ", "tục", "mới", NEW]]
    (use,) = [line.split() for line in run(shell, "uses").splitlines() if WARD in line]
    assert use[:5] == [WARD, OLD, "đã", "bãi", "bỏ"]
    (pair,) = [line for line in run(shell, "crosswalk").splitlines() if line.startswith(OLD)]
    assert pair.split()[1:5] == [BIRTH, "chờ", "quyết", "định"]
    assert "100%" in pair

    said = run(shell, "confirm", OLD, BIRTH, *WHY)
    assert said.splitlines() == [
        f"{OLD} → {BIRTH}: đã xác nhận",
        f"  {OLD} dùng lĩnh vực và thời hạn của {BIRTH}",
        "  1 hồ sơ đổi mã lĩnh vực",
    ]  # fmt: skip
    traced = shell.run("trace", CODE).stdout
    assert f"thủ tục {OLD} dùng mục của {BIRTH}: lĩnh vực G15-TP01" in traced
    assert "Quyết định 1872" in traced
    assert f"{OLD} → {BIRTH}: đã bác" in run(shell, "reject", OLD, BIRTH, *WHY)


def test_export_shows_the_difference_and_is_a_registry(shell: Shell, portal: CataloguePortal, tmp_path: Path) -> None:
    run(shell, "refresh", *AS_OF)
    place = tmp_path / "danh mục"
    said = run(shell, "export", str(place))
    assert f"+{NEW},Thủ tục mới,G15-TP01,cap_xa,5,ngay_lam_viec" in said
    assert "-HP106," in said
    assert "tạm coi là nhạy cảm, xem lại cột sensitive" in said
    assert NEW in load_registry(place).procedures


def test_for_programs(shell: Shell, pipeline: Pipeline, portal: CataloguePortal) -> None:
    pipeline.land_and_load([record(MaHoSo=CODE, MaTTHC=NEW)])
    assert json.loads(run(shell, "refresh", *AS_OF, "--json"))["state"] == "taken"
    (use,) = json.loads(run(shell, "uses", "--json"))
    assert (use["source_id"], use["state"], use["since"]) == (WARD, "new", None)
    found = json.loads(run(shell, "changes", *AS_OF, "--json"))
    assert {"kind": "procedure", "change": "new", "code": NEW, "before": None, "after": "Thủ tục mới",
            "since": "2018-12-25"} in found  # fmt: skip


def test_portal_that_is_down_is_said_and_nothing_else_happens(shell: Shell, portal: CataloguePortal) -> None:
    portal.control("misbehave", mode="down")
    done = shell.run("catalogues", "refresh", *AS_OF)
    assert done.returncode == 3
    assert "cổng không trả lời: portal answered 503" in done.stdout
    assert "Danh mục lần trước vẫn được dùng" in done.stdout


def test_wrong_use_is_said_in_a_line(shell: Shell, portal: CataloguePortal) -> None:
    for arguments, said in (
        (("confirm", BIRTH, NEW, *WHY), "neither the portal's catalogue nor the registry knows 1.988880"),
        (("export", "/tmp/nowhere"), "the portal's catalogues were never read"),
    ):
        done = shell.run("catalogues", *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr
    assert shell.run("catalogues", "confirm", OLD, BIRTH, "--reason", "vì").returncode == 2
