"""Pages that are not quite what they should be: read where one row is at fault, refused where the page is."""

from __future__ import annotations

import orjson
import pytest
from motcua.errors import SourceChanged
from motcua.platforms.base import brief, parse, records_in
from motcua.registry import load_registry

SOURCE = load_registry().sources["le_chan.an_bien"]


def test_a_text_cut_in_the_middle_of_a_letter_damages_its_row_alone() -> None:
    cut = "Đăng ký khai sinh".encode()[:-1] + "ệ".encode()[:2]
    assert parse(b'[{"TrichYeu": "' + cut + b'"}, {"TrichYeu": "x"}]') == [
        {"TrichYeu": "Đăng ký khai sin\ufffd"},
        {"TrichYeu": "x"},
    ]


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"a": NaN}', b'{"a": "\xff"'])
def test_what_is_no_json_stays_none(body: bytes) -> None:
    with pytest.raises(orjson.JSONDecodeError):
        parse(body)


def test_a_page_of_more_rows_than_any_platform_gives_is_refused() -> None:
    assert len(records_in(SOURCE, [{}] * 5_000, "danhSach")) == 5_000
    with pytest.raises(SourceChanged, match=r"field danhSach: 5001 objects, above 5000 on one page") as refused:
        records_in(SOURCE, [{}] * 5_001, "danhSach")
    assert refused.value.kind == "LIMIT"


def test_objects_nested_too_deep_to_be_written_are_refused() -> None:
    deep = parse(b'[{"a": ' + b"[" * 300 + b"]" * 300 + b"}]")
    with pytest.raises(SourceChanged, match=r"field danhSach: objects nested too deep"):
        records_in(SOURCE, deep, "danhSach")


@pytest.mark.parametrize(
    ("value", "told"), [(404, "404"), ("-3", "'-3'"), (None, "None"), ("NGUYEN VAN KIN", "a str"), ([1], "a list")]
)
def test_a_code_is_told_only_where_it_is_short(value: object, told: str) -> None:
    assert brief(value) == told
