"""The files of the page: every HTML page, and the style and scripts they share under names of their content."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from importlib import resources

import jinja2

from motcua.domain.progress import PROGRESS_NAMES
from motcua.errors import PublicationRefused
from motcua.publishing.public_page import bottlenecks
from motcua.publishing.public_page.charts import HEIGHT, LEFT, WIDTH, trend_chart
from motcua.publishing.public_page.content import Content
from motcua.publishing.public_page.trend import Month
from motcua.publishing.public_page.units import CITY_LEVEL, groups
from motcua.publishing.public_page.words import WORDS

FIRST_PAGE = "index.html"
UNITS, PROCEDURES, STATIC = "don-vi", "thu-tuc", "assets"
# The folders that hold nothing but files of the page.
FOLDERS = (UNITS, PROCEDURES, STATIC)
_DIGEST = 12  # hex digits in the name of a shared file: two contents of one file never meet in so many
_PLAIN = re.compile(r"[0-9A-Za-z]+(\.[0-9A-Za-z]+)*")


def shared_files() -> dict[str, tuple[str, bytes]]:
    """By name: the path that carries a digest of the content, and the content."""
    found = {}
    for file in (resources.files(__package__) / "static").iterdir():
        body = file.read_bytes()
        stem, _, kind = file.name.rpartition(".")
        digest = hashlib.sha256(body).hexdigest()[:_DIGEST]
        # the letter: a digest of nothing but figures would look like somebody's number
        found[file.name] = (f"{STATIC}/{stem}.h{digest}.{kind}", body)
    return found


def pages(content: Content, shared: Mapping[str, str], made_of: str) -> Iterator[tuple[str, str]]:
    """Path and HTML of every page; the first page comes last.

    Args:
        content: what is said.
        shared: paths of `shared_files` by name.
        made_of: a mark that the first page carries.

    Raises:
        PublicationRefused: a code that cannot name a file.
    """
    environment = _environment()
    environment.globals |= {"content": content, "version": content.version, "shared": shared}
    grouped = groups(content.units)
    yield from _unit_pages(environment, content)
    yield from _procedure_pages(environment, content)
    listed = sorted(content.procedures.values(), key=lambda procedure: -procedure.figures.received)
    yield (
        f"{PROCEDURES}/index.html",
        environment.get_template("procedures.html.j2").render(root="../", procedures=listed),
    )
    for name in ("diem-nghen.html", "en.html"):
        yield name, environment.get_template(f"{name}.j2").render(root="", groups=grouped, rule=bottlenecks)
    first = environment.get_template("index.html.j2")
    yield FIRST_PAGE, first.render(root="", groups=grouped, words=_json(_words(content)), made_of=made_of)


def _words(content: Content) -> dict[str, object]:
    """What the look-up needs to know beside the dossier."""
    return WORDS | {
        "swapped": [day.isoformat() for day in content.swapped_days],
        "counted": [day.isoformat() for day in content.counted_days],
        "as_of": content.version.as_of.date().isoformat(),
        "agencies": sorted(unit.code for unit in content.units),
    }


def _unit_pages(environment: jinja2.Environment, content: Content) -> Iterator[tuple[str, str]]:
    template, lines = environment.get_template("unit.html.j2"), content.lines_by_unit()
    nothing = [Month(first_day=month.first_day) for month in content.trend]
    # of the city everything is below and everything says so: its page and theirs leave that out
    districts = {unit.code: unit for unit in content.units if unit.group != CITY_LEVEL}
    for unit in content.units:
        below = [one for one in content.units if one.parent == unit.code] if unit.code in districts else []
        body = template.render(
            root="../",
            unit=unit,
            parent=districts.get(unit.parent or ""),
            below=groups(below),
            trend=content.unit_trends.get(unit.code, nothing),
            lines=lines.get(unit.code, ()),
        )
        yield f"{UNITS}/{_plain(unit.code)}.html", body


def _procedure_pages(environment: jinja2.Environment, content: Content) -> Iterator[tuple[str, str]]:
    template, lines = environment.get_template("procedure.html.j2"), content.lines_by_procedure()
    for code, procedure in content.procedures.items():
        handling = content.handling.get(code)
        body = template.render(root="../", procedure=procedure, handling=handling, lines=lines.get(code, ()))
        yield f"{PROCEDURES}/{_plain(code)}.html", body


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(__package__ or ""),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= {"number": _number, "percent": _percent, "english": _english}
    environment.globals |= {
        "trend_chart": trend_chart,
        "chart_size": (WIDTH, HEIGHT, LEFT),
        "progress_names": PROGRESS_NAMES,
        "vietnamese_number": _number,
        "english_number": "{:,}".format,
    }
    return environment


def _number(value: int) -> str:
    return f"{value:,}".replace(",", ".")


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share * 100:.1f}%".replace(".", ",")


def _english(share: float | None) -> str:
    return "–" if share is None else f"{share * 100:.1f}%"


def _json(value: object) -> str:
    """JSON that cannot close the element it stands in."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).replace("<", "\\u003c")


def _plain(code: str) -> str:
    """A code as the name of a file."""
    if not _PLAIN.fullmatch(code):
        raise PublicationRefused(
            f"public page: expected a code of letters, digits and single dots, got {code!r}; "
            "a rule of quality/rules.py should have refused its dossiers"
        )
    return code
