"""The wire format of `oss_soap`: envelopes, faults, the account in every call."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

from lxml import etree
from motcua.connections import Connection

from tests.contract.scripted_server import Reply, Request
from tests.platforms.dialects import SECRET, USER, Row

SOAP, OFFICE = "{http://schemas.xmlsoap.org/soap/envelope/}", "{http://oss.example.vn/mot-cua}"
ROWS_A_PAGE = 3  # a hundred by contract; the client goes by what is announced
XML = {"Content-Type": "text/xml; charset=utf-8"}


class SoapDialect:
    name = "oss_soap"
    announces = True
    logs_in = False
    code = "maSoHoSo"
    language = "XML"

    def connection(self, name: str, url: str) -> Connection:
        return Connection(id=name, host=f"{url}/MotCua.asmx", login=USER, password=SECRET)

    def is_log_in(self, _: Request) -> bool:
        return False

    def account(self, request: Request) -> tuple[str, str]:
        call = self.call(request)
        return call["taiKhoan"], call["matKhau"]

    def asked(self, request: Request) -> tuple[str, str, str, int]:
        assert (request.method, request.path, request.query) == ("POST", "/MotCua.asmx", {})
        assert request.headers["Content-Type"] == XML["Content-Type"]
        assert request.headers["SOAPAction"] == '"http://oss.example.vn/mot-cua/LayDanhSachHoSo"'
        call = self.call(request)
        return call["maDonVi"], call["tuNgay"], call["denNgay"], ROWS_A_PAGE

    def number(self, request: Request) -> int:
        return int(self.call(request)["trang"])

    def call(self, request: Request) -> dict[str, str]:
        """The operation's parameters."""
        call = etree.fromstring(request.body).find(f"{SOAP}Body/{OFFICE}LayDanhSachHoSo")
        assert call is not None
        return {one.tag.removeprefix(OFFICE): one.text or "" for one in call}

    def refused(self) -> Reply:
        return self.fault("s:Client", "Sai tài khoản hoặc mật khẩu")

    def unknown_unit(self) -> Reply:
        return self.fault("s:Client", "maDonVi không thuộc hệ thống này")

    def fault(self, code: str, text: str, *, status: int = 500) -> Reply:
        inside = f"<s:Fault><faultcode>{code}</faultcode><faultstring>{escape(text)}</faultstring></s:Fault>"
        return self.body(inside, status=status)

    def page(self, rows: Sequence[Row], *, number: int, total: int, is_last: bool) -> Reply:
        documents = (f"<OSSDocument><maSoHoSo>{row['MaHoSo']}</maSoHoSo></OSSDocument>" for row in rows)
        return self.listing("".join(documents), total=total)

    def listing(self, rows: str, *, total: object, pages: object = None) -> Reply:
        """A page with its rows as XML; in all as many pages as the total has."""
        pages = -(-int(str(total)) // ROWS_A_PAGE) if pages is None else pages
        return self.response(f"<danhSach>{rows}</danhSach><tongSo>{total}</tongSo><tongSoTrang>{pages}</tongSoTrang>")

    def response(self, inside: str) -> Reply:
        name = "LayDanhSachHoSoResponse"
        return self.body(f'<{name} xmlns="{OFFICE[1:-1]}">{inside}</{name}>')

    def body(self, content: object, *, status: int = 200) -> Reply:
        envelope = f'<s:Envelope xmlns:s="{SOAP[1:-1]}"><s:Body>{content}</s:Body></s:Envelope>'
        return Reply(status=status, headers=XML, body=envelope.encode())
