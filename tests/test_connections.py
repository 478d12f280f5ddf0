from __future__ import annotations

import json
import traceback
from pathlib import Path

import pytest
from motcua.connections import Connection, EnvironmentConnections
from motcua.errors import ConfigError

FIELDS = {
    "conn_type": "generic", "host": "https://Office.example/Igate", "port": 8443, "schema": "h24", "login": "motcua",
    "password": "a/b:c@d", "extra": {"dstcode": "VN", "number": 7},
}  # fmt: skip
WHOLE = Connection(
    id="igate_le_chan", host="https://Office.example/Igate", port=8443, schema="h24", login="motcua",
    password="a/b:c@d", extra={"dstcode": "VN", "number": "7"},
)  # fmt: skip
URI = "generic://motcua:a%2Fb%3Ac%40d@https%3A%2F%2FOffice.example%2FIgate:8443/h24"
# as the method get_uri of Airflow's Connection writes it
AIRFLOWS_URI = "generic://https://motcua:a%2Fb%3Ac%40d@Office.example%2FIgate:8443/h24"
JSON_EXTRA = "__extra__=%7B%22dstcode%22%3A+%22VN%22%2C+%22number%22%3A+7%7D"


def _get(variable: str | None = None, file: Path | None = None) -> Connection:
    environ = {} if variable is None else {"AIRFLOW_CONN_IGATE_LE_CHAN": variable}
    return EnvironmentConnections(environ, file).get("igate_le_chan")


def _file(folder: Path, content: object) -> Path:
    file = folder / "connections.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(FIELDS),
        "  " + json.dumps(FIELDS | {"port": "8443", "extra": json.dumps(FIELDS["extra"])}),
        f"{URI}?dstcode=VN&number=7",
        f"{URI}?{JSON_EXTRA}",
        f"{AIRFLOWS_URI}?{JSON_EXTRA}",
    ],
    ids=["json", "json in json", "uri", "uri with json", "uri of airflow"],
)
def test_every_form_that_airflow_writes_is_read(text: str, tmp_path: Path) -> None:
    assert _get(text) == WHOLE
    assert _get(file=_file(tmp_path, {"igate_le_chan": text})) == WHOLE


def test_entry_of_the_file_is_an_object(tmp_path: Path) -> None:
    assert _get(file=_file(tmp_path, {"igate_le_chan": FIELDS, "other": 5})) == WHOLE


def test_variable_counts_before_the_file(tmp_path: Path) -> None:
    file = _file(tmp_path, {"igate_le_chan": FIELDS})
    assert _get("generic://here", file) == Connection(id="igate_le_chan", host="here")
    assert _get("", file) == WHOLE


def test_what_is_absent_is_none(tmp_path: Path) -> None:
    bare = Connection(id="igate_le_chan")
    assert (_get("generic://"), _get("{}"), _get('{"extra": "", "port": ""}')) == (bare, bare, bare)


def test_secrets_do_not_show() -> None:
    shown = repr(WHOLE) + str(WHOLE)
    assert "a/b:c@d" not in shown
    assert "VN" not in shown


@pytest.mark.parametrize(("name", "value"), [("host", WHOLE.host), ("password", "a/b:c@d"), ("dstcode", "VN")])
def test_required_values_stand_in_fields_or_extra(name: str, value: str) -> None:
    assert WHOLE.required(name) == value


@pytest.mark.parametrize("name", ["password", "dstcode"])
def test_missing_value_is_named_with_what_to_do(name: str) -> None:
    with pytest.raises(ConfigError, match=f"^connection x: {name} is missing; add it to the connection$"):
        Connection(id="x", host="here", password="", extra={"dstcode": ""}).required(name)


def test_unknown_connection_names_the_ways_to_give_it(tmp_path: Path) -> None:
    file = _file(tmp_path, {"other": FIELDS})
    with pytest.raises(ConfigError) as of_file:
        _get(file=file)
    with pytest.raises(ConfigError) as of_nothing:
        _get()
    start = "connection igate_le_chan is not defined: set AIRFLOW_CONN_IGATE_LE_CHAN, or add it to "
    assert str(of_file.value) == f"{start}{file}"
    assert str(of_nothing.value) == f"{start}the JSON file named by MOTCUA_CONNECTIONS"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"password": "hunter2"', "not valid JSON"),
        ('{"password": "hunter2", "extra": "{broken"}', "not valid JSON"),
        ('{"password": "hunter2", "extra": [1]}', "extra: expected an object, got list"),
        ('{"password": "hunter2", "port": "http"}', "port: expected a number"),
        ("generic://me:hunter2/with a slash@host", "not a valid URI"),
        ("generic://me:hunter2@[host", "not a valid URI"),
    ],
)
def test_broken_connection_is_told_without_its_secret(text: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told) as caught:
        _get(text)
    assert str(caught.value).startswith("connection igate_le_chan: ")
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("content", ["", "{", "[]", "5"])
def test_broken_file_is_told(content: str, tmp_path: Path) -> None:
    file = _file(tmp_path, content)
    with pytest.raises(ConfigError, match="expected a JSON object of connections by id"):
        _get(file=file)


def test_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.json: expected a JSON object of connections by id"):
        _get(file=tmp_path / "nowhere.json")


@pytest.mark.parametrize("entry", [5, [FIELDS], True])
def test_entry_of_another_kind_is_told(entry: object, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected an object or a URI, got"):
        _get(file=_file(tmp_path, {"igate_le_chan": entry}))
