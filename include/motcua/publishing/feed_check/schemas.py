"""The JSON Schemas that the feed publishes, and its files against them; dates and times by their format too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from functools import cache
from typing import Any

import jsonschema

from motcua.publishing.feed_check.place import Feed


# Any: a JSON Schema, or JSON of any shape
def validator(schema: Mapping[str, Any]) -> jsonschema.Draft202012Validator:
    """For one schema; jsonschema.SchemaError when it is none."""
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema, format_checker=_formats())


def schema(feed: Feed, name: str) -> Any:
    """The published schema of that name."""
    return feed.json(f"schema/{name}.schema.json")


def against(feed: Feed, name: str, value: Any, path: str) -> Iterator[str]:
    """How a file breaks its schema."""
    for error in validator(schema(feed, name)).iter_errors(value):
        yield f"{path}: {error.json_path}: {error.message[:200]}"


@cache
def _formats() -> jsonschema.FormatChecker:
    checker = jsonschema.FormatChecker(formats=())
    checker.checks("date", ValueError)(_is_date)
    checker.checks("date-time", ValueError)(_has_zone)
    return checker


def _is_date(text: object) -> bool:
    return not isinstance(text, str) or date.fromisoformat(text).isoformat() == text


def _has_zone(text: object) -> bool:
    return not isinstance(text, str) or datetime.fromisoformat(text).tzinfo is not None
