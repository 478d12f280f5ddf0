from __future__ import annotations

import pytest
from motcua.sheets.problems import Unreadable
from motcua.sheets.vietnamese import check, is_syllable

from tests.sheets.layouts import cells, delimited, register
from tests.sheets.test_legacy import WRITTEN

TEXT = (
    "Nguyễn Văn Đức, Trần Thị Hoà, Phạm Quốc Huỳnh, Đỗ Giếng Quyết; đường Trần Nguyên Hãn, phường An Biên, quận "
    "Lê Chân, thành phố Hải Phòng; đã trả kết quả, yêu cầu bổ sung giấy tờ, khuỷu, ngoằn ngoèo, xoong, thuở, rượu, "
    "yến, ỷ, ưu tiên"
)
NAMES = [cells(Họ_tên_người_nộp=name) for name in ("Nguyễn Đức", "Trần Thị Hoà", "Đỗ Văn Quyết", "Phạm Hữu Tiến")]


def _bare_but_for_names(text: str) -> str:
    _, rest = text.split("\r\n", 1)
    plain = "STT,Ma ho so,Ma TTHC,Ten TTHC,Ho ten,CCCD,Dia chi,Dien thoai,Co quan chu tri,Ngay nop,Ngay tiep nhan,"
    return f"{plain}Ngay hen tra,Ngay hoan thanh,Ngay tra ket qua,Hinh thuc nop,Trang thai,Ghi chu\r\n{rest}"


def _written(text: str, encoding: str) -> bytes:
    return b"".join(WRITTEN[encoding].get(letter) or letter.encode() for letter in text)


@pytest.mark.parametrize("text", [TEXT, TEXT.upper(), TEXT.title()])
def test_vietnamese_words_are_syllables(text: str) -> None:
    words = [word.strip(",;") for word in text.split()]
    assert [word for word in words if not is_syllable(word)] == []
    check(text.encode(), "utf-8")


@pytest.mark.parametrize(
    "word", ["Nguyeón", "NguyÔn", "Ph¸p", "aự", "tố́t", "Nguy\ufffdn", "thuê̂", "tảt", "đđ", "x", "müller"]
)
def test_other_words_are_none(word: str) -> None:
    assert not is_syllable(word)


@pytest.mark.parametrize("real", WRITTEN)
@pytest.mark.parametrize("declared", WRITTEN)
def test_wrong_encoding_is_told_even_where_the_header_has_no_accents(real: str, declared: str) -> None:
    body = _written(_bare_but_for_names(register(*NAMES)), real)
    if real == declared:
        assert [row["Họ tên người nộp"] for row in delimited(body, encoding=declared)] == [row[4] for row in NAMES]
        return
    with pytest.raises(Unreadable, match="mend encoding of the source"):
        delimited(body, encoding=declared)


def test_few_foreign_words_prove_nothing() -> None:
    check("Müller, Škoda, Citroën, Nestlé, Nokia, Æ, Ø".encode(), "utf-8")
    check(f"Müller, Škoda, Citroën, {TEXT}".encode(), "utf-8")
