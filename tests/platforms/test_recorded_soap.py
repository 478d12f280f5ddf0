"""The recorded exchange of oss_soap: the client sends that request, and reads that answer to whole canonical rows."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from datetime import datetime

import pytest
from lxml import etree
from motcua.connections import Connection
from motcua.mapping import SPECS, MappedBatch, PageRecords, map_records
from motcua.platforms import PLATFORMS, Listing, Window
from motcua.registry import Registry, Source

from tests.contract.exchanges import read_soap_exchange
from tests.contract.scripted_server import Reply, Request, serving
from tests.mapping.records import local, values
from tests.platforms.soap_dialect import XML

UNIT = "000.00.71.H24"
WINDOW = Window(
    since=datetime.fromisoformat("2019-12-20T00:00:00+07:00"), until=datetime.fromisoformat("2019-12-20T17:00:00+07:00")
)
SOURCE = Source(id="so_nganh.so", group="so_nganh", units=(UNIT,), platform="oss_soap", connection="so")
REQUEST, ANSWER = read_soap_exchange("oss_soap-listing")


@pytest.fixture(scope="module")
def exchange() -> tuple[Request, Listing, list[bytes]]:
    """What was asked, what was read, and the pages that were kept."""
    kept: list[bytes] = []

    def keep(body: bytes) -> str:
        kept.append(body)
        return hashlib.sha256(body).hexdigest()

    with serving(lambda _: Reply(headers=XML, body=ANSWER.encode())) as server:
        connection = Connection(id="so", host=server.url, login="TAIKHOAN", password="MATKHAU")
        listing = PLATFORMS["oss_soap"].read_listing(SOURCE, connection, WINDOW, keep=keep)
    (request,) = server.requests
    return request, listing, kept


@pytest.fixture
def batch(exchange: tuple[Request, Listing, list[bytes]], registry: Registry) -> MappedBatch:
    records = PLATFORMS["oss_soap"].records(exchange[2][0], source=SOURCE, note={})
    return map_records([PageRecords("ab" * 32, list(records))], SPECS["oss_soap"], registry)


def _canonical(body: bytes) -> str:
    return str(etree.canonicalize(etree.fromstring(body), strip_text=True, rewrite_prefixes=True))


def test_request_is_the_recorded_one(exchange: tuple[Request, Listing, list[bytes]]) -> None:
    request = exchange[0]
    assert _canonical(request.body) == _canonical(REQUEST.encode())
    assert request.headers["SOAPAction"] == '"http://oss.example.vn/mot-cua/LayDanhSachHoSo"'


def test_recorded_answer_is_a_whole_listing(exchange: tuple[Request, Listing, list[bytes]]) -> None:
    _, listing, kept = exchange
    assert (listing.announced, listing.fetched, [page.rows for page in listing.pages]) == (2, 2, [2])
    assert kept == [ANSWER.encode()]


FIRST = {
    "code": "000.00.71.H24-191223-0001", "procedure_code": "1.000049", "agency_code": "H24.71",
    "handling_agency_code": None, "channel": 2, "service_level": None, "applicant_kind": 4,
    "applicant_kind_given": "TO_CHUC", "status": 1, "result_delivery": None, "paid_online": None,
    "submitted_at": local("2019-12-20T14:32:33"), "received_at": None, "due_given_at": None,
    "finished_given_at": None, "returned_at": None, "refused_given_at": None, "deleted": False,
    "source_changed_at": local("2019-12-20T14:32:33"), "name": "Công ty TNHH Ngô Ngọc An", "identity_kind": None,
    "identity_number": "196754490456", "address": None, "phone": "0988020259", "email": None, "summary": None,
    "fees": None, "components": None, "steps_known": True, "missing": None, "impossible": None, "damaged": None,
    "cleaned": None, "mistyped": None, "page_row": 0,
}  # fmt: skip


def test_recorded_dossier_becomes_this_row(batch: MappedBatch) -> None:
    row = {name: values(batch.dossiers[name])[0] for name in FIRST}
    assert row == FIRST
    assert batch.unknown_fields == ()


def test_content_is_the_record_without_its_change_time(batch: MappedBatch) -> None:
    record = PLATFORMS["oss_soap"].records(ANSWER.encode(), source=SOURCE, note={})
    bare = [{key: value for key, value in one.items() if key != "ngayCapNhat"} for one in record]
    texts = [json.dumps(one, ensure_ascii=False, separators=(",", ":"), sort_keys=True) for one in bare]
    digests = [hashlib.sha256(unicodedata.normalize("NFC", text).encode()).hexdigest() for text in texts]
    assert values(batch.dossiers["content_sha256"]) == digests


def test_recorded_history_becomes_these_steps_and_this_request(batch: MappedBatch) -> None:
    steps = batch.steps[batch.steps["row"] == 1]
    assert values(steps["at"]) == [
        local(f"2019-12-{time}") for time in ("10T07:47:04", "10T13:30", "12T15:30", "20T15:30")
    ]
    assert values(steps["status"]) == [2, 4, 5, 4]
    assert values(steps["department"]) == ["Bộ phận Một cửa", "Phòng chuyên môn", "Phòng chuyên môn", "Bộ phận Một cửa"]
    assert values(steps["due_at"]) == [None] * 4
    (request,) = batch.supplements.to_dict("records")
    assert (request["row"], request["requested_at"], request["answered_at"], request["note"]) == (
        1, local("2019-12-12T15:30"), local("2019-12-20T15:30"), "Yêu cầu bổ sung giấy tờ"
    )  # fmt: skip
