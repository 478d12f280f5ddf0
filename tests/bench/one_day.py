"""A day's changes of the whole city, about 1 %: what it costs when nearly nothing has happened."""

from __future__ import annotations

from pathlib import Path

from tests.bench.stack import running
from tests.bench.whole_city import Rows

YESTERDAY, TODAY = "2018-12-24T17:00:00+07:00", "2018-12-25T17:00:00+07:00"


def measure(home: Path, scale: float) -> Rows:
    """Reads the city as of one evening, then as of the next."""
    with running(home, scale=scale, as_of=YESTERDAY) as stack:
        stack.cycle("--no-push", as_of=YESTERDAY)
        imports = stack.import_seconds()
        stack.move_clock(TODAY)
        day = stack.cycle("--no-push", as_of=TODAY)
    by_name = {stage["name"]: stage["seconds"] for stage in day["stages"]}
    beyond = day["whole_seconds"] - imports
    return [
        ("a day: new versions", f"{day['versions_new']} ({day['versions_new'] / day['accepted']:.1%})", "about 1 %"),
        ("a day, beyond imports", f"{beyond:.1f} s (imports {imports:.1f} s)", "≤ 25 s"),
        ("  without publication", f"{beyond - by_name['publish']:.1f} s", "≤ 15 s"),
        *((f"  {name}", f"{seconds:.1f} s", "") for name, seconds in by_name.items()),
    ]
