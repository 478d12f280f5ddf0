"""Words of somebody else lose numbers and addresses, in whatever groups they are written, and keep dossiers' codes."""

from __future__ import annotations

import pytest
from motcua.publishing.disclosure import public_words

NUMBERS = (
    "0912345678", "0912.345.678", "0912-345-678", "0912 345 678", "0912 - 345 - 678", "09 12 34 56 78",
    "+84 912 345 678", "84912345678", "024.3825.1234", "031090001234", "031-090-001-234", "031 090 001 234",
    "123456789", "123 456 789", "an@example.vn",
)  # fmt: skip


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("around", ["{}", "gọi {} để hỏi", "ĐT:{}, số nhà 5", "SĐT-{}."])
def test_numbers_and_addresses_of_people_are_not_passed_on(number: str, around: str) -> None:
    around = around if "@" not in number else "gọi {} để hỏi"
    assert public_words(around.format(number)) == around.format("…")


@pytest.mark.parametrize(
    "words",
    [
        "Hồ sơ 000.05.33.H24-181012-0002: MaTTHC 1.001193 không hợp lệ",
        "H24.33.05-181012-0002, H05-181012-0002, 000.00.00.33.H24-181012-000002",
        "NgayTiepNhan 01/10/2018, 01.10.2018, 2018-10-12 08:15:00",
        "breaker open until 2018-12-25T10:00:00.000001+07:00: portal answered 503",
    ],
)
def test_codes_and_dates_are_passed_on(words: str) -> None:
    assert public_words(words) == words


def test_words_are_cut_after_what_is_personal_was_taken_out() -> None:
    assert public_words("0912 345 678 " + "x" * 1_000_000) == "… " + "x" * 298
