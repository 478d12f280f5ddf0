"""`motcua trace`: a dossier's versions with their pages, makers, corrections, publications and answers."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from motcua import steps, warehouse

from tests.cli.shell import Shell, environment_of, motcua
from tests.igate_records import record
from tests.sandbox.city_client import REGISTRY
from tests.steps.pipeline import AS_OF, WARD, Pipeline

pytestmark = pytest.mark.slow

CODE, OTHER = "000.05.33.H24-181012-0001", "000.05.33.H24-181012-0002"
LATER, LATEST = AS_OF + timedelta(days=1), AS_OF + timedelta(days=2)
SENSITIVE = "1.001022"
CORRECTION = f"""\
corrections:
  - id: an-bien-1
    match: {{source: {WARD}, codes: [{CODE}]}}
    field: channel
    value: 2
    reason: nộp trực tuyến, ghi nhầm [tại quầy]
    who: Phòng Kiểm soát TTHC
    until: 2018-12-31
"""


def told(shell: Shell, *arguments: str) -> Any:
    done = shell.run("trace", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def publish(pipeline: Pipeline, days: int) -> None:
    moment = AS_OF + timedelta(days=days)
    steps.publish(
        settings=pipeline.settings, connections=pipeline.connections, as_of=moment,
        published_at=moment + timedelta(hours=1),
    )  # fmt: skip


def engine_as_owner(pipeline: Pipeline, statement: str) -> None:
    """Does to the warehouse what no role of the pipeline may."""
    engine = warehouse.engine(pipeline.settings, None)
    with engine.begin() as connection:
        connection.execute(sa.text(statement))
    engine.dispose()


@pytest.fixture
def three_versions(pipeline: Pipeline, tmp_path: Path) -> Path:
    """Read as open, published; read as returned, not published; corrected, published and delivered. Its registry."""
    folder = tmp_path / "registry"
    shutil.copytree(REGISTRY, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    (folder / "corrections.yaml").write_text(CORRECTION, encoding="utf-8")
    opened = record(MaHoSo=CODE, TrangThai=4, NgayKetThucXuLy=None, NgayTraKetQua=None, TienTrinh=[])
    pipeline.land_and_load([opened])
    publish(pipeline, 0)
    returned = record(MaHoSo=CODE, NgayCapNhat="2018-12-26T08:00:00.000", ChuHoSo={"HoTen": "Đỗ Thanh Nga"})
    pipeline.land_and_load([record(MaHoSo=OTHER), returned], as_of=LATER)
    mended = Pipeline(replace(pipeline.settings, registry=folder), pipeline.connections)
    mended.land_and_load([returned], as_of=LATEST)
    publish(mended, 2)
    return folder


def test_every_version_says_where_it_came_from_and_what_became_of_it(
    shell: Shell, pipeline: Pipeline, three_versions: Path
) -> None:
    assert shell.run("drain").returncode == 0
    found = told(shell, CODE.lower())
    third, second, first = found["versions"]
    assert [one["version"] for one in found["versions"]] == [3, 2, 1]
    assert third["changes"] == {"channel": [1, 2]}
    assert {name: change[1] for name, change in second["changes"].items() if name in ("status", "steps")} == {
        "status": 10, "steps": 2,
    }  # fmt: skip
    assert [one["published"]["state"] for one in found["versions"]] == ["published", "never", "published"]
    assert (first["published"]["from_seq"], first["published"]["to_seq"]) == (1, 1)
    assert first["published"]["to_at"] == third["published"]["from_at"] == "2018-12-27T18:00:00+07:00"
    assert third["published"]["to_at"] is None
    answers = [(one["service"], one["state"], one["attempts"]) for one in third["deliveries"]]
    assert answers == [("DongBoHoSoMC", "accepted", 1), ("CapNhatTienDoHoSoMC", "accepted", 1)]
    assert {one["state"] for one in first["deliveries"]} == {"superseded"}
    claims = {claim["batch_id"]: claim for claim in found["claims"]}
    rows = [[claims[name]["page_row"] for name in one["claims"]] for one in found["versions"]]
    assert rows == [[0], [1], [0]]
    assert len({claim["page_sha256"] for claim in found["claims"]}) == 3
    [newest] = third["claims"]
    assert (claims[newest]["corrections"][0]["id"], claims[newest]["has_page"]) == ("an-bien-1", True)
    makers = {claims[one["claims"][0]]["judged_by"]["registry"] for one in found["versions"]}
    assert len(makers) == 2


def test_people_read_it_in_whole_lines(shell: Shell, pipeline: Pipeline, three_versions: Path) -> None:
    engine_as_owner(
        pipeline, "UPDATE core.delivery SET state = 'rejected', attempts = 2, portal_code = '-3',"
        " portal_message = 'sai mã', sent_at = '2018-12-27 18:30+07', settled_at = '2018-12-27 18:30+07'"
        " WHERE version = 3 AND service = 'CapNhatTienDoHoSoMC'",
    )  # fmt: skip
    known = environment_of(shell.settings) | {"MOTCUA_REGISTRY": str(three_versions)}
    lines = [line.strip() for line in motcua("trace", CODE, **known).stdout.splitlines()]
    assert lines[0] == f"{CODE} · phiên bản 3 · nguồn chính {WARD}"
    assert "Phiên bản 3 · ghi nhận 27/12/2018 17:00 · đổi tại nguồn 26/12/2018 08:00" in lines
    assert "channel: 1 → 2" in lines
    assert "status: 4 (Đang xử lý) → 10 (Đã trả kết quả)" in lines
    said = "đính chính an-bien-1: channel = 2, nộp trực tuyến, ghi nhầm [tại quầy] (Phòng Kiểm soát TTHC)"
    assert said in lines
    assert "dữ liệu mở: từ phiên bản 1 (công bố 25/12/2018 18:00) đến phiên bản 1 (thay 27/12/2018 18:00)" in lines
    assert "dữ liệu mở: không: bị thay thế trước khi công bố" in lines
    assert "dữ liệu mở: từ phiên bản 2 (công bố 27/12/2018 18:00) đến nay" in lines
    assert "cổng Chính phủ: DongBoHoSoMC · chờ gửi" in lines
    said = "cổng từ chối · 2 lần gửi · gửi 27/12/2018 18:30 · trả lời -3 sai mã · xong 27/12/2018 18:30"
    assert f"cổng Chính phủ: CapNhatTienDoHoSoMC · {said}" in lines
    assert not [line for line in lines if "Đỗ Thanh Nga" in line]


def test_a_correction_that_is_no_longer_in_the_file_is_told_by_its_id(shell: Shell, three_versions: Path) -> None:
    found = told(shell, CODE)
    assert [claim["corrections"] for claim in found["claims"]] == [[{"id": "an-bien-1"}], [], []]
    assert "    đính chính an-bien-1\n" in shell.run("trace", CODE).stdout


def test_its_pages_are_opened_and_nothing_personal_is_shown(
    shell: Shell, pipeline: Pipeline, three_versions: Path
) -> None:
    found = told(shell, CODE, "--page")
    assert [(one["is_intact"], one["is_this_dossier"], one["page_row"]) for one in found["pages"]] == [
        (True, True, 0), (True, True, 1), (True, True, 0),
    ]  # fmt: skip
    assert {"MaHoSo", "ChuHoSo", "NgayCapNhat"} <= set(found["pages"][0]["fields"])
    shown = shell.run("trace", CODE, "--page").stdout
    assert shown.count("nguyên vẹn: sha256 của nội dung đúng như đã ghi") == 3
    assert "dòng 1 là của hồ sơ này; có các trường: MaHoSo, MaTTHC" in shown
    assert "Đỗ Thanh Nga" not in shown


def test_a_page_that_is_gone_or_another_is_our_failure(shell: Shell, pipeline: Pipeline, three_versions: Path) -> None:
    page = told(shell, CODE)["claims"][0]["page_sha256"]
    [file] = shell.settings.home.rglob(f"{page}.zst")
    file.write_bytes(b"another page altogether")
    damaged = shell.run("trace", CODE, "--page")
    assert (damaged.returncode, damaged.stdout.count("✓"), damaged.stdout.count("✗")) == (1, 2, 1)
    assert f"✗ trang {page}: pages/" in damaged.stdout
    assert "cannot be opened" in damaged.stdout


def test_a_row_that_is_another_dossiers_is_our_failure(shell: Shell, pipeline: Pipeline, three_versions: Path) -> None:
    engine_as_owner(pipeline, "UPDATE core.claim SET page_row = 0")
    shown = shell.run("trace", CODE, "--page")
    assert (shown.returncode, "✗ dòng 0 là của hồ sơ khác" in shown.stdout) == (1, True)


def test_what_is_only_in_quarantine_is_traced_to_its_page(shell: Shell, pipeline: Pipeline) -> None:
    pipeline.land_and_load([record(), record(MaHoSo=CODE, HinhThucNop=7)])
    found = told(shell, CODE, "--page")
    assert (found["versions"], found["claims"]) == ([], [])
    assert [(one["rule"], one["page_row"]) for one in found["quarantine"]] == [("unknown_channel", 1)]
    assert [(one["is_intact"], one["is_this_dossier"]) for one in found["pages"]] == [(True, True)]
    shown = shell.run("trace", CODE).stdout
    assert shown.startswith(f"{CODE} · chỉ có trong cách ly")
    assert f"Cách ly · {WARD} · unknown_channel (channel) · đang bị từ chối" in shown


def test_what_has_no_usable_code_is_traced_by_its_digest(shell: Shell, pipeline: Pipeline) -> None:
    pipeline.land_and_load([record(MaHoSo="Đỗ Thanh Nga"), record(MaHoSo=None)])
    identities = [
        row[0] for row in pipeline.rows("SELECT identity FROM core.quarantine GROUP BY identity ORDER BY min(page_row)")
    ]
    found = [told(shell, str(identity), "--page")["pages"] for identity in identities]
    assert [(one["is_intact"], one["is_this_dossier"], one["page_row"]) for [one] in found] == [
        (True, True, 0), (True, None, 1),
    ]  # fmt: skip
    assert "dòng 1 không có mã hồ sơ; có các trường: " in shell.run("trace", str(identities[1]), "--page").stdout


def test_a_sensitive_procedure_and_a_deleted_dossier_are_never_published(shell: Shell, pipeline: Pipeline) -> None:
    pipeline.land_and_load([record(MaHoSo=CODE, MaTTHC=SENSITIVE), record(MaHoSo=OTHER)])
    pipeline.land_and_load([record(MaHoSo=CODE, MaTTHC=SENSITIVE)], as_of=LATER, full=True)
    publish(pipeline, 2)
    [only] = told(shell, CODE)["versions"]
    assert only["published"] == {"state": "sensitive"}
    gone, before = told(shell, OTHER)["versions"]
    assert [one["published"] for one in (gone, before)] == [{"state": "deleted"}, {"state": "never"}]
    assert "không bao giờ công bố: thủ tục nhạy cảm" in shell.run("trace", CODE).stdout
    absent = told(shell, OTHER, "--page")
    assert [(claim["has_page"], claim["deleted"]) for claim in absent["claims"]] == [(False, True), (True, False)]
    assert [(one["is_intact"], one["is_this_dossier"]) for one in absent["pages"]] == [(True, True)]
    assert "không còn trong danh sách; lần cuối ở trang" in shell.run("trace", OTHER).stdout


def test_a_code_that_nobody_knows_is_wrong_use(shell: Shell) -> None:
    done = shell.run("trace", CODE)
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        done.stderr == f"cấu hình: {CODE}: nothing was ever read of it; is it the whole code, as the receipt has it?\n"
    )
    both = shell.run("trace", CODE, "--agency", "H24.33.05")
    assert (both.returncode, "give a dossier's code, or --agency" in both.stderr) == (2, True)


@pytest.mark.parametrize(
    ("figure", "numbers"),
    [("dossiers", (1, 2, 3)), ("received", (1, 2)), ("online", (2,)), ("done", (1,)), ("open_overdue", (2,))],
)
def test_the_dossiers_behind_a_figure_are_listed(
    shell: Shell, pipeline: Pipeline, figure: str, numbers: tuple[int, ...]
) -> None:
    codes = [f"000.05.33.H24-181012-{number:04d}" for number in range(6)]
    opened = {"TrangThai": 4, "NgayKetThucXuLy": None, "NgayTraKetQua": None, "TienTrinh": []}
    new = opened | {"TrangThai": 1, "NgayTiepNhan": None, "HinhThucNop": 1}
    pipeline.land_and_load(
        [record(MaHoSo=codes[1]), record(MaHoSo=codes[2], HinhThucNop=1, **opened), record(MaHoSo=codes[3], **new),
         record(MaHoSo=codes[4], MaTTHC=SENSITIVE)]
    )  # fmt: skip
    publish(pipeline, 0)
    since = record(MaHoSo=codes[2], NgayCapNhat="2018-12-26T08:00:00.000")
    pipeline.land_and_load([record(MaHoSo=codes[5]), since], as_of=LATER)
    found = told(shell, "--agency", "000.05.33.H24", "--figure", figure)
    assert (found["agency_code"], found["seq"]) == ("H24.33.05", 1)
    assert found["codes"] == [codes[number] for number in numbers]


def test_a_figure_that_is_not_there_is_wrong_use(shell: Shell, pipeline: Pipeline) -> None:
    pipeline.land_and_load([record(MaHoSo=CODE)])
    asked = [
        (("H24.99",), "there is no agency 'H24.99'"),
        (("H24.33.05",), "nothing is published yet"),
        (("H24.33.05", "--seq", "9"), "there is no version 9 of the feed"),
        (("H24.33.05", "--figure", "late"), "there is no figure 'late'; there are: dossiers, online, received, done"),
    ]
    for arguments, said in asked:
        done = shell.run("trace", "--agency", *arguments)
        assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    publish(pipeline, 0)
    shown = shell.run("trace", "--agency", "H24.33.05").stdout.splitlines()
    assert shown == [
        CODE,
        "1 hồ sơ trong số liệu dossiers của H24.33.05, dữ liệu mở phiên bản 1, tính đến 25/12/2018 17:00",
    ]
