"""The portal's catalogues as the client reads them: as the contract has it, or an error that says where."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date

import pytest
from motcua.connections import Connection
from motcua.errors import CatalogueRefused, ConfigError, PortalRejected, PortalUnavailable
from motcua.publishing.government.catalogues import Detail, Listed, read_catalogues, read_detail
from motcua.publishing.government.client import PortalClient

from tests.publishing.government.conftest import StandIn
from tests.publishing.government.scripted_portal import OK, Call, Reply, ScriptedPortal

FIELD = {"MALINHVUC": "G15-TP01", "TENLINHVUC": "Hộ tịch"}
PROCEDURE = {
    "MATTHC": "1.001193", "TENTTHC": "Đăng ký khai sinh", "CAPTHUCHIEN": "cap_xa", "TRANGTHAI": "1", **FIELD
}  # fmt: skip
AGENCY = {"MACOQUAN": "000.05.33.H24", "TENCOQUAN": "UBND phường An Biên", "MACOQUANCHA": "H24", "TRANGTHAI": "1"}
GOOD: dict[str, list[dict]] = {
    "LayDanhMucLinhVuc": [FIELD], "LayDanhSachTTHC": [PROCEDURE], "LayDanhMucCoQuan": [AGENCY]
}  # fmt: skip


@pytest.fixture
def client(script: ScriptedPortal) -> Iterator[PortalClient]:
    with closing(PortalClient(shared(script.connection), sleep=lambda _: None)) as client:
        yield client


def shared(connection: Connection) -> Connection:
    return replace(connection, extra={**connection.extra, "share_endpoint": "/share"})


def answering(**differs: object) -> Callable[[Call], Reply]:
    """Catalogues as they should be, but for these services."""
    return lambda call: Reply(OK | {"result": (GOOD | differs)[call.body["service"]]})


def test_catalogues_are_read_from_where_they_are_shared(script: ScriptedPortal, client: PortalClient) -> None:
    script.answer = answering()
    assert read_catalogues(client) == [
        Listed(kind="field", code="G15-TP01", title="Hộ tịch"),
        Listed(
            kind="procedure", code="1.001193", title="Đăng ký khai sinh", field_code="G15-TP01", level="cap_xa"
        ),
        Listed(kind="agency", code="H24.33.05", title="UBND phường An Biên", parent="H24"),
    ]  # fmt: skip
    assert [call.path for call in script.calls] == ["/auth", "/share", "/share", "/share"]
    assert {call.body["madonvi"] for call in script.calls[1:]} == {"H24"}


def test_long_codes_words_and_keys_that_nobody_named_are_fine(script: ScriptedPortal, client: PortalClient) -> None:
    long = PROCEDURE | {"MATTHC": "1.001193.000.00.00.H24", "CAPTHUCHIEN": "Cấp xã", "TRANGTHAI": "0", "MOI": 7}
    script.answer = answering(LayDanhSachTTHC=[long])
    found = read_catalogues(client)[1]
    assert (found.code, found.level, found.is_in_force) == ("1.001193", "cap_xa", False)
    script.answer = answering(LayDanhSachTTHC=[PROCEDURE | {"CAPTHUCHIEN": "Cấp bộ"}])
    assert read_catalogues(client)[1].level is None


@pytest.mark.parametrize(
    ("service", "result", "said"),
    [
        ("LayDanhMucLinhVuc", [], "LayDanhMucLinhVuc: expected entries, got none"),
        ("LayDanhMucLinhVuc", None, "1 places are not as the contract has it; result.: Input should"),
        ("LayDanhMucLinhVuc", {"danhSach": [FIELD]}, "LayDanhMucLinhVuc: 1 places"),
        ("LayDanhMucLinhVuc", [FIELD, FIELD], "LayDanhMucLinhVuc: these codes stand twice: G15-TP01"),
        ("LayDanhMucLinhVuc", [{"maLinhVuc": "G15-TP01"}], "result.0.MALINHVUC: Field required"),
        ("LayDanhSachTTHC", [PROCEDURE | {"TENTTHC": " "}], "result.0.TENTTHC: String should have at least"),
        ("LayDanhSachTTHC", [PROCEDURE, PROCEDURE | {"TRANGTHAI": "2"}], "result.1.TRANGTHAI: Input should be '0'"),
        ("LayDanhSachTTHC", [PROCEDURE | {"MATTHC": "TTHC-17"}], "a procedure such as 1.001193, got 'TTHC-17'"),
        ("LayDanhSachTTHC", [PROCEDURE | {"MALINHVUC": "G1"}], "field codes that LayDanhMucLinhVuc does not list: G1"),
        ("LayDanhMucLinhVuc", [FIELD | {"TENLINHVUC": "x" * 1001}], "0.TENLINHVUC: String should have at most 1000"),
        ("LayDanhSachTTHC", [PROCEDURE | {"TENTTHC": "Khai\x00sinh"}], "0.TENTTHC: String should match pattern"),
        ("LayDanhSachTTHC", [PROCEDURE | {"CAPTHUCHIEN": "x" * 1001}], "0.CAPTHUCHIEN: String should have at most"),
        ("LayDanhMucCoQuan", [AGENCY] * 20_001, "LayDanhMucCoQuan: expected at most 20000 entries, got 20001"),
        ("LayDanhMucCoQuan", [AGENCY | {"MACOQUAN": "An Biên"}], "MACOQUAN: expected an agency code such as H24.33.05"),
        ("LayDanhMucCoQuan", [AGENCY, AGENCY | {"MACOQUAN": "H24.33.05"}], "these codes stand twice: H24.33.05"),
    ],
)  # fmt: skip
def test_unknown_shape_is_refused_and_named(
    script: ScriptedPortal, client: PortalClient, service: str, result: object, said: str
) -> None:
    script.answer = answering(**{service: result})
    with pytest.raises(CatalogueRefused) as refused:
        read_catalogues(client)
    assert said in str(refused.value)


def test_longest_texts_are_taken_with_the_lines_in_them(script: ScriptedPortal, client: PortalClient) -> None:
    title = "Đăng ký\n" + "x" * 992
    script.answer = answering(LayDanhSachTTHC=[PROCEDURE | {"TENTTHC": f" {title} "}])
    assert read_catalogues(client)[1].title == title


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(b"Service Unavailable", 503), PortalUnavailable),
        (Reply(b"<html>", 200), PortalUnavailable),
        (Reply(b'{"error_code": "0", "result": [{"MALINH', 200), PortalUnavailable),
        (Reply({"error_code": "-3", "message": "Không có quyền", "result": None}), PortalRejected),
    ],
    ids=["down", "log-in page", "cut off", "not allowed"],
)
def test_portal_that_gives_no_catalogue(
    script: ScriptedPortal, client: PortalClient, reply: Reply, error: type[Exception]
) -> None:
    script.answer = lambda _: reply
    with pytest.raises(error):
        read_catalogues(client)


@pytest.mark.parametrize(
    ("told", "detail"),
    [
        ({}, Detail()),
        ({"NGAYHETHIEULUC": "20181001", "MATTHCTHAYTHE": "2.000001"},
         Detail(withdrawn_on=date(2018, 10, 1), successor="2.000001")),
        ({"CACHTHUCTHUCHIEN": [{"KENH": "1", "THOIGIAN": [{"THOIGIANGIAIQUYET": "5", "DONVITINH": "Ngày làm việc"}]}]},
         Detail(limit=(5.0, "ngay_lam_viec"))),
        ({"CACHTHUCTHUCHIEN": [
            {"KENH": "2", "THOIGIAN": [{"THOIGIANGIAIQUYET": "0,5", "DONVITINH": "Ngày"}]},
            {"KENH": "1", "THOIGIAN": [{"THOIGIANGIAIQUYET": "8", "DONVITINH": "Giờ"}]}]},
         Detail(limit=(8.0, "gio"), online_limit=(0.5, "ngay"))),
        # one for each kind of case, a word that is no number, a unit that nobody knows: no limit is known
        ({"CACHTHUCTHUCHIEN": [{"KENH": "1", "THOIGIAN": [
            {"THOIGIANGIAIQUYET": "5", "DONVITINH": "Ngày"},
            {"THOIGIANGIAIQUYET": "9", "DONVITINH": "Ngày"}]}]}, Detail()),
        ({"CACHTHUCTHUCHIEN": [{"KENH": "1", "THOIGIAN": [{"THOIGIANGIAIQUYET": "ngay", "DONVITINH": "Ngày"},
                                                        {"THOIGIANGIAIQUYET": "2", "DONVITINH": "Tháng"}]}]}, Detail()),
    ],
)  # fmt: skip
def test_detail_of_a_procedure(script: ScriptedPortal, client: PortalClient, told: dict, detail: Detail) -> None:
    script.answer = lambda _: Reply(OK | {"result": [PROCEDURE | told]})
    assert read_detail(client, "1.001193") == detail
    assert script.calls[-1].body["maTTHC"] == "1.001193"


def test_procedure_of_which_nothing_is_told_and_one_with_nonsense(script: ScriptedPortal, client: PortalClient) -> None:
    script.answer = lambda _: Reply(OK | {"result": []})
    assert read_detail(client, "1.001193") == Detail()
    for told, said in (
        ({"NGAYHETHIEULUC": "01/10/2018"}, "LayThuTuc 1.001193: NGAYHETHIEULUC: expected yyyyMMdd, got '01/10/2018'"),
        ({"MATTHCTHAYTHE": "không"}, "LayThuTuc 1.001193: MATTHCTHAYTHE: expected a procedure"),
    ):
        script.answer = lambda _, told=told: Reply(OK | {"result": [told]})  # type: ignore[misc]
        with pytest.raises(CatalogueRefused) as refused:
            read_detail(client, "1.001193")
        assert said in str(refused.value)


def test_connection_that_does_not_say_where_catalogues_are(script: ScriptedPortal) -> None:
    with closing(PortalClient(script.connection)) as client, pytest.raises(ConfigError, match="share_endpoint"):
        client.catalogue("LayDanhMucLinhVuc")
    assert script.calls == []


def test_stand_ins_catalogues_are_as_the_contract_has_them(portal: StandIn) -> None:
    with closing(PortalClient(portal.connection)) as client:
        found = read_catalogues(client)
        ended = [one for one in found if one.kind == "procedure" and not one.is_in_force]
        details = [read_detail(client, one.code) for one in ended]
    assert {one.kind for one in found} == {"field", "procedure", "agency"}
    assert {one.level for one in found if one.kind == "procedure"} == {"cap_tinh", "cap_huyen", "cap_xa"}
    assert all(one.withdrawn_on is not None for one in details)
    assert sum(one.successor is not None for one in details) > len(details) // 2
