"""What only oss_soap has: faults, two totals, the account in every call, XML that says more than it should."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from motcua.errors import SourceChanged, SourceError, SourceRefused, SourceUnavailable
from motcua.platforms.base import MOST_PAGES

from tests.contract.scripted_server import Reply, Request
from tests.platforms.conftest import UNIT, Reading
from tests.platforms.soap_dialect import XML, SoapDialect
from tests.platforms.test_listings import failure, rows
from tests.platforms.test_troubles import NAME, assert_told

OpenOffice = Callable[..., Reading]
SOAP = SoapDialect()
ASK = "; ask its owner"
LOOK = "; look at the unit in the registry, then ask its owner"


@pytest.fixture
def reading(open_office_of: OpenOffice) -> Reading:
    return open_office_of(SOAP, rows(*range(1, 8)))


def page(*numbers: int, total: object, pages: object = None) -> Reply:
    documents = "".join(f"<OSSDocument><maSoHoSo>{number}</maSoHoSo></OSSDocument>" for number in numbers)
    return SOAP.listing(documents, total=total, pages=pages)


@pytest.mark.parametrize(
    ("inside", "told"),
    [
        ("", "field danhSach: expected a list of OSSDocument"),
        ("<danhSach><HoSo/></danhSach>", "field danhSach: expected a list of OSSDocument"),
        ("<danhSach/>", "field tongSo: expected a number, got nothing"),
        ("<danhSach/><tongSo/>", "field tongSo: expected a number, got a text"),
        ("<danhSach/><tongSo>-1</tongSo>", "field tongSo: expected a number, got a text"),
        (f"<danhSach/><tongSo>{NAME}</tongSo>", "field tongSo: expected a number, got a text"),
        ("<danhSach/><tongSo>0</tongSo>", "field tongSoTrang: expected a number, got nothing"),
    ],
)
def test_answer_against_the_contract_is_told_by_its_field(reading: Reading, inside: str, told: str) -> None:
    reading.office.instead = lambda _: SOAP.response(inside)
    assert_told(failure(reading), SourceChanged, "PROTOCOL", told + ASK)


NO_ENVELOPE = "expected a SOAP envelope with something in its body, got other XML"


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (SOAP.body("<a/>"), "expected LayDanhSachHoSoResponse, got another element"),
        (SOAP.body(""), NO_ENVELOPE),
        (Reply(headers=XML, body=b"<html><body>x</body></html>"), NO_ENVELOPE),
        (Reply(headers=XML, body=b"<Envelope><Body><a/></Body></Envelope>"), NO_ENVELOPE),
        (replace(page(total=0), headers={"Content-Type": "text/html"}), "expected XML, got 250 bytes of text/html"),
        (
            Reply(headers=XML, body=page(1, total=1).body[:-9]),
            "expected XML, got 290 bytes of text/xml; charset=utf-8, broken at line 1, column 291",
        ),
    ],
    ids=["other element", "empty body", "other XML", "no namespace", "wrong content type", "truncated"],
)
def test_what_is_no_answer_of_the_operation_is_refused(reading: Reading, reply: Reply, told: str) -> None:
    reading.office.instead = lambda _: reply
    assert_told(failure(reading), SourceChanged, "PROTOCOL", told + ASK)


@pytest.mark.parametrize("kind", ["application/xml", "Text/XML", "text/xml;charset=UTF-8", None])
def test_xml_has_two_content_types_and_may_have_none(reading: Reading, kind: str | None) -> None:
    headers = {"Content-Type": kind} if kind else {}
    reading.office.instead = lambda _: replace(page(1, total=1), headers=headers)
    assert reading.read().fetched == 1


FAULT = f"listing of {UNIT}: expected a page, got a {{}} fault{LOOK}"
REFUSED = "refuses the log-in of connection {}: mend its login and password"


@pytest.mark.parametrize(
    ("code", "text", "kind", "told"),
    [
        ("s:Client", "maDonVi không tồn tại", SourceChanged, FAULT.format("Client")),
        ("Client.Argument", NAME, SourceChanged, FAULT.format("Client")),
        ("s:VersionMismatch", "", SourceChanged, FAULT.format("VersionMismatch")),
        ("s:Client.Authentication", "", SourceRefused, REFUSED),
        ("soap:Client", "SAI TÀI KHOẢN", SourceRefused, REFUSED),
        ("Client", "Mật khẩu không đúng", SourceRefused, REFUSED),
        ("Client", "Not authenticated", SourceRefused, REFUSED),
        ("Client", "Invalid user name or password", SourceRefused, REFUSED),
    ],
)  # fmt: skip
def test_fault_of_the_caller_is_told_and_not_repeated(
    reading: Reading, code: str, text: str, kind: type[SourceError], told: str
) -> None:
    reading.office.instead = lambda _: SOAP.fault(code, text)
    error = failure(reading)
    word = "AUTH" if kind is SourceRefused else "PROTOCOL"
    assert_told(error, kind, word, told.format(reading.connection.id))
    assert len(reading.server.requests) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_refusal_by_status_is_one_of_the_account(reading: Reading, status: int) -> None:
    reading.office.instead = lambda _: Reply(status=status)
    told = f"answers {status}: its owner must let our account in"
    assert_told(failure(reading), SourceRefused, "AUTH", told)


@pytest.mark.slow
@pytest.mark.parametrize(
    "reply", [SOAP.fault("s:Server", "đăng nhập CSDL hỏng"), SOAP.fault("a:InternalServiceFault", "")]
)
def test_fault_of_the_server_is_tried_again(reading: Reading, reply: Reply) -> None:
    reading.office.instead = lambda _: reply if len(reading.listings) == 2 else None
    assert (reading.read().fetched, len(reading.listings)) == (7, 4)


@pytest.mark.slow
def test_fault_of_the_server_that_stays_is_an_office_that_is_down(reading: Reading) -> None:
    reading.office.instead = lambda _: SOAP.fault("s:Server", NAME)
    told = "answered 500 at try 3 of 3; it is tried again next cycle"
    assert_told(failure(reading), SourceUnavailable, "UNAVAILABLE", told)
    assert len(reading.listings) == 3


def test_fault_of_the_server_with_status_200_waits_for_the_next_cycle(reading: Reading) -> None:
    reading.office.instead = lambda _: SOAP.fault("s:Server", NAME, status=200)
    told = "answers a Server fault; it is tried again next cycle"
    assert_told(failure(reading), SourceUnavailable, "UNAVAILABLE", told)


def test_endpoint_is_asked_as_it_is_written(open_office_of: OpenOffice) -> None:
    reading = open_office_of(SOAP, rows(1))
    reading.connection = replace(reading.connection, host=f"{reading.server.url}/a/?op=1")
    reading.server.script = lambda _: page(1, total=1)
    reading.read()
    (request,) = reading.server.requests
    assert (request.method, request.path, request.query) == ("POST", "/a/", {"op": "1"})


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        (page(1, 2, 3, total=4), page(4, total=5), "page 2 announces 5 rows, the first announced 4"),
        (page(1, 2, 3, total=4), page(4, total=4, pages=3), "page 2 announces 3 pages, the first announced 2"),
        (page(1, 2, 3, total=4), page(total=4), "3 rows came, 4 were announced"),
        (page(1, 2, 3, total=4), page(4, 5, total=4), "5 rows came, 4 were announced"),
    ],
    ids=["other total", "other number of pages", "too few rows", "too many rows"],
)  # fmt: skip
def test_totals_that_move_are_no_listing(reading: Reading, first: Reply, second: Reply, reason: str) -> None:
    reading.office.instead = lambda request: {1: first, 2: second}[SOAP.number(request)]
    error = failure(reading)
    assert (type(error), error.kind) == (SourceChanged, "CHANGED_WHILE_READING")
    assert f"changed while it was read, 3 times: {reason}; it is read again next cycle" in str(error)


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (page(1, 2, total=2, pages=3), "expected 3 pages, as announced, got 1"),
        (page(1, 2, total=2, pages=0), "expected 0 pages, as announced, got 1"),
        (page(total=0, pages=1), "expected 1 pages, as announced, got 0"),
    ],
)
def test_number_of_pages_that_is_not_that_of_the_rows_is_refused(reading: Reading, reply: Reply, told: str) -> None:
    reading.office.instead = lambda _: reply
    assert_told(failure(reading), SourceChanged, "PROTOCOL", f"listing of {UNIT}: {told}{ASK}")


def test_page_smaller_than_usual_is_no_end(reading: Reading) -> None:
    reading.office.instead = lambda request: page(SOAP.number(request), total=4, pages=4)
    listing = reading.read()
    assert ([page.rows for page in listing.pages], listing.announced) == ([1, 1, 1, 1], 4)


def test_paging_that_goes_round_in_circles_is_refused(reading: Reading) -> None:
    def instead(request: Request) -> Reply:
        return page(*[(1, 2, 3), (4, 5, 6)][SOAP.number(request) % 2], total=9)

    reading.office.instead = instead
    assert_told(failure(reading), SourceChanged, "PROTOCOL", f"page 3 of {UNIT} repeats an earlier one{ASK}")


def test_row_that_is_listed_twice_counts_twice(reading: Reading) -> None:
    reading.office.instead = lambda request: page(1, total=2, pages=2)
    assert reading.read().fetched == 2


@pytest.mark.slow
def test_endless_listing_is_refused_after_its_most_pages(reading: Reading) -> None:
    reading.office.instead = lambda request: page(SOAP.number(request), total=10**8)
    error = failure(reading, rate_per_second=100_000)
    assert_told(error, SourceChanged, "LIMIT", f"listing of {UNIT} does not end within {MOST_PAGES} pages{ASK}")
    assert len(reading.listings) == MOST_PAGES


def _record(reading: Reading, inside: str) -> object:
    reading.office.instead = lambda _: SOAP.listing(f"<OSSDocument>{inside}</OSSDocument>", total=1)
    reading.read()
    (record,) = reading.records()
    return record


@pytest.mark.parametrize(
    ("inside", "record"),
    [
        ("", {}),
        ("<maSoHoSo/><phong> \n</phong><lichSu/><lichSu>\n</lichSu>", {}),
        ("<maSoHoSo>A</maSoHoSo><soBienNhan>7</soBienNhan>", {"maSoHoSo": "A", "soBienNhan": "7"}),
        ("<trangThai xmlns='urn:x'>A</trangThai>", {"{urn:x}trangThai": "A"}),
        ("<maSoHoSo>A</maSoHoSo><maSoHoSo>B</maSoHoSo><maSoHoSo>C</maSoHoSo>", {"maSoHoSo": ["A", "B", "C"]}),
        ("<noiDung>A &lt;b&gt; &amp; <![CDATA[<c>]]><!-- d --></noiDung>", {"noiDung": "A <b> & <c>"}),
        ("<lichSu>đang xử lý</lichSu>", {"lichSu": "đang xử lý"}),
        (
            "<lichSu><tongSo>2</tongSo><buoc><canBo>A</canBo><ghiChu>B</ghiChu></buoc><buoc/></lichSu>",
            {"lichSu": [{"canBo": "A", "ghiChu": "B"}, {}], "lichSu.tongSo": "2"},
        ),
        ("<lichSu><buoc><phong>A</phong></buoc></lichSu><lichSu><buoc><phong>B</phong></buoc></lichSu>",
         {"lichSu": [{"phong": "A"}, {"phong": "B"}]}),
    ],
)  # fmt: skip
def test_record_holds_what_stands_there_and_nothing_that_is_empty(
    reading: Reading, inside: str, record: object
) -> None:
    assert _record(reading, inside) == record


def test_element_inside_a_text_is_kept_as_it_is_written(reading: Reading) -> None:
    record = _record(reading, "<hoTenNguoiNop>Công ty <b>A</b> và B</hoTenNguoiNop>")
    text = "Công ty <b>A</b> và B</hoTenNguoiNop>"
    assert isinstance(record, dict)
    assert str(record["hoTenNguoiNop"]).endswith(text)
