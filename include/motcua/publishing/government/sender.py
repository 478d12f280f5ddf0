"""The one sender: takes its turn under a lock and a fence, and sends chunk after chunk until something stops it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from datetime import datetime

import sqlalchemy as sa

from motcua.connections import Connection
from motcua.errors import PortalUnavailable, StaleWrite
from motcua.publishing.government import outbox
from motcua.publishing.government.breaker import Breaker
from motcua.publishing.government.chunk import Chunk, Stopped
from motcua.publishing.government.client import CALL_SECONDS, CALLS_PER_SECOND, LogInRefused, PortalClient
from motcua.publishing.government.outcome import Outcome
from motcua.registry import Registry

# Enough to keep the portal's rate busy while each waits for its answer.
THREADS = 8
# Steps of so many dossiers fill their calls to the brim: a chunk of 100 leaves one call in seven nearly empty.
DOSSIERS_A_CHUNK = 500


def drain(
    engine: sa.Engine,
    connection: Connection,
    registry: Registry,
    *,
    clock: Callable[[], datetime],
    rate_per_second: float = CALLS_PER_SECOND,
    call_seconds: float = CALL_SECONDS,
    threads: int = THREADS,
) -> Outcome:
    """Sends everything that is due. Returns at once when another sender is at work, or the breaker is open.

    Args:
        engine: in the role of the sender.
        connection: `government_portal`.
        registry: names, fields and departments.
        clock: the moment, aware; for the ledger and the schedule of retries.
        rate_per_second: calls a second, over all threads.
        call_seconds: how long one call may last.
        threads: chunks of dossiers under way at once.

    An error of our own in one chunk is raised when the others have been sent.
    """
    outcome = Outcome()
    with outbox.turn(engine) as (keeper, turn):
        if turn is None:
            outcome.stop("another sender is at work")
            return outcome
        if turn.closed_until is not None and turn.closed_until > clock():
            outcome.stop(f"breaker open until {turn.closed_until.isoformat()}: {turn.reason}")
        else:
            client = PortalClient(connection, rate_per_second=rate_per_second, call_seconds=call_seconds)
            with closing(client):
                sender = _Sender(engine, client, registry, clock, turn, outcome)
                sender.run(outbox.due_codes(keeper, clock()), threads)
            outcome.calls = client.calls
        outcome.queued = outbox.open_dossiers(keeper)
    return outcome


class _Sender:
    """One drain under one fence; chunks run in threads, each dossier in one chunk only."""

    def __init__(
        self,
        engine: sa.Engine,
        client: PortalClient,
        registry: Registry,
        clock: Callable[[], datetime],
        turn: outbox.Turn,
        outcome: Outcome,
    ) -> None:
        self._engine = engine
        self._client = client
        self._registry = registry
        self._clock = clock
        self._turn = turn
        self._outcome = outcome
        self._breaker = Breaker(engine, turn, clock, outcome)

    def run(self, codes: Sequence[str], threads: int) -> None:
        """Sends these dossiers; what one chunk runs into stops no other, unless it says that all must stop."""
        chunks = [codes[start : start + DOSSIERS_A_CHUNK] for start in range(0, len(codes), DOSSIERS_A_CHUNK)]
        with ThreadPoolExecutor(threads) as pool:
            futures = [pool.submit(self._send, chunk) for chunk in chunks[:1]]
            if self._breaker.is_on_trial:
                wait(futures)
            futures += [pool.submit(self._send, chunk) for chunk in chunks[1:]]
        errors = [error for future in futures if isinstance(error := future.exception(), Exception)]
        if errors:
            errors[0].add_note(f"{len(errors)} of {len(chunks)} chunks failed, the others were sent")
            raise errors[0]

    def _send(self, codes: Sequence[str]) -> None:
        if self._outcome.stopped:
            return
        try:
            self._client.log_in()  # before anything is marked as sent; that it succeeds says nothing of the services
            with self._engine.connect() as connection:
                Chunk(
                    connection, self._client, self._registry, self._clock, self._turn, self._breaker, self._outcome
                ).send(codes)
        except PortalUnavailable as error:
            self._breaker.failed(error)
        except Stopped:
            return
        except (LogInRefused, StaleWrite) as error:
            self._outcome.stop(str(error))
