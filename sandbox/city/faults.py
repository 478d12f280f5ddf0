"""Which dossiers carry a fault or a harmless oddity, and what a fault does to the facts of a row.

A critical fault breaks its own rule and no other; it shows from the step on that makes it visible.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sandbox.city.timeline import Flags, Timeline
from sandbox.city.worktime import DAY, HOUR, NEVER, Moments

SHARE = 0.005
RULES = (
    "",
    "missing_required",
    "code_shape",
    "impossible_date",
    "received_in_future",
    "due_before_received",
    "finished_before_received",
    "returned_before_finished",
    "returned_without_date",
    "unknown_status",
    "unknown_channel",
    "unknown_applicant_kind",
    "unknown_procedure",
    "unknown_unit",
    "text_damaged",
    "duplicate_in_batch",
    "supplement_without_request",
)
NUMBER = {rule: number for number, rule in enumerate(RULES)}
# What a platform cannot say, its rows cannot get wrong.
CANNOT = {
    "oss_soap": ("supplement_without_request",),
    "sql_view": ("supplement_without_request", "impossible_date", "unknown_unit"),  # rows are found by their unit
    "sftp_register": ("supplement_without_request", "unknown_applicant_kind", "unknown_unit"),
}
# A date that no calendar has: given, of the right form, and impossible.
IMPOSSIBLE = NEVER - 1
YEAR = 365 * DAY
STAND_STILL = (NUMBER["received_in_future"],)  # the office has lost sight of it: no step after the first two


class Oddity:
    """What looks odd in a row and is to be accepted: bits, plain numbers because every row asks for them."""

    DECOMPOSED = 1
    MARKUP = 2
    SPACES = 4
    NO_CHANNEL = 8
    UNLISTED_PROCEDURE = 16
    NO_DUE_DATE = 32
    EXTRA_FIELD = 64
    LONG_PROCEDURE = 128


_ODDITY_SHARES = {
    Oddity.DECOMPOSED: 0.02,
    Oddity.MARKUP: 0.004,
    Oddity.SPACES: 0.01,
    Oddity.NO_CHANNEL: 0.006,
    Oddity.UNLISTED_PROCEDURE: 0.002,
    Oddity.NO_DUE_DATE: 0.006,
    Oddity.EXTRA_FIELD: 0.003,
    Oddity.LONG_PROCEDURE: 0.04,
}


def can_break(platform: str, rule: str) -> bool:
    """Whether a row of a platform can break a rule."""
    return rule in RULES[1:] and rule not in CANNOT.get(platform, ())


def choose(
    timeline: Timeline,
    received_at: Moments,
    online: Flags,
    platform: npt.NDArray[np.str_],
    eligible: Flags,
    as_of: int,
    rng: np.random.Generator,
) -> npt.NDArray[np.uint8]:
    """One fault each for SHARE of the eligible, evenly over the rules, all visible at `as_of`.

    The timelines of dossiers whose fault needs an open or a waiting dossier are cut short, in place.
    """
    number = max(round(SHARE * int(eligible.sum())), len(RULES) - 1)
    chosen = np.zeros(len(eligible), dtype=np.uint8)
    free = eligible & (received_at <= as_of)
    # the rules that fewest dossiers can break choose first
    for place, rule in enumerate(sorted(RULES[1:], key=lambda rule: rule not in _PICKY)):
        count = number // (len(RULES) - 1) + (place >= len(RULES) - 1 - number % (len(RULES) - 1))
        able = np.isin(platform, [one for one in CANNOT if rule in CANNOT[one]], invert=True)
        fit = np.flatnonzero(free & able & fitting(rule, timeline, received_at, online, as_of))
        rows = rng.choice(fit, count, replace=False)
        chosen[rows], free[rows] = NUMBER[rule], False
        _cut_short(rule, timeline, rows)
    return chosen


_PICKY = {"supplement_without_request", "received_in_future", "returned_before_finished", "returned_without_date"}


def fitting(rule: str, timeline: Timeline, received_at: Moments, online: Flags, as_of: int) -> Flags:
    """Dossiers on which the rule can be broken, alone, at `as_of`."""
    plain = timeline.requested_at == NEVER
    past = timeline.times <= as_of
    status = np.where(past, timeline.statuses, 0)
    if rule == "supplement_without_request":
        return timeline.requested_at <= as_of
    if rule == "received_in_future":  # a year late: so it must be in the future for long
        return plain & (received_at > as_of - 110 * DAY)
    if rule == "due_before_received":
        return plain & (timeline.due_at != NEVER)
    if rule == "finished_before_received":
        return (status == 9).any(axis=1)
    if rule in {"returned_before_finished", "returned_without_date"}:
        return (status == 10).any(axis=1)
    if rule == "unknown_channel":
        return ~online
    return plain


def _cut_short(rule: str, timeline: Timeline, rows: Moments) -> None:
    if rule == "received_in_future":
        opened = np.isin(timeline.statuses[rows], (1, 2))
        timeline.times[rows] = np.where(opened, timeline.times[rows], NEVER)
    if rule == "supplement_without_request":
        waiting = rows[: (len(rows) + 1) // 2]
        after = timeline.times[waiting] > timeline.requested_at[waiting][:, None]
        timeline.times[waiting] = np.where(after, NEVER, timeline.times[waiting])
        timeline.answered_at[waiting] = timeline.due_moved_at[waiting] = NEVER


def draw_oddities(
    timeline: Timeline, online: Flags, fault: npt.NDArray[np.uint8], rng: np.random.Generator
) -> npt.NDArray[np.uint16]:
    """Oddities of dossiers without a fault."""
    oddities = np.zeros(len(fault), dtype=np.uint16)
    possible = {Oddity.NO_CHANNEL: ~online, Oddity.NO_DUE_DATE: timeline.requested_at == NEVER}
    for oddity, share in _ODDITY_SHARES.items():
        hit = (rng.random(len(fault)) < share) & (fault == 0) & possible.get(oddity, True)
        oddities[hit] |= oddity
    return oddities


def active(fault: npt.NDArray[np.uint8], timeline: Timeline, received_at: Moments, now: int) -> npt.NDArray[np.uint8]:
    """The faults that show at a moment: from receipt, or from the step that makes them possible."""
    since = np.where(received_at == NEVER, timeline.times[:, 0], received_at)
    for rule, column in _SINCE.items():
        rows = fault == NUMBER[rule]
        since[rows] = column(timeline, rows)
    shown = (since <= now) & (fault > 0)
    healed = (fault == NUMBER["received_in_future"]) & (received_at < now - YEAR)
    return np.where(shown & ~healed, fault, 0).astype(np.uint8)


def _step(status: int):
    def since(timeline: Timeline, rows: Flags) -> Moments:
        return np.where(timeline.statuses[rows] == status, timeline.times[rows], NEVER).min(axis=1)

    return since


_SINCE = {
    "finished_before_received": _step(9),
    "returned_before_finished": _step(10),
    "returned_without_date": _step(10),
    "supplement_without_request": lambda timeline, rows: timeline.requested_at[rows],
}


def listed_codes(codes: list[str], fault: npt.NDArray[np.uint8], seed: npt.NDArray[np.uint64]) -> list[str]:
    """Codes as the source lists them."""
    listed = list(codes)
    for row in np.flatnonzero(fault == NUMBER["code_shape"]).tolist():
        unit, day, number = codes[row].split("-")
        spoilt = (f"{unit}/{day}/{number}", f"{unit}-{day[:2]}13{day[4:]}-{number}", f"{unit}-{number}-{day}")
        listed[row] = spoilt[int(seed[row]) % len(spoilt)]
    return listed


def bend_dates(rule: str, dates: dict[str, int], seed: int) -> None:
    """Makes the dates of one row (`submitted, received, due, finished, returned`) break their rule."""
    days = (1 + seed % 4) * DAY
    if rule == "impossible_date":
        dates["due" if seed % 3 and dates["due"] != NEVER else "submitted"] = IMPOSSIBLE
    elif rule == "received_in_future":
        dates["received"] += YEAR
        dates["due"] += YEAR
    elif rule == "due_before_received":
        dates["due"] = (dates["received"] // DAY * DAY) - days + 17 * HOUR
    elif rule == "finished_before_received":
        dates["finished"] = dates["received"] - days
    elif rule == "returned_before_finished":
        dates["returned"] = dates["finished"] - days
    elif rule == "returned_without_date":
        dates["returned"] = NEVER
    elif rule == "missing_required" and seed % 3 == 0:
        dates["received"] = NEVER
