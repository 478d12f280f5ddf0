"""The commands together, and how a run of one of them ends: done, or one line and an exit status."""

from __future__ import annotations

import logging
import os
import signal

import typer
from sqlalchemy.exc import OperationalError

from motcua.cli import (
    archive,
    asof,
    audit,
    catalogues,
    check_file,
    cycles,
    feed,
    holds,
    metrics,
    outbox,
    quality,
    quarantine,
    rebuild,
    reports,
    rules,
    schedule,
    sources,
    stages,
    trace,
    units,
    upkeep,
    watching,
)
from motcua.cli.terminal import OUR_FAILURE, STATUSES, WRONG_USE, fail, log_to_standard_error
from motcua.errors import ConfigError, MotcuaError

app = typer.Typer(
    help="Pulls dossiers from every one-stop system of the city, and tells two portals how they fare.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=STATUSES,
)
for part in (
    cycles.app,
    stages.app,
    trace.app,
    asof.app,
    units.app,
    check_file.app,
    upkeep.app,
    audit.app,
    watching.app,
    metrics.app,
):
    app.add_typer(part)  # without a name: its commands stand beside the others
app.add_typer(sources.app, name="sources")
app.add_typer(schedule.app, name="schedule")
app.add_typer(holds.app, name="holds")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(archive.app, name="archive")
app.add_typer(rules.app, name="rules")
app.add_typer(rebuild.app, name="rebuild")
app.add_typer(feed.app, name="feed")
app.add_typer(reports.app, name="reports")
app.add_typer(outbox.app, name="outbox")
app.add_typer(quality.app, name="quality")
app.add_typer(catalogues.app, name="catalogues")


def main() -> None:
    """Entry point: our errors become one line and an exit status, never a stack trace."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever stops us gets the same order as Ctrl-C
    try:
        log_to_standard_error(os.environ.get("MOTCUA_LOG") or "WARNING", os.environ.get("MOTCUA_LOG_FORMAT") or "text")
        app()
    except ConfigError as error:
        fail("cấu hình", error, WRONG_USE)
    except MotcuaError as error:
        fail(type(error).__name__, error, OUR_FAILURE)
    except OperationalError as error:
        if 'role "motcua' in str(error.orig):
            fail("kho dữ liệu", "there is none yet in MOTCUA_HOME: run `motcua prepare`, or a cycle", WRONG_USE)
        fail("kho dữ liệu", error.orig or error, OUR_FAILURE)
    except Exception as error:
        logging.getLogger(__name__).debug("where it happened:", exc_info=error)
        fail("lỗi của motcua", f"{type(error).__name__}; MOTCUA_LOG=DEBUG shows where", OUR_FAILURE)
