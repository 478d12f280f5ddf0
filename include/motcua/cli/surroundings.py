"""What a command works with: settings, connections, the clock, and who is at the keyboard."""

from __future__ import annotations

import os
import pwd
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from motcua.connections import Connections, EnvironmentConnections
from motcua.settings import Settings

SHORTEST_REASON = 5  # what stops nobody who has one
# by so much the clocks of machines may differ
CLOCKS_DIFFER = timedelta(minutes=5)


def settings(*, database: bool = True) -> Settings:
    """Settings of the environment, on the embedded server when no database is named."""
    found = replace(Settings.from_environment(os.environ), via="cli")
    if found.database_url is not None or not database:
        return found
    from motcua.warehouse.embedded import database_url

    return replace(found, database_url=database_url(found.home))


def connections(of: Settings) -> Connections:
    """Connections of the environment, then of the file that the settings name."""
    return EnvironmentConnections(dict(os.environ), of.connections)


def now() -> datetime:
    """This moment. A function of its own, so that a worker can be given the clock."""
    return datetime.now(UTC)


def user() -> str:
    """The operating system's name of whoever runs this, for the audit; not from a variable that anybody can set."""
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:  # as in a container
        return f"uid {number}"


def moment(text: str) -> datetime:
    """An ISO 8601 time with its zone."""
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no ISO 8601 time; give 2018-12-25T17:00+07:00") from None
    if given.tzinfo is None:
        raise typer.BadParameter(f"{text!r} has no zone; give {given.isoformat()}+07:00")
    return given


def past(text: str) -> datetime:
    """A moment that is over: what was read or published as of a later one would stand in the way until then."""
    given = moment(text)
    if given > now() + CLOCKS_DIFFER:
        raise typer.BadParameter(f"{text} lies in the future: until then nothing would be due, nor be published")
    return given


def reason(text: str) -> str:
    """Why, in words."""
    if len(text.strip()) < SHORTEST_REASON:
        raise typer.BadParameter(f"say in {SHORTEST_REASON} letters or more why; it is kept with your name")
    return text.strip()


AsOf = Annotated[
    datetime | None,
    typer.Option(
        "--as-of",
        parser=past,
        metavar="TIME",
        help="Read everything as of this moment, with its zone: 2018-12-25T17:00+07:00. Now, when absent.",
    ),
]
Moment = Annotated[
    datetime | None,
    typer.Option(
        "--as-of",
        parser=moment,
        metavar="TIME",
        help="What holds at this moment, with its zone, past or to come: 2027-02-05T09:00+07:00. Now, when absent.",
    ),
]
Reason = Annotated[str, typer.Option("--reason", parser=reason, metavar="TEXT", help="Why; kept with your name.")]
Push = Annotated[bool, typer.Option("--push/--no-push", help="Tell the Government portal at the end.")]
