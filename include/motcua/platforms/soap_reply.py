"""What a SOAP 1.1 server says, read without trusting it: no DTD, no entity, nothing from elsewhere, nothing huge.

What is inside the envelope is its platform's business.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from lxml import etree

from motcua.domain.text import fold
from motcua.errors import SourceChanged
from motcua.http import Answer
from motcua.registry import Source

# lxml carries no types
Element = Any

ENVELOPE = "{http://schemas.xmlsoap.org/soap/envelope/}"
# A page of 100 ordinary dossiers has 200 kB and 10,000 marks. What is parsed takes some thirty times its own size in
# memory when it is all tags or attributes, so these are counted before.
MOST_BYTES = 16 * 1024 * 1024
MOST_MARKS = 300_000

_XML = {"text/xml", "application/xml"}
_FINAL = {"Client", "VersionMismatch", "MustUnderstand"}
# No code of SOAP 1.1 says that an account is refused, and its example of one, Client.Authentication, is seldom used:
# what is left are the words.
_LOG_IN = re.compile(r"authenti|unauthori|password|log.?in\b|tai khoan|mat khau|dang nhap|xac thuc")


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault: `code` without its prefix, such as `Client`, and its words, which are never told."""

    code: str
    text: str

    @property
    def kind(self) -> str:
        """`Client`, `VersionMismatch` or `MustUnderstand`; `Server` for that and for codes of a server's own."""
        first = self.code.partition(".")[0]
        return first if first in _FINAL else "Server"

    @property
    def is_final(self) -> bool:
        """Whether the same call would fail again: the caller is at fault."""
        return self.kind != "Server"

    @property
    def is_about_log_in(self) -> bool:
        """Whether it is our account that is refused."""
        return self.is_final and _LOG_IN.search(f"{self.code.lower()} {fold(self.text)}") is not None


class Unreadable(Exception):
    """No XML that we read; the message says what came, never its content."""

    def __init__(self, message: str, *, kind: str = "PROTOCOL") -> None:
        super().__init__(message)
        self.kind = kind


def content(source: Source, answer: Answer) -> Element:
    """What stands in the body of an answer's envelope: one element, which may be a fault.

    Raises:
        SourceChanged: no SOAP envelope, or one that is not read.
    """
    media_type = answer.headers.get("Content-Type", "no content type")[:40]
    try:
        if "Content-Type" in answer.headers and media_type.partition(";")[0].strip().lower() not in _XML:
            raise Unreadable(f"expected XML, got {len(answer.body)} bytes of {media_type}")
        found = _inside(parse(answer.body))
    except etree.XMLSyntaxError as error:
        line, column = error.position
        place = f", broken at line {line}, column {column}" if "xml" in media_type.lower() else ""
        message = f"expected XML, got {len(answer.body)} bytes of {media_type}{place}; ask its owner"
        raise SourceChanged(source.id, message) from error
    except Unreadable as error:
        raise SourceChanged(source.id, f"{error}; ask its owner", kind=error.kind) from error
    if found is None:
        raise SourceChanged(
            source.id, "expected a SOAP envelope with something in its body, got other XML; ask its owner"
        )
    return found


def fault_in(answer: Answer) -> Fault | None:
    """The fault that an answer carries, if it is one that can be read."""
    try:
        return fault(_inside(parse(answer.body)))
    except (etree.XMLSyntaxError, Unreadable):
        return None


def fault(found: Element) -> Fault | None:
    """What stands in an envelope's body, as a fault; None when it is none."""
    if found is None or found.tag != f"{ENVELOPE}Fault":
        return None
    code = (found.findtext("faultcode") or "").strip()
    return Fault(code.rpartition(":")[2], found.findtext("faultstring") or "")


def parse(body: bytes) -> Element:
    """The root of a document.

    What XML has no place for, but a text may hold, does not lose the page: see `_mended`.

    Raises:
        Unreadable: too large, or with a document type.
        lxml.etree.XMLSyntaxError: not well-formed, too deep, or a text too long.
    """
    marks = body.count(b"<") + body.count(b"=")
    if len(body) > MOST_BYTES or marks > MOST_MARKS:
        raise Unreadable(
            f"expected at most {MOST_BYTES} bytes and {MOST_MARKS} tags and attributes, "
            f"got {len(body)} and {marks}", kind="LIMIT"
        )  # fmt: skip
    try:
        root = etree.fromstring(body, _parser())
    except etree.XMLSyntaxError:
        mended = _mended(body)
        if mended == body:
            raise
        root = etree.fromstring(mended, _parser(encoding="utf-8"))
    if root.getroottree().docinfo.internalDTD is not None:
        raise Unreadable("expected XML without a document type, got one with it")
    return root


def _parser(encoding: str | None = None) -> Any:  # Any: lxml carries no types
    return etree.XMLParser(
        encoding=encoding, resolve_entities=False, load_dtd=False, dtd_validation=False, no_network=True,
        huge_tree=False, remove_comments=True, remove_pis=True,
    )  # fmt: skip


def _inside(root: Element) -> Element | None:
    body = root.find(f"{ENVELOPE}Body") if root.tag == f"{ENVELOPE}Envelope" else None
    return body[0] if body is not None and len(body) else None


def _mended(body: bytes) -> bytes:
    """The document with what XML 1.0 cannot carry made readable, for the rules to find on its row.

    Control characters, plain or by number, are moved to the controls that XML can carry (U+0007 to U+0087), which
    are no better in any text; a letter cut in the middle becomes U+FFFD.
    """
    text = body.decode("utf-8", "replace")
    return _FORBIDDEN.sub(_allowed, _REFERENCE.sub(_referred, text)).encode()


_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_REFERENCE = re.compile("&#(?:x([0-9a-fA-F]{1,8})|([0-9]{1,10}));")


def _allowed(match: re.Match[str]) -> str:
    number = ord(match[0])
    return chr(number + 0x80) if number < 0x20 else "\ufffd"


def _referred(match: re.Match[str]) -> str:
    number = int(match[1], 16) if match[1] else int(match[2])
    if number in {0x9, 0xA, 0xD} or 0x20 <= number < 0xD800 or 0xE000 <= number < 0xFFFE or 0xFFFF < number < 0x110000:
        return match[0]
    return chr(number + 0x80) if number < 0x20 else "\ufffd"
