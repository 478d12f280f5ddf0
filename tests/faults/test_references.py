"""Rows 27 and 28: answers that want more than to be read, and answers that lead to somebody else's host."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from tests.contract.scripted_server import Reply, serving
from tests.faults.invariants import broken
from tests.faults.offices import HTTP
from tests.faults.outcome import Run
from tests.faults.rig import Rig
from tests.platforms.hostile_xml import DOCUMENTS, body

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults of answers")]

XML = {"Content-Type": "text/xml; charset=utf-8"}
FAULT = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>s:{}</faultcode>'
    "<faultstring>không</faultstring></s:Fault></s:Body></s:Envelope>"
)
# what expands, what leads outside, what is deep; every one of each family is met by the platform's own tests
FAMILIES = ("billion laughs", "external entity of a host", "deep nesting")
SECONDS = 1.0


@dataclass(slots=True)
class Canary:
    """A host that nobody has a reason to ask, and who did."""

    url: str
    visitors: list[object] = field(default_factory=list)


@contextmanager
def listening() -> Iterator[Canary]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        canary = Canary(f"http://127.0.0.1:{listener.getsockname()[1]}")

        def welcome() -> None:
            while True:
                try:
                    visitor, address = listener.accept()
                except OSError:
                    return
                canary.visitors.append(address)
                visitor.close()

        thread = threading.Thread(target=welcome)
        thread.start()
        try:
            yield canary
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_row_27_xml_that_is_made_to_do_harm_is_refused_and_asks_nobody(read_rig: Rig, clean: Run) -> None:
    rig = read_rig
    [victim] = rig.offices.victims_of("oss_soap")
    with listening() as canary:
        for family in FAMILIES:
            document = body(DOCUMENTS[family], canary.url)
            with serving(lambda _, document=document: Reply(body=document, headers=XML)) as server:
                rig.lead_to("oss_soap", host=server.url)
                began = time.monotonic()
                run = rig.run(sources=[victim])
                assert run.batches[victim]["error_kind"] in {"PROTOCOL", "LIMIT"}, family
                assert time.monotonic() - began < SECONDS + 3 * clean.seconds, family
                assert broken(rig.evidence(run, clean, {victim: {"PROTOCOL", "LIMIT"}}, moves_much=False)) == [], family
        assert canary.visitors == []


@pytest.mark.parametrize(
    ("code", "kinds", "most"), [("Client", {"AUTH", "PROTOCOL"}, 1), ("Server", {"UNAVAILABLE"}, 3)]
)
def test_row_27_soap_fault_is_told_and_only_a_servers_is_asked_again(
    read_rig: Rig, clean: Run, code: str, kinds: set[str], most: int
) -> None:
    rig = read_rig
    [victim] = rig.offices.victims_of("oss_soap")
    with serving(lambda _: Reply(status=500, body=FAULT.format(code).encode(), headers=XML)) as server:
        rig.lead_to("oss_soap", host=server.url)
        run = rig.run(sources=[victim])
        assert 1 <= len(server.requests) <= most
    assert broken(rig.evidence(run, clean, {victim: kinds}, moves_much=False)) == []


def test_row_28_redirect_to_another_host_is_never_followed(read_rig: Rig, clean: Run) -> None:
    rig = read_rig
    with listening() as canary:
        rig.misbehave(*HTTP, mode="redirect", location=f"{canary.url}/dang-nhap")
        run = rig.run(full=True)
        assert canary.visitors == []
    expected = {source: {"PROTOCOL"} for source in rig.offices.victims_of(*HTTP)}
    assert broken(rig.evidence(run, clean, expected)) == []


def test_row_28_description_of_a_service_is_read_from_nobody(read_rig: Rig, clean: Run) -> None:
    """The WSDL is ours: the source's own, which could lead anywhere, is not even asked for."""
    rig = read_rig
    [victim] = rig.offices.victims_of("oss_soap")
    with serving(lambda _: Reply(status=404)) as server:
        rig.lead_to("oss_soap", host=server.url)
        rig.run(sources=[victim])
        assert {request.method for request in server.requests} == {"POST"}
