"""`calendar.csv` to working days: national ones, corrected by those of the file. Airflow's timetable asks too."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from holidays.countries.vietnam import Vietnam

from motcua.domain.working_days import WorkingDays
from motcua.registry.reading import Directory, File, Problems, rows

# Swap days of weekends are only known for years that are loaded together, so the whole span is one calendar.
YEARS = range(2010, 2051)


def load_working_days(path: Path | None = None) -> WorkingDays:
    """The working days of a registry without the rest of it, as the whole registry has them.

    Raises:
        ConfigError: with every problem found in `calendar.csv`.
    """
    problems = Problems()
    days = read_working_days(Directory(path).file("calendar.csv"), problems)
    problems.raise_if_any()
    return WorkingDays(days)


def read_working_days(file: File, problems: Problems) -> list[date]:
    """The national working days, Saturdays worked for a day off among them, corrected by the days of the file."""
    national = Vietnam(years=YEARS)
    own: dict[date, bool] = {}
    for row in rows(file, ("day", "works", "reason"), problems):
        row.required("reason")
        day = row.read("day", date.fromisoformat, "a day such as 2018-12-31")
        if day is None or day.year not in YEARS:
            problems.add(row.place, f"day: expected one of the years {YEARS[0]} to {YEARS[-1]}, got {row['day']!r}")
            continue
        if day in own:
            problems.add(row.place, f"day {day} stands twice")
        own[day] = row.is_yes("works")
    first, last = date(YEARS[0], 1, 1), date(YEARS[-1], 12, 31)
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return [day for day in days if own.get(day, national.is_working_day(day))]
