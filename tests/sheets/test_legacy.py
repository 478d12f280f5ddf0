from __future__ import annotations

import string
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from motcua.sheets.legacy import REPLACEMENT, TCVN3, VISCII, VNI, decoder

SMALL = "àảãáạăằẳẵắặâầẩẫấậèẻẽéẹêềểễếệìỉĩíịòỏõóọôồổỗốộơờởỡớợùủũúụưừửữứựỳỷỹýỵđ"
# tone marks as Windows-1258 has them; the other marks are part of its letters
TONES = {"\u0300", "\u0301", "\u0303", "\u0309", "\u0323"}


def _written_1258(letter: str) -> bytes:
    marks = unicodedata.normalize("NFD", letter)
    tones = "".join(mark for mark in marks if mark in TONES)
    rest = unicodedata.normalize("NFC", "".join(mark for mark in marks if mark not in TONES))
    return (rest + tones).encode("cp1258")


def _by_letter(table: str) -> dict[str, bytes]:
    return {letter: bytes([byte]) for byte, letter in enumerate(table) if letter != "\ufffe"}


WRITTEN = {
    "utf-8": {letter: letter.encode() for letter in SMALL + SMALL.upper()},
    "windows-1258": {letter: _written_1258(letter) for letter in SMALL + SMALL.upper()},
    "tcvn3": _by_letter(TCVN3),
    "viscii": _by_letter(VISCII),
    "vni": {letter: written.encode("latin-1") for written, letter in VNI.items()},
}
PLAIN = string.ascii_letters + string.digits + " ,;.-/\t\n"
# what each can write of the Vietnamese alphabet
ALPHABETS = {
    encoding: PLAIN + "".join(letter for letter in SMALL + SMALL.upper() if letter in letters)
    for encoding, letters in WRITTEN.items()
}


def _encoded(text: str, encoding: str) -> bytes:
    return b"".join(WRITTEN[encoding].get(letter) or letter.encode("ascii") for letter in text)


def _decoded(written: bytes, encoding: str, *, pieces: int) -> str:
    decode = decoder(encoding)
    cut = [written[start : start + pieces] for start in range(0, len(written), pieces)]
    return unicodedata.normalize("NFC", "".join(decode(piece, False) for piece in cut) + decode(b"", True))


KNOWN = [
    ("tcvn3", b"Nguy\xd4n V\xa8n \xa7\xf8c, s\xe6 theo d\xe2i h\xe5 s\xac", "Nguyễn Văn Đức, sổ theo dõi hồ sơ"),
    ("tcvn3", b"\xa7\xb7 tr\xb6 k\xd5t qu\xb6", "Đã trả kết quả"),
    ("tcvn3", b"TR\xc7N H\xa6NG \xa7\xb9O", "TRầN HƯNG ĐạO"),  # capitals with tones it does not have
    ("tcvn3", b"\x93Khai sinh\x94 \x96 b\xb6n sao\x85", "“Khai sinh” – bản sao…"),
    ("vni", "Nguyeãn Vaên Ñöùc, soå theo doõi hoà sô".encode("latin-1"), "Nguyễn Văn Đức, sổ theo dõi hồ sơ"),
    ("vni", "ÑÖÔØNG TRAÀN HÖNG ÑAÏO, Aùnh".encode("latin-1"), "ĐƯỜNG TRẦN HƯNG ĐẠO, Ánh"),
    ("vni", "kyõ, Mó, ñònh, xæ, lyù, thuûy, ngöôøi".encode("latin-1"), "kỹ, Mĩ, định, xỉ, lý, thủy, người"),
    ("viscii", b"Nguy\xadn V\xe5n \xd0\xd1c, s\xb1 theo d\xf5i", "Nguyễn Văn Đức, sổ theo dõi"),
    ("windows-1258", b"Nguy\xea\xden V\xe3n \xd0\xfd\xecc", "Nguyễn Văn Đức"),
]  # fmt: skip


@pytest.mark.parametrize(("encoding", "written", "text"), KNOWN)
def test_known_words_are_read(encoding: str, written: bytes, text: str) -> None:
    assert _decoded(written, encoding, pieces=1_000) == text


@pytest.mark.parametrize("encoding", WRITTEN)
def test_every_letter_is_written_once(encoding: str) -> None:
    capitals_with_tones = {letter for letter in SMALL.upper() if letter not in "ĂÂÊÔƠƯĐ"}
    lacking = set(SMALL + SMALL.upper()) - set(ALPHABETS[encoding])
    assert lacking == (capitals_with_tones if encoding == "tcvn3" else set())


@pytest.mark.parametrize("encoding", WRITTEN)
@given(data=st.data())
def test_text_survives_in_whatever_pieces_it_comes(encoding: str, data: st.DataObject) -> None:
    text = data.draw(st.text(ALPHABETS[encoding], max_size=40))
    pieces = data.draw(st.integers(1, 50))
    assert _decoded(_encoded(text, encoding), encoding, pieces=pieces) == text


@pytest.mark.parametrize("encoding", WRITTEN)
@given(written=st.binary(max_size=60), pieces=st.integers(1, 70))
def test_any_bytes_are_read_and_pieces_make_no_difference(encoding: str, written: bytes, pieces: int) -> None:
    whole = _decoded(written, encoding, pieces=1_000)
    assert _decoded(written, encoding, pieces=pieces) == whole
    assert "\ufffe" not in whole


@pytest.mark.parametrize(
    ("encoding", "written"),
    [
        ("utf-8", b"\xff"),
        ("windows-1258", b"\x8a"),
        ("tcvn3", b"\xc0"),
        ("vni", "ù".encode("latin-1")),
        ("vni", b"\x8a"),
    ],
)
def test_what_an_encoding_does_not_have_is_told_from_its_neighbours(encoding: str, written: bytes) -> None:
    assert _decoded(b"a,b" + written + b",c", encoding, pieces=2) == f"a,b{REPLACEMENT},c"
