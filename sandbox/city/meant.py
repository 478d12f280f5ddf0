"""What a request to `/control/edits` means: its words read, the dossiers it means chosen, always the same ones.

`{"source": id, "op": …}` with, where the op has use for it: `codes`, or `count` or `share` of the source's fitting
dossiers; `at`, the change time (a second before the clock, so that a listing up to the clock holds it; an earlier one
makes a late change); `status`; `rule`; `name`, `summary`, `procedure_name`.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from sandbox.city import faults, times
from sandbox.city.clock import View
from sandbox.city.edits import INSERTIONS, NEXT_STATUS, OPS, Edit, Edited
from sandbox.city.population import ONLINE_CHANNEL
from sandbox.city.registry import Source
from sandbox.city.worktime import SECOND, Moments, moment

Wanted = Mapping[str, object]
FIRST_NUMBER = 50_001  # no office of the city has so many dossiers on a day
TEXTS = ("name", "summary", "procedure_name")
USUAL_RULE = "unknown_status"
# rules that any living dossier can break, whatever has happened to it
EVER = ("impossible_date", "unknown_status", "unknown_channel", "unknown_applicant_kind",
        "unknown_procedure", "unknown_unit", "text_damaged", "duplicate_in_batch")  # fmt: skip


def edit_meant(view: View, source: int, wanted: Wanted, past: Edited) -> Edit:
    """The edit that is meant; ValueError says what cannot be."""
    office, op = view.city.registry.sources[source], str(wanted.get("op"))
    if op not in OPS:
        raise ValueError(f"op: expected undo or one of {', '.join(OPS)}, got {op!r}")
    status = wanted.get("status")
    edit = Edit(
        number=past.made + 1,
        source=source,
        op=op,
        made_at=view.now,
        at=_change_time(view, office, wanted),
        codes=(),
        status=None if status is None else int(str(status)),
        rule=_rule(office, op, wanted),
        words=_words(op, wanted),
    )
    if op in INSERTIONS:
        number = int(str(wanted.get("count", INSERTIONS[op])))
        return replace(edit, codes=_new_codes(office, edit.at, FIRST_NUMBER + past.inserted, number))
    return replace(edit, codes=tuple(view.city.codes[dossier] for dossier in _meant(view, edit, wanted).tolist()))


def drawn(chance: random.Random) -> Wanted:
    """Some edit of one dossier, such as happens while a listing is read."""
    return {"op": chance.choice(("insert", "update", "delete"))}


def told(edit: Edit, source: Source) -> dict[str, object]:
    """An edit as JSON."""
    return {
        "edit": edit.number,
        "source": source.id,
        "op": edit.op,
        "made_at": f"{times.iso_one(edit.made_at)}+07:00",
        "at": f"{times.iso_one(edit.at)}+07:00",
        "codes": list(edit.codes),
    }


def _change_time(view: View, office: Source, wanted: Wanted) -> int:
    at = moment(str(wanted["at"])) if "at" in wanted else view.now - SECOND
    if at > view.now:
        raise ValueError(f"at: expected a moment up to the city's clock, got {wanted['at']!r}")
    return at // office.precision * office.precision


def _rule(office: Source, op: str, wanted: Wanted) -> str | None:
    if op == "duplicate":
        return "duplicate_in_batch"
    if op != "bad_share":
        return None
    rule = str(wanted.get("rule", USUAL_RULE))
    if rule == "code_shape" or not faults.can_break(office.platform, rule):
        raise ValueError(f"rule: no row of {office.platform} can break {rule!r} from one day to the next")
    return rule


def _words(op: str, wanted: Wanted) -> dict[str, str]:
    words = {name: str(wanted[name]) for name in TEXTS if name in wanted}
    if op == "text" and not words:
        raise ValueError(f"expected one of {', '.join(TEXTS)}")
    return words


def _new_codes(office: Source, at: int, first: int, number: int) -> tuple[str, ...]:
    day = times.iso_one(at)[2:10].replace("-", "")
    return tuple(f"{office.unit}-{day}-{first + place:05d}" for place in range(number))


def _meant(view: View, edit: Edit, wanted: Wanted) -> Moments:
    """The dossiers that are named, or as many of the fitting ones as are asked for."""
    if "codes" in wanted:
        return _named(view, edit, wanted["codes"])
    fitting = _fitting(view, edit)
    number = len(fitting) if edit.op == "comeback" else 1
    if "share" in wanted:
        number = round(float(str(wanted["share"])) * len(fitting))
    number = int(str(wanted.get("count", number)))
    if number > len(fitting):
        raise ValueError(f"expected at most {len(fitting)} dossiers, for no more of this source fit, got {number}")
    return np.sort(np.random.default_rng(edit.number).permutation(fitting)[:number])


def _named(view: View, edit: Edit, codes: object) -> Moments:
    if not isinstance(codes, list):
        raise TypeError("codes: expected a list")
    city, own = view.city, np.flatnonzero((view.city.source == edit.source) & (view.city.original < 0)).tolist()
    known = {code: place for place in own for code in (city.codes[place], city.listed_codes[place])}
    if missing := [code for code in codes if code not in known or city.timeline.times[known[code], 0] > edit.at]:
        raise ValueError(f"codes: the source had {len(missing)} of them not yet at the change time, or never has them")
    return np.array(sorted({known[code] for code in codes}), dtype=np.int64)


def _fitting(view: View, edit: Edit) -> Moments:
    """Dossiers of the source on which the edit makes sense."""
    city = view.city
    own = np.flatnonzero((city.source == edit.source) & (city.original < 0) & (view.steps > 0))
    if edit.op == "comeback":
        return own[city.gone[own] | view.deleted[own]]
    own = own[~city.gone[own] & ~view.deleted[own]]
    if edit.op == "vanish":
        return own
    own = own[(city.fault[own] == 0) & ~city.twice[own]]
    if edit.op in {"swap_versions", "step_back"}:
        return own[view.steps[own] >= 2]
    if edit.op == "bad_share":
        return own[_can_break(view, own, str(edit.rule))]
    own = own[view.changed[own] < edit.at]
    if edit.op != "update":
        return own
    wanted = list(NEXT_STATUS) if edit.status is None else [code for code in range(1, 11) if code != edit.status]
    return own[np.isin(view.status[own], wanted)]


def _can_break(view: View, own: Moments, rule: str) -> faults.Flags:
    if rule in EVER:
        return np.ones(len(own), dtype=bool)
    city = view.city
    fits = faults.fitting(rule, city.timeline, city.received_at, city.channel == ONLINE_CHANNEL, view.now)
    return fits[own] & (city.received_at[own] <= view.now)
