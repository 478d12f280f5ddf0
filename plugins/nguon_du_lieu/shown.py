"""How things are shown: templates, the two languages, moments, durations and numbers."""

from __future__ import annotations

import csv
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jinja2
from fastapi import Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup
from motcua.domain.calendar import VIETNAM
from motcua.publishing.office_reports import words

FOLDER = Path(__file__).parent
# time and day
_WHOLE = {"vi": ("%H:%M", "%d/%m/%Y"), "en": ("%H:%M", "%d %b %Y")}
_NEAR = {"vi": ("%d/%m/%Y", "%d/%m", ""), "en": ("%d %b %Y", "%d %b", "")}
_NOTHING = Markup('<span class="none">–</span>')
LANGUAGES = ("vi", "en")
COOKIE = "motcua_lang"
# what the next page leaves out of its address: the language is remembered, an answer is told once
NOT_KEPT = ("lang", "done", "dag", "run", "waits")
# how Airflow begins the names of its runs
AIRFLOW_RUNS = ("scheduled__", "manual__", "backfill__", "asset_triggered__")
_YEAR_SECONDS = 365 * 86_400
WORKING_DAY = timedelta(hours=8)


@cache
def texts() -> Mapping[str, Mapping[str, Markup]]:
    """Every text of the page, by language and key."""
    rows = []
    for name in ("texts.csv", "actions.csv"):
        with (FOLDER / name).open(encoding="utf-8", newline="") as file:
            rows.extend(csv.DictReader(file))
    return {language: {row["key"]: Markup(row[language]) for row in rows} for language in LANGUAGES}


def spoken(request: Request) -> str:
    """The language asked for now, or before, or Vietnamese."""
    for asked in (request.query_params.get("lang"), request.cookies.get(COOKIE)):
        if asked in LANGUAGES:
            return str(asked)
    return LANGUAGES[0]


# Any: whatever the template shows
def render(request: Request, template: str, shown: Mapping[str, Any], *, status: int = 200) -> HTMLResponse:
    """A page in the reader's language."""
    language = spoken(request)
    say = Speech(language)
    html = (
        _environment()
        .get_template(template)
        .render(
            {
                "t": say.text,
                "say": say,
                "lang": language,
                "root": request.scope.get("root_path", "").rstrip("/") + "/",
                "here": request.scope["path"].removeprefix(request.scope.get("root_path", "")) or "/",
                "query": dict(request.query_params),
                "allowed": getattr(request.state, "allowed", frozenset()),
                "person": getattr(request.state, "person", None),
                # a form that came back, and what tells one form from another
                "typed": getattr(request.state, "typed", None),
                "fresh_key": partial(secrets.token_hex, 16),
                **shown,
            }
        )
    )
    response = HTMLResponse(html, status_code=status, headers={"Content-Language": language})
    if request.query_params.get("lang") in LANGUAGES:
        path = request.scope.get("root_path", "") or "/"
        response.set_cookie(COOKIE, language, max_age=_YEAR_SECONDS, path=path, samesite="lax", httponly=True)
    return response


class Speech:
    """Texts, numbers and times of one language."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._texts = texts()[language]
        self._near: dict[datetime, Markup] = {}

    def text(self, key: str, **values: object) -> Markup:
        """A text of the table; `values` are escaped where they stand in it. KeyError: there is no such text."""
        return self._texts[key].format(**values) if values else self._texts[key]

    def number(self, value: float | None) -> str:
        """Digits in groups of three."""
        if value is None:
            return "–"
        grouped = f"{value:,}"
        return grouped if self._language == "en" else grouped.translate(str.maketrans(",.", ".,"))

    def moment(self, at: datetime | None) -> Markup:
        """Vietnam's time and day."""
        return _NOTHING if at is None else self._time(at, *_WHOLE[self._language])

    def near(self, at: datetime | None, as_of: datetime) -> Markup:
        """The same without the year, or the day, that it shares with `as_of`."""
        if at is None:
            return _NOTHING
        if at not in self._near:  # hundreds of sources were read in the same run
            local, today = at.astimezone(VIETNAM), as_of.astimezone(VIETNAM)
            shared = 2 if local.date() == today.date() else int(local.year == today.year)
            self._near[at] = self._time(at, _WHOLE[self._language][0], _NEAR[self._language][shared])
        return self._near[at]

    def _time(self, at: datetime, hour: str, day: str) -> Markup:
        local = at.astimezone(VIETNAM)
        told = local.strftime(f"{hour} {day}").strip()
        return Markup('<time datetime="{}">{}</time>').format(local.isoformat(timespec="seconds"), told)

    def worked(self, age: timedelta | None) -> str:
        """A span of working time, in working days of eight hours."""
        return "–" if age is None else self._span(age, WORKING_DAY)

    def lasted(self, span: timedelta | None) -> str:
        """A span of time."""
        return "–" if span is None else self._span(span, timedelta(days=1))

    def rule(self, rule: str) -> str:
        """A rule as officials know it; in English by its code."""
        return words.sentence(rule).title if self._language == "vi" else rule

    def failure(self, kind: str) -> str:
        """What can be done about a failed reading of that class, in Vietnamese; in English the class."""
        return words.failure(kind) if self._language == "vi" else kind

    def field(self, field: str) -> str:
        """A fact as officials know it; in English by its column, and never a source's own word."""
        if self._language == "vi":
            return words.field_name(field)
        known = words.field_name(field) != words.OTHER_FIELD
        return field if field and known else str(self.text("field_none" if not field else "field_other"))

    def known(self, prefix: str, word: str) -> str:
        """A word of ours by its text; one that a newer warehouse knows, as it is."""
        return self._texts.get(prefix + word, word)

    def setting(self, value: object) -> str:
        """A value of a schedule, as JSON has it."""
        if value is None or value == []:
            return "–"
        if isinstance(value, bool):
            return self._texts["yes" if value else "no"]
        if isinstance(value, list):
            return ", ".join(map(str, value))
        return str(value)

    def _span(self, span: timedelta, day: timedelta) -> str:
        days, rest = divmod(span, day)
        hours, rest = divmod(rest, timedelta(hours=1))
        minutes, rest = divmod(rest, timedelta(minutes=1))
        parts = [(days, "unit_days"), (hours, "unit_hours"), (minutes, "unit_minutes")]
        told = [f"{number} {self._texts[name]}" for number, name in parts if number]
        return " ".join(told[:2]) or f"{int(rest.total_seconds())} {self._texts['unit_seconds']}"


def dag_run(run_key: str) -> tuple[str, str] | None:
    """The DAG and the run of a cycle; None for one that the command line started."""
    for prefix, dag_id in (("sync ", "sync_source"), ("replay ", "replay_quarantine"), ("", "collect_dossiers")):
        run_id = run_key.removeprefix(prefix)
        if run_key.startswith(prefix) and run_id.startswith(AIRFLOW_RUNS):
            return dag_id, run_id
    return None


def link(base: str, query: Mapping[str, object], **changes: object) -> str:
    """An address with a query in which something is changed; what is empty is left out."""
    merged = {
        name: value for name, value in {**query, **changes}.items() if value not in ("", None) and name not in NOT_KEPT
    }
    return f"{base}?{urlencode(merged)}" if merged else base


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"link": link, "dag_run": dag_run}
    return environment
