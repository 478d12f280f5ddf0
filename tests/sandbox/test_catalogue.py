"""The stand-in portal's catalogues: not quite the registry's, always alike, and changed on request."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from sandbox.city.catalogue import NEW_AGENCY, unlisted_procedures
from sandbox.city.population import Population
from sandbox.city.portal import PortalState
from sandbox.city.registry import Registry
from tests.sandbox.portal_server import PASSWORD, USER, PortalCaller, dossier, serve_portal


@pytest.fixture(scope="module")
def served(registry: Registry) -> Iterator[PortalCaller]:
    with serve_portal(PortalState(registry, user=USER, password=PASSWORD, rate_per_second=1e6)) as caller:
        yield caller


@pytest.fixture
def portal(served: PortalCaller) -> PortalCaller:
    """A portal whose catalogue is as it was at first."""
    assert change(served, op="reset").status_code == 200
    return served


def change(portal: PortalCaller, **asked: object) -> httpx.Response:
    return portal.http.post(portal.url.replace("/portal", "/control/catalogue"), json=asked)


def procedures(portal: PortalCaller) -> dict[str, dict]:
    return {one["MATTHC"]: one for one in portal.call("LayDanhSachTTHC")[1]}


def whole(portal: PortalCaller, code: str) -> dict:
    (found,) = portal.call("LayThuTuc", maTTHC=code)[1]
    return found


def test_most_procedures_are_the_registrys_and_some_are_not(portal: PortalCaller, registry: Registry) -> None:
    listed, known = procedures(portal), {one.code: one for one in registry.procedures}
    assert known.keys() <= listed.keys()
    withdrawn = {code for code in known if listed[code]["TRANGTHAI"] == "0"}
    renamed = {code for code in known if listed[code]["TENTTHC"] != known[code].name}
    again = listed.keys() - known.keys()
    assert (len(withdrawn), len(renamed), len(again)) == (14, 7, 6)
    assert {listed[code]["TRANGTHAI"] for code in again} == {"1"}
    assert {one["CAPTHUCHIEN"] for one in listed.values()} == {"cap_tinh", "cap_huyen", "cap_xa"}


def test_withdrawn_procedure_says_since_when_and_by_what_it_is_replaced(
    portal: PortalCaller, registry: Registry
) -> None:
    listed = procedures(portal)
    told = [whole(portal, code) for code, one in listed.items() if one["TRANGTHAI"] == "0"]
    assert {one["NGAYHETHIEULUC"] for one in told} == {"20181001", "20181031"}
    successors = {one["MATTHC"]: one["MATTHCTHAYTHE"] for one in told}
    assert sum(not successor for successor in successors.values()) == 3
    assert {listed[one]["TRANGTHAI"] for one in successors.values() if one} >= {"1"}
    republished = [code for code, one in successors.items() if one.startswith("3.")]
    assert {listed[code]["TENTTHC"] for code in republished} == {
        listed[successors[code]]["TENTTHC"] for code in republished
    }


def test_every_field_has_a_national_code_and_every_procedure_one_of_them(portal: PortalCaller) -> None:
    fields = {one["MALINHVUC"]: one["TENLINHVUC"] for one in portal.call("LayDanhMucLinhVuc")[1]}
    assert len(fields) == 110
    assert {code for code in fields if code.startswith("HP")} == set()
    assert fields["G15-TP01"] == "Hộ tịch"
    assert {one["MALINHVUC"] for one in procedures(portal).values()} <= fields.keys()


def test_procedure_tells_its_limit_in_words(portal: PortalCaller) -> None:
    (way,) = whole(portal, "1.000080.000.00.00.H24")["CACHTHUCTHUCHIEN"]
    (limit,) = way["THOIGIAN"]
    assert (way["KENH"], limit["THOIGIANGIAIQUYET"], limit["DONVITINH"]) == ("1", "12", "Ngày làm việc")
    assert portal.call("LayThuTuc", maTTHC="9.999999") == ("0", [])


def test_agencies_are_those_of_the_day_and_a_new_one(portal: PortalCaller, registry: Registry) -> None:
    listed = {one["MACOQUAN"]: one for one in portal.call("LayDanhMucCoQuan")[1]}
    assert listed.keys() == {one.agency_code for one in registry.units} | {NEW_AGENCY[0]}
    assert {one["TRANGTHAI"] for one in listed.values()} == {"1"}


def test_codes_that_dossiers_carry_are_new_old_or_known_to_nobody(registry: Registry, whole_city: Population) -> None:
    unlisted = unlisted_procedures(whole_city)
    assert len(unlisted) > 150
    state = PortalState(registry, user=USER, password=PASSWORD, unlisted=unlisted)
    listed = state.catalogue.procedures
    of = {code: listed.get(code) for code in unlisted}
    assert {code[-1] for code, one in of.items() if one is None} == {"9"}
    assert {code[-1] for code, one in of.items() if one and one.is_in_force} == {"0", "2", "4", "6", "8"}
    old = {code: one for code, one in of.items() if one and not one.is_in_force}
    assert {code: one.successor for code, one in old.items()} == {code: unlisted[code].code for code in old}


def test_changes_are_made_on_request_and_taken_back(portal: PortalCaller) -> None:
    before = procedures(portal)
    new = {"op": "publish", "code": "1.999991", "name": "Thủ tục mới", "above": "G99-AA01"}
    for asked in (
        new | {"field_name": "Lĩnh vực mới"},
        {"op": "withdraw", "code": "1.000080", "on": "20181201", "successor": "1.999991"},
        {"op": "rename", "code": "1.000094", "name": "Tên khác"},
        {"op": "move", "code": "1.000049", "above": "G99-AA01"},
        {"op": "rename", "kind": "agency", "code": "000.05.33.H24", "name": "Ủy ban khác"},
    ):
        assert change(portal, **asked).status_code == 200
    after = procedures(portal)
    assert (after["1.999991"]["TENTTHC"], after["1.999991"]["TENLINHVUC"]) == ("Thủ tục mới", "Lĩnh vực mới")
    assert (after["1.000080"]["TRANGTHAI"], whole(portal, "1.000080")["MATTHCTHAYTHE"]) == ("0", "1.999991")
    assert (after["1.000094"]["TENTTHC"], after["1.000049"]["MALINHVUC"]) == ("Tên khác", "G99-AA01")
    assert "Ủy ban khác" in {one["TENCOQUAN"] for one in portal.call("LayDanhMucCoQuan")[1]}
    change(portal, op="drop", share=0.5)
    assert len(procedures(portal)) == round(len(after) / 2)
    change(portal, op="reset")
    assert procedures(portal) == before


@pytest.mark.parametrize(
    "asked", [{"op": "rename", "code": "9.999999", "name": "x"}, {"op": "eat", "code": "1.000080"}, {"op": "withdraw"}]
)
def test_change_that_there_is_not_is_refused(portal: PortalCaller, asked: dict) -> None:
    assert change(portal, **asked).status_code == 400


def test_strict_portal_takes_national_field_codes_alone(portal: PortalCaller) -> None:
    made_up, national = dossier(MaLinhVuc="HP106"), dossier(MaLinhVuc="G19-LV106")
    assert [portal.create(made_up), portal.update(national)] == ["0", "0"]
    change(portal, op="strict")
    assert [portal.update(made_up), portal.update(national)] == ["-4", "0"]


@pytest.mark.parametrize(("mode", "begins"), [("html", b"<!doctype"), ("truncated", b'{"error_code"')])
def test_portal_answers_what_is_no_answer(portal: PortalCaller, mode: str, begins: bytes) -> None:
    portal.http.post(portal.url.replace("/portal", "/control/misbehave"), json={"mode": mode}).raise_for_status()
    answer = portal.post("LayDanhMucLinhVuc")
    assert answer.status_code == 200
    assert answer.content.startswith(begins)
    with pytest.raises(ValueError, match=r"\S"):  # cut in the middle of a letter, it is not even text
        answer.json()
    assert portal.call("LayDanhMucLinhVuc")[0] == "0"
