"""XML that wants more than to be read (faults, rows 9, 27, 28): refused at once, in little memory, asking nobody."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from motcua.errors import ConfigError, SourceChanged
from motcua.platforms.oss_soap import WSDL, operation
from zeep.exceptions import DTDForbidden, EntitiesForbidden, ExternalReferenceForbidden

from tests.contract.scripted_server import Reply, ScriptedServer, serving
from tests.platforms import hostile_xml
from tests.platforms.conftest import Reading
from tests.platforms.hostile_xml import DOCUMENTS, HARMLESS
from tests.platforms.soap_dialect import XML, SoapDialect
from tests.platforms.test_listings import failure, rows

pytestmark = pytest.mark.slow

OpenOffice = Callable[..., Reading]
SECRET_FILE = "root:"


@pytest.fixture
def elsewhere() -> Iterator[ScriptedServer]:
    """Another host, which nobody is to ask for anything."""
    with serving(lambda _: Reply(body=b"<!ENTITY x 'reached'>")) as server:
        yield server
        assert (server.connections, server.requests) == (0, [])


@pytest.fixture
def reading(open_office_of: OpenOffice) -> Reading:
    return open_office_of(SoapDialect(), rows(1))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_hostile_page_is_refused_at_once(reading: Reading, elsewhere: ScriptedServer, name: str) -> None:
    body = hostile_xml.body(DOCUMENTS[name], elsewhere.url)
    reading.office.instead = lambda _: Reply(headers=XML, body=body)
    began = time.process_time()
    error = failure(reading)
    assert time.process_time() - began < 1
    assert (type(error), error.kind in {"PROTOCOL", "LIMIT"}) == (SourceChanged, True)
    assert str(error).endswith("; ask its owner")
    assert SECRET_FILE not in str(error)
    assert len(reading.server.requests) == 1


@pytest.mark.parametrize("name", HARMLESS)
def test_page_that_is_only_large_or_odd_is_read_and_asks_nobody(
    reading: Reading, elsewhere: ScriptedServer, name: str
) -> None:
    body = hostile_xml.body(HARMLESS[name], elsewhere.url)
    reading.office.instead = lambda _: Reply(headers=XML, body=body)
    assert reading.read().fetched == 1


# reads each document by itself, and prints what came of it: error, seconds, and the most memory so far, in MiB
CHILD = """
import json, resource, sys, time
from pathlib import Path
from motcua.platforms.oss_soap import OssSoap

for file in sorted(Path(sys.argv[1]).iterdir()):
    body, error, began = file.read_bytes(), None, time.perf_counter()
    try:
        OssSoap().records(body, source=None, note={})
    except Exception as raised:
        error = type(raised).__name__
    seconds, peak = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps([file.name, error, seconds, peak]))
"""


def test_reading_them_all_takes_little_memory(elsewhere: ScriptedServer, tmp_path: Path) -> None:
    documents = {" small": hostile_xml.page("")} | DOCUMENTS | HARMLESS
    for name, text in documents.items():
        (tmp_path / name).write_bytes(hostile_xml.body(text, elsewhere.url))
    ran = subprocess.run([sys.executable, "-c", CHILD, str(tmp_path)], capture_output=True, check=True, timeout=60)
    outcomes = [json.loads(line) for line in ran.stdout.splitlines()]
    assert {name for name, error, *_ in outcomes if error is None} == {" small", *HARMLESS}
    assert {error for _, error, *_ in outcomes} == {None, "Unreadable", "XMLSyntaxError"}
    assert [name for name, _, seconds, _ in outcomes if seconds > 1] == []
    assert outcomes[-1][3] - outcomes[0][3] < 200


@pytest.mark.parametrize("name", [name for name, text in DOCUMENTS.items() if "URL/x" in text])
def test_what_a_document_type_refers_to_is_never_opened(tmp_path: Path, name: str) -> None:
    """Whoever opened this pipe to read it would wait for a writer that never comes."""
    os.mkfifo(tmp_path / "pipe")
    (pages := tmp_path / "pages").mkdir()
    text = re.sub(r"URL/x[.a-z]*", f"file://{tmp_path / 'pipe'}", DOCUMENTS[name])
    (pages / "page").write_text(text, encoding="utf-8")
    ran = subprocess.run([sys.executable, "-c", CHILD, str(pages)], capture_output=True, check=True, timeout=20)
    assert json.loads(ran.stdout)[1] == "Unreadable"


def test_redirect_to_another_host_is_not_followed(reading: Reading, elsewhere: ScriptedServer) -> None:
    reading.office.instead = lambda _: Reply(status=307, headers={"Location": elsewhere.url})
    assert "answers with a redirect, which is never followed" in str(failure(reading))


def test_only_the_endpoint_is_asked_and_never_for_its_wsdl(reading: Reading) -> None:
    reading.read()
    assert {(request.method, request.path, *request.query) for request in reading.server.requests} == {
        ("POST", "/MotCua.asmx")
    }


WSDL_HEAD = "<wsdl:types>"
IMPORTS = {
    "import of a WSDL": ('<wsdl:import namespace="urn:x" location="URL/x.wsdl"/>', ExternalReferenceForbidden),
    "import of a schema": (
        '<wsdl:types><xs:schema><xs:import namespace="urn:x" schemaLocation="URL/x.xsd"/></xs:schema>',
        ExternalReferenceForbidden,
    ),
    "include of a file": (
        '<wsdl:types><xs:schema><xs:include schemaLocation="/etc/passwd"/></xs:schema>', ConfigError
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", IMPORTS)
def test_wsdl_that_refers_to_another_document_is_refused(elsewhere: ScriptedServer, tmp_path: Path, name: str) -> None:
    inside, refusal = IMPORTS[name]
    inside = inside if WSDL_HEAD in inside else inside + WSDL_HEAD
    text = WSDL.read_text(encoding="utf-8").replace(WSDL_HEAD, inside.replace("URL", elsewhere.url))
    (tmp_path / "changed.wsdl").write_text(text, encoding="utf-8")
    with pytest.raises(refusal):
        operation(tmp_path / "changed.wsdl")


@pytest.mark.parametrize(
    ("declaration", "refusal"),
    [('SYSTEM "URL/x.dtd"', DTDForbidden), ('[<!ENTITY x SYSTEM "URL/x">]', (DTDForbidden, EntitiesForbidden))],
)
def test_wsdl_with_a_document_type_is_refused(
    elsewhere: ScriptedServer, tmp_path: Path, declaration: str, refusal: type[Exception]
) -> None:
    head, _, rest = WSDL.read_text(encoding="utf-8").partition("?>")
    text = f"{head}?><!DOCTYPE definitions {declaration.replace('URL', elsewhere.url)}>{rest}"
    (tmp_path / "changed.wsdl").write_text(text, encoding="utf-8")
    with pytest.raises(refusal):
        operation(tmp_path / "changed.wsdl")
