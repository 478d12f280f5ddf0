"""Vietnamese encodings older than Unicode that Python lacks: TCVN3 (ABC), VISCII and VNI, decoded piece by piece.

What an encoding leaves undefined becomes U+FFFD, so that only the row that holds it is damaged.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable

REPLACEMENT = "\ufffd"
# what `charmap_decode` takes for "undefined"
_NONE = "\ufffe"
# Signs that Windows puts into text by itself, and that the fonts of TCVN3 and VNI leave where Windows has them.
_WINDOWS_SIGNS = {0x85: "…", 0x91: "‘’“”•–—", 0xA0: "\u00a0"}


def _charmap(runs: dict[int, str]) -> str:
    """A table of 256: ASCII, and runs of signs from a first byte on, where `-` is undefined and spaces are none."""
    table = [chr(byte) if byte < 0x80 else _NONE for byte in range(256)]
    for first, run in runs.items():
        for byte, sign in enumerate(run.replace(" ", ""), start=first):
            table[byte] = _NONE if sign == "-" else sign
    return "".join(table)


# TCVN 5712:1993, VN3: it has no capitals with tones; its capital fonts draw them over the small letters' bytes.
TCVN3 = _charmap(
    _WINDOWS_SIGNS
    | {
        0xA1: "Ă Â Ê Ô Ơ Ư Đ ă â ê ô ơ ư đ -",
        0xB0: "- - - - - à ả ã á ạ - ằ ẳ ẵ ắ -",
        0xC0: "- - - - - - ặ ầ ẩ ẫ ấ ậ è - ẻ ẽ",
        0xD0: "é ẹ ề ể ễ ế ệ ì ỉ - - - ĩ í ị ò",
        0xE0: "- ỏ õ ó ọ ồ ổ ỗ ố ộ ờ ở ỡ ớ ợ ù",
        0xF0: "- ủ ũ ú ụ ừ ử ữ ứ ự ỳ ỷ ỹ ý ỵ -",
    }
)

# RFC 1456. Six capitals stand on control characters.
VISCII = _charmap(
    {
        0x02: "Ẳ", 0x05: "Ẵ Ẫ", 0x14: "Ỷ", 0x19: "Ỹ", 0x1E: "Ỵ",
        0x80: "Ạ Ắ Ằ Ặ Ấ Ầ Ẩ Ậ Ẽ Ẹ Ế Ề Ể Ễ Ệ Ố",
        0x90: "Ồ Ổ Ỗ Ộ Ợ Ớ Ờ Ở Ị Ỏ Ọ Ỉ Ủ Ũ Ụ Ỳ",
        0xA0: "Õ ắ ằ ặ ấ ầ ẩ ậ ẽ ẹ ế ề ể ễ ệ ố",
        0xB0: "ồ ổ ỗ Ỡ Ơ ộ ờ ở ị Ự Ứ Ừ Ử ơ ớ Ư",
        0xC0: "À Á Â Ã Ả Ă ẳ ẵ È É Ê Ẻ Ì Í Ĩ ỳ",
        0xD0: "Đ ứ Ò Ó Ô ạ ỷ ừ ử Ù Ú ỹ ỵ Ý ỡ ư",
        0xE0: "à á â ã ả ă ữ ẫ è é ê ẻ ì í ĩ ỉ",
        0xF0: "đ ự ò ó ô õ ỏ ọ ụ ù ú ũ ủ ý ợ Ữ",
    }
)  # fmt: skip

# VNI for Windows: a vowel, then a byte that says what stands on it; some vowels have a byte of their own. Bytes are
# written as Latin-1. A capital's marks are capitals too, though small ones are met as well.
_VNI_SINGLE = {"í": "í", "ì": "ì", "æ": "ỉ", "ó": "ĩ", "ò": "ị", "î": "ỵ", "ñ": "đ", "ô": "ơ", "ö": "ư"}
_VNI_PAIRS = {
    "a": dict(zip("ùøûõïâáàåãäêéèúüë", "áàảãạâấầẩẫậăắằẳẵặ", strict=True)),
    "e": dict(zip("ùøûõïâáàåãä", "éèẻẽẹêếềểễệ", strict=True)),
    "o": dict(zip("ùøûõïâáàåãä", "óòỏõọôốồổỗộ", strict=True)),
    "ô": dict(zip("ùøûõï", "ớờởỡợ", strict=True)),
    "u": dict(zip("ùøûõï", "úùủũụ", strict=True)),
    "ö": dict(zip("ùøûõï", "ứừửữự", strict=True)),
    "y": dict(zip("ùøûõ", "ýỳỷỹ", strict=True)),
}


def _vni() -> dict[str, str]:
    """Letters by what stands for them, small and capital."""
    letters = dict(_VNI_SINGLE)
    for vowel, marks in _VNI_PAIRS.items():
        letters |= {vowel + mark: letter for mark, letter in marks.items()}
        letters |= {vowel.upper() + mark: letter.upper() for mark, letter in marks.items()}
    capitals = {written.upper(): letter.upper() for written, letter in letters.items()}
    signs = bytes(range(0x80, 0xA1)).decode("latin-1")
    windows = dict(zip(signs, _charmap(_WINDOWS_SIGNS)[0x80:0xA1], strict=True))
    return {sign: written for sign, written in windows.items() if written != _NONE} | letters | capitals


VNI = _vni()
_VNI_WRITTEN = re.compile(
    "|".join(
        [f"[{vowel}{vowel.upper()}][{''.join(marks)}{''.join(marks).upper()}]" for vowel, marks in _VNI_PAIRS.items()]
        + ["[\x80-\xff]"]
    )
)
_VNI_VOWELS = frozenset("".join(_VNI_PAIRS) + "".join(_VNI_PAIRS).upper())


# Takes a piece of a text, and whether it is the last.
Decode = Callable[[bytes, bool], str]


def decoder(encoding: str) -> Decode:
    """Decodes one text in `utf-8`, `windows-1258`, `tcvn3`, `vni` or `viscii`; KeyError for another."""
    return _DECODERS[encoding]()


class _Vni:
    """A vowel at the end of a piece waits for what may stand on it."""

    def __init__(self) -> None:
        self._waiting = ""

    def decode(self, piece: bytes, is_last: bool) -> str:
        text = self._waiting + piece.decode("latin-1")
        is_open = not is_last and text[-1:] in _VNI_VOWELS
        self._waiting = text[-1:] if is_open else ""
        whole = text[:-1] if is_open else text
        return _VNI_WRITTEN.sub(lambda found: VNI.get(found[0], REPLACEMENT), whole)


def _charmap_decoder(table: str) -> Decode:
    return lambda piece, _: codecs.charmap_decode(piece, "replace", table)[0]


_DECODERS: dict[str, Callable[[], Decode]] = {
    "utf-8": lambda: codecs.getincrementaldecoder("utf-8")("replace").decode,
    "windows-1258": lambda: codecs.getincrementaldecoder("cp1258")("replace").decode,
    "tcvn3": lambda: _charmap_decoder(TCVN3),
    "viscii": lambda: _charmap_decoder(VISCII),
    "vni": lambda: _Vni().decode,
}
ENCODINGS = tuple(_DECODERS)
