"""The portal's catalogues: procedures, fields and agencies as the nation has them, not quite as the city's files do.

Made from the registry's data, always alike: some procedures are withdrawn, some published anew under another code, some
called otherwise, every field has its national code, and of the codes that dossiers carry and the registry does not know
most stand here: as new procedures, or as old ones with their successor. Keys in upper case, all values text; what the
list does not tell (since when, by what it is replaced, time limits) `LayThuTuc` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from sandbox.city.faults import Oddity
from sandbox.city.listed import listed_procedure
from sandbox.city.population import Population
from sandbox.city.registry import Procedure, Registry

SERVICES = {"LayDanhSachTTHC", "LayThuTuc", "LayDanhMucCoQuan", "LayDanhMucLinhVuc"}
IN_FORCE, WITHDRAWN = "1", "0"
WITHDRAWN_DAYS_AGO, REPUBLISHED_DAYS_AGO = 85, 55
NEW_AGENCY = ("000.00.99.H24", "Trung tâm Phục vụ hành chính công thành phố")
_UNITS = {"ngay_lam_viec": "Ngày làm việc", "ngay": "Ngày", "gio": "Giờ"}


@dataclass(frozen=True, slots=True)
class Entry:
    """A procedure or an agency; `above` is its field, or the agency above it."""

    code: str
    name: str
    above: str
    level: str = ""
    is_in_force: bool = True
    ended_on: str = ""  # yyyyMMdd
    successor: str = ""
    limit: tuple[float, str] | None = None


class Catalogue:
    """What the portal lists.

    Attributes:
        is_strict: whether it takes national field codes alone, as the real one would, or those of the city's files too.
    """

    def __init__(self, registry: Registry, unlisted: Mapping[str, Procedure] | None = None) -> None:
        self._registry, self._unlisted = registry, unlisted or {}
        self.reset()

    def reset(self) -> None:
        """As it was at first."""
        self.is_strict = False
        self.fields = {_national(code): name for code, name in self._registry.fields.items()}
        self.procedures = _procedures(self._registry) | _known_to_the_nation(self._registry, self._unlisted)
        self.agencies = {
            unit.agency_code: Entry(unit.agency_code, unit.name, unit.parent) for unit in self._registry.units
        }
        self.agencies[NEW_AGENCY[0]] = Entry(*NEW_AGENCY, above="H24")

    @property
    def field_codes(self) -> set[str]:
        """Those that a dossier may carry."""
        return self.fields.keys() | (set() if self.is_strict else self._registry.fields.keys())

    def change(self, asked: Mapping[str, object]) -> None:
        """One change: `op` and what it asks for; ValueError or KeyError for one that there is not.

        `publish` {code, name, above, level?} · `withdraw` {code, on?, successor?} · `rename` {code, name} ·
        `move` {code, above} · `drop` {share}: the last of the procedures are listed no more · `strict` · `reset`;
        of an agency with `kind`: "agency"; a field that is not listed yet comes with its `field_name`.
        """
        op = asked["op"]
        if op == "reset":
            self.reset()
        elif op == "strict":
            self.is_strict = True
        elif op == "drop":
            kept = round(len(self.procedures) * (1 - float(str(asked["share"]))))
            self.procedures = dict(list(self.procedures.items())[:kept])
        else:
            entries = self.agencies if asked.get("kind") == "agency" else self.procedures
            code = str(asked["code"])
            if "field_name" in asked:
                self.fields[str(asked["above"])] = str(asked["field_name"])
            entries[code] = _changed(entries.get(code), str(op), asked)

    def answer(self, service: str, wanted: str) -> list[dict[str, object]]:
        """`result` of one of `SERVICES`; `wanted` is the procedure that `LayThuTuc` is asked for."""
        if service == "LayDanhMucLinhVuc":
            return [{"MALINHVUC": code, "TENLINHVUC": name} for code, name in sorted(self.fields.items())]
        if service == "LayDanhMucCoQuan":
            return [
                {"MACOQUAN": one.code, "TENCOQUAN": one.name, "MACOQUANCHA": one.above, "TRANGTHAI": _state(one)}
                for one in self.agencies.values()
            ]
        if service == "LayThuTuc":
            found = self.procedures.get(wanted[:8])
            return [] if found is None else [self._whole(found)]
        return [
            self._listed(one) | {"MALINHVUC": one.above, "TENLINHVUC": self.fields[one.above]}
            for one in self.procedures.values()
        ]

    def _listed(self, one: Entry) -> dict[str, object]:
        return {"MATTHC": one.code, "TENTTHC": one.name, "CAPTHUCHIEN": one.level, "TRANGTHAI": _state(one)}

    def _whole(self, one: Entry) -> dict[str, object]:
        limits = [] if one.limit is None else [
            {"THOIGIANGIAIQUYET": f"{one.limit[0]:g}", "DONVITINH": _UNITS[one.limit[1]], "MOTA": "", "PHILEPHI": []}
        ]  # fmt: skip
        return self._listed(one) | {
            "LINHVUCTHUCHIEN": [{"MALINHVUC": one.above, "TENLINHVUC": self.fields[one.above]}],
            "CACHTHUCTHUCHIEN": [{"KENH": "1", "THOIGIAN": limits}],
            "NGAYHETHIEULUC": one.ended_on,
            "MATTHCTHAYTHE": one.successor,
        }


def unlisted_procedures(city: Population) -> dict[str, Procedure]:
    """The codes that dossiers carry and the registry does not know, with the procedure that is meant."""
    odd = np.flatnonzero(city.oddities & Oddity.UNLISTED_PROCEDURE)
    found = {}
    for dossier in odd.tolist():
        meant = city.registry.procedures[int(city.procedure[dossier])]
        found[listed_procedure(meant, int(city.oddities[dossier]), int(city.seed[dossier]))] = meant
    return dict(sorted(found.items()))


def _procedures(registry: Registry) -> dict[str, Entry]:
    """Those of the registry, with what the nation has decided since."""
    entries: dict[str, Entry] = {}
    listed = registry.procedures
    for number, one in enumerate(listed):
        entry = _entry(one)
        if number % 53 == 7:
            others = [other.code for other in listed if other.field_code == one.field_code and other is not one]
            successor = others[number % len(others)] if others and number % 3 else ""
            entry = replace(
                entry, is_in_force=False, ended_on=_days_ago(registry, WITHDRAWN_DAYS_AGO), successor=successor
            )
        elif number % 71 == 11:
            again = f"3.{one.code[2:]}"
            entries[again] = replace(entry, code=again)
            entry = replace(
                entry, is_in_force=False, ended_on=_days_ago(registry, REPUBLISHED_DAYS_AGO), successor=again
            )
        elif number % 61 == 5:
            entry = replace(entry, name=f"{one.name} (sửa đổi)")
        entries[one.code] = entry
    return entries


def _known_to_the_nation(registry: Registry, unlisted: Mapping[str, Procedure]) -> dict[str, Entry]:
    """By its last digit: an old code with its successor, a new procedure, or (9) one that nobody knows."""
    entries = {}
    for code, meant in unlisted.items():
        digit = int(code[-1])
        if digit % 2 == 0:
            entries[code] = replace(_entry(meant), code=code, name=f"{meant.name} (mới)")
        elif digit != 9:
            ended_on = _days_ago(registry, 365)
            entries[code] = replace(
                _entry(meant), code=code, is_in_force=False, ended_on=ended_on, successor=meant.code
            )
    return entries


def _entry(one: Procedure) -> Entry:
    limit = None if one.limit_value is None else (one.limit_value, one.limit_unit)
    return Entry(one.code, one.name, _national(one.field_code), one.level, limit=limit)


def _changed(entry: Entry | None, op: str, asked: Mapping[str, object]) -> Entry:
    if op == "publish":
        level = str(asked.get("level", "cap_xa"))
        return Entry(str(asked["code"]), str(asked["name"]), str(asked["above"]), level, limit=(5.0, "ngay_lam_viec"))
    if entry is None:
        raise ValueError(f"{op}: {asked['code']} is not listed")
    if op == "withdraw":
        ended_on, successor = str(asked.get("on", "")), str(asked.get("successor", ""))
        return replace(entry, is_in_force=False, ended_on=ended_on, successor=successor)
    if op == "rename":
        return replace(entry, name=str(asked["name"]))
    if op == "move":
        return replace(entry, above=str(asked["above"]))
    raise ValueError(f"no such op {op!r}")


def _national(field_code: str) -> str:
    """The national code of a field; the registry has made some up, which begin with the city's letters."""
    if not field_code.startswith("HP"):
        return field_code
    number = int(field_code[2:])
    return f"G{1 + number % 22:02d}-LV{number:03d}"


def _state(one: Entry) -> str:
    return IN_FORCE if one.is_in_force else WITHDRAWN


def _days_ago(registry: Registry, days: int) -> str:
    return f"{date.fromisoformat(registry.scenario.as_of[:10]) - timedelta(days=days):%Y%m%d}"
