"""A dossier is erased: nothing of the person is left in any page, and what is said of the others is as it was."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from motcua import steps
from motcua.errors import ConfigError, PageGone
from motcua.files import Files
from motcua.landing import StoredPages
from motcua.steps import place
from motcua.steps.erasure import Erased
from motcua.steps.pages import records_of
from motcua.steps.slices import FRAMES
from motcua.warehouse.pages import pages_of

from tests.igate_records import record
from tests.sandbox.city_client import REGISTRY, CityClient
from tests.steps.pipeline import AS_OF, LOCAL, WARD, Pipeline

pytestmark = pytest.mark.slow

LATER = AS_OF + timedelta(days=1)
NAME, NOTE = "Canary Thị Kín", "bà Canary xin lại bản gốc"
FACTS = "SELECT code, status, received_at, version, deleted FROM api.dossier ORDER BY code"
# the evening after: a register file with what was edited has been dropped
EVENING = datetime(2018, 12, 26, 23, tzinfo=LOCAL)
# one of each platform; of the registers a workbook, and a text in an old encoding
OFFICES = (
    "le_chan.quan",
    "cat_hai.huyen",
    "so_nganh.tu_phap",
    "so_nganh.giao_thong_van_tai",
    "cat_hai.van_phong",
    "cat_hai.nghia_lo",
)


def code(number: int) -> str:
    return f"000.05.33.H24-181012-{number:04d}"


def kin(number: int, **differs: object) -> dict[str, object]:
    ordinary = record(**{"MaHoSo": code(number), "TrichYeu": NOTE} | differs)
    ordinary["ChuHoSo"]["HoTen"] = NAME
    ordinary["TienTrinh"][0]["NoiDungXuLy"] = NOTE
    return ordinary


def erase(pipeline: Pipeline, dossier: str, **differs: object) -> Erased:
    asked = {"reason": "theo đơn của công dân", "requested_by": "người trực", "as_of": LATER} | differs
    return steps.erase(
        settings=pipeline.settings, connections=pipeline.connections, code=dossier, **asked,  # type: ignore[arg-type]
    )  # fmt: skip


def told(pipeline: Pipeline) -> str:
    """All records of all pages that any batch names, as they are read with the key."""
    archive, registry = place.archive(pipeline.settings, pipeline.connections), place.registry(None)
    with pipeline.warehouse() as connection:
        batches = [str(batch_id) for (batch_id,) in pipeline.rows("SELECT batch_id FROM core.batch")]
        listed = pages_of(connection, batches)
    return json.dumps(
        [
            list(records_of(archive, page.sha256, source=registry.sources[batch.source_id], note=page.note)[0])
            for batch in listed
            for page in batch.pages
        ],
        ensure_ascii=False,
    )


def stored(pipeline: Pipeline) -> set[str]:
    return {sha256 for some in StoredPages(pipeline.settings.archive_url).slices() for sha256 in some.pages}


def judged(pipeline: Pipeline, cycle_id: int, batch: str, name: str) -> dict[str, pd.DataFrame]:
    """What the judging of a batch says, whatever has been merged."""
    part = f"{cycle_id}.{name}"
    pipeline.judge(cycle_id, {"label": "", "part": part, "batches": [batch]})
    staging = place.staging(pipeline.settings, pipeline.connections)
    [own] = Files(pipeline.settings.staging_url).names(part)
    return {frame: staging.read(f"{part}/{own}/0", frame) for frame in FRAMES}


def of_others(frame: pd.DataFrame, erased: Sequence[str]) -> pd.DataFrame:
    key = "identity" if "identity" in frame else "code"
    return frame[~frame[key].isin(erased)].reset_index(drop=True)


@pytest.mark.parametrize("office", OFFICES)
def test_on_every_platform_nothing_of_the_person_is_left_and_the_others_are_judged_as_before(
    pipeline: Pipeline, city: CityClient, office: str
) -> None:
    pipeline.cycle([office])
    city.edit(source=office, op="text", count=1, name=NAME, summary=NOTE)
    city.move_clock("2018-12-26T23:00:00")
    cycle_id = pipeline.cycle([office], as_of=EVENING, full=True)
    city.edit(source=office, op="undo")
    ((erased,),) = pipeline.rows("SELECT code FROM private.applicant WHERE name = :name", name=NAME)
    batch, facts = f"{cycle_id}.{office}", pipeline.rows(FACTS)
    before = judged(pipeline, cycle_id, batch, "before")
    assert NAME in told(pipeline)
    beside = steps.rebuild(settings=pipeline.settings, connections=pipeline.connections, as_of=EVENING)["schema"]
    of_person = f"SELECT count(*) FROM {beside}.applicant WHERE code = :code"  # noqa: S608
    assert pipeline.rows(of_person, code=erased) == [(1,)]
    done = erase(pipeline, str(erased), as_of=EVENING)
    assert pipeline.rows(of_person, code=erased) == [(0,)]
    assert (done["sources"], done["unread"], done["cycles"]) == ([office], [], [])
    assert done["redacted"] >= 1
    assert done["records"] >= done["redacted"]
    left = told(pipeline)
    assert [text for text in (NAME, NOTE, "Canary", str(erased)) if text in left] == []
    after = judged(pipeline, cycle_id, batch, "after")
    for name in FRAMES[:-1]:
        pd.testing.assert_frame_equal(after[name], of_others(before[name], [str(erased)]))
    assert set(after["present"]["code"]) == set(before["present"]["code"])
    assert pipeline.rows(FACTS) == facts
    assert pipeline.rows("SELECT count(*) FROM private.applicant WHERE code = :code", code=erased) == [(0,)]


def test_no_byte_of_the_person_is_in_the_opened_archive(pipeline: Pipeline) -> None:
    pipeline.land_and_load([kin(1), record(MaHoSo=code(2)), kin(1, MaHoSo=f" {code(1).lower()}\n")])
    orphan = place.archive(pipeline.settings, pipeline.connections).put(json.dumps(kin(1)).encode())
    [(sha256,)] = pipeline.rows("SELECT pages[1] FROM core.batch")
    done = erase(pipeline, code(1).lower())
    assert done == {
        "erasure_id": 1, "sources": [WARD], "searched": 1, "redacted": 1, "records": 2, "orphans": 1, "unread": [],
        "cycles": [],
    }  # fmt: skip
    assert stored(pipeline) == {sha256} != {orphan}
    assert not list((pipeline.settings.home / "archive" / "pages").rglob("*.zst"))
    assert "Canary" not in told(pipeline)
    with pytest.raises(PageGone, match="a dossier was erased from it"):
        place.archive(pipeline.settings, pipeline.connections).get(str(sha256))
    kept = "SELECT code, reason, requested_by, as_of, sources, pages, records, ended_at IS NOT NULL FROM api.erasure"
    assert pipeline.rows(kept) == [(code(1), "theo đơn của công dân", "người trực", LATER, [WARD], [sha256], 2, True)]
    assert erase(pipeline, code(1)) == done | {"erasure_id": 2, "redacted": 0, "records": 0, "orphans": 0}


def test_notes_go_and_what_is_public_stays(pipeline: Pipeline) -> None:
    asked = [{"NgayYeuCau": "2018-10-13T08:00:00.000", "NoiDung": NOTE}]
    pipeline.land_and_load([kin(1, BoSung=asked), record(MaHoSo=code(2))])
    public = ("SELECT code, at, status, n, agency_code FROM api.step ORDER BY code, at, status, n", FACTS)
    before = [pipeline.rows(query) for query in public]
    erase(pipeline, code(1))
    assert [pipeline.rows(query) for query in public] == before
    assert pipeline.rows("SELECT code FROM private.applicant") == [(code(2),)]
    words = "SELECT DISTINCT department, note FROM private.step WHERE code = :code"
    assert pipeline.rows(words, code=code(1)) == [(None, None)]
    assert pipeline.rows(words, code=code(2)) != [(None, None)]


def test_an_erased_dossier_is_not_taken_for_deleted(pipeline: Pipeline) -> None:
    pipeline.land_and_load([kin(1), record(MaHoSo=code(2)), record(MaHoSo=code(3))])
    cycle_id = pipeline.plan(as_of=LATER, sources=[WARD], full=True)
    pipeline.land(cycle_id, [kin(1), record(MaHoSo=code(2))])
    erase(pipeline, code(1))
    pipeline.load(cycle_id)
    assert pipeline.rows("SELECT code, deleted FROM api.dossier ORDER BY code") == [
        (code(1), False), (code(2), False), (code(3), True),
    ]  # fmt: skip


def test_two_erasures_of_one_page_leave_the_places_of_the_others(pipeline: Pipeline) -> None:
    pipeline.land_and_load([kin(1), record(MaHoSo=code(2), HinhThucNop=7), kin(3), record(MaHoSo=code(4))])
    for number in (1, 3):
        erase(pipeline, code(number))
    archive, source = place.archive(pipeline.settings, pipeline.connections), place.registry(None).sources[WARD]
    [(sha256,)] = pipeline.rows("SELECT pages[1] FROM core.batch")
    left, _ = records_of(archive, str(sha256), source=source, note={})
    assert [one and one["MaHoSo"] for one in left] == [None, code(2), None, code(4)]
    again = steps.replay_quarantine(
        settings=pipeline.settings, run_key="again", as_of=LATER, reason="thử lại", requested_by="người trực"
    )
    pipeline.load(again["cycle_id"])
    assert pipeline.rows("SELECT identity, attempts, page_row FROM core.quarantine") == [(code(2), 2, 1)]


def test_what_its_source_tells_again_comes_back(pipeline: Pipeline) -> None:
    pipeline.land_and_load([kin(1)])
    erase(pipeline, code(1))
    pipeline.land_and_load([kin(1)], as_of=LATER)
    assert NAME in told(pipeline)
    assert pipeline.rows("SELECT name FROM private.applicant") == []  # nothing has changed
    pipeline.land_and_load([kin(1, NgayCapNhat="2018-12-26T08:00:00.000", TrangThai=9)], as_of=LATER)
    assert pipeline.rows("SELECT name FROM private.applicant") == [(NAME,)]
    assert erase(pipeline, code(1))["redacted"] == 2
    assert "Canary" not in told(pipeline)
    assert pipeline.rows("SELECT name FROM private.applicant") == []


def test_refused_and_held_back_dossiers_can_be_erased(pipeline: Pipeline) -> None:
    pipeline.land_and_load([kin(1, HinhThucNop=7), record(MaHoSo=code(2))])
    cycle_id = pipeline.plan(as_of=LATER, sources=[WARD])
    pipeline.land(cycle_id, [kin(3)])  # never merged: nothing in the warehouse knows its code
    assert (erase(pipeline, code(1))["records"], erase(pipeline, code(3))["records"]) == (1, 1)
    assert "Canary" not in told(pipeline)


def test_pages_of_a_source_that_nobody_knows_any_more_are_told(pipeline: Pipeline, tmp_path: Path) -> None:
    pipeline.land_and_load([kin(1)])
    [(sha256,)] = pipeline.rows("SELECT pages[1] FROM core.batch")
    folder = tmp_path / "registry"
    shutil.copytree(REGISTRY, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    file = folder / "sources" / "le_chan.yaml"
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    file.write_text("".join(line for line in lines if WARD not in line), encoding="utf-8")
    done = erase(Pipeline(replace(pipeline.settings, registry=folder), pipeline.connections), code(1))
    assert (done["redacted"], done["unread"]) == (0, [sha256])


def test_a_cycle_that_has_yet_to_merge_is_told(pipeline: Pipeline) -> None:
    pipeline.land_and_load([kin(1)])
    cycle_id = pipeline.plan(as_of=LATER, sources=[WARD])
    pipeline.land(cycle_id, [kin(1)])
    assert erase(pipeline, code(1))["cycles"] == [cycle_id]


@pytest.mark.parametrize(
    ("dossier", "differs", "said"),
    [
        (code(9), {}, "no source has told such a dossier"),
        (code(1), {"reason": " "}, "a name and a reason"),
        (" ", {}, "needs a dossier's code"),
    ],
)
def test_an_erasure_that_cannot_be_changes_nothing(
    pipeline: Pipeline, dossier: str, differs: dict[str, object], said: str
) -> None:
    pipeline.land_and_load([kin(1)])
    with pytest.raises(ConfigError, match=said):
        erase(pipeline, dossier, **differs)
    assert NAME in told(pipeline)
    assert pipeline.rows("SELECT * FROM core.erasure") == []
