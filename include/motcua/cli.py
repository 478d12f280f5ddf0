"""The command line: every stage without Airflow. Output is for people (or `--json`); logs go to standard error."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from datetime import UTC, datetime
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.markup import escape
from rich.table import Table
from sqlalchemy.exc import OperationalError

from motcua.errors import ConfigError, MotcuaError
from motcua.settings import Settings

DONE, OUR_FAILURE, WRONG_USE, SOME_DOWN = 0, 1, 2, 3
STATUSES = (
    "Exit status: 0 done · 1 our failure · 2 wrong usage or configuration · 3 done, but some sources were down or held"
)
WIDE = 200  # for tables: whole lines, also where there is no terminal whose width would count

app = typer.Typer(
    help="Pulls dossiers from every one-stop system of the city, and tells two portals how they fare.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=STATUSES,
)
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

AsOf = Annotated[
    datetime | None,
    typer.Option(
        "--as-of",
        parser=lambda text: _moment(text),
        metavar="TIME",
        help="Read everything as of this moment, with its zone: 2018-12-25T17:00+07:00. Now, when absent.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@app.command(epilog=STATUSES)
def cycle(
    *,
    as_of: AsOf = None,
    source: Annotated[
        list[str] | None, typer.Option("--source", metavar="ID", help="Only this source; repeat for more.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="List everything, not only what changed.")] = False,
    push: Annotated[bool, typer.Option("--push/--no-push", help="Tell the Government portal at the end.")] = True,
    as_json: AsJson = False,
) -> None:
    """Run every stage once: collect, judge, consolidate, publish, drain."""
    from motcua.steps.whole_cycle import run_cycle

    settings = _settings()
    figures = run_cycle(
        settings=settings,
        connections=_connections(settings),
        as_of=as_of or _now(),
        sources=source or [],
        full=full,
        push=push,
        clock=_now,
        say=lambda line: err.print(escape(line), soft_wrap=True),
    )
    _write_summary(settings, figures)
    _show(figures, as_json=as_json)
    sources = figures["sources"]
    assert isinstance(sources, dict)
    raise typer.Exit(SOME_DOWN if sources["down"] or sources["held"] else DONE)


@app.command()
def prepare() -> None:
    """Create the warehouse, or bring it to the newest schema."""
    from motcua import steps

    steps.prepare(settings=_settings())


@app.command()
def publish(*, as_of: AsOf = None) -> None:
    """Build and publish a version of the city feed and the public page."""
    from motcua import steps

    now = _now()
    out.print_json(data=steps.publish(settings=_settings(), as_of=as_of or now, published_at=now))


@app.command()
def drain() -> None:
    """Tell the Government portal everything that is due."""
    from motcua import steps

    settings = _settings()
    outcome = steps.drain(settings=settings, connections=_connections(settings), clock=_now)
    out.print_json(data=outcome)


@app.command()
def summary(
    *,
    cycle_id: Annotated[
        int | None, typer.Option("--cycle", help="Number of the cycle; the newest, when absent.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Count what a cycle did, and write it to HOME/run/summary.json."""
    from motcua import steps
    from motcua.steps.summary import newest_cycle

    settings = _settings()
    number = cycle_id if cycle_id is not None else newest_cycle(settings=settings)
    figures = steps.summary(settings=settings, cycle_id=number)
    _write_summary(settings, figures)
    _show(figures, as_json=as_json)


@app.command()
def sources(*, as_json: AsJson = False) -> None:
    """List the sources of the registry, after checking it whole."""
    from motcua.registry import load_registry

    registry = load_registry(_settings(database=False).registry)
    if as_json:
        out.print_json(
            data=[
                {"id": s.id, "group": s.group, "platform": s.platform, "units": list(s.units)}
                for s in registry.sources.values()
            ]
        )
        return
    table = Table("Nguồn", "Nhóm", "Nền tảng", "Đơn vị", box=None, pad_edge=False)
    for entry in registry.sources.values():
        table.add_row(entry.id, entry.group, entry.platform, ", ".join(entry.units))
    Console(highlight=False, width=WIDE).print(table)
    out.print(f"{len(registry.sources)} nguồn trong {len(registry.groups)} nhóm")


def main() -> None:
    """Entry point: our errors become one line and an exit status, never a stack trace."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever stops us gets the same order as Ctrl-C
    try:
        _log_to_standard_error(os.environ.get("MOTCUA_LOG") or "WARNING")
        app()
    except ConfigError as error:
        _fail("cấu hình", error, WRONG_USE)
    except MotcuaError as error:
        _fail(type(error).__name__, error, OUR_FAILURE)
    except OperationalError as error:
        _fail("kho dữ liệu", error.orig or error, OUR_FAILURE)
    except Exception as error:
        logging.getLogger(__name__).debug("where it happened:", exc_info=error)
        _fail("lỗi của motcua", f"{type(error).__name__}; MOTCUA_LOG=DEBUG shows where", OUR_FAILURE)


def _fail(what: str, error: object, status: int) -> NoReturn:
    err.print(f"[red]{what}:[/] {escape(str(error).strip())}", soft_wrap=True)
    sys.exit(status)


def _log_to_standard_error(level: str) -> None:
    handler = RichHandler(console=err, show_path=False)
    # it tells of its own temporary folders, at a level that it sets itself
    handler.addFilter(lambda told: told.levelno >= logging.WARNING or not told.name.startswith("great_expectations"))
    try:
        logging.basicConfig(level=level, format="%(message)s", datefmt="[%X]", handlers=[handler])
    except ValueError:
        raise ConfigError(f"MOTCUA_LOG: expected DEBUG, INFO, WARNING or ERROR, got {level!r}") from None


def _settings(*, database: bool = True) -> Settings:
    """Settings of the environment, on the embedded server when no database is named."""
    from dataclasses import replace

    settings = Settings.from_environment(os.environ)
    if settings.database_url is not None or not database:
        return settings
    from motcua.warehouse.embedded import database_url

    return replace(settings, database_url=database_url(settings.home))


def _connections(settings: Settings):  # type: ignore[no-untyped-def]  # imported late, so named late
    from motcua.connections import EnvironmentConnections

    return EnvironmentConnections(dict(os.environ), settings.connections)


def _now() -> datetime:
    return datetime.now(UTC)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no ISO 8601 time; give 2018-12-25T17:00+07:00") from None
    if moment.tzinfo is None:
        raise typer.BadParameter(f"{text!r} has no zone; give {text}+07:00")
    return moment


def _write_summary(settings: Settings, figures: dict[str, object]) -> None:
    place = settings.home / "run" / "summary.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    draft = place.with_suffix(".tmp")
    draft.write_text(json.dumps(figures, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    draft.replace(place)


def _show(figures: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(figures, ensure_ascii=False) + "\n")
        return
    from motcua.steps.summary_text import lines

    for line in lines(figures):
        out.print(line, soft_wrap=True)


if __name__ == "__main__":
    main()
