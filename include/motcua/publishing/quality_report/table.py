"""The same figures for programs: `pass_rates.csv`, one row a day, source and rule that it breaks."""

from __future__ import annotations

import csv
import io

from motcua.publishing.quality_report.figures import Figures

COLUMNS = ("day", "source", "rule", "severity", "known", "broken", "pass_rate")
# in place of a rule: how many are refused by any of them; of this every source and day has a row
ANY = "*"


def table(figures: Figures) -> bytes:
    """UTF-8, by source, rule and day; `pass_rate` is 0 to 1, empty of nothing."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    days = [day.isoformat() for day in figures.days]
    known = {
        str(source): list(counts) for source, counts in zip(figures.known.index, figures.known.to_numpy(), strict=True)
    }
    for source, refused in zip(figures.refused.index, figures.refused.to_numpy(), strict=True):
        writer.writerows(
            _row(day, str(source), ANY, "critical", all_of_it, broken)
            for day, all_of_it, broken in zip(days, known[str(source)], refused, strict=True)
        )
    for (severity, rule, source), counts in zip(figures.broken.index, figures.broken.to_numpy(), strict=True):
        writer.writerows(
            _row(day, str(source), str(rule), str(severity), all_of_it, broken)
            for day, all_of_it, broken in zip(days, known.get(str(source), [0] * len(days)), counts, strict=True)
            if broken
        )
    return out.getvalue().encode()


def _row(day: str, source: str, rule: str, severity: str, known: int, broken: int) -> tuple[object, ...]:
    rate = f"{1 - broken / known:.6f}" if known else ""
    return (day, source, rule, severity, known, broken, rate)
