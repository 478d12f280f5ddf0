"""The truth to compare with: every dossier of the city as it stands at the clock, one JSON line each."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import orjson

from sandbox.city import times
from sandbox.city.clock import AGAIN, OLDER, View, dates_at
from sandbox.city.faults import IMPOSSIBLE, RULES, Oddity
from sandbox.city.listed import listed_procedure
from sandbox.city.registry import canonical
from sandbox.city.worktime import NEVER, Moments

_DATES = ("submitted", "received", "due", "finished", "returned", "changed")
_CHUNK = 5_000


def dossier_lines(view: View) -> Iterator[bytes]:
    """JSON lines, a dossier each, in chunks; dates as listed, null where none or none that exists.

    `code` is the code as it should be and `code_listed` as the source lists it; `status`, `channel` and `unit` are
    true even where a fault hides them.
    """
    present = np.unique(view.dossier[view.variant != OLDER])
    twice = set(view.dossier[view.variant == AGAIN].tolist())
    for start in range(0, len(present), _CHUNK):
        yield _lines(view, present[start : start + _CHUNK], twice)


def _lines(view: View, dossiers: Moments, twice: set[int]) -> bytes:
    city, dates = view.city, dates_at(view, dossiers)
    written = {name: _zoned(getattr(dates, name)) for name in _DATES}
    requested = city.timeline.requested_at[dossiers] <= view.now
    lost = (view.fault[dossiers] == RULES.index("supplement_without_request")) & (view.status[dossiers] == 5)
    supplements = (requested & ~lost).astype(int).tolist()
    lines = []
    for place, dossier in enumerate(dossiers.tolist()):
        source = city.registry.sources[int(city.source[dossier])]
        procedure = city.registry.procedures[int(city.procedure[dossier])]
        oddities, fault = int(city.oddities[dossier]), RULES[view.fault[dossier]]
        lines.append(
            {
                "source_id": source.id,
                "unit": canonical(source.unit),
                "unit_wire": source.unit,
                "code": city.codes[dossier],
                "code_listed": city.listed_codes[dossier],
                "status": int(view.status[dossier]),
                "channel": 1 if oddities & Oddity.NO_CHANNEL else int(city.channel[dossier]),
                "procedure_code": listed_procedure(procedure, oddities, int(city.seed[dossier]))[:8],
                **{f"{name}_at": column[place] for name, column in written.items()},
                "steps": int(view.steps[dossier]),
                "supplements": supplements[place],
                "deleted": bool(view.deleted[dossier]),
                "fault": fault or None,
                "duplicate": dossier in twice,
            }
        )
    return b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines)


def _zoned(moments: Moments) -> list[str | None]:
    real = np.where(moments == IMPOSSIBLE, NEVER, moments)
    return [None if text is None else f"{text}+07:00" for text in times.iso(real)]
