"""I1 to I11 (contract page `faults`), judged from what was found after a run; none of the pipeline's own code.

Each rule gives words, one for what is broken, and none when all is well. `broken` asks them all.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tests.e2e.feed_reader import Feed, Row
from tests.faults.outcome import Run
from tests.faults.standing import Standing

NUMBER = re.compile(r"(?<![0-9A-Za-z])\d{9,12}(?![0-9A-Za-z])")
# what may be left when a run is over: sockets and threads that close themselves, what libraries keep
SLACK = {"threads": 4, "files": 4, "memory_mb": 200}
ENOUGH_ROWS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """I8: what a run may take.

    Attributes:
        seconds: from its start to its end, beyond three times what a clean run took on the same machine.
        attempts: connections to each victim.
    """

    seconds: float = 30.0
    attempts: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A run, and what there is to judge it by.

    Attributes:
        living: codes that each source shows, by the city's ledger.
        known: those, and the codes of what it has deleted.
        shared: codes that several sources show.
        feed: as published.
        words: what is personal: none of it may be public or logged.
        effects: what the Government portal accepted, in order.
        oddities: what it noted: told backwards, out of order, refused.
        clean: the warehouse after a run without a fault.
        clean_seconds: what that run took.
        expected: signs, by source that had a fault, one of which must be seen: a kind of error, `held`, or a rule that
            rows break; none where nothing is to be seen. The other sources must not notice.
        again: the same cycle once more, with nothing new.
        bounds: see `Bounds`.
        moves_much: whether I11 counts: rows about a fault of one row do not ask for it.
    """

    run: Run
    living: Mapping[str, set[str]]
    known: Mapping[str, set[str]]
    feed: Feed
    words: frozenset[str]
    clean: Standing
    expected: Mapping[str, set[str]]
    shared: frozenset[str] = frozenset()
    effects: Sequence[Row] = ()
    oddities: Mapping[str, Sequence[object]] = field(default_factory=dict)
    again: Run | None = None
    clean_seconds: float = 0.0
    bounds: Bounds = Bounds()
    moves_much: bool = True

    @property
    def merged(self) -> list[str]:
        return [source for source, (state, _) in self.run.states().items() if state == "merged"]


def broken(evidence: Evidence) -> list[str]:
    """All that is broken, in words that name the rule."""
    return [f"{name}: {words}" for name, rule in RULES.items() for words in rule(evidence)]


def _no_loss(evidence: Evidence) -> Iterator[str]:
    """What a read source shows is held or in quarantine; of one that was not read, nothing has changed."""
    after, states = evidence.run.after, evidence.run.states()
    refused = [source for source, state in states.items() if state == ("failed", "BAD_ROWS")]
    for source in (*evidence.merged, *refused):
        held = after.codes(source) | after.refused(source)
        nameless = sum(identity.startswith("#") for identity in after.refused(source))
        lost = evidence.living[source] - held
        if len(lost) > nameless:
            yield f"{source}: {len(lost) - nameless} dossiers are lost"
        if gone := after.deleted(source) & evidence.living[source]:
            yield f"{source}: {len(gone)} dossiers count as deleted, and live"
        if invented := after.codes(source) - evidence.known[source] - evidence.run.before.codes(source):
            yield f"{source}: {len(invented)} dossiers are invented"
    for source in set(states) - set(evidence.merged):
        now, before = (standing.facts(source, evidence.shared) for standing in (after, evidence.run.before))
        if any(now[table] != before[table] for table in now if table != "core.quarantine" or source not in refused):
            yield f"{source}: was not read, and has changed"


def _no_double(evidence: Evidence) -> Iterator[str]:
    after = evidence.run.after
    yield from _repeated("source rows", ((row["code"], row["source_id"]) for row in after.of("core.source_dossier")))
    yield from _repeated("dossiers", (row["code"] for row in after.of("core.dossier")))
    yield from _repeated("versions", ((row["code"], row["version"]) for row in after.of("core.dossier_version")))
    yield from _repeated(
        "outbox rows", ((row["code"], row["version"], row["service"]) for row in after.of("core.delivery"))
    )
    yield from _repeated("portal effects", (tuple(effect.items()) for effect in evidence.effects))


def _repeated(what: str, keys: Iterator[object]) -> Iterator[str]:
    if repeated := [key for key, count in Counter(keys).items() if count > 1]:
        yield f"{len(repeated)} {what} stand more than once"


def _never_backwards(evidence: Evidence) -> Iterator[str]:
    before = {row["code"]: row["version"] for row in evidence.run.before.of("core.dossier")}
    after = {row["code"]: row["version"] for row in evidence.run.after.of("core.dossier")}
    if fallen := [code for code, version in before.items() if after.get(code, 0) < version]:
        yield f"{len(fallen)} dossiers have an older version than before, or none"
    numbers: dict[str, list[int]] = {}
    rows = evidence.run.after.of("core.dossier_version")
    for row in sorted(rows, key=lambda row: (row["code"], row["recorded_at"], row["version"])):
        numbers.setdefault(row["code"], []).append(row["version"])
    if odd := [code for code, newest in after.items() if sorted(numbers.get(code, [])) != list(range(1, newest + 1))]:
        yield f"{len(odd)} dossiers miss a version"
    if unordered := [code for code, found in numbers.items() if found != sorted(found)]:
        yield f"{len(unordered)} dossiers were recorded in another order than their versions"
    told: dict[tuple[object, object], int] = {}
    for effect in evidence.effects:
        key, version = (effect["code"], effect["service"]), int(str(effect["version"]))
        if version < told.get(key, 0):
            yield f"the portal was told version {version} of a dossier after version {told[key]}"
        told[key] = version
    yield from (f"the portal noted {name}" for name in ("backwards", "disordered") if evidence.oddities.get(name))


def _watermark(evidence: Evidence) -> Iterator[str]:
    run = evidence.run
    newest: dict[str, datetime] = {}
    for batch in run.after.of("core.batch", state="merged"):
        if batch["newest_change"] is not None:
            newest[batch["source_id"]] = max(
                batch["newest_change"], newest.get(batch["source_id"], batch["newest_change"])
            )
    for source in run.states():
        was, now = run.before.watermark(source), run.after.watermark(source)
        if now is not None and (source not in newest or now > min(newest[source], run.as_of)):
            yield f"{source}: the watermark lies beyond what was merged"
        if source not in evidence.merged and was != now:
            yield f"{source}: the watermark moved without its batch"
        if was is not None and (now is None or now < was):
            yield f"{source}: the watermark went back"


def _feed(evidence: Evidence) -> Iterator[str]:
    feed = evidence.feed
    yield from (f"manifest: {promise}" for promise in feed.broken)
    counted = {name: Counter(tuple(sorted(row.items())) for row in rows) for name, rows in feed.formats.items()}
    first = next(iter(counted.values()))
    yield from (f"{name} holds other rows" for name, rows in counted.items() if rows != first)
    published = [row["seq"] for row in evidence.run.after.of("core.publication")]
    if feed.index["seq"] != max(published) or feed.manifest["seq"] != feed.index["seq"]:
        yield "index.json does not name the newest complete version"


def _isolation(evidence: Evidence) -> Iterator[str]:
    for source in set(evidence.run.states()) - set(evidence.expected):
        held, clean = (one.facts(source, evidence.shared) for one in (evidence.run.after, evidence.clean))
        yield from (f"{source}: {table} differs from a clean run" for table in held if held[table] != clean[table])
        if evidence.run.after.watermark(source) != evidence.clean.watermark(source):
            yield f"{source}: the watermark differs from a clean run"


def _no_person(evidence: Evidence) -> Iterator[str]:
    run = evidence.run
    told = [
        row.get("error") or row.get("reason") for row in (*run.batches.values(), *run.after.of("core.source_state"))
    ]
    places = {
        "the feed": "\n".join(set(evidence.feed.text.values())),
        "the log": "\n".join(run.log),
        "the ledgers": "\n".join(map(str, told)),
    }
    numbers = {word for word in evidence.words if word.isdigit()}
    for place, text in places.items():
        if numbers & set(NUMBER.findall(text)) or any(word in text for word in evidence.words - numbers):
            yield f"{place} tells of a person"


def _bounded(evidence: Evidence) -> Iterator[str]:
    run, bounds = evidence.run, evidence.bounds
    if run.seconds > (most := bounds.seconds + 3 * evidence.clean_seconds):
        yield f"it took {run.seconds:.1f} s, more than {most:.1f}"
    for source, count in run.attempts.items():
        if source in evidence.expected and count > bounds.attempts:
            yield f"{source}: {count} attempts, more than {bounds.attempts}"
    for name, slack in SLACK.items():
        grown = getattr(run.means_after, name) - getattr(run.means_before, name)
        if grown > slack:
            yield f"{grown} more {name} than before"


def _idempotent(evidence: Evidence) -> Iterator[str]:
    again = evidence.again
    if again is None:
        return
    for table in ("core.dossier_version", "core.delivery", "core.publication"):
        if again.after.of(table) != again.before.of(table):
            yield f"a second run wrote to {table}"
    if any(batch["changed"] for batch in again.after.of("core.batch", cycle_id=again.cycle_id)):
        yield "a second run found changes"


def _visible(evidence: Evidence) -> Iterator[str]:
    run = evidence.run
    for source, signs in evidence.expected.items():
        state, kind = run.states().get(source, (None, None))
        seen = run.after.rules(source) | {str(kind if state == "failed" else state)}
        if signs and not signs & seen:
            yield f"{source}: the ledger says {state} {kind}, and nothing of {'/'.join(sorted(signs))}"
    for source, (state, kind) in run.states().items():
        [standing] = run.after.of("core.source_state", source_id=source) or [{"state": None, "reason": None}]
        if state == "failed" and (standing["state"] != "down" or str(kind) not in str(standing["reason"])):
            yield f"{source}: is not marked down with its reason"
        if state == "held" and standing["state"] != "held":
            yield f"{source}: is not marked held"
        if state != "merged" and not any(line.startswith("WARNING") and source in line for line in run.log):
            yield f"{source}: nobody was warned"


def _not_vacuous(evidence: Evidence) -> Iterator[str]:
    moved = sum(int(str(batch["fetched"] or 0)) for batch in evidence.run.batches.values())
    if evidence.moves_much and moved < ENOUGH_ROWS:
        yield f"only {moved} rows were moved"


RULES: Mapping[str, Callable[[Evidence], Iterator[str]]] = {
    "I1 no loss": _no_loss,
    "I2 no double": _no_double,
    "I3 never backwards": _never_backwards,
    "I4 watermark": _watermark,
    "I5 feed": _feed,
    "I6 isolation": _isolation,
    "I7 no person": _no_person,
    "I8 bounded": _bounded,
    "I9 idempotent": _idempotent,
    "I10 visible": _visible,
    "I11 not vacuous": _not_vacuous,
}
