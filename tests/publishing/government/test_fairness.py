"""Who is told first: what is new before what failed, the longest queued before the younger, poison in the end alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from motcua.publishing.government import due

from tests.publishing.government.outbox_setting import Setting, code
from tests.publishing.government.scripted_portal import Call, Reply, ScriptedPortal
from tests.warehouse.builders import AS_OF, row

pytestmark = pytest.mark.slow

DOWN = Reply(b"", 503)
OK_OR_EMPTY = {"error_code": "0", "message": "Thành công", "result": []}


def codes_told(script: ScriptedPortal) -> list[str]:
    return [one for kind, codes in script.told if kind == "create" for one in codes]


def test_new_dossiers_go_before_old_failures_and_never_in_one_call(outbox: Setting, script: ScriptedPortal) -> None:
    failed = outbox.queue(3)
    script.answer = lambda _: DOWN
    outbox.drain(script.connection)
    new = [code(0), code(8)]
    outbox.merge(*(row(code=one) for one in new))
    script.calls.clear()
    script.answer = lambda _: Reply(OK_OR_EMPTY)
    outbox.drain(script.connection, AS_OF + timedelta(minutes=1))
    creates = [codes for kind, codes in script.told if kind == "create"]
    assert creates == [new, failed]


def test_longest_queued_goes_first_among_new_ones(outbox: Setting, script: ScriptedPortal) -> None:
    first, second = code(2), code(1)
    outbox.merge(row(code=first))
    outbox.merge(row(code=second))
    with outbox.sender.connect() as connection:
        assert due.due_codes(connection, AS_OF) == ([first, second], [])


def test_retries_are_bounded_and_the_longest_due_are_first(outbox: Setting, script: ScriptedPortal) -> None:
    codes = outbox.queue(3)
    with outbox.sender.begin() as connection:
        for minutes, one in zip((3, 1, 2), codes, strict=True):
            values = {"due_at": AS_OF - timedelta(minutes=minutes), "code": one}
            statement = "UPDATE core.delivery SET attempts = 1, due_at = :due_at WHERE code = :code"
            connection.execute(sa.text(statement), values)
        retries = [codes[0], codes[2], codes[1]]
        assert due.due_codes(connection, AS_OF) == ([], retries)
        statement = due._DUE
        found = connection.execute(statement, {"now": AS_OF, "most_retries": 2}).scalars()
        assert list(found) == retries[:2]


def test_what_the_portal_cannot_digest_takes_no_other_with_it(outbox: Setting, script: ScriptedPortal) -> None:
    """One record makes it answer 503: by the fourth try it has fewer beside it, in the end nobody."""
    codes = outbox.queue(100)
    poison = codes[41]

    def answer(call: Call) -> Reply:
        return DOWN if call.told[0] != "look-up" and poison in call.told[1] else Reply(OK_OR_EMPTY)

    script.answer = answer
    moment = AS_OF
    for _ in range(10):
        outbox.drain(script.connection, moment)
        moment += timedelta(days=2)
    assert outbox.deliveries("code, state") == [(one, "given_up" if one == poison else "accepted") for one in codes]
