"""The report as one page: style and curves within it, no script, no request to anybody."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib import resources

import jinja2

from motcua.publishing.office_reports import words
from motcua.publishing.office_reports.page import moment, number
from motcua.publishing.quality_report.report import RECENT, QualityReport, Rate

SEVERITIES = {"critical": "Từ chối", "warning": "Cảnh báo", "ignored": "Bỏ qua"}
# A curve of 30 days; what is drawn spans at least so much, so that a dossier more or less is no abyss.
WIDTH, HEIGHT, LEAST_SPAN = 300.0, 60.0, 0.005


def page(report: QualityReport) -> bytes:
    """The file `index.html`."""
    return _template().render(report=report).encode()


def percent(rate: Rate) -> str:
    """As Vietnamese writes it: 98,52 %; only what is whole is 100 %; a dash of nothing."""
    if rate.passed is None:
        return "–"
    hundredths = min(int(rate.passed * 10_000), 9_999 if rate.broken else 10_000)
    return f"{hundredths // 100},{hundredths % 100:02} %" if rate.broken else "100 %"


def shade(rate: Rate) -> str:
    """How a cell is coloured; beside it stands the figure."""
    if rate.passed is None:
        return "none"
    return next(
        (name for name, least in (("full", 1.0), ("good", 0.99), ("fair", 0.95)) if rate.passed >= least), "poor"
    )


def curve(trend: Sequence[Rate]) -> str:
    """Points of a polyline in `WIDTH` by `HEIGHT`; days without a dossier are left out."""
    known = [(place, rate.passed) for place, rate in enumerate(trend) if rate.passed is not None]
    if not known:
        return ""
    step, span = WIDTH / max(len(trend) - 1, 1), 1 - floor(trend)
    return " ".join(f"{place * step:.1f},{(1 - value) / span * HEIGHT:.1f}" for place, value in known)


def floor(trend: Sequence[Rate]) -> float:
    """What the bottom of the curve stands for: the worst day, or a little below the top."""
    return min([1 - LEAST_SPAN, *(rate.passed for rate in trend if rate.passed is not None)])


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "number": number, "moment": moment, "percent": percent, "shade": shade, "curve": curve,
        "floor": lambda trend: f"{floor(trend) * 100:.2f} %".replace(".", ","),
        "day": lambda day: f"{day:%d/%m}", "whole_day": lambda day: f"{day:%d/%m/%Y}",
        "title": lambda rule: words.sentence(rule).title,
    }  # fmt: skip
    css = _resource("page.css")
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    environment.globals |= {
        "css": css, "css_hash": f"'sha256-{digest}'", "owners": words.OWNERS, "severities": SEVERITIES,
        "recent": RECENT, "width": WIDTH, "height": HEIGHT,
    }  # fmt: skip
    return environment.from_string(_resource("page.html.j2"))


def _resource(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding="utf-8")
