"""The procedures as the page shows them: the catalogue of the feed, and those that only dossiers name."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass

from motcua.publishing.public_page.figures import NOTHING, Figures, Key

LEVELS = {"cap_tinh": "Cấp tỉnh", "cap_huyen": "Cấp huyện", "cap_xa": "Cấp xã"}
LIMITS = {"ngay_lam_viec": "ngày làm việc", "ngay": "ngày", "gio": "giờ"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Procedure:
    """A procedure.

    Attributes:
        code: its code; names its page.
        name: from the catalogue; None when it is not in it.
        field: its field; None when it is not in the catalogue.
        level: in words; None when unknown.
        limit: the legal limit in words, such as `5 ngày làm việc`; None when unknown.
        figures: of the whole city.
    """

    code: str
    name: str | None
    field: str | None
    level: str | None
    limit: str | None
    figures: Figures

    @property
    def title(self) -> str:
        """Its name, or what can be said of it without one."""
        return self.name or f"Thủ tục mã {self.code}"


def procedures(catalogue: bytes, counted: Mapping[Key, Figures]) -> dict[str, Procedure]:
    """By code, in order of code.

    Args:
        catalogue: `procedures.csv` of the feed.
        counted: `figures.count` by `procedure_code`.
    """
    listed = {row["procedure_code"]: row for row in csv.DictReader(io.StringIO(catalogue.decode()))}
    codes = {*listed, *(key[0] for key in counted if key[0] is not None)}
    return {code: _procedure(code, listed.get(code), counted.get((code,), NOTHING)) for code in sorted(codes)}


def _procedure(code: str, row: Mapping[str, str] | None, figures: Figures) -> Procedure:
    if row is None:
        return Procedure(code=code, name=None, field=None, level=None, limit=None, figures=figures)
    return Procedure(
        code=code,
        name=row["procedure_name"],
        field=row["field"] or None,
        level=LEVELS[row["level"]] if row["level"] else None,
        limit=f"{row['limit_value'].replace('.', ',')} {LIMITS[row['limit_unit']]}" if row["limit_value"] else None,
        figures=figures,
    )
