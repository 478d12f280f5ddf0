"""The page's figures against a count by hand."""

from __future__ import annotations

import pyarrow as pa
from motcua.publishing.public_page.figures import Agency, Figures, Table, count, tables


def test_each_agency_is_counted_by_class_and_channel() -> None:
    rows = pa.table(
        {
            "agency_code": ["A", "A", "A", "A", "B"],
            "channel": pa.array([2, 1, 2, None, 1], pa.int16()),
            "progress": ["early", "overdue", "not_received", "open_overdue", "waiting"],
        }
    )
    assert count(rows) == {
        "A": Figures(received=3, online=1, classes={"early": 1, "overdue": 1, "not_received": 1, "open_overdue": 1}),
        "B": Figures(received=1, online=0, classes={"waiting": 1}),
    }


def test_shares_divide_by_received_and_by_done() -> None:
    figures = Figures(received=8, online=2, classes={"early": 2, "on_time": 1, "overdue": 1, "due_soon": 4})
    assert (figures.online_share, figures.in_time_share) == (0.25, 0.75)
    assert (figures.done, figures.open) == (4, 4)


def test_shares_of_nothing_are_unknown_and_not_zero() -> None:
    assert (Figures().online_share, Figures().in_time_share) == (None, None)


def test_agencies_stand_in_tables_by_kind_and_district() -> None:
    listed = [
        {"agency_code": "H24", "name": "UBND thành phố", "kind": "city", "parent": None, "data_state": "fresh"},
        {"agency_code": "H24.31", "name": "Quận A", "kind": "district", "parent": "H24", "data_state": "fresh"},
        {"agency_code": "H24.31.01", "name": "Phường B", "kind": "ward", "parent": "H24.31",
         "data_state": "source_down", "reason": "Mất kết nối"},
        {"agency_code": "H24.02", "name": "Sở C", "kind": "department", "parent": "H24", "data_state": "fresh"},
    ]  # fmt: skip
    counted = {"H24.31.01": Figures(received=5)}
    assert tables(listed, counted) == [
        Table(title="Sở, ban, ngành", agencies=[_agency("Sở C")], is_folded=False),
        Table(title="Quận, huyện", agencies=[_agency("Quận A")], is_folded=False),
        Table(
            title="Quận A",
            agencies=[Agency(name="Phường B", figures=Figures(received=5), state="Mất kết nối", is_fresh=False)],
            is_folded=True,
        ),
    ]


def test_without_districts_communes_stand_in_tables_by_kind() -> None:
    listed = [
        {"agency_code": "H24", "name": "UBND thành phố", "kind": "city", "parent": None, "data_state": "fresh"},
        {"agency_code": "H24.112", "name": "Xã A", "kind": "commune", "parent": "H24", "data_state": "fresh"},
        {"agency_code": "H24.165", "name": "Phường B", "kind": "ward", "parent": "H24", "data_state": "fresh"},
        {"agency_code": "H24.213", "name": "Đặc khu C", "kind": "special_zone", "parent": "H24", "data_state": "fresh"},
        {"agency_code": "H24.71", "name": "Sở D", "kind": "department", "parent": "H24", "data_state": "fresh"},
    ]
    assert tables(listed, {}) == [
        Table(title="Sở, ban, ngành", agencies=[_agency("Sở D")], is_folded=False),
        Table(title="Phường", agencies=[_agency("Phường B")], is_folded=True),
        Table(title="Xã", agencies=[_agency("Xã A")], is_folded=True),
        Table(title="Đặc khu", agencies=[_agency("Đặc khu C")], is_folded=True),
    ]


def test_a_table_adds_its_agencies_up() -> None:
    one = Agency(name="A", figures=Figures(received=2, online=1, classes={"early": 2}), state="", is_fresh=True)
    assert Table(title="", agencies=[one, one], is_folded=False).total == Figures(
        received=4, online=2, classes={"early": 4}
    )


def _agency(name: str) -> Agency:
    return Agency(name=name, figures=Figures(), state="Đầy đủ", is_fresh=True)
