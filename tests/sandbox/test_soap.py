"""The stand-in's oss_soap answers as the recorded server does, and as the contract page says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from lxml import etree

from tests.contract.exchanges import differences, merge_shapes, read_soap_exchange
from tests.sandbox.city_client import REGISTRY, CityClient, serve

pytestmark = pytest.mark.slow

CONNECTION, UNIT, SOURCE = "oss_soap_so_nganh", "000.00.72.H24", "so_nganh.tu_phap"
ALL = ("01/01/2000 00:00:00", "25/12/2018 17:00:00")
REQUEST, ANSWER = read_soap_exchange("oss_soap-listing")
SOAP, OFFICE = "{http://schemas.xmlsoap.org/soap/envelope/}", "{http://oss.example.vn/mot-cua}"
# elements of a dossier that are left out where they are empty
MAY_LACK = frozenset(
    ["ngayTiepNhan", "ngayHenTra", "ngayHoanThanh", "ngayTraKetQua", "trangThai", "maLoaiHoSo", "hinhThucNop",
     "ngayNopHoSo", "thoiDiem"]
)  # fmt: skip
Asked = dict[str, object]


def call(city: CityClient, **differs: object) -> httpx.Response:
    """The recorded request with this city's account, unit and window, or with others."""
    account = city.connections[CONNECTION]
    asked = {
        "taiKhoan": account["login"], "matKhau": account["password"], "maDonVi": UNIT, "tuNgay": ALL[0],
        "denNgay": ALL[1], "trang": 1,
    } | differs  # fmt: skip
    envelope = etree.fromstring(REQUEST)
    for name, value in asked.items():
        next(envelope.iter(f"{OFFICE}{name}")).text = str(value)
    headers = {
        "Content-Type": "text/xml; charset=utf-8",
        "SOAPAction": '"http://oss.example.vn/mot-cua/LayDanhSachHoSo"',
    }
    return city.http.post(account["host"], content=etree.tostring(envelope), headers=headers)


def response(answer: httpx.Response) -> etree._Element:
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/xml; charset=utf-8")
    (found,) = etree.fromstring(answer.content).find(f"{SOAP}Body")
    return found


def plain(element: etree._Element) -> object:
    """An element as JSON would hold it: `danhSach` and `lichSu` are lists."""
    name = element.tag.removeprefix(OFFICE)
    if name in {"danhSach", "lichSu"}:
        return [plain(inner) for inner in element]
    return {inner.tag.removeprefix(OFFICE): plain(inner) for inner in element} if len(element) else element.text or ""


def rows(answer: httpx.Response) -> list[dict[str, str]]:
    return plain(response(answer))["danhSach"]  # type: ignore[index,call-overload]  # a response is an object


def counts(answer: httpx.Response) -> tuple[int, str, str]:
    found = response(answer)
    return len(rows(answer)), found.findtext(f"{OFFICE}tongSo"), found.findtext(f"{OFFICE}tongSoTrang")


def test_answer_has_the_shape_of_the_recorded_one(running_city: CityClient) -> None:
    (recorded,) = etree.fromstring(ANSWER).find(f"{SOAP}Body")
    given, expected = response(call(running_city)), merge_shapes([plain(recorded)])
    assert given.tag == recorded.tag
    found = plain(given)
    assert isinstance(found, dict)
    known = dict.fromkeys(["ngayHoanThanh", "ngayTraKetQua"], "")  # no recorded dossier was finished
    expected["danhSach"][0] |= known  # type: ignore[index]  # a response is an object
    for row in found["danhSach"]:
        row.pop("soBienNhan", None)  # what nobody was told of
    assert differences(found, expected, may_lack=MAY_LACK) == []


def test_rows_are_those_of_the_ledger_in_order_of_change_and_code(running_city: CityClient) -> None:
    listed = rows(call(running_city))
    keys = [(moment(row["ngayCapNhat"]), row["maSoHoSo"]) for row in listed]
    assert keys == sorted(keys)
    ledger = [line["code_listed"] for line in running_city.ledger() if line["source_id"] == SOURCE]
    assert {row["maSoHoSo"] for row in listed} == set(ledger)


def moment(text: str) -> str:
    day, _, time = text.partition(" ")
    return "-".join(reversed(day.split("/"))) + f"T{time}"


def test_empty_elements_are_left_out(running_city: CityClient) -> None:
    elements = [one for one in response(call(running_city)).iter() if len(one) == 0]
    assert [one.tag for one in elements if not one.text] == []


def test_dossier_is_written_as_the_ledger_knows_it(running_city: CityClient) -> None:
    lines = {line["code_listed"]: line for line in running_city.ledger() if line["source_id"] == SOURCE}
    words = ["MOI", "TIEP_NHAN", "TU_CHOI", "DANG_XU_LY", "BO_SUNG", "TAI_CHINH", "RUT", "DUNG", "XONG", "DA_TRA"]
    compared = 0
    for row in rows(call(running_city)):
        line = lines[row["maSoHoSo"]]
        if line["fault"]:
            continue
        compared += 1
        assert row["trangThai"] == words[line["status"] - 1]
        assert row["daXoa"] == str(line["deleted"]).lower()
        assert moment(row["ngayCapNhat"]) == line["changed_at"].partition("+")[0].partition(".")[0]
        assert len(row["lichSu"]) == line["steps"]
    assert compared > 10


def test_hundred_rows_are_a_page_and_past_the_end_is_an_empty_one(crowded_city: CityClient) -> None:
    total = counts(call(crowded_city))[1]
    pages = -(-int(total) // 100)
    assert pages > 1
    got = [counts(call(crowded_city, trang=number)) for number in range(1, pages + 2)]
    last = int(total) - 100 * (pages - 1)
    assert got == [(rows, total, str(pages)) for rows in [*[100] * (pages - 1), last, 0]]
    codes = [row["maSoHoSo"] for number in range(1, pages + 1) for row in rows(call(crowded_city, trang=number))]
    assert codes == [row["maSoHoSo"] for row in sorted_rows(crowded_city, pages)]


def sorted_rows(city: CityClient, pages: int) -> list[dict[str, str]]:
    some = [row for number in range(1, pages + 1) for row in rows(call(city, trang=number))]
    return sorted(some, key=lambda row: (moment(row["ngayCapNhat"]), row["maSoHoSo"]))


@pytest.fixture(scope="module")
def crowded_city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CityClient]:
    with serve(tmp_path_factory.mktemp("crowded"), scale=0.06) as client:
        yield client


def test_nothing_is_an_empty_page_without_pages(running_city: CityClient) -> None:
    assert counts(call(running_city, denNgay=ALL[0])) == (0, "0", "0")


def test_window_takes_its_first_second_and_not_its_last(running_city: CityClient) -> None:
    row = rows(call(running_city))[2]
    at = row["ngayCapNhat"]
    assert row not in rows(call(running_city, denNgay=at))
    assert rows(call(running_city, tuNgay=at))[0]["ngayCapNhat"] == at


def test_unit_may_be_turned_round(running_city: CityClient) -> None:
    assert rows(call(running_city, maDonVi="H24.72")) == rows(call(running_city))


@pytest.mark.parametrize(
    ("differs", "told"),
    [
        ({"taiKhoan": "somebody"}, "Sai tài khoản hoặc mật khẩu"),
        ({"matKhau": "guessed"}, "Sai tài khoản hoặc mật khẩu"),
        ({"maDonVi": "000.99.99.H24"}, "maDonVi không thuộc hệ thống này"),
        ({"maDonVi": ""}, "maDonVi không thuộc hệ thống này"),
        ({"tuNgay": "2018-01-01T00:00:00"}, "Tham số không hợp lệ"),
        ({"denNgay": "31/02/2018 00:00:00"}, "Tham số không hợp lệ"),
        ({"trang": 0}, "Tham số không hợp lệ"),
        ({"trang": "một"}, "Tham số không hợp lệ"),
    ],
)
def test_wrong_call_is_a_fault_of_the_client(running_city: CityClient, differs: Asked, told: str) -> None:
    answer = call(running_city, **differs)
    assert (answer.status_code, answer.headers["Content-Type"]) == (500, "text/xml; charset=utf-8")
    (fault,) = etree.fromstring(answer.content).find(f"{SOAP}Body")
    assert fault.tag == f"{SOAP}Fault"
    assert [(one.tag, one.text) for one in fault] == [("faultcode", "s:Client"), ("faultstring", told)]


def test_what_is_no_call_is_a_fault_too(running_city: CityClient) -> None:
    host = running_city.connections[CONNECTION]["host"]
    for body in (b"", b"<a/>", b"{}"):
        assert b"<faultcode>s:Client</faultcode>" in running_city.http.post(host, content=body).content


def test_wsdl_is_the_pinned_one_with_this_address(running_city: CityClient) -> None:
    host = running_city.connections[CONNECTION]["host"]
    pinned = (REGISTRY.parent / "platforms" / "oss_soap.wsdl").read_text(encoding="utf-8")
    assert running_city.http.get(f"{host}?wsdl").text == pinned.replace("{base}", host)


@contextmanager
def troubled(city: CityClient, **trouble: object) -> Iterator[None]:
    city.misbehave(source=SOURCE, **trouble)
    yield
    city.misbehave(source=SOURCE, mode="off")


def test_troubles_of_an_office_reach_its_callers(running_city: CityClient) -> None:
    well = call(running_city).content
    with troubled(running_city, mode="down"):
        assert call(running_city).status_code == 503
    with troubled(running_city, mode="truncated_json"):
        assert call(running_city).content == well[: len(well) // 2]
    with troubled(running_city, mode="expired_token"):
        assert "Sai tài khoản hoặc mật khẩu" in call(running_city).text
    with troubled(running_city, mode="drift", kind="renamed"):
        assert {"trangThaiMoi", "trangThai"} & set(rows(call(running_city))[0]) == {"trangThaiMoi"}
    with troubled(running_city, mode="drift", kind="wrong_type"):
        assert isinstance(rows(call(running_city))[0]["trangThai"], dict)
    assert call(running_city).content == well


def test_what_was_served_is_counted(running_city: CityClient) -> None:
    def served() -> tuple[int, int]:
        lines = running_city.http.get(f"{running_city.url}/control/ledger/served").json()
        return next((line["requests"], line["rows"]) for line in lines if line["source"] == SOURCE)

    requests, given = served()
    listed = len(rows(call(running_city)))
    assert served() == (requests + 1, given + listed)
