"""Vietnamese text in the encodings of the nineties, as old office computers still write it."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

DAMAGE = b"\x8d"  # means nothing in any of them: what stands for U+FFFD

# TCVN 5712:1993, third table (ABC); it has no toned capitals: its fonts draw the small letter in capitals
_TCVN3 = dict(
    zip(
        "ĂÂÊÔƠƯĐăâêôơưđàảãáạằẳẵắặầẩẫấậèẻẽéẹềểễếệìỉĩíịòỏõóọồổỗốộờởỡớợùủũúụừửữứựỳỷỹýỵ",
        bytes.fromhex(
            "a1a2a3a4a5a6a7 a8a9aaabacadae b5b6b7b8b9 bbbcbdbec6 c7c8c9cacb cccecfd0d1 d2d3d4d5d6 d7d8dcddde dfe1e2e3e4"
            "e5e6e7e8e9 eaebecedee eff1f2f3f4 f5f6f7f8f9 fafbfcfdfe"
        ),
        strict=True,
    )
)
# VNI for Windows: a letter, and behind it a byte for its marks, in Windows-1252 as it looks there
_VNI_MARKS = {"\u0301": "ù", "\u0300": "ø", "\u0309": "û", "\u0303": "õ", "\u0323": "ï"}
_VNI_CIRCUMFLEX = {"": "â", "\u0301": "á", "\u0300": "à", "\u0309": "å", "\u0303": "ã", "\u0323": "ä"}
_VNI_BREVE = {"": "ê", "\u0301": "é", "\u0300": "è", "\u0309": "ú", "\u0303": "ü", "\u0323": "ë"}
_VNI_WHOLE = {"đ": "ñ", "ơ": "ô", "ư": "ö", "ì": "ì", "í": "í", "ỉ": "æ", "ĩ": "ó", "ị": "ò", "ỵ": "î"}
_CIRCUMFLEX, _BREVE, _HORN = "\u0302", "\u0306", "\u031b"


def encoded(text: str, encoding: str) -> bytes:
    """A text in one of `tcvn3`, `vni`, `windows-1258` and `utf-8`."""
    if encoding == "utf-8":
        return text.encode()
    letter = _LETTERS[encoding]
    composed = unicodedata.normalize("NFC", text)
    return b"".join(bytes((ord(sign),)) if sign < "\x80" else letter(sign) for sign in composed)


def _tcvn3(sign: str) -> bytes:
    code = _TCVN3.get(sign) or _TCVN3.get(sign.lower())
    return DAMAGE if code is None else bytes((code,))


def _vni(sign: str) -> bytes:
    if sign.isupper():
        return _vni(sign.lower()).decode("cp1252").upper().encode("cp1252")
    if sign in _VNI_WHOLE:
        return _VNI_WHOLE[sign].encode("cp1252")
    base, *marks = unicodedata.normalize("NFD", sign)
    tone = next((mark for mark in marks if mark in _VNI_MARKS), "")
    if _HORN in marks:
        return (_VNI_WHOLE["ơ" if base == "o" else "ư"] + _VNI_MARKS[tone]).encode("cp1252")
    table = _VNI_CIRCUMFLEX if _CIRCUMFLEX in marks else _VNI_BREVE if _BREVE in marks else _VNI_MARKS
    return (base + table[tone]).encode("cp1252") if base.isascii() and tone in table else DAMAGE


def _windows_1258(sign: str) -> bytes:
    """The letter itself where the code page has it, else the letter and its tone behind it."""
    try:
        return sign.encode("cp1258")
    except UnicodeEncodeError:
        base, *marks = unicodedata.normalize("NFD", sign)
    tones = [mark for mark in marks if mark in _VNI_MARKS]
    letter = unicodedata.normalize("NFC", base + "".join(mark for mark in marks if mark not in _VNI_MARKS))
    try:
        return (letter + "".join(tones)).encode("cp1258")
    except UnicodeEncodeError:
        return DAMAGE


_LETTERS: dict[str, Callable[[str], bytes]] = {"tcvn3": _tcvn3, "vni": _vni, "windows-1258": _windows_1258}
