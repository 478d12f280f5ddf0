"""How many dossiers of sensitive procedures a field may show (domain page, section 9; contract page, city feed).

They are in no row, no look-up and no total; they count in one figure alone: `received` of their field over the whole
city and all months. Whoever subtracts the public rows from it learns their number, so it is shown only from
`FEWEST` on, and it moves only by `FEWEST` or more from every number that was shown while older versions can be had.
What is left out is left out of that one figure, so no total and no other measure gives it away.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

import sqlalchemy as sa

from motcua.publishing.city_feed.statistics import OTHER_FIELD
from motcua.publishing.reading import driver
from motcua.registry import Registry

FEWEST = 5

_COUNT = """
SELECT procedure_code, count(*) FROM api.dossier
WHERE NOT deleted AND status NOT IN (1, 3) AND procedure_code = ANY (%(sensitive)s) GROUP BY procedure_code
"""


def count_sensitive(connection: sa.Connection, registry: Registry, public_fields: Iterable[str]) -> dict[str, int]:
    """Received dossiers of sensitive procedures by field; those of a field without a public row are under `khác`."""
    named = set(public_fields)
    procedures = registry.procedures
    codes = [code for code, procedure in procedures.items() if procedure.sensitive]
    counts: Counter[str] = Counter()
    for code, count in driver(connection).execute(_COUNT, {"sensitive": codes}):
        field = procedures[str(code)].field_name
        counts[field if field in named else OTHER_FIELD] += int(str(count))
    return dict(counts)


def may_show(counted: Mapping[str, int], shown_before: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """The number of each field that its figure may hold; 0 leaves them out.

    Args:
        counted: as they are now.
        shown_before: what versions that can still be had have shown, the newest first.
    """
    before: defaultdict[str, list[int]] = defaultdict(list)
    for shown in shown_before:
        for field in counted.keys() | shown.keys():
            before[field].append(shown.get(field, 0))
    return {field: _next(counted.get(field, 0), before[field]) for field in sorted(counted.keys() | before.keys())}


def _next(count: int, before: list[int]) -> int:
    wanted = count if count >= FEWEST else 0
    if all(wanted == shown or abs(wanted - shown) >= FEWEST for shown in before):
        return wanted
    return before[0]
