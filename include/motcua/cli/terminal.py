"""What people and programs see: two consoles, tables, JSON, the log, and exit statuses."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.markup import escape
from rich.table import Table

from motcua.domain.calendar import VIETNAM
from motcua.errors import ConfigError

DONE, OUR_FAILURE, WRONG_USE, SOME_DOWN = 0, 1, 2, 3
STATUSES = (
    "Exit status: 0 done · 1 our failure · 2 wrong usage or configuration · 3 done, but some sources were down or held"
)
LOG_FORMS = ("text", "json")
WIDE = 200  # for tables: whole lines, also where there is no terminal whose width would count

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)
said = logging.getLogger("motcua.cli.said")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def say(line: str) -> None:
    """A line about what goes on, for whoever waits."""
    _tell(escape(line), line, logging.INFO)


def print_json(content: object) -> None:
    """One line of JSON, and nothing else; moments as ISO 8601."""
    sys.stdout.write(json.dumps(content, ensure_ascii=False, default=datetime.isoformat) + "\n")


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Rows of markup in columns, in whole lines."""
    table = Table(*headings, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    Console(highlight=False, width=WIDE).print(table)


def city_time(moment: datetime) -> str:
    """A moment as people of the city read it."""
    return f"{moment.astimezone(VIETNAM):%d/%m/%Y %H:%M}"


def fail(what: str, error: object, status: int) -> NoReturn:
    """Ends with one line of what went wrong."""
    _tell(f"[red]{what}:[/] {escape(str(error).strip())}", f"{what}: {str(error).strip()}", logging.ERROR)
    sys.exit(status)


def _tell(markup: str, text: str, level: int) -> None:
    """To whoever waits; where the log is JSON, every line of standard error is."""
    if err.quiet:
        said.log(level, text)
    else:
        err.print(markup, soft_wrap=True)


def log_to_standard_error(level: str, form: str) -> None:
    """Sends the log where it is in nobody's way, as text or JSON; ConfigError when there is no such level or form."""
    if form not in LOG_FORMS:
        raise ConfigError(f"MOTCUA_LOG_FORMAT: expected {' or '.join(LOG_FORMS)}, got {form!r}")
    handler: logging.Handler = RichHandler(console=err, show_path=False)
    if form == "json":
        handler = logging.StreamHandler()
    # it tells of its own temporary folders, at a level that it sets itself
    handler.addFilter(lambda told: told.levelno >= logging.WARNING or not told.name.startswith("great_expectations"))
    try:
        logging.basicConfig(level=level, format="%(message)s", datefmt="[%X]", handlers=[handler])
    except ValueError:
        raise ConfigError(f"MOTCUA_LOG: expected DEBUG, INFO, WARNING or ERROR, got {level!r}") from None
    if form == "json":
        from motcua.logs import as_json

        handler.setFormatter(as_json())
        err.quiet = True
        said.setLevel(logging.INFO)  # what is said to whoever waits is no matter of MOTCUA_LOG
