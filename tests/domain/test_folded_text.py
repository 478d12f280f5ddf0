"""Folding: words are compared without case, accents and spelling variants."""

from __future__ import annotations

import unicodedata

import pytest
from motcua.domain.text import fold


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Thuỷ Nguyên", "Thủy Nguyên"),
        ("Đồng Hoà", "ĐỒNG HÒA"),
        ("Bộ phận  một cửa ", "bo phan mot cua"),
        ("Phường Đằng Lâm", unicodedata.normalize("NFD", "Phường Đằng Lâm")),
        ("Hương Sơn", "huong son"),
    ],
)
def test_variants_of_one_word_fold_alike(one: str, other: str) -> None:
    assert fold(one) == fold(other)


def test_different_words_stay_different() -> None:
    assert fold("Đăng ký") != fold("Đang ký nhận")
    assert fold("Hải An") == "hai an"
