"""Pairs of codes: what the file lacks is lent, what it has stays, and no order of things makes a difference."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from motcua.registry import Registry, load_registry
from motcua.registry.crosswalk import Pair, lend, lenders_of, would_circle

BIRTH, CARE = "1.001193", "1.000145"  # the second is sensitive
OLD, OLDER, NEW = "9.000001", "9.000000", "9.000009"
CODES = st.sampled_from([f"9.00000{digit}" for digit in range(8)])


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


@st.composite
def confirmed(draw: st.DrawFn) -> list[Pair]:
    """Pairs as decisions leave them: each old code once, no circle; whatever would break that was refused."""
    pairs: list[Pair] = []
    for old, new in draw(st.lists(st.tuples(CODES, CODES), max_size=12)):
        if old != new and old not in {one.old for one in pairs} and not would_circle(old, new, pairs):
            pairs.append(Pair(old, new))
    return pairs


def test_old_code_has_the_entry_of_the_one_in_its_place_under_its_own_name(registry: Registry) -> None:
    lent = lend(registry, [Pair(OLD, BIRTH, "Khai sinh (cũ)", "Khai sinh")])
    old, birth = lent.procedures[OLD], registry.procedures[BIRTH]
    assert (old.code, old.name, old.lent_by) == (OLD, "Khai sinh (cũ)", BIRTH)
    assert (old.field_code, old.limit_value, old.limit_unit) == (birth.field_code, birth.limit_value, birth.limit_unit)
    assert {code: one for code, one in lent.procedures.items() if code != OLD} == registry.procedures


def test_code_that_came_after_a_known_one_has_its_entry_until_the_file_has_its_own(registry: Registry) -> None:
    assert lend(registry, [Pair(BIRTH, NEW)]).procedures[NEW].lent_by == BIRTH
    assert lend(registry, [Pair(BIRTH, CARE)]) is registry


def test_what_is_sensitive_stays_so_under_another_code(registry: Registry) -> None:
    for pair in (Pair(OLD, CARE), Pair(CARE, NEW)):
        lent = lend(registry, [pair])
        assert all(lent.procedures[code].sensitive for code in (OLD, NEW) if code in lent.procedures)
        assert len(lent.procedures) == len(registry.procedures) + 1


def test_chain_is_followed_forward_first() -> None:
    pairs = [Pair(OLDER, OLD), Pair(OLD, NEW), Pair(BIRTH, OLDER), Pair(NEW, CARE)]
    assert lenders_of({BIRTH, CARE}, pairs) == {OLDER: CARE, OLD: CARE, NEW: CARE}
    assert lenders_of({BIRTH}, pairs) == {OLDER: BIRTH, OLD: BIRTH, NEW: BIRTH, CARE: BIRTH}
    assert lenders_of(set(), pairs) == {}


def test_what_is_made_with_it_is_told_apart_by_fingerprints(registry: Registry) -> None:
    lent = [lend(registry, pairs) for pairs in ([], [Pair(OLD, BIRTH)], [Pair(OLD, CARE)], [Pair(OLD, NEW)])]
    assert len({one.fingerprint_of_verdicts for one in lent}) == 3
    assert len({one.fingerprint for one in lent}) == 3
    assert lent[0] is lent[3] is registry  # nobody knows either of the last pair


@given(pairs=confirmed(), known=st.sets(CODES), order=st.randoms(use_true_random=False))
def test_no_order_makes_a_difference_and_what_is_known_is_never_lent(
    pairs: list[Pair], known: set[str], order: object
) -> None:
    found = lenders_of(known, pairs)
    shuffled = list(pairs)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    assert lenders_of(known, shuffled) == found
    assert found.keys() & known == set()
    assert set(found.values()) <= known


@given(pairs=confirmed(), known=st.sets(CODES))
def test_lender_is_of_the_same_procedure_and_whoever_has_one_ahead_has_one(pairs: list[Pair], known: set[str]) -> None:
    found = lenders_of(known, pairs)
    for code in {code for one in pairs for code in (one.old, one.new)} - known:
        ahead = [one for one in walk(code, pairs) if one in known]
        if ahead:
            assert found[code] == ahead[0]
        elif code in found:
            assert code in walk(found[code], pairs)


@given(pairs=confirmed(), old=CODES, new=CODES)
def test_circle_is_seen_exactly_where_the_new_one_leads_to_the_old(pairs: list[Pair], old: str, new: str) -> None:
    left = [one for one in pairs if one.old != old]
    assert would_circle(old, new, left) == (old == new or old in walk(new, left))


def walk(code: str, pairs: Sequence[Pair]) -> list[str]:
    """What came after a code, step by step."""
    after = {one.old: one.new for one in pairs}
    found: list[str] = []
    while code in after:
        code = after[code]
        found.append(code)
    return found
