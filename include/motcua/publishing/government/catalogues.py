"""The portal's catalogues, read whole and checked: procedures, fields and agencies (contract page `government-portal`).

Their shapes are not public. What is not as expected is an error that says where; nothing of it counts then.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from motcua.domain.codes import canonical_agency, short_procedure
from motcua.errors import CatalogueRefused
from motcua.publishing.government.client import PortalClient

# how the portal writes levels and units of limits, in words or by code
LEVELS = {
    "cap_tinh": "cap_tinh", "cap_huyen": "cap_huyen", "cap_xa": "cap_xa",
    "Cấp tỉnh": "cap_tinh", "Cấp huyện": "cap_huyen", "Cấp xã": "cap_xa",
}  # fmt: skip
LIMIT_UNITS = {"ngày làm việc": "ngay_lam_viec", "ngày": "ngay", "giờ": "gio"}
IN_PERSON, ONLINE = "1", "2"

# The whole country has some 7,000 procedures and the city some 400 agencies: more than this is no catalogue.
MOST_ENTRIES = 20_000
# The longest name of a procedure has some 500 characters.
LONGEST_TEXT = 1_000
# PostgreSQL keeps all but this.
_NO_NUL = r"^[^\x00]*$"

T = TypeVar("T", bound=BaseModel)
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_TEXT, pattern=_NO_NUL)]
Maybe = Annotated[str, StringConstraints(strip_whitespace=True, max_length=LONGEST_TEXT, pattern=_NO_NUL)]
State = Literal["0", "1"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One entry of a catalogue.

    Attributes:
        kind: `procedure, field, agency`.
        code: of a procedure its first two groups, of an agency the canonical form.
        field_code: of a procedure.
        level: of a procedure: `cap_tinh, cap_huyen, cap_xa`, or None for what the city's levels have no word for.
        parent: of an agency, canonical, or None.
        is_in_force: false: withdrawn, or no more.
    """

    kind: str
    code: str
    title: str
    is_in_force: bool = True
    field_code: str | None = None
    level: str | None = None
    parent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """What `LayThuTuc` adds to an entry; None where the portal does not say.

    Attributes:
        withdrawn_on: first day on which it is no more.
        successor: code of the procedure in its place.
        limit: number and unit (`ngay_lam_viec, ngay, gio`) of the time limit.
        online_limit: of the online channel, where it has its own.
    """

    withdrawn_on: date | None = None
    successor: str | None = None
    limit: tuple[float, str] | None = None
    online_limit: tuple[float, str] | None = None


class _Wire(BaseModel):
    """Keys that nobody named are the portal's business."""

    model_config = ConfigDict(extra="ignore", strict=True)


class _Procedure(_Wire):
    code: Text = Field(alias="MATTHC")
    title: Text = Field(alias="TENTTHC")
    field_code: Text = Field(alias="MALINHVUC")
    level: Maybe = Field(alias="CAPTHUCHIEN")
    state: State = Field(alias="TRANGTHAI")


class _Field(_Wire):
    code: Text = Field(alias="MALINHVUC")
    title: Text = Field(alias="TENLINHVUC")


class _Agency(_Wire):
    code: Text = Field(alias="MACOQUAN")
    title: Text = Field(alias="TENCOQUAN")
    parent: Maybe = Field(alias="MACOQUANCHA")
    state: State = Field(alias="TRANGTHAI")


class _Time(_Wire):
    value: Maybe = Field(alias="THOIGIANGIAIQUYET", default="")
    unit: Maybe = Field(alias="DONVITINH", default="")


class _Way(_Wire):
    channel: Maybe = Field(alias="KENH", default="")
    times: list[_Time] = Field(alias="THOIGIAN", default=[])


class _Whole(_Wire):
    ways: list[_Way] = Field(alias="CACHTHUCTHUCHIEN", default=[])
    ended_on: Maybe = Field(alias="NGAYHETHIEULUC", default="")
    successor: Maybe = Field(alias="MATTHCTHAYTHE", default="")


def read_catalogues(client: PortalClient) -> list[Listed]:
    """Procedures, fields and agencies, in the order in which the portal lists them.

    Raises:
        CatalogueRefused: an answer is not as the contract has it, a code stands twice, or a field that procedures name
            is not listed.
        PortalError: it did not answer, or answered no.
    """
    fields = [
        Listed(kind="field", code=one.code, title=one.title) for one in _read(client, "LayDanhMucLinhVuc", _Field)
    ]
    procedures = [_procedure(one) for one in _read(client, "LayDanhSachTTHC", _Procedure)]
    agencies = [_agency(one) for one in _read(client, "LayDanhMucCoQuan", _Agency)]
    for service, entries in (
        ("LayDanhMucLinhVuc", fields), ("LayDanhSachTTHC", procedures), ("LayDanhMucCoQuan", agencies)
    ):  # fmt: skip
        _refuse_twice(service, [one.code for one in entries])
    if strange := {one.field_code for one in procedures} - {one.code for one in fields}:
        raise CatalogueRefused(
            f"LayDanhSachTTHC: field codes that LayDanhMucLinhVuc does not list: {_some(map(str, strange))}"
        )
    return [*fields, *procedures, *agencies]


def read_detail(client: PortalClient, code: str) -> Detail:
    """`LayThuTuc`: what the portal says of one procedure beyond the list; nothing where it answers with nothing.

    Raises:
        CatalogueRefused: the answer is not as the contract has it.
        PortalError: it did not answer, or answered no.
    """
    found = _checked(f"LayThuTuc {code}", client.catalogue("LayThuTuc", maTTHC=code), _Whole)
    if not found:
        return Detail()
    whole = found[0]
    limits = {way.channel: limit for way in whole.ways if (limit := _limit(way.times)) is not None}
    limit = limits.get(IN_PERSON) or next(iter(limits.values()), None)
    online = limits.get(ONLINE)
    return Detail(
        withdrawn_on=_day(code, whole.ended_on),
        successor=_short(f"LayThuTuc {code}: MATTHCTHAYTHE", whole.successor) if whole.successor else None,
        limit=limit,
        online_limit=online if online != limit else None,
    )


def _read(client: PortalClient, service: str, shape: type[T]) -> list[T]:
    found = _checked(service, client.catalogue(service), shape)
    if not found:
        raise CatalogueRefused(f"{service}: expected entries, got none")
    return found


def _checked(service: str, result: object, shape: type[T]) -> list[T]:
    if isinstance(result, list) and len(result) > MOST_ENTRIES:
        raise CatalogueRefused(f"{service}: expected at most {MOST_ENTRIES} entries, got {len(result)}")
    try:
        return TypeAdapter(list[shape]).validate_python(result)  # type: ignore[valid-type]  # a list of the argument
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise CatalogueRefused(
            f"{service}: {error.error_count()} places are not as the contract has it; result.{place}: {first['msg']}"
        ) from error


def _procedure(one: _Procedure) -> Listed:
    return Listed(
        kind="procedure", code=_short("LayDanhSachTTHC: MATTHC", one.code), title=one.title,
        is_in_force=one.state == "1", field_code=one.field_code, level=LEVELS.get(one.level),
    )  # fmt: skip


def _agency(one: _Agency) -> Listed:
    code = _known("MACOQUAN", one.code)
    parent = _known("MACOQUANCHA", one.parent) if one.parent else None
    return Listed(kind="agency", code=code, title=one.title, is_in_force=one.state == "1", parent=parent)


def _known(key: str, text: str) -> str:
    code = canonical_agency(text)
    if code is None:
        raise CatalogueRefused(f"LayDanhMucCoQuan: {key}: expected an agency code such as H24.33.05, got {text!r}")
    return code


def _short(place: str, text: str) -> str:
    code = short_procedure(text)
    if code is None:
        raise CatalogueRefused(f"{place}: expected a procedure such as 1.001193, got {text!r}")
    return code


def _day(code: str, text: str) -> date | None:
    if not text:
        return None
    try:
        return datetime.strptime(text[:8], "%Y%m%d").date()  # noqa: DTZ007  # a day has no zone
    except ValueError:
        raise CatalogueRefused(f"LayThuTuc {code}: NGAYHETHIEULUC: expected yyyyMMdd, got {text!r}") from None


def _limit(times: Sequence[_Time]) -> tuple[float, str] | None:
    """The only limit of a channel; where there are several, by kind of case, none is the procedure's own."""
    told: set[tuple[float, str]] = set()
    for one in times:
        unit = LIMIT_UNITS.get(one.unit.lower())
        value = _number(one.value)
        if unit is not None and value is not None:
            told.add((value, unit))
    return told.pop() if len(told) == 1 else None


def _number(text: str) -> float | None:
    match = re.fullmatch(r"[0-9]{1,4}(?:[.,][0-9]+)?", text)
    value = float(text.replace(",", ".")) if match else 0.0
    return value or None


def _refuse_twice(service: str, codes: Sequence[str]) -> None:
    if twice := [code for code, times in Counter(codes).items() if times > 1]:
        raise CatalogueRefused(f"{service}: these codes stand twice: {_some(twice)}")


def _some(names: Iterable[str]) -> str:
    listed = sorted(names)
    return ", ".join(listed[:5]) + (f" and {len(listed) - 5} more" if len(listed) > 5 else "")
