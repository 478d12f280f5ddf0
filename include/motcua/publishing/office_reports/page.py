"""A report as a page: no script, no request to anybody, and told to robots and other sites by nobody."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from functools import cache
from importlib import resources

import jinja2

from motcua.domain.calendar import VIETNAM
from motcua.publishing.office_reports import words
from motcua.publishing.office_reports.report import Report
from motcua.publishing.office_reports.shelf import TABLE
from motcua.publishing.office_reports.table import PORTAL_TO_DO, WHOLE_SOURCE

# Of each rule; all of them stand in the table.
MOST_LINES = 100


def page(report: Report) -> bytes:
    """The file `index.html`."""
    return _template().render(report=report, highest=_highest(report)).encode()


def _highest(report: Report) -> int:
    """What the bars of the trend are drawn against."""
    return max(1, *(day.open for day in report.trend))


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"number": number, "moment": moment, "day": lambda day: f"{day:%d/%m/%Y}"}
    css = _resource("page.css")
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    environment.globals |= {
        "css": css, "css_hash": f"'sha256-{digest}'", "table_name": TABLE, "most_lines": MOST_LINES,
        "owners": words.OWNERS, "whole_source": WHOLE_SOURCE, "portal_to_do": PORTAL_TO_DO,
    }  # fmt: skip
    return environment.from_string(_resource("page.html.j2"))


def number(value: int) -> str:
    """As Vietnamese writes it: 1.234."""
    return f"{value:,}".replace(",", ".")


def moment(value: datetime) -> str:
    """In the city's time."""
    return f"{value.astimezone(VIETNAM):%H:%M ngày %d/%m/%Y}"


def _resource(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding="utf-8")
