"""From a code that nobody knows to a dossier at the portal: by a pair that a person confirms, or a reviewed file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from motcua import steps
from motcua.errors import ConfigError
from motcua.publishing.city_feed.reading import rows_of
from motcua.publishing.city_feed.store import FeedStore
from motcua.registry import load_registry
from motcua.steps.audit import audit
from motcua.steps.crosswalk import Decided, Word
from motcua.steps.trace import trace

from tests.igate_records import record
from tests.sandbox.city_client import REGISTRY, CityClient
from tests.steps.catalogue_portal import CataloguePortal
from tests.steps.pipeline import AS_OF, WARD, Pipeline

pytestmark = pytest.mark.slow

BIRTH, MARRIAGE, CARE = "1.001193", "1.000894", "1.000145"  # the last is sensitive
OLD, NEW, UNKNOWN = "1.988881", "1.988880", "1.988889"
LATER = AS_OF + timedelta(hours=2)  # what could not be sent is tried again within the hour
UNSETTLED = "SELECT code, rule FROM api.issue WHERE settled_at IS NULL AND code IS NOT NULL ORDER BY code, rule"
FIELDS = "SELECT code, procedure_code, field_code, version FROM api.dossier ORDER BY code"


@pytest.fixture
def portal(city: CityClient) -> Iterator[CataloguePortal]:
    """A portal that takes national field codes alone, and knows an old and a new code."""
    portal = CataloguePortal(city)
    portal.control("reset")
    portal.change("strict")
    portal.change("publish", code=NEW, name="Thủ tục mới", above="G15-TP01")
    portal.change("publish", code=OLD, name="Thủ tục đăng ký khai sinh (cũ)", above="G15-TP01")
    portal.change("withdraw", code=OLD, on="20180101", successor=BIRTH)
    yield portal
    portal.control("reset")


@pytest.fixture
def waiting(pipeline: Pipeline, portal: CataloguePortal) -> Pipeline:
    """A dossier each of a code that is known, old, new, and of one that nobody knows; the portal has been told."""
    given = enumerate((BIRTH, OLD, NEW, UNKNOWN), 1)
    pipeline.land_and_load([record(MaHoSo=code(number), MaTTHC=procedure) for number, procedure in given])
    drain(pipeline)
    assert portal.held().keys() == {code(1)}
    refresh(pipeline)
    return pipeline


def code(number: int) -> str:
    return f"000.05.33.H24-181012-{number:04d}"


def refresh(pipeline: Pipeline, *, days: int = 0) -> None:
    done = steps.refresh_catalogues(
        settings=pipeline.settings, connections=pipeline.connections, as_of=AS_OF + timedelta(days=days),
        requested_by="test",
    )  # fmt: skip
    assert done["state"] == "taken"


def drain(pipeline: Pipeline, *, hours: int = 0) -> int:
    told = steps.drain(
        settings=pipeline.settings, connections=pipeline.connections, clock=lambda: AS_OF + timedelta(hours=hours)
    )
    assert told["stopped"] is None
    return int(str(told["accepted"]))


def confirm(pipeline: Pipeline, old: str, new: str, *, reason: str = "Quyết định 1872") -> Decided:
    word = Word(by="lan", at=LATER, reason=reason, via="cli")
    return steps.confirm_pair(settings=pipeline.settings, old_code=old, new_code=new, word=word)


def reject(pipeline: Pipeline, old: str, new: str) -> Decided:
    word = Word(by="lan", at=LATER, reason="hai thủ tục khác nhau", via="cli")
    return steps.reject_pair(settings=pipeline.settings, old_code=old, new_code=new, word=word)


def pairs(pipeline: Pipeline) -> dict[tuple[str, str], str]:
    return {(one["old_code"], one["new_code"]): one["state"] for one in steps.crosswalk(settings=pipeline.settings)}


def test_proposal_does_nothing_by_itself(waiting: Pipeline, portal: CataloguePortal) -> None:
    assert pairs(waiting)[OLD, BIRTH] == "proposed"
    assert drain(waiting, hours=2) == 0
    assert [row[2] for row in waiting.rows(FIELDS)] == ["G15-TP01", None, None, None]


def test_confirmed_pair_lends_field_and_name_and_the_dossier_goes_out_under_its_own_code(
    waiting: Pipeline, portal: CataloguePortal
) -> None:
    done = confirm(waiting, OLD, BIRTH)
    assert (done["lent"], done["aligned"]) == ({OLD: BIRTH}, 1)
    assert waiting.rows(FIELDS)[1] == (code(2), OLD, "G15-TP01", 1)  # of the same version: no fact has changed
    assert (code(2), "unknown_procedure") not in waiting.rows(UNSETTLED)
    assert drain(waiting, hours=2) == 1
    told = portal.held()[code(2)]
    assert (told["MaTTHC"], told["TenTTHC"], told["MaLinhVuc"]) == (OLD, "Thủ tục đăng ký khai sinh (cũ)", "G15-TP01")


def test_who_confirmed_it_stands_in_the_trail(waiting: Pipeline) -> None:
    before = trace(settings=waiting.settings, code=code(2))["procedure"]
    assert before == {"code": OLD, "name": None, "field_code": None, "lent_by": None, "crosswalk": []}
    confirm(waiting, OLD, BIRTH)
    procedure = trace(settings=waiting.settings, code=code(2))["procedure"]
    assert (procedure["lent_by"], procedure["field_code"]) == (BIRTH, "G15-TP01")
    (said,) = procedure["crosswalk"]
    assert (said["old_code"], said["new_code"], said["decided_by"], said["reason"]) == (
        OLD, BIRTH, "lan", "Quyết định 1872"
    )  # fmt: skip
    assert trace(settings=waiting.settings, code=code(1))["procedure"]["lent_by"] is None


def test_what_was_decided_of_a_pair_stands_in_the_trail_of_what_people_did(waiting: Pipeline) -> None:
    confirm(waiting, OLD, BIRTH)
    reject(waiting, OLD, BIRTH)
    found = [(one["action"], one["subject"], one["who"], one["via"]) for one in audit(settings=waiting.settings)]
    subject = f"{OLD} → {BIRTH}"
    # both of one moment
    assert sorted(found) == [("confirm_codes", subject, "lan", "cli"), ("reject_codes", subject, "lan", "cli")]


def test_next_reading_is_judged_by_the_lent_limit(waiting: Pipeline) -> None:
    """Where a source gives no due date, there is one now."""
    confirm(waiting, OLD, MARRIAGE)
    limit = load_registry().procedures[MARRIAGE].limit_value
    assert limit is not None
    waiting.land_and_load([record(MaHoSo=code(9), MaTTHC=OLD, NgayHenTra=None)], as_of=LATER)
    query = "SELECT due_source, due_at IS NOT NULL, field_code FROM api.dossier WHERE code = :code"
    assert waiting.rows(query, code=code(9)) == [("computed", True, "G15-TP01")]
    assert [rule for found, rule in waiting.rows(UNSETTLED) if found == code(9)] == []


def test_rejected_pair_lends_no_more_and_is_not_asked_about_again(waiting: Pipeline) -> None:
    confirm(waiting, OLD, BIRTH)
    assert reject(waiting, OLD, BIRTH)["lent"] == {}
    refresh(waiting, days=7)
    assert pairs(waiting)[OLD, BIRTH] == "rejected"
    history = "SELECT decision, decided_by, reason, via, decided_at FROM core.crosswalk ORDER BY decision_id"
    assert waiting.rows(history) == [
        ("confirmed", "lan", "Quyết định 1872", "cli", LATER),
        ("rejected", "lan", "hai thủ tục khác nhau", "cli", LATER),
    ]  # fmt: skip


def test_what_is_known_by_a_pair_changes_what_is_judged_again_by_itself(waiting: Pipeline) -> None:
    """A dossier that the next reading refuses is judged again once, when the pair comes."""
    waiting.land_and_load([record(MaHoSo=code(5), HinhThucNop=7)], as_of=LATER)
    asked = {"settings": waiting.settings, "as_of": LATER}
    assert steps.replay_changed(run_key="before", **asked) is None
    confirm(waiting, OLD, BIRTH)
    opened = steps.replay_changed(run_key="after", **asked)
    assert opened is not None
    assert opened["dossiers"] == 1
    waiting.load(opened["cycle_id"])
    assert steps.replay_changed(run_key="again", **asked) is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("khai sinh", BIRTH, "expected a procedure such as 1.001193"),
        (OLD, OLD, "cannot take its own place"),
        (MARRIAGE, BIRTH, "1.000894 is in force at the portal: nothing takes its place"),
        (UNKNOWN, OLD, "1.988881 has been withdrawn itself"),
        (OLD, UNKNOWN, "neither the portal's catalogue nor the registry knows 1.988889"),
    ],
)
def test_pair_that_makes_no_sense_is_refused(waiting: Pipeline, old: str, new: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        confirm(waiting, old, new)
    assert said in str(refused.value)
    assert waiting.rows("SELECT count(*) FROM core.crosswalk") == [(0,)]


def test_second_successor_is_refused_until_the_first_is_rejected(waiting: Pipeline) -> None:
    confirm(waiting, OLD, BIRTH)
    with pytest.raises(ConfigError, match=r"1\.988881 → 1\.001193 is confirmed: `motcua catalogues reject"):
        confirm(waiting, OLD, MARRIAGE)
    reject(waiting, OLD, BIRTH)
    assert confirm(waiting, OLD, MARRIAGE)["lent"] == {OLD: MARRIAGE}


def test_nobody_and_nothing_is_no_decision(waiting: Pipeline) -> None:
    with pytest.raises(ConfigError, match="a name and a reason"):
        confirm(waiting, OLD, BIRTH, reason=" ")
    with pytest.raises(ConfigError, match="neither proposed nor confirmed"):
        reject(waiting, OLD, NEW)


def test_sensitive_under_another_code_is_published_no_more_than_under_its_own(
    waiting: Pipeline, portal: CataloguePortal
) -> None:
    """A dossier of a code that nobody knows is a row; once it is known what it is about, it is none."""
    waiting.land_and_load([record(MaHoSo=code(number)) for number in range(100, 120)], as_of=LATER)
    shown = publish(waiting, days=1)
    portal.change("withdraw", code=OLD, on="20180101", successor=CARE)
    refresh(waiting, days=2)
    confirm(waiting, OLD, CARE)
    assert code(2) in shown
    assert publish(waiting, days=3) == shown - {code(2)}


def publish(pipeline: Pipeline, *, days: int = 0) -> set[str]:
    """Publishes, and returns the codes in the feed."""
    moment = AS_OF + timedelta(days=days)
    done = steps.publish(
        settings=pipeline.settings, connections=pipeline.connections, as_of=moment, published_at=moment
    )
    return set(rows_of(FeedStore(pipeline.settings.feed_url), int(done["seq"]))["code"].to_pylist())


def test_titles_that_are_alike_are_proposed_where_the_portal_names_no_successor(
    waiting: Pipeline, portal: CataloguePortal
) -> None:
    portal.change("withdraw", code=OLD, on="20180101")
    refresh(waiting, days=7)
    alike = {
        one["new_code"]: (one["origin"], one["score"])
        for one in steps.crosswalk(settings=waiting.settings)
        if one["old_code"] == OLD and one["origin"] == "title"
    }
    assert (BIRTH in alike, OLD in alike) == (True, False)
    known = load_registry().procedures
    assert {known[one].field_code for one in alike} == {"G15-TP01"}
    assert max(alike, key=lambda one: alike[one][1]) == BIRTH
    assert all(0.8 <= score < 1 for _, score in alike.values())
    assert pairs(waiting).get((OLD, NEW)) is None  # of its field, and called otherwise


def test_exported_files_reviewed_and_in_force_let_the_new_ones_out(
    waiting: Pipeline, portal: CataloguePortal, tmp_path: Path
) -> None:
    place = tmp_path / "reviewed"
    done = steps.export_catalogues(settings=waiting.settings, directory=place)
    assert NEW in done["added"]
    assert OLD not in done["added"]
    assert {f"+{NEW},Thủ tục mới,G15-TP01,cap_xa,5,ngay_lam_viec,,,,{REVIEW}"} <= set(done["diff"])
    registry = load_registry(place)
    assert not any(one.placeholder_field for one in registry.procedures.values())
    assert registry.procedures[BIRTH] == load_registry().procedures[BIRTH]
    reviewed = Pipeline(replace(waiting.settings, registry=place), waiting.connections)
    steps.replay_changed(settings=reviewed.settings, run_key="after the export", as_of=LATER)
    assert waiting.rows(FIELDS)[2] == (code(3), NEW, "G15-TP01", 1)
    assert drain(reviewed, hours=2) == 1
    assert portal.held()[code(3)]["TenTTHC"] == "Thủ tục mới"
    assert {found for found, rule in waiting.rows(UNSETTLED) if rule == "unknown_procedure"} == {code(2), code(4)}


REVIEW = "cần xem lại: cùng lĩnh vực với thủ tục nhạy cảm"


def test_dossiers_of_a_made_up_field_are_taken_once_its_national_code_is_in_force(
    pipeline: Pipeline, portal: CataloguePortal, tmp_path: Path
) -> None:
    """The real portal would refuse them until then; nothing of them is lost."""
    land = next(one for one in load_registry().procedures.values() if one.field_code == "HP106" and not one.sensitive)
    pipeline.land_and_load([record(MaHoSo=code(1)), record(MaHoSo=code(2), MaTTHC=land.code, NgayHenTra=None)])
    assert drain(pipeline) == 1
    refresh(pipeline)
    steps.export_catalogues(settings=pipeline.settings, directory=tmp_path / "reviewed")
    reviewed = Pipeline(replace(pipeline.settings, registry=tmp_path / "reviewed"), pipeline.connections)
    steps.replay_changed(settings=reviewed.settings, run_key="after the export", as_of=LATER)
    assert pipeline.rows(FIELDS)[1][2] == "G19-LV106"
    steps.retry_deliveries(
        settings=reviewed.settings, by="lan", reason="đã có mã lĩnh vực quốc gia", at=LATER, states=["rejected"]
    )
    assert drain(reviewed, hours=2) == 1
    assert portal.held()[code(2)]["MaLinhVuc"] == "G19-LV106"


def test_export_of_what_is_the_same_is_the_same_byte_by_byte(
    pipeline: Pipeline, portal: CataloguePortal, tmp_path: Path
) -> None:
    refresh(pipeline)
    first, second = tmp_path / "first", tmp_path / "second"
    steps.export_catalogues(settings=pipeline.settings, directory=first)
    again = replace(pipeline.settings, registry=first)
    done = steps.export_catalogues(settings=again, directory=second)
    assert (done["diff"], done["added"]) == ([], [])
    for name in ("procedures.csv", "fields.csv"):
        assert (second / name).read_bytes() == (first / name).read_bytes()
    left = steps.catalogue_changes(settings=again, as_of=AS_OF)
    assert {(one["kind"], one["change"]) for one in left} <= {
        ("procedure", "withdrawn"), ("procedure", "republished"), ("agency", "new")
    }  # fmt: skip


def test_export_is_never_written_over_what_is_in_force(pipeline: Pipeline, portal: CataloguePortal) -> None:
    with pytest.raises(ConfigError, match="never read"):
        steps.export_catalogues(settings=pipeline.settings, directory=pipeline.settings.home / "x")
    refresh(pipeline)
    with pytest.raises(ConfigError, match="is the registry in force"):
        steps.export_catalogues(settings=pipeline.settings, directory=REGISTRY)
    assert WARD in load_registry().sources
