"""What can come instead of a page, and what the ledger and people are told of it: source, expected, got, what to do."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable
from dataclasses import replace
from email.utils import formatdate

import pytest
from motcua.errors import ConfigError, SourceChanged, SourceError, SourceRefused, SourceUnavailable

from tests.contract.scripted_server import Reply
from tests.platforms.conftest import UNIT, Reading, with_log_in
from tests.platforms.dialects import SECRET, Dialect
from tests.platforms.test_listings import codes, failure, rows

pytestmark = pytest.mark.slow

OpenOffice = Callable[..., Reading]
NAME = "Nguyễn Thị Kín"
HTML = {"Content-Type": "text/html; charset=utf-8"}
LOG_IN_PAGE = f"<!DOCTYPE html><title>Đăng nhập</title><p>Xin chào {NAME}, {SECRET}".encode()
ASK = "; ask its owner"
AGAIN = "; it is tried again next cycle"

# one line a trouble: what comes, which error of which kind, in which words (JSON stands for the dialect's language)
TROUBLES = {
    "log-in page": (
        Reply(body=LOG_IN_PAGE, headers=HTML), SourceChanged, "PROTOCOL",
        f"expected JSON, got {len(LOG_IN_PAGE)} bytes of text/html; charset=utf-8{ASK}"),
    "half a page": (
        Reply(body=b'{"code": 200, "data": {"danhSach": [{"HoTen": "' + NAME.encode()), SourceChanged, "PROTOCOL",
        f"expected JSON, got 66 bytes of no content type{ASK}"),
    "nothing": (Reply(), SourceChanged, "PROTOCOL", f"expected JSON, got 0 bytes of no content type{ASK}"),
    "not UTF-8": (
        Reply(body=b'{"code": \xd3\xd3\xd3}'), SourceChanged, "PROTOCOL",
        f"expected JSON, got 13 bytes of no content type{ASK}"),
    "not found": (Reply(status=410, body=LOG_IN_PAGE), SourceChanged, "PROTOCOL", f"expected status 200, got 410{ASK}"),
    "forbidden": (
        Reply(status=403, body=LOG_IN_PAGE), SourceRefused, "AUTH",
        "answers 403: its owner must let our account in"),
    "redirect": (
        Reply(status=302, headers={"Location": f"/login?user={SECRET}"}), SourceChanged, "PROTOCOL",
        "answers with a redirect, which is never followed; ask its owner what changed"),
    "too large": (
        Reply(body=gzip.compress(b" " * (64 * 1024 * 1024 + 1)), headers={"Content-Encoding": "gzip"}),
        SourceChanged, "LIMIT", "answer larger than 67108864 bytes; ask its owner what changed"),
    "too many requests": (
        Reply(status=429, headers={"Retry-After": "3600"}), SourceUnavailable, "RATE_LIMIT",
        f"answered 429 and asks to wait 3600 s{AGAIN}"),
    "too many requests, until a date": (
        Reply(status=429, headers={"Retry-After": formatdate(time.time() + 9e6, usegmt=True)}),
        SourceUnavailable, "RATE_LIMIT", "answered 429 and asks to wait "),
    "down": (
        Reply(status=503, headers={"Retry-After": "0"}), SourceUnavailable, "UNAVAILABLE",
        f"answered 503 at try 3 of 3{AGAIN}"),
}  # fmt: skip


def assert_told(error: SourceError, kind: type[SourceError], word: str, message: str) -> None:
    assert (type(error), error.kind) == (kind, word)
    told = str(error)
    assert told == f"le_chan.an_bien: {message}" or (message.endswith("wait ") and message in told)
    assert NAME not in str(error)
    assert SECRET not in str(error)


@pytest.mark.parametrize("trouble", TROUBLES)
def test_trouble_with_a_page_is_told(open_office: OpenOffice, dialect: Dialect, trouble: str) -> None:
    reply, kind, word, message = TROUBLES[trouble]
    reading = open_office(rows(*range(1, 8)))
    reading.office.instead = lambda request: reply if dialect.number(request) == 2 else None
    assert_told(failure(reading), kind, word, message.replace("JSON", dialect.language))


@with_log_in
@pytest.mark.parametrize("trouble", TROUBLES)
def test_trouble_with_the_log_in_is_told(open_office: OpenOffice, trouble: str) -> None:
    reply, kind, word, message = TROUBLES[trouble]
    reading = open_office(rows(1))
    reading.server.script = lambda _: reply
    assert_told(failure(reading), kind, word, message)


@with_log_in
def test_list_in_place_of_an_object_is_told(open_office: OpenOffice) -> None:
    reading = open_office(rows(1))
    reading.office.instead = lambda _: Reply(body=b"[1]")
    assert_told(failure(reading), SourceChanged, "PROTOCOL", f"expected a JSON object, got list{ASK}")


@pytest.mark.parametrize("wait", ["0", formatdate(0, usegmt=True)], ids=["seconds", "date"])
def test_source_that_asks_for_patience_is_read_after_it(open_office: OpenOffice, wait: str) -> None:
    reading = open_office(rows(1, 2))
    busy = Reply(status=429, headers={"Retry-After": wait})
    reading.office.instead = lambda _: busy if len(reading.listings) == 1 else None
    assert (reading.read().fetched, len(reading.listings)) == (2, 2)


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply(after=5), f"no answer within 0.[0-9]+ s{AGAIN}"),
        (Reply(body=b"{" * 99, between=0.05), f"answer not complete after [0-9]+ bytes{AGAIN}"),
    ],
    ids=["silent", "trickling"],
)
def test_answer_that_never_ends_is_unavailable(open_office: OpenOffice, reply: Reply, message: str) -> None:
    reading = open_office(rows(1))
    reading.office.instead = lambda _: reply
    with pytest.raises(SourceUnavailable, match=f"^le_chan.an_bien: {message}$") as caught:
        reading.read(time_budget_seconds=0.6)
    assert caught.value.kind == "TIMEOUT"


def test_answer_cut_off_in_the_middle_is_unavailable(open_office: OpenOffice) -> None:
    reading = open_office(rows(1))
    reading.office.instead = lambda _: Reply(body=b"{}", length="4000")
    assert_told(failure(reading), SourceUnavailable, "UNAVAILABLE", f"connection failed: IncompleteRead{AGAIN}")
    assert len(reading.listings) == 3


def test_unknown_unit_is_an_error_and_no_empty_list(open_office: OpenOffice, dialect: Dialect) -> None:
    reading = open_office(rows(1))
    reading.office.instead = lambda _: dialect.unknown_unit()
    got = {
        "igate": "expected status 200, got 400",
        "lgsp": "expected error_code 0, got '-3'",
        "oss_soap": "expected a page, got a Client fault",
    }
    message = f"listing of {UNIT}: {got[dialect.name]}; look at the unit in the registry, then ask its owner"
    assert_told(failure(reading), SourceChanged, "PROTOCOL", message)


def test_page_is_kept_before_it_is_read(open_office: OpenOffice) -> None:
    reading = open_office(rows(*range(1, 8)))
    reply = Reply(body=LOG_IN_PAGE, headers=HTML)
    reading.office.instead = lambda request: reply if reading.office.dialect.number(request) == 2 else None
    failure(reading)
    assert reading.kept[-1] == LOG_IN_PAGE
    reading.kept.pop()
    assert reading.codes() == codes(1, 2, 3)


@with_log_in
def test_next_reading_goes_on_with_the_same_log_in(open_office: OpenOffice) -> None:
    reading = open_office(rows(1))
    reading.office.instead = lambda _: Reply(status=410)
    failure(reading)
    reading.office.instead = lambda _: None
    assert (reading.read().fetched, reading.office.log_ins) == (1, 1)


def test_address_that_is_none_is_a_mistake_of_ours(open_office: OpenOffice) -> None:
    reading = open_office(rows(1))
    reading.connection = replace(reading.connection, host="127.0.0.1/igate")
    with pytest.raises(ConfigError, match=r"host: expected a base URL such as https://office\.example"):
        reading.read()
    assert reading.server.requests == []
