"""What XML has no place for does not lose a page: it stays visible on its row, for the rules to find."""

from __future__ import annotations

import pytest
from lxml import etree
from motcua.platforms import soap_reply


def _text(body: bytes) -> str | None:
    return soap_reply.parse(body).text


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (b"A\x07B", "A\x87B"),
        (b"A&#7;B&#x1f;&#x0;", "A\x87B\x9f\x80"),
        (b"A\xef\xbf\xbeB&#xFFFF;&#55296;&#x110000;", "A\ufffdB\ufffd\ufffd\ufffd"),
        (b"khai sin" + "ệ".encode()[:2], "khai sin\ufffd"),
        (b"\xd3\xe1i", "\ufffd\ufffdi"),
        (b"\x07&#9;&#10;&#13;&#32;&#x1EA1;&amp;&lt;", "\x87\t\n\r ạ&<"),
    ],
    ids=["plain", "by number", "no character", "cut letter", "other encoding", "what is allowed"],
)
def test_what_xml_cannot_carry_marks_its_text(written: bytes, read: str) -> None:
    assert _text(b"<a>" + written + b"</a>") == read


def test_mended_page_is_read_as_utf8_whatever_it_says() -> None:
    """Read as it says, each cut letter would become three that look right."""
    body = b"<?xml version='1.0' encoding='windows-1258'?><a>\xd0\x07</a>"
    assert _text(body) == "\ufffd\x87"


@pytest.mark.parametrize(
    ("body", "read"),
    [
        ("<?xml version='1.0' encoding='utf-16'?><a>đ</a>".encode("utf-16"), "đ"),
        (b"<?xml version='1.0' encoding='windows-1258'?><a>\xf0</a>", "đ"),
        (b"\xef\xbb\xbf<a>\xc4\x91</a>", "đ"),
    ],
    ids=["utf-16", "windows-1258", "utf-8 with a mark"],
)
def test_page_in_the_encoding_that_it_declares_is_read(body: bytes, read: str) -> None:
    assert _text(body) == read


@pytest.mark.parametrize("body", [b"", b"<a>", b"<a>x & y</a>", b"{}", b"<a>\x07</b>"])
def test_what_is_no_xml_stays_none(body: bytes) -> None:
    with pytest.raises(etree.XMLSyntaxError):
        soap_reply.parse(body)
