"""All checks at once: what hangs in one is told as that, and keeps no other waiting."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from datetime import datetime

from sqlalchemy.exc import OperationalError

from motcua.connections import Connections
from motcua.errors import MotcuaError
from motcua.settings import Settings
from motcua.steps.doctor import surroundings, warehouse
from motcua.steps.doctor.checks import Finding, Patient, State

log = logging.getLogger(__name__)

CHECKS: dict[str, Callable[[Patient], Finding]] = {
    "registry": surroundings.registry,
    "connections": surroundings.connections,
    "database": warehouse.database,
    "migrations": warehouse.migrations,
    "roles": warehouse.roles,
    "clock": warehouse.clock,
    "disk": surroundings.disk,
    "archive_key": surroundings.archive_key,
    "feed_key": surroundings.feed_key,
    "portal": surroundings.portal,
    "mail": surroundings.mail,
    "runs": warehouse.runs,
}
# For all together: they run side by side, and the slowest has time limits of its own below this.
LIMIT_SECONDS = 45.0
_TO_DO = {
    "database": "Kiểm tra MOTCUA_DATABASE_URL, máy chủ PostgreSQL và tường lửa",
    "clock": "Sửa lỗi kho dữ liệu ở trên trước, rồi chạy lại",
    "runs": "Sửa lỗi kho dữ liệu ở trên trước, rồi chạy lại",
    "roles": "Sửa lỗi kho dữ liệu ở trên trước, rồi chạy lại",
    "migrations": "Sửa lỗi kho dữ liệu ở trên trước, rồi chạy lại",
}


def examine(
    *, settings: Settings, connections: Connections, now: datetime, limit_seconds: float = LIMIT_SECONDS
) -> list[Finding]:
    """Runs every check beside the others, and changes nothing; in the order of `CHECKS`.

    Args:
        settings: where things live.
        connections: whoever knows them.
        now: the clock of this machine.
        limit_seconds: after which a check that has not ended is told as down.
    """
    patient = Patient(settings=settings, connections=connections, now=now)
    answers: queue.SimpleQueue[Finding] = queue.SimpleQueue()
    for name in CHECKS:
        # a thread that nobody waits for at the end: what hangs in it dies with the process
        threading.Thread(target=lambda one=name: answers.put(_check(one, patient)), daemon=True).start()
    found: dict[str, Finding] = {}
    deadline = time.monotonic() + limit_seconds
    while len(found) < len(CHECKS):
        try:
            finding = answers.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            break
        found[finding.check] = finding
    for finding in found.values():
        if finding.state in (State.MEND, State.DOWN):
            log.warning("%s: %s: %s", finding.check, finding.told, finding.to_do)
    return [found.get(name) or _silent(name, limit_seconds) for name in CHECKS]


def _check(name: str, patient: Patient) -> Finding:
    try:
        return CHECKS[name](patient)
    except MotcuaError as error:
        return Finding(
            check=name, state=State.MEND, told="không kiểm tra được", to_do=_TO_DO.get(name, "Sửa theo thông báo"),
            detail=str(error),
        )  # fmt: skip
    except OperationalError as error:  # libpq's words name host, port and user, and never a password
        return Finding(
            check=name, state=State.DOWN, told="kho dữ liệu không trả lời", to_do=_TO_DO.get(name),
            detail=str(error.orig).strip().partition("\n")[0],
        )  # fmt: skip
    except Exception as error:
        # a driver's words may quote an address with its password: the class is enough
        log.debug("%s: where it happened:", name, exc_info=error)
        return Finding(
            check=name, state=State.DOWN, told="không kiểm tra được", detail=type(error).__name__,
            to_do=_TO_DO.get(name, "Báo cho người phụ trách; MOTCUA_LOG=DEBUG cho biết chỗ lỗi"),
        )  # fmt: skip


def _silent(name: str, seconds: float) -> Finding:
    return Finding(
        check=name, state=State.DOWN, told=f"không có trả lời sau {seconds:.0f} giây",
        to_do=_TO_DO.get(name, "Kiểm tra mạng và tường lửa, rồi chạy lại"),
    )  # fmt: skip
