"""Recorded exchanges: the request to send, and the shape of the answer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

EXAMPLES = Path(__file__).parent / "examples"
# fields that hold a value or none: a null tells nothing of the shape
Shape = dict | list | str | None


@dataclass(frozen=True)
class Exchange:
    """One recorded request and answer; `headers` and `body` are text with words in capitals to be replaced."""

    method: str
    url: str
    headers: dict[str, str]
    body: str
    status: int
    content_type: str
    answer: object


def read_exchange(name: str) -> Exchange:
    request, answer = (EXAMPLES / f"{name}.txt").read_text(encoding="utf-8").split("--- answer ---\n")
    _, _, request = request.partition("\n\n")
    head, _, body = request.partition("\n\n")
    first, *headers = head.splitlines()
    method, url = first.split(" ", 1)
    head, _, content = answer.partition("\n\n")
    status, *rest = head.splitlines()
    content_type = rest[0].removeprefix("content-type: ") if rest else ""
    fields = dict(line.split(": ", 1) for line in headers)
    return Exchange(method, url, fields, body.strip(), int(status), content_type, json.loads(content))


def read_soap_exchange(name: str) -> tuple[str, str]:
    """A recorded envelope and its answer; both were sent to the endpoint, as `text/xml`."""
    request, answer = (EXAMPLES / f"{name}.txt").read_text(encoding="utf-8").split("--- answer ---\n")
    return request.partition("\n\n")[2].strip(), answer.strip()


def merge_shapes(values: list[object]) -> object:
    """One value with every key and list element kind that any of the values has."""
    known = [value for value in values if value is not None]
    if known and all(isinstance(value, dict) for value in known):
        keys = {key for value in known for key in value}
        return {key: merge_shapes([value[key] for value in known if key in value]) for key in keys}
    if known and all(isinstance(value, list) for value in known):
        elements = [element for value in known for element in value]
        return [merge_shapes(elements)] if elements else []
    return known[0] if known else None


def differences(given: object, expected: object, *, may_lack: frozenset[str] = frozenset(), at: str = "") -> list[str]:
    """Where a value has other keys or types than the expected one; nothing is said of values."""
    if expected is None or given is None:
        return []
    if type(given) is not type(expected):
        return [f"{at}: {type(given).__name__} instead of {type(expected).__name__}"]
    if isinstance(expected, dict):
        found = [f"{at}.{key}: not in the example" for key in given.keys() - expected.keys()]
        found += [f"{at}.{key}: missing" for key in expected.keys() - given.keys() - may_lack]
        for key in given.keys() & expected.keys():
            found += differences(given[key], expected[key], may_lack=may_lack, at=f"{at}.{key}")
        return found
    if isinstance(expected, list) and expected:
        return [found for one in given for found in differences(one, expected[0], may_lack=may_lack, at=f"{at}[]")]
    return []
