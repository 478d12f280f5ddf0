"""Documents that want more than to be read; `URL` stands where they refer to somebody else's host."""

from __future__ import annotations

RESPONSE = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
    '<LayDanhSachHoSoResponse xmlns="http://oss.example.vn/mot-cua">{}</LayDanhSachHoSoResponse></s:Body></s:Envelope>'
)
ROW = "<danhSach><OSSDocument>{}</OSSDocument></danhSach><tongSo>1</tongSo><tongSoTrang>1</tongSoTrang>"
LARGE = 15_000_000


def page(inside: str) -> str:
    """A page of one row."""
    return RESPONSE.format(ROW.format(inside))


def _with_type(declarations: str, inside: str) -> str:
    return f"<!DOCTYPE Envelope {declarations}>{page(inside)}"


def _laughs() -> str:
    levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    return f'[<!ENTITY l0 "ha">{levels}]'


DOCUMENTS = {
    "billion laughs": _with_type(_laughs(), "<maSoHoSo>&l9;</maSoHoSo>"),
    "billion laughs in an attribute": _with_type(_laughs(), '<maSoHoSo a="&l9;"/>'),
    "quadratic blow-up": _with_type(f'[<!ENTITY x "{"x" * 100_000}">]', f"<phong>{'&x;' * 50_000}</phong>"),
    "quadratic blow-up of a default": _with_type(
        f'[<!ENTITY x "{"x" * 100_000}"><!ATTLIST phong a CDATA "{"&x;" * 50_000}">]', "<phong/>"
    ),
    "external entity of a host": _with_type('[<!ENTITY x SYSTEM "URL/x">]', "<maSoHoSo>&x;</maSoHoSo>"),
    "external entity of a file": _with_type('[<!ENTITY x SYSTEM "file:///etc/passwd">]', "<maSoHoSo>&x;</maSoHoSo>"),
    "external parameter entity": _with_type('[<!ENTITY % x SYSTEM "URL/x"> %x;]', "<maSoHoSo/>"),
    "external document type": _with_type('SYSTEM "URL/x.dtd"', "<maSoHoSo/>"),
    "public document type": _with_type('PUBLIC "-//X//EN" "URL/x.dtd"', "<maSoHoSo/>"),
    "bare document type": _with_type("", "<maSoHoSo/>"),
    "deep nesting": page("<a>" * 100_000 + "</a>" * 100_000),
    "nesting just too deep": page("<a>" * 256 + "</a>" * 256),
    "huge text": page(f"<noiDung>{'x' * LARGE}</noiDung>"),
    "huge name": page(f"<{'x' * LARGE}/>"),
    "very many elements": page("<a/>" * (LARGE // 4)),
    "very many attributes": page("<a " + "".join(f"a{n}='' " for n in range(LARGE // 12)) + "/>"),
    "larger than any page": page("<noiDung>x</noiDung>" + " " * 16 * 1024 * 1024),
    "truncated": page("<maSoHoSo>A</maSoHoSo>")[:-100],
    "truncated in a letter": page("<phong>Bộ phận Một cửa</phong>").encode()[:190].decode(errors="surrogateescape"),
    "two documents": page("") + page(""),
    "unknown entity": page("<phong>&nbsp;</phong>"),
    "bare ampersand": page("<phong>A & B</phong>"),
    "encoding that nobody has": "<?xml version='1.0' encoding='x-none'?>" + page(""),
}
# large, but not too large; or refers to another host where XML gives no one a reason to ask it: read as what it is
HARMLESS = {
    "many elements": page("<a/>" * 290_000),
    "many attributes": page("<a " + "".join(f"a{n}='' " for n in range(290_000)) + "/>"),
    "long text": page(f"<noiDung>{'x' * 9_000_000}</noiDung>"),
    "namespace": page('<x:a xmlns:x="URL/x">1</x:a>'),
    "schema location": page(
        '<a xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:schemaLocation="URL/x URL/x.xsd">1</a>'
    ),
    "XInclude": page('<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="URL/x"/>'),
    "style sheet": f'<?xml-stylesheet href="URL/x.xsl"?>{page("")}',
    "base": page('<a xml:base="URL/">1</a>'),
}


def body(text: str, url: str) -> bytes:
    """A document's bytes, with a host to refer to."""
    return text.replace("URL", url).encode(errors="surrogateescape")
