"""The truth to compare with: every dossier as each source that has it shows it at the clock, one JSON line each.

A register shows what it had at its last drop, without steps or supplements of its own: see `registers_told`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import orjson

from sandbox.city import times
from sandbox.city.clock import AGAIN, OLDER, Dates, View, dates_at
from sandbox.city.evenings import shown_at
from sandbox.city.faults import IMPOSSIBLE, RULES, Oddity
from sandbox.city.listed import listed_procedure, rows
from sandbox.city.registers_told import as_told, first_told
from sandbox.city.registry import canonical
from sandbox.city.state import CityState
from sandbox.city.timeline import Flags
from sandbox.city.worktime import NEVER, Moments, WorkTime

REGISTER = "sftp_register"
REQUESTED_BY_STEP = ("oss_soap", "sql_view")  # a step with status 5 is the supplement request
_DATES = ("submitted", "received", "due", "finished", "returned", "changed")
_CHUNK = 5_000


class Children(NamedTuple):
    """How many steps and supplement requests dossiers have, and the status of the newest step, 0 for none.

    `times` and `statuses` of the steps and the moments of `requests` have a row a dossier, NEVER for none.
    """

    steps: Moments
    newest: Moments
    supplements: Moments
    times: Moments
    statuses: npt.NDArray[np.uint8]
    requests: Moments


def dossier_lines(state: CityState) -> Iterator[bytes]:
    """JSON lines, a dossier each, in chunks; dates as listed, null where none or none that exists.

    `code` is the code as it should be and `code_listed` as the source lists it; `status`, `channel` and `unit` are
    true even where a fault hides them.
    """
    keeps_register = np.array([one.platform == REGISTER for one in state.registry.sources])
    yield from _lines(state.view, ~keeps_register)
    shown = state.view_at(shown_at(WorkTime(state.registry.days_off), state.view.now))
    yield from _lines(shown, keeps_register, first_told(state))


def people(state: CityState) -> set[str]:
    """Every word about a person that some source lists at the clock: what must never be published."""
    words: set[str] = set()
    for row in rows(state.view, slice(None), times.iso):
        words |= {row.name, row.identity[1], row.address, row.phone, row.email, row.summary}
        words |= {step.official for step in row.steps}
    return words


def _lines(view: View, offices: Flags, first: Moments | None = None) -> Iterator[bytes]:
    """The dossiers of some offices; `first`, of registers: when each stood in a file as it does now."""
    listed = offices[view.city.source[view.dossier]]
    present = np.unique(view.dossier[listed & (view.variant != OLDER)])
    twice = set(view.dossier[view.variant == AGAIN].tolist())
    for start in range(0, len(present), _CHUNK):
        dossiers = present[start : start + _CHUNK]
        dates = dates_at(view, dossiers)
        if first is None:
            children = _children(view, dossiers)
        else:
            dates = replace(as_told(view.city, dossiers, dates), changed=first[dossiers])
            children = _derived(dates)
        yield _chunk(view, dossiers, dates, children, twice)


def _chunk(view: View, dossiers: Moments, dates: Dates, children: Children, twice: set[int]) -> bytes:
    city = view.city
    written = {name: _zoned(getattr(dates, name)) for name in _DATES}
    history, requested = times.iso(children.times), times.iso(children.requests)
    statuses = children.statuses.tolist()
    lines = []
    for place, dossier in enumerate(dossiers.tolist()):
        source = city.registry.sources[int(city.source[dossier])]
        procedure = city.registry.procedures[int(city.procedure[dossier])]
        oddities, fault = int(city.oddities[dossier]), RULES[view.fault[dossier]]
        lines.append(
            {
                "source_id": source.id,
                "filed_with": city.registry.sources[int(city.filed_with[dossier])].id,
                "platform": source.platform,
                "unit": canonical(source.unit),
                "unit_wire": source.unit,
                "code": city.codes[dossier],
                "code_listed": city.listed_codes[dossier],
                "status": int(view.status[dossier]),
                "channel": 1 if oddities & Oddity.NO_CHANNEL else int(city.channel[dossier]),
                "procedure_code": listed_procedure(procedure, oddities, int(city.seed[dossier]))[:8],
                **{f"{name}_at": column[place] for name, column in written.items()},
                "steps": int(children.steps[place]),
                "newest_step": int(children.newest[place]) or None,
                "supplements": int(children.supplements[place]),
                "history": [step for step in zip(history[place], statuses[place], strict=True) if step[0]],
                "requested": [at for at in requested[place] if at],
                "deleted": bool(view.deleted[dossier]),
                "fault": fault or None,
                "duplicate": dossier in twice,
            }
        )
    return b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines)


def _children(view: View, dossiers: Moments) -> Children:
    """What the source shows."""
    timeline = view.city.timeline
    shown = timeline.times[dossiers]
    shown, statuses = np.where(shown <= view.now, shown, NEVER), timeline.statuses[dossiers]
    requested = timeline.requested_at[dossiers]
    lost = (view.fault[dossiers] == RULES.index("supplement_without_request")) & (view.status[dossiers] == 5)
    by_step = np.array([one.platform in REQUESTED_BY_STEP for one in view.city.registry.sources])
    requests = np.where(statuses == 5, shown, NEVER)
    other = ~by_step[view.city.source[dossiers]]
    requests[other] = NEVER
    requests[other, 0] = np.where((requested <= view.now) & ~lost, requested, NEVER)[other]
    supplements = (requests != NEVER).sum(axis=1)
    return Children(view.steps[dossiers], view.status[dossiers], supplements, shown, statuses, requests)


def _derived(dates: Dates) -> Children:
    """A register's steps are those that its dates imply: received, finished, returned."""
    moments = np.stack([dates.received, dates.finished, dates.returned], axis=1)
    reached, statuses = moments < IMPOSSIBLE, np.array([[2, 9, 10]], dtype=np.uint8)
    newest = (reached * statuses).max(axis=1)
    return Children(
        steps=reached.sum(axis=1),
        newest=newest,
        supplements=np.zeros_like(newest),
        times=np.where(reached, moments, NEVER),
        statuses=np.broadcast_to(statuses, moments.shape).astype(np.uint8),
        requests=np.full((len(moments), 1), NEVER),
    )


def _zoned(moments: Moments) -> list[str | None]:
    real = np.where(moments == IMPOSSIBLE, NEVER, moments)
    return [None if text is None else f"{text}+07:00" for text in times.iso(real)]
