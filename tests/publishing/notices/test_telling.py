"""Subscribers are told once of each version, newest first and last, and none waits for another."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest
import sqlalchemy as sa
from motcua.errors import ConfigError
from motcua.publishing import notices
from motcua.publishing.government.outbox import RETRY_AFTER
from motcua.publishing.notices import ledger
from standardwebhooks import WebhookVerificationError

from tests.ports import free_port
from tests.publishing.notices.conftest import Desk
from tests.publishing.notices.receiver import OTHER_SECRET, SECRET, Notice, Receiver, receiving

MINUTE = timedelta(minutes=1)


def test_the_pointer_is_sent_as_it_is_and_its_signature_holds(desk: Desk, receiver: Receiver) -> None:
    desk.add("a", receiver)
    assert desk.tell(7) == {"accepted": 1}
    (notice,) = receiver.came
    notice.verify()
    assert notice.body == b'{"seq":7,"manifest":"versions/00000007/manifest.json"}'
    assert (notice.id, notice.headers["content-type"]) == ("feed_a_00000007", "application/json")
    with pytest.raises(WebhookVerificationError):
        notice.verify(OTHER_SECRET)


def test_while_one_secret_takes_over_from_another_both_sign(desk: Desk, receiver: Receiver) -> None:
    desk.add("a", receiver, password=f"{OTHER_SECRET} {SECRET}")
    desk.tell(7)
    receiver.came[0].verify(SECRET)
    receiver.came[0].verify(OTHER_SECRET)


def test_nobody_is_told_twice_of_one_version(desk: Desk, receiver: Receiver) -> None:
    desk.add("a", receiver)
    assert [desk.tell(7), desk.tell(7, MINUTE), desk.tell(8, MINUTE)] == [{"accepted": 1}, {}, {"accepted": 1}]
    assert receiver.seqs == [7, 8]
    row = desk.ledger()["a", 8]
    assert (row.state, row.attempts, row.answer_status, row.reason) == ("accepted", 1, 204, None)
    assert row.queued_at == row.sent_at == row.settled_at == desk.now
    assert row.due_at is None


def test_a_pointer_that_went_back_is_told_to_nobody(desk: Desk, receiver: Receiver) -> None:
    desk.add("a", receiver)
    desk.tell(7)
    assert desk.tell(6, MINUTE) == {}
    assert (receiver.seqs, desk.states()) == ([7], {("a", 7): ("accepted", 1)})


def test_who_does_not_answer_is_tried_by_the_schedule_of_deliveries_and_then_given_up(desk: Desk) -> None:
    with receiving() as down:
        desk.add("a", down)
        down.answer = lambda _: 503
        assert desk.tell(7) == {"waiting": 1}
        for wait in RETRY_AFTER:
            assert desk.tell(7, wait - timedelta(seconds=1)) == {}
            last = desk.tell(7, timedelta(seconds=1))
        assert last == {"given_up": 1}
        assert desk.tell(7, timedelta(days=9)) == {}
        assert len(down.came) == 10
        assert {notice.id for notice in down.came} == {"feed_a_00000007"}
    row = desk.ledger()["a", 7]
    assert (row.state, row.attempts, row.answer_status, row.reason) == ("given_up", 10, 503, "HTTP 503")
    assert row.due_at is None


def test_each_try_has_its_own_time_so_that_a_late_one_is_no_replay(desk: Desk, receiver: Receiver) -> None:
    desk.add("a", receiver)
    receiver.answer = lambda _: 500
    desk.tell(7)
    receiver.answer = lambda _: 200
    assert desk.tell(7, RETRY_AFTER[0]) == {"accepted": 1}
    first, second = (int(notice.headers["webhook-timestamp"]) for notice in receiver.came)
    assert second - first == RETRY_AFTER[0].total_seconds()
    receiver.came[1].verify()


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
def test_any_other_refusal_is_tried_again(desk: Desk, receiver: Receiver, status: int) -> None:
    desk.add("a", receiver)
    receiver.answer = lambda _: status
    assert desk.tell(7) == {"waiting": 1}
    assert (desk.states(), desk.ledger()["a", 7].answer_status) == ({("a", 7): ("queued", 1)}, status)


def test_a_newer_version_takes_the_place_of_one_that_is_still_open(desk: Desk, receiver: Receiver) -> None:
    desk.add("a", receiver)
    receiver.answer = lambda _: 500
    desk.tell(7)
    receiver.answer = lambda _: 200
    assert desk.tell(9, timedelta(seconds=1)) == {"accepted": 1}
    assert desk.tell(9, timedelta(days=1)) == {}
    assert desk.states() == {("a", 7): ("superseded", 1), ("a", 9): ("accepted", 1)}
    assert receiver.seqs == [7, 9]


def test_who_says_that_nobody_is_there_is_left_alone_until_a_person_acts(desk: Desk, receiver: Receiver) -> None:
    desk.add("a", receiver)
    receiver.answer = lambda _: 410
    assert desk.tell(7) == {"rejected": 1}
    receiver.answer = lambda _: 200
    assert [desk.tell(7, MINUTE), desk.tell(8, MINUTE)] == [{}, {}]
    with desk.engine.begin() as connection:
        notices.resume(connection, "a", by="can_bo", reason="cổng mới đã chạy", now=desk.now)
    assert desk.tell(8) == {"accepted": 1}
    assert receiver.seqs == [7, 8]
    row = desk.ledger()["a", 7]
    assert (row.state, row.answer_status, row.resumed_by, row.resume_reason) == (
        "superseded", 410, "can_bo", "cổng mới đã chạy",
    )  # fmt: skip


def test_who_is_resumed_before_the_pointer_moves_is_told_of_where_it_stands(desk: Desk, receiver: Receiver) -> None:
    desk.add("a", receiver)
    receiver.answer = lambda _: 410
    desk.tell(7)
    receiver.answer = lambda _: 200
    with desk.engine.begin() as connection:
        notices.resume(connection, "a", by="can_bo", reason="cổng mới đã chạy", now=desk.now)
        with pytest.raises(ConfigError, match="a has not ended its notices"):
            notices.resume(connection, "a", by="can_bo", reason="lần nữa", now=desk.now)
    assert (desk.tell(7), desk.states()) == ({"accepted": 1}, {("a", 7): ("accepted", 1)})


def test_a_redirect_is_not_followed(desk: Desk, receiver: Receiver) -> None:
    with receiving() as elsewhere:
        desk.add("a", receiver)
        receiver.answer = lambda _: (307, {"Location": f"{elsewhere.url}/feed"})
        assert desk.tell(7) == {"waiting": 1}
        assert (len(receiver.came), elsewhere.came) == (1, [])
    assert desk.ledger()["a", 7].reason == "PROTOCOL"


def test_nobody_listening_and_no_answer_in_time_are_told_apart(desk: Desk, receiver: Receiver) -> None:
    desk.add("slow", receiver)
    desk.add("down", receiver, host=f"http://127.0.0.1:{free_port()}/")
    receiver.answer = lambda _: time.sleep(1.5) or 200
    assert desk.tell(7) == {"waiting": 2}
    found = {name: (row.state, row.reason) for (name, _), row in desk.ledger().items()}
    assert found == {"slow": ("unknown", "TIMEOUT"), "down": ("queued", "UNAVAILABLE")}


def test_one_that_hangs_delays_no_other(desk: Desk, receiver: Receiver) -> None:
    arrived: dict[str, float] = {}
    with receiving() as hanging:
        hanging.answer = lambda _: time.sleep(1.5) or 200
        desk.add("hangs_a", hanging)
        desk.add("hangs_b", hanging)
        desk.add("well", receiver)
        receiver.answer = lambda notice: arrived.setdefault(notice.id, time.monotonic()) and 200
        began = time.monotonic()
        assert desk.tell(7) == {"waiting": 2, "accepted": 1}
        assert arrived["feed_well_00000007"] - began < 0.9
        assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("differs", "said"),
    [
        ({"host": "http://cong.haiphong.gov.vn/feed"}, "host: expected https://"),
        ({"host": "ftp://127.0.0.1/feed"}, "host: expected https://"),
        ({"host": ""}, "host is missing"),
        ({"password": ""}, "password is missing"),
        ({"password": "whsec_c2hvcnQ="}, "password: expected whsec_ and base64 of 24 to 64 random bytes"),
        ({"password": "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, "password: expected whsec_"),
    ],
)
def test_who_is_wrongly_set_up_is_named_without_the_secret_and_stops_nobody(
    desk: Desk, receiver: Receiver, caplog: pytest.LogCaptureFixture, differs: dict[str, str], said: str
) -> None:
    desk.add("wrong", receiver, **differs)
    desk.add("well", receiver)
    assert desk.tell(7) == {"accepted": 1, "misconfigured": 1}
    assert f"subscriber wrong is not told: connection of_wrong: {said}" in caplog.text
    assert not differs.get("password") or differs["password"] not in caplog.text
    assert desk.states() == {("well", 7): ("accepted", 1), ("wrong", 7): ("queued", 0)}
    desk.add("wrong", receiver)
    assert desk.tell(7, MINUTE) == {"accepted": 1}


def test_senders_at_the_same_moment_tell_once_and_never_backwards(desk: Desk, receiver: Receiver) -> None:
    desk.add("a", receiver)
    receiver.answer = lambda _: time.sleep(0.2) or 200
    senders = [threading.Thread(target=desk.tell, args=(seq,)) for seq in (7, 7, 8, 7, 8, 9, 9)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert receiver.seqs == sorted(set(receiver.seqs))
    assert receiver.seqs[-1] == 9
    assert desk.states()["a", 9] == ("accepted", 1)


def test_one_subscriber_is_never_spoken_to_by_two_at_once(desk: Desk, receiver: Receiver) -> None:
    desk.add("a", receiver)
    under_way: list[int] = []
    overlaps: list[list[int]] = []

    def answer(notice: Notice) -> int:
        under_way.append(notice.seq)
        time.sleep(0.3)
        overlaps.extend([list(under_way)] if len(under_way) > 1 else [])
        under_way.remove(notice.seq)
        return 200

    receiver.answer = answer
    older = threading.Thread(target=desk.tell, args=(7,))
    older.start()
    while not receiver.came:
        time.sleep(0.01)
    assert desk.tell(8) == {"accepted": 1}
    older.join()
    assert (receiver.seqs, overlaps) == ([7, 8], [])


def test_a_notice_that_was_overtaken_before_its_call_is_not_sent(desk: Desk) -> None:
    with desk.engine.begin() as connection:
        for seq in (7, 8):  # as two senders leave it that have not seen each other's row
            connection.execute(
                sa.text("INSERT INTO core.notice (subscriber, seq, queued_at, due_at) VALUES ('a', :seq, :now, :now)"),
                {"seq": seq, "now": desk.now},
            )
        assert ledger.claim(connection, "a", 7, desk.now) is None
        assert ledger.claim(connection, "a", 8, desk.now) == 1
        assert ledger.claim(connection, "a", 8, desk.now) is None
        assert ledger.claim(connection, "a", 8, desk.now + ledger.LOST_AFTER) == 2


def test_a_try_that_was_taken_for_lost_has_no_say_over_the_next(desk: Desk, receiver: Receiver) -> None:
    desk.add("a", receiver)
    receiver.answer = lambda _: 500
    desk.tell(7)
    with desk.engine.begin() as connection:
        late = desk.now + ledger.LOST_AFTER
        assert ledger.claim(connection, "a", 7, late) == 2
        ledger.settle(connection, "a", 7, attempt=1, state="accepted", status=204, reason=None, now=late)
    assert desk.states() == {("a", 7): ("sent", 2)}
