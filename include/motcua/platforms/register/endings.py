"""Which rows of a register are dossiers: not the sums, signatures and repeated headings around them, nor empty lines.

Nothing may be lost: a row with a dossier's code is one, and so is a longer one with anything of a dossier in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from motcua.domain.text import fold
from motcua.platforms.register.columns import CODE, SPELLINGS
from motcua.sheets.header import plain

# Numbers, names of things and remarks are filled in beforehand, far below the last dossier.
_ASIDE = frozenset({"STT", "Tên TTHC", "Cơ quan chủ trì giải quyết", "Ghi chú"})
_OF_A_DOSSIER = frozenset(SPELLINGS) - _ASIDE
_CODE = re.compile(r"[0-9]{6}-[0-9]{4,6}\s*$")
# Folded. A sum, whoever signs, and the line above them: "Hải Phòng, ngày 12 tháng 10 năm 2018".
_ENDING = re.compile(
    r"tong (cong|so)\b|cong( |:|$)|nguoi lap|lap bieu|can bo (lap|tiep nhan)|thu truong|truong phong|truong bo phan|"
    r"(pho )?chu tich\b|tm\b|kt\b|\(?ky\b|xac nhan|ke toan|.*\bngay ?[0-9.…]+ ?thang ?[0-9.…]+ ?nam"
)
# A sum has a label and some figures; a line of signatures two or three titles.
_MOST_CELLS = 4


class Endings:
    """Tells dossiers of one file from its other rows, in their order."""

    def __init__(self) -> None:
        self.has_ended = False

    def is_dossier(self, row: Mapping[str, str]) -> bool:
        """Whether a row is a dossier; `has_ended` says whether a sum or a signature was seen since the last one."""
        code = row.get(CODE, "")
        if _CODE.search(code):
            self.has_ended = False
            return True
        if self._is_ending(row):
            self.has_ended = True
            return False
        is_heading = bool(code) and plain(code) in _CODE_HEADINGS
        return not is_heading and not _OF_A_DOSSIER.isdisjoint(row)

    def _is_ending(self, row: Mapping[str, str]) -> bool:
        if len(row) > _MOST_CELLS:
            return False
        if any(_ENDING.match(fold(value)) for value in row.values()):
            return True
        # who signed, some rows below
        return self.has_ended and not any(char.isdigit() for value in row.values() for char in value)


_CODE_HEADINGS = frozenset(map(plain, (CODE, *SPELLINGS[CODE])))
