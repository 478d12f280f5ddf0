"""docker-compose.yaml as compose reads it: anchors merged, variables filled in from an environment."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
COMPOSE_FILE = CHECKOUT / "docker-compose.yaml"
EXAMPLE_FILE = CHECKOUT / ".env.example"

# what is put in .env, besides the secrets, so that workers do the tasks
CELERY = {"COMPOSE_PROFILES": "celery", "AIRFLOW_EXECUTOR": "CeleryExecutor", "AIRFLOW_PARALLELISM": "4"}

# `$${x}` is a literal `${x}`; otherwise ${NAME}, ${NAME:-default} or ${NAME:?what to do}
_VARIABLE = re.compile(r"\$\$|\$\{(?P<name>\w+)(?::(?P<kind>[-?])(?P<rest>[^}]*))?\}")
_EXAMPLE = re.compile(r"(?:# make: (?P<command>.+)\n)?(?P<optional># )?(?P<name>[A-Z_]+)=(?P<value>.*)\n")


def parsed() -> dict[str, Any]:
    """The file as it stands, with its variables."""
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE_FILE.read_text(encoding="utf-8"))
    return loaded


def filled_in(environ: Mapping[str, str]) -> dict[str, Any]:
    """The file with its variables replaced; KeyError for one that is required and absent."""

    def replace(found: re.Match[str]) -> str:
        name, kind, rest = found["name"], found["kind"], found["rest"]
        if name is None:
            return "$"
        return environ.get(name) or rest if kind == "-" else environ[name]

    filled: dict[str, Any] = _each_text(parsed(), lambda text: _VARIABLE.sub(replace, text))
    return filled


def variables() -> dict[str, tuple[str | None, str | None]]:
    """Every variable of the file's services, with its kind (`?` required, `-` has a default) and what follows."""
    found: dict[str, tuple[str | None, str | None]] = {}

    def note(text: str) -> str:
        found.update({v["name"]: (v["kind"], v["rest"]) for v in _VARIABLE.finditer(text) if v["name"]})
        return text

    _each_text(parsed(), note)
    return found


def example() -> dict[str, tuple[str | None, str | None]]:
    """`.env.example`: the command that makes each value, or the default that a commented line states."""
    text = EXAMPLE_FILE.read_text(encoding="utf-8")
    return {
        found["name"]: (found["command"], found["value"] if found["optional"] else None)
        for found in _EXAMPLE.finditer(text)
    }


@cache
def made() -> dict[str, str]:
    """An environment made as `.env.example` says: each command is run as an operator's shell would."""
    commands = {name: command for name, (command, _) in example().items() if command}
    return {
        name: subprocess.run(command, shell=True, check=True, capture_output=True, text=True).stdout.strip()
        for name, command in commands.items()
    }


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _each_text(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [_each_text(item, change) for item in value]
    return value
