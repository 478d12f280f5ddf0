"""The units as the page shows them: grouped by kind, each with its figures and the state of its data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from motcua.publishing.public_page.figures import NOTHING, Figures, Key, total
from motcua.publishing.reading import CITY_TIME

CITY_LEVEL = "Cấp thành phố"
# In the order of the page; the same in three tiers (districts) and in two (special zones).
_GROUPS = {
    "city": CITY_LEVEL,
    "department": CITY_LEVEL,
    "district": "Quận, huyện",
    "ward": "Phường",
    "township": "Thị trấn",
    "commune": "Xã",
    "special_zone": "Đặc khu",
}
# Closed at first: there are hundreds of them.
_FOLDED = {"Phường", "Thị trấn", "Xã", "Đặc khu"}
FORMER = "Đơn vị không còn trong danh mục"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """An agency.

    Attributes:
        code: its code; names its page.
        name: from the registry; of a former unit as its dossiers say.
        group: the title it stands under.
        parent: code of the unit above; None of the city, and of former units.
        above: name of the district it belongs to; None when it stands directly below the city.
        figures: of the dossiers filed with it.
        data_state: as in `agencies.json`.
        data_as_of: when its sources were last read whole, in the city's time.
        reason: in words why its data is not fresh; None when it is.
    """

    code: str
    name: str
    group: str
    parent: str | None
    above: str | None
    figures: Figures
    data_state: str
    data_as_of: datetime | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Units shown together; `is_folded` says whether they are closed at first."""

    title: str
    units: Sequence[Unit]
    is_folded: bool

    @property
    def total(self) -> Figures:
        """Of all its units."""
        return total(unit.figures for unit in self.units)


def units(
    agencies: Iterable[Mapping[str, str | None]], counted: Mapping[Key, Figures], named: Mapping[str, str | None]
) -> list[Unit]:
    """Every unit of `agencies.json` in its order, then those that only dossiers know: all figures add up to the city.

    Args:
        agencies: entries of `agencies.json`.
        counted: `figures.count` by `agency_code`.
        named: names by agency code as the rows have them.
    """
    listed = {str(entry["agency_code"]): entry for entry in agencies}
    current = [_unit(code, entry, listed, counted) for code, entry in listed.items()]
    former = sorted(str(key[0]) for key in counted if key[0] not in listed)
    return current + [_former(code, named.get(code), counted[code,]) for code in former]


def groups(shown: Iterable[Unit]) -> list[Group]:
    """Units by kind, in the order of the page; former ones last."""
    shown = list(shown)
    found = []
    for title in dict.fromkeys([*_GROUPS.values(), FORMER]):
        members = [unit for unit in shown if unit.group == title]
        if members:
            found.append(Group(title=title, units=members, is_folded=title in _FOLDED))
    return found


def _unit(
    code: str,
    entry: Mapping[str, str | None],
    listed: Mapping[str, Mapping[str, str | None]],
    counted: Mapping[Key, Figures],
) -> Unit:
    parent = listed.get(entry["parent"] or "")
    read = entry["data_as_of"]
    return Unit(
        code=code,
        name=str(entry["name"]),
        group=_GROUPS[str(entry["kind"])],
        parent=entry["parent"],
        above=parent["name"] if parent is not None and parent["kind"] == "district" else None,
        figures=counted.get((code,), NOTHING),
        data_state=str(entry["data_state"]),
        data_as_of=datetime.fromisoformat(read).astimezone(CITY_TIME) if read else None,
        reason=entry["reason"],
    )


def _former(code: str, name: str | None, figures: Figures) -> Unit:
    return Unit(
        code=code,
        name=name or code,
        group=FORMER,
        parent=None,
        above=None,
        figures=figures,
        data_state="closed",
        data_as_of=None,
        reason="Đơn vị đã ngừng hoạt động",
    )
