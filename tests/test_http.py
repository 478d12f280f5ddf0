from __future__ import annotations

import gzip
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import requests
from motcua.http import (
    USER_AGENT,
    Answer,
    HttpError,
    HttpSession,
    HttpUnavailable,
    HttpUnexpected,
    Limits,
    Pace,
    clock_skew_seconds,
)
from motcua.http import retry_after as seconds_asked

from tests.contract.scripted_server import Reply, Request, Script, serving

Session = Callable[..., HttpSession]


@pytest.fixture
def session() -> Iterator[Session]:
    """Makes sessions with short limits, whose pauses are noted in `session.slept` and not waited for."""
    opened: list[HttpSession] = []

    def open_session(*, slept: list[float] | None = None, **limits: float) -> HttpSession:
        made = HttpSession(
            limits=Limits(**{"connect": 1.0, "read": 2.0, "total": 10.0} | limits),  # type: ignore[arg-type]
            rate_per_second=1_000, sleep=([] if slept is None else slept).append,
        )  # fmt: skip
        opened.append(made)
        return made

    yield open_session
    for made in opened:
        made.close()


def _in_turn(*replies: Reply) -> Script:
    """Answers with one reply after the other, and with the last for ever."""
    left = list(replies)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


def _failure(call: Callable[[], Answer]) -> tuple[type[HttpError], str, str, bool]:
    with pytest.raises(HttpError) as caught:
        call()
    return type(caught.value), caught.value.kind, str(caught.value), caught.value.sent


def test_request_carries_an_honest_user_agent_and_what_was_given(session: Session) -> None:
    with serving(lambda _: Reply(status=404, headers={"X-Word": "no"}, body=b"nothing")) as server:
        answer = session().send("POST", f"{server.url}/a", params={"trang": 2}, data={"k": "đ"}, headers={"H": "v"})
        (asked,) = server.requests
    assert (answer.status, answer.headers["x-word"], answer.body) == (404, "no", b"nothing")
    assert (asked.method, asked.path, asked.query, asked.body) == ("POST", "/a", {"trang": "2"}, b"k=%C4%91")
    assert (asked.headers["User-Agent"], asked.headers["H"]) == (USER_AGENT, "v")


def test_proxies_and_netrc_of_the_machine_are_left_alone(
    session: Session, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    netrc = tmp_path_factory.mktemp("home") / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with serving(lambda _: Reply()) as server:
        session().send("GET", server.url)
        assert "Authorization" not in server.requests[0].headers


def test_compressed_answer_is_opened(session: Session) -> None:
    with serving(lambda _: Reply(body=gzip.compress(b"hello" * 99), headers={"Content-Encoding": "gzip"})) as server:
        assert session().send("GET", server.url).body == b"hello" * 99


def test_redirect_is_refused_and_its_body_never_read(session: Session) -> None:
    endless = Reply(status=302, headers={"Location": "http://127.0.0.1:1/"}, body=b"x" * 999, between=0.05)
    with serving(lambda _: endless) as server:
        began = time.monotonic()
        told = _failure(lambda: session().fetch("GET", server.url))
        assert time.monotonic() - began < 15
        assert len(server.requests) == 1
    assert told == (HttpUnexpected, "PROTOCOL", "answers with a redirect, which is never followed", True)


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_answer_larger_than_allowed_is_refused_unread(session: Session, encoding: str) -> None:
    body = b"0" * 1_000_000
    reply = Reply(
        body=gzip.compress(body) if encoding == "gzip" else body,
        headers={"Content-Encoding": encoding} if encoding == "gzip" else {},
    )
    with serving(lambda _: reply) as server:
        told = _failure(lambda: session(body=100_000).fetch("GET", server.url))
        assert len(server.requests) == 1
    assert told == (HttpUnexpected, "LIMIT", "answer larger than 100000 bytes", True)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(body=b'{"code": 2', length="4000"),
        Reply(body=gzip.compress(b"x" * 9_999)[:20], length="4000", headers={"Content-Encoding": "gzip"}),
        Reply(body=b"4\r\nabcd\r\n9\r\nab", length="15", headers={"Transfer-Encoding": "chunked"}),
    ],
    ids=["plain", "gzip", "chunked"],
)
def test_answer_cut_off_in_the_middle_is_no_answer(session: Session, reply: Reply) -> None:
    with serving(lambda _: reply) as server:
        kind, word, _, sent = _failure(lambda: session().send("GET", server.url))
    assert (kind, word, sent) == (HttpUnavailable, "UNAVAILABLE", True)


@pytest.mark.parametrize("length", ["many", "7, 7"])
def test_length_that_is_no_number_does_no_harm(session: Session, length: str) -> None:
    reply = Reply(body=b"content", length=length)
    with serving(lambda _: reply) as server:
        assert session().send("GET", server.url).body == b"content"


def test_silence_ends_with_the_read_limit(session: Session) -> None:
    with serving(lambda _: Reply(after=5)) as server:
        told = _failure(lambda: session(read=0.1).send("GET", server.url))
    assert told == (HttpUnavailable, "TIMEOUT", "no answer within 0.1 s", True)


def test_trickle_ends_with_the_total_limit(session: Session) -> None:
    with serving(lambda _: Reply(body=b"x" * 1_000, between=0.02)) as server:
        began = time.monotonic()
        kind, word, message, _ = _failure(lambda: session(total=0.3).send("GET", server.url))
        assert 0.3 <= time.monotonic() - began < 15
    assert (kind, word) == (HttpUnavailable, "TIMEOUT")
    assert message.startswith("answer not complete after ")


def test_nobody_is_asked_after_the_deadline(session: Session) -> None:
    with serving(lambda _: Reply()) as server:
        told = _failure(lambda: session().send("GET", server.url, deadline=time.monotonic()))
        assert server.requests == []
    assert told == (HttpUnavailable, "TIMEOUT", "no time was left to ask", False)


def test_refused_connection_was_surely_not_sent(session: Session) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    told = _failure(lambda: session(tries=1).fetch("GET", f"http://127.0.0.1:{port}/?secret=1"))
    assert told == (HttpUnavailable, "UNAVAILABLE", "connection failed: ConnectionRefusedError", False)


def test_connection_closed_without_a_word_may_have_been_sent(session: Session) -> None:
    def hang_up(_: Request) -> Reply:
        raise ConnectionAbortedError

    with serving(hang_up) as server:
        kind, word, _, sent = _failure(lambda: session(tries=1).fetch("GET", server.url))
    assert (kind, word, sent) == (HttpUnavailable, "UNAVAILABLE", True)


def test_fetch_repeats_what_failed_with_growing_pauses(session: Session) -> None:
    slept: list[float] = []
    with serving(_in_turn(Reply(status=503), Reply(after=5), Reply(body=b"at last"))) as server:
        assert session(slept=slept, read=0.3).fetch("GET", server.url).body == b"at last"
        assert len(server.requests) == 3
    assert [0.25 <= slept[0] <= 0.5, 0.5 <= slept[1] <= 1.0, len(slept)] == [True, True, 2]


def test_send_asks_once_whatever_comes(session: Session) -> None:
    with serving(lambda _: Reply(status=503)) as server:
        assert session().send("GET", server.url).status == 503
        assert len(server.requests) == 1


@pytest.mark.parametrize(("status", "kind"), [(429, "RATE_LIMIT"), (500, "UNAVAILABLE"), (503, "UNAVAILABLE")])
def test_fetch_gives_up_after_three_tries(session: Session, status: int, kind: str) -> None:
    with serving(lambda _: Reply(status=status, headers={"Retry-After": "0"})) as server:
        told = _failure(lambda: session().fetch("GET", server.url))
        assert len(server.requests) == 3
    assert told == (HttpUnavailable, kind, f"answered {status} at try 3 of 3", True)


@pytest.mark.parametrize("status", [200, 204, 304, 400, 401, 404])
def test_other_answers_are_not_repeated(session: Session, status: int) -> None:
    with serving(lambda _: Reply(status=status)) as server:
        assert session().fetch("GET", server.url).status == status
        assert len(server.requests) == 1


def test_error_that_would_come_again_is_given_at_once(session: Session) -> None:
    replies = [Reply(status=503), Reply(status=500, body=b"yours")]
    with serving(_in_turn(*replies)) as server:
        answer = session().fetch("GET", server.url, is_final=lambda answer: answer.body == b"yours")
        assert (answer.status, answer.body, len(server.requests)) == (500, b"yours", 2)


def test_wait_that_is_asked_for_is_never_final(session: Session) -> None:
    slept: list[float] = []
    busy = Reply(status=429, headers={"Retry-After": "7"})
    with serving(_in_turn(busy, Reply())) as server:
        assert session(slept=slept).fetch("GET", server.url, is_final=lambda _: True).status == 200
    assert max(slept) == pytest.approx(7)


def _in_seconds(seconds: int) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize("is_date", [False, True], ids=["seconds", "date"])
def test_fetch_waits_as_long_as_it_is_asked_to(session: Session, is_date: bool) -> None:
    slept: list[float] = []
    asked = _in_seconds(60) if is_date else "60"
    with serving(_in_turn(Reply(status=429, headers={"Retry-After": asked}), Reply())) as server:
        assert session(slept=slept, total=120.0).fetch("GET", server.url).status == 200
    assert max(slept) == pytest.approx(60, abs=10)  # besides, the pace of calls


@pytest.mark.parametrize("limits", [{"total": 2_000.0}, {"total": 30.0, "retry_after": 2_000.0}])
def test_too_long_a_wait_is_refused_at_once(session: Session, limits: dict[str, float]) -> None:
    with serving(lambda _: Reply(status=429, headers={"Retry-After": "1000"})) as server:
        told = _failure(lambda: session(**limits).fetch("GET", server.url))
        assert len(server.requests) == 1
    assert told == (HttpUnavailable, "RATE_LIMIT", "answered 429 and asks to wait 1000 s", True)


def test_first_failure_is_told_when_no_time_is_left_for_a_second_try(session: Session) -> None:
    with serving(lambda _: Reply(status=500)) as server:
        told = _failure(lambda: session(total=0.24).fetch("GET", server.url))
        assert len(server.requests) == 1
    assert told == (HttpUnavailable, "UNAVAILABLE", "answered 500 at try 1 of 3", True)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("Mon, 01 Jan 2018 00:00:00 +99999999999999", None),
        ("", None),
        ("0", 0),
        (" 120 ", 120),
        ("an hour ago", 0),
        ("in an hour", 3600),
        ("in an hour, -0000", 3600),
        ("in an hour, no zone", 3600),
    ],
)
def test_retry_after_in_every_form(text: str | None, seconds: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    dates = {  # made when the test runs, and named, for they differ between one collection and the next
        "an hour ago": _in_seconds(-3600),
        "in an hour": _in_seconds(3600),
        "in an hour, -0000": _in_seconds(3600).replace("GMT", "-0000"),
        "in an hour, no zone": _in_seconds(3600).removesuffix(" GMT"),
    }
    text = dates.get(text or "", text)
    monkeypatch.setenv("TZ", "Asia/Ho_Chi_Minh")
    time.tzset()
    try:
        asked = seconds_asked(text)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert asked == (None if seconds is None else pytest.approx(seconds, abs=30))


def test_pace_spaces_calls_evenly_and_lets_the_first_go() -> None:
    now, slept = [100.0], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    pace = Pace(4, now=lambda: now[0], sleep=sleep)
    for _ in range(3):
        pace.wait()
    now[0] += 10  # a long silence saves up no calls
    for _ in range(3):
        pace.wait()
    assert slept == [0.25, 0.25, 0.25, 0.25]


def test_every_call_of_a_session_keeps_the_pace() -> None:
    with serving(lambda _: Reply()) as server, closing(HttpSession(limits=Limits(), rate_per_second=20)) as http:
        began = time.monotonic()
        for _ in range(4):
            http.send("GET", server.url)
        assert time.monotonic() - began >= 0.15


def test_connection_is_kept_open_between_calls(session: Session) -> None:
    with serving(lambda _: Reply(body=b"x")) as server:
        http = session()
        for _ in range(3):
            http.send("GET", server.url)
        assert (len(server.requests), server.connections) == (3, 1)


@pytest.mark.parametrize(
    "told",
    ["Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 99999999999999 00:00:00 GMT", "Thu, 01 Jan 1970 00:00:00 GMT", "x"],
)
def test_date_that_no_clock_shows_is_none(told: str) -> None:
    answer = requests.Response()
    answer.headers["Date"] = told
    assert clock_skew_seconds(answer) is None
