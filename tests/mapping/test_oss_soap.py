"""What only `oss_soap` has: a WSDL that names its elements, and steps that are the supplement requests."""

from __future__ import annotations

from importlib.resources import files

import pytest
from lxml import etree
from motcua.mapping import SPECS
from motcua.mapping.columns import field_name
from motcua.registry import Registry

from tests.mapping.records import local, map_all, values

SPEC = SPECS["oss_soap"]
XS = "{http://www.w3.org/2001/XMLSchema}"


def _elements(name: str) -> set[str]:
    wsdl = etree.fromstring(files("motcua.platforms").joinpath("oss_soap.wsdl").read_bytes())
    return {element.get("name") for element in wsdl.iterfind(f".//{XS}complexType[@name='{name}']/*/{XS}element")}


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("OSSDocument", {field.path for field in SPEC.record} | {SPEC.steps, "tenLoaiHoSo"}),
        ("Buoc", {field.path for field in SPEC.step} | {"canBo"}),
    ],
)
def test_every_element_of_the_wsdl_is_mapped_or_ignored_and_no_other(name: str, known: set[str]) -> None:
    assert _elements(name) == known


def _step(time: str, status: str, **more: str) -> dict[str, str]:
    return {"thoiDiem": f"10/12/2019 {time}:00", "trangThai": status, **more}


def test_steps_with_status_5_are_the_requests_and_the_next_step_answers(registry: Registry) -> None:
    steps = [
        _step("08:00", "TIEP_NHAN"), _step("09:00", "BO_SUNG", noiDung="Bổ sung bản sao"), _step("10:00", "DANG_XU_LY"),
        _step("11:00", "BO_SUNG"),
    ]  # fmt: skip
    batch = map_all("oss_soap", [{"lichSu": steps}, {"lichSu": [_step("12:00", "MOI")]}], registry)
    found = batch.supplements
    assert values(found["row"]) == [0, 0]
    assert values(found["n"]) == [1, 2]
    assert values(found["note"]) == ["Bổ sung bản sao", None]
    assert values(found["requested_at"]) == [local("2019-12-10T09:00"), local("2019-12-10T11:00")]
    assert values(found["answered_at"]) == [local("2019-12-10T10:00"), None]
    assert values(found["due_at"]) == [None, None]


def test_history_that_is_a_text_is_told_as_mistyped(registry: Registry) -> None:
    batch = map_all("oss_soap", [{"maSoHoSo": "H24.33-181012-0001", "lichSu": "đang xử lý"}], registry)
    assert (values(batch.dossiers["mistyped"]), len(batch.steps)) == (["lichSu"], 0)


def test_what_no_spec_names_is_reported_at_every_level(registry: Registry) -> None:
    record = {"soBienNhan": "1", "lichSu": [{"ghiChu": "a"}], "lichSu.tongSo": "1", "{urn:other}maSoHoSo": "b"}
    told = {field for _, field in map_all("oss_soap", [record], registry).unknown_fields}
    assert told == {"soBienNhan", "ghiChu", "lichSu.tongSo", field_name("{urn:other}maSoHoSo")}
