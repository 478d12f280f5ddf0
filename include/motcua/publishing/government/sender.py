"""The one sender: takes its turn under a lock and a fence, and sends chunk after chunk until something stops it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from datetime import datetime

import orjson
import sqlalchemy as sa

from motcua.connections import Connection
from motcua.errors import PortalRejected, PortalUnavailable, StaleWrite
from motcua.publishing.government import due, outbox
from motcua.publishing.government.breaker import Breaker
from motcua.publishing.government.calls import MOST_RECORDS, Drain, Stopped
from motcua.publishing.government.chunk import Chunk
from motcua.publishing.government.client import CALL_SECONDS, CALLS_PER_SECOND, CONNECTIONS, LogInRefused, PortalClient
from motcua.publishing.government.outcome import Outcome
from motcua.publishing.government.verdicts import Verdicts
from motcua.registry import Registry

# More threads than connections: while some wait for their answers, the others render and settle.
MORE_THREADS = 4
# Steps of so many dossiers fill their calls to the brim: a chunk of 100 leaves one call in seven nearly empty. Where
# there are few dossiers, smaller chunks keep all threads busy.
DOSSIERS_A_CHUNK = 500
CHUNKS_A_THREAD = 2
PROBE_SIZE = 100


def drain(
    engine: sa.Engine,
    connection: Connection,
    registry: Registry,
    *,
    clock: Callable[[], datetime],
    rate_per_second: float = CALLS_PER_SECOND,
    call_seconds: float = CALL_SECONDS,
    connections: int = CONNECTIONS,
    threads: int | None = None,
) -> Outcome:
    """Sends everything that is due. Returns at once when another sender is at work, or the breaker is open.

    Args:
        engine: in the role of the sender.
        connection: `government_portal`.
        registry: names, fields and departments.
        clock: the moment, aware; for the ledger and the schedule of retries.
        rate_per_second: calls a second, over all threads.
        call_seconds: how long one call may last.
        connections: calls under way at once.
        threads: chunks of dossiers under way at once; a few more than connections, when None.

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
            client = PortalClient(
                connection, rate_per_second=rate_per_second, call_seconds=call_seconds, connections=connections
            )
            verdicts = Verdicts(turn, clock, outcome)
            with closing(client):
                sender = _Sender(engine, client, registry, clock, turn, outcome, verdicts)
                try:
                    sender.run(*due.due_codes(keeper, clock()), threads=threads or connections + MORE_THREADS)
                finally:
                    verdicts.save(keeper)
            outcome.calls = client.calls
        outcome.queued = due.open_dossiers(keeper)
        outbox.keep_outcome(keeper, turn.fence, orjson.dumps(outcome.as_dict()), clock())
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
        verdicts: Verdicts,
    ) -> None:
        self._engine = engine
        self._drain = Drain(
            client=client, registry=registry, clock=clock, turn=turn, breaker=Breaker(engine, turn, clock, outcome),
            verdicts=verdicts, outcome=outcome,
        )  # fmt: skip

    def run(self, new: Sequence[str], retries: Sequence[str], *, threads: int) -> None:
        """Sends these dossiers, the new ones first and never in one call with a retry.

        What one chunk runs into stops no other, unless it says that all must stop.
        """
        probe = self._probe([*new, *retries])
        if self._drain.outcome.stopped:
            return
        new, retries = ([code for code in codes if code not in probe] for codes in (new, retries))
        chunks = [*_chunks(new, threads), *_chunks(retries, threads)]
        with ThreadPoolExecutor(threads) as pool:
            futures = [pool.submit(self._send, chunk) for chunk in chunks[:1]]
            if self._drain.breaker.is_on_trial:
                wait(futures)
            futures += [pool.submit(self._send, chunk) for chunk in chunks[1:]]
        errors = [error for future in futures if isinstance(error := future.exception(), Exception)]
        if errors:
            errors[0].add_note(f"{len(errors)} of {len(chunks)} chunks failed, the others were sent")
            raise errors[0]

    def _probe(self, codes: Sequence[str]) -> set[str]:
        """Asks a portal that did not answer, or refused too much, before many dossiers depend on it.

        Returns the codes that were sent to find out; the drain is stopped where the answer is no.
        """
        if codes and self._drain.breaker.is_on_trial:
            self._ask(codes[0])
        if not codes or self._drain.outcome.stopped or not self._drain.verdicts.is_doubted:
            return set()
        # of all offices and all ages: what one of them does wrong is not the portal's doing
        sample = codes[:: -(-len(codes) // PROBE_SIZE)]
        self._drain.verdicts.begin_probe()
        self._send(sample)
        self._drain.verdicts.end_probe()
        return set(sample)

    def _ask(self, code: str) -> None:
        """A look-up, which burns no try of any dossier; any answer will do."""
        try:
            self._drain.client.look_up(code)
        except PortalUnavailable as error:
            self._drain.breaker.failed(error)
        except LogInRefused as error:
            self._drain.outcome.stop(str(error))
        except PortalRejected:
            return

    def _send(self, codes: Sequence[str]) -> None:
        if self._drain.outcome.stopped:
            return
        try:
            self._drain.client.log_in()  # before anything is marked as sent; that it succeeds says nothing of services
            with self._engine.connect() as connection:
                Chunk(connection, self._drain).send(codes)
        except PortalUnavailable as error:
            self._drain.breaker.failed(error)
        except Stopped:
            return
        except (LogInRefused, StaleWrite) as error:
            self._drain.outcome.stop(str(error))


def _chunks(codes: Sequence[str], threads: int) -> list[Sequence[str]]:
    whole_calls = len(codes) // (threads * CHUNKS_A_THREAD) // MOST_RECORDS
    size = MOST_RECORDS * min(max(1, whole_calls), DOSSIERS_A_CHUNK // MOST_RECORDS)
    return [codes[start : start + size] for start in range(0, len(codes), size)]
