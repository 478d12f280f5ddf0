"""What the first version of a feed is made of: its files, its columns and its rows."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from motcua.publishing.city_feed import Outcome

from tests.publishing.city_feed.feed import Feed, code
from tests.publishing.city_feed.loading import AGENCY
from tests.warehouse.builders import AS_OF, row

pytestmark = pytest.mark.slow

# as on the contract page, in its order
COLUMNS = [
    "code", "procedure_code", "procedure_name", "field", "agency_code", "agency_name", "unit_code", "channel",
    "service_level", "submitted_on", "received_on", "due_on", "due_source", "finished_on", "returned_on", "status",
    "progress", "supplements", "updated_on",
]  # fmt: skip
QUOTED = "1.000049"  # its name holds commas
FILES = {
    "agencies.json", "datapackage.json", "delta.jsonl.gz", "dossiers.csv.gz", "dossiers.jsonl.gz", "dossiers.parquet",
    "manifest.json", "manifest.jws", "procedures.csv", "statistics.csv", "statistics.md",
}  # fmt: skip


@pytest.fixture
def published(feed: Feed) -> Feed:
    night = datetime(2018, 12, 21, 17, 30, tzinfo=UTC)  # already the 22nd in the city
    bare = dict.fromkeys(("channel", "service_level", "submitted_at", "due_at", "due_source"))
    feed.load(
        row(
            code=code(3),
            received_at=AS_OF - timedelta(days=9),
            status=9,
            finished_at=AS_OF - timedelta(days=1),
            procedure_code=QUOTED,
            supplements=2,
        ),
        row(code=code(1), submitted_at=night, received_at=night, channel=2, source_changed_at=night),
        row(code=code(2), procedure_code="9.999999", **bare),
    )
    assert feed.publish() == Outcome(seq=1, rows=3, changed=3, is_new=True)
    return feed


def test_version_holds_the_files_of_a_snapshot(published: Feed) -> None:
    assert {file.name for file in published.version().iterdir()} == FILES
    assert set(published.files()) == {
        "index.json",
        "index.jws",
        "keys.json",
        "keys.jws",
        "status.json",
        *(f"versions/00000001/{name}" for name in FILES),
        *(path for path in published.files() if path.startswith(("lookup/", "schema/"))),
    }


def test_row_says_what_the_contract_names_and_nothing_else(published: Feed) -> None:
    first = published.rows()[0]
    assert list(first) == COLUMNS
    assert first == {
        "code": code(1), "procedure_code": "1.001193", "procedure_name": "Thủ tục đăng ký khai sinh",
        "field": published.registry.procedures["1.001193"].field_name, "agency_code": AGENCY,
        "agency_name": "UBND phường An Biên", "unit_code": "11371", "channel": 2, "service_level": 2,
        "submitted_on": "2018-12-22", "received_on": "2018-12-22", "due_on": "2018-12-28", "due_source": "source",
        "finished_on": None, "returned_on": None, "status": 4, "progress": "within_time", "supplements": 0,
        "updated_on": "2018-12-22",
    }  # fmt: skip


def test_unknown_values_are_null(published: Feed) -> None:
    second = published.rows()[1]
    assert {name for name in COLUMNS if second[name] is None} == {
        "procedure_name", "field", "channel", "service_level", "submitted_on", "due_on", "due_source", "finished_on",
        "returned_on",
    }  # fmt: skip
    assert second["procedure_code"] == "9.999999"


def test_rows_are_sorted_by_code(published: Feed) -> None:
    assert [dossier["code"] for dossier in published.rows()] == [code(1), code(2), code(3)]


def test_csv_is_rfc_4180_with_line_feeds_and_no_mark(published: Feed) -> None:
    lines = gzip.decompress((published.version() / "dossiers.csv.gz").read_bytes()).decode("utf-8").split("\n")
    assert lines[0] == ",".join(COLUMNS)
    assert lines[2] == (
        f'"{code(2)}","9.999999",,,"{AGENCY}","UBND phường An Biên","11371",,,,'
        '2018-12-22,,,,,4,"within_time",0,2018-12-23'
    )
    assert f',"{published.registry.procedures[QUOTED].name}",' in lines[3]
    assert lines[4:] == [""]


def test_csv_holds_the_rows_of_the_lines(published: Feed) -> None:
    text = gzip.decompress((published.version() / "dossiers.csv.gz").read_bytes()).decode("utf-8")
    found = list(csv.DictReader(io.StringIO(text, newline="")))
    assert found == [
        {key: "" if value is None else str(value) for key, value in dossier.items()} for dossier in published.rows()
    ]


def test_parquet_has_the_types_of_the_contract_and_the_rows_of_the_lines(published: Feed) -> None:
    table = pq.read_table(published.version() / "dossiers.parquet")
    dates = [name for name in COLUMNS if name.endswith("_on")]
    numbers = ["channel", "service_level", "status", "supplements"]
    kinds = dict.fromkeys(COLUMNS, pa.string()) | dict.fromkeys(dates, pa.date32()) | dict.fromkeys(numbers, pa.int16())
    assert dict(zip(table.column_names, table.schema.types, strict=True)) == kinds
    found = [
        {key: value.isoformat() if key in dates and value else value for key, value in dossier.items()}
        for dossier in table.to_pylist()
    ]
    assert found == published.rows()


def test_manifest_tells_bytes_digest_and_rows_of_every_other_file(published: Feed) -> None:
    counts = dict.fromkeys(("dossiers.csv.gz", "dossiers.jsonl.gz", "dossiers.parquet"), 3)
    counts |= {"agencies.json": len(orjson.loads((published.version() / "agencies.json").read_bytes()))}
    counts |= {name: len(_lines(published.version() / name)) - 1 for name in ("procedures.csv", "statistics.csv")}
    counts |= {"delta.jsonl.gz": 0}
    expected = [
        {
            "name": file.name,
            "bytes": file.stat().st_size,
            "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
            "rows": counts.get(file.name),
        }
        for file in sorted(published.version().iterdir())
        if not file.name.startswith("manifest.")
    ]
    assert published.json("versions/00000001/manifest.json")["files"] == expected


def test_manifest_tells_where_the_version_comes_from(published: Feed) -> None:
    manifest = published.json("versions/00000001/manifest.json")
    told = {
        key: manifest[key] for key in ("seq", "previous", "snapshot", "as_of", "expires_at", "rules", "rows", "changed")
    }
    assert told == {
        "seq": 1,
        "previous": None,
        "snapshot": True,
        "as_of": "2018-12-25T17:00:00+07:00",
        "expires_at": "2018-12-26T19:00:00+07:00",
        "rules": published.registry.fingerprint,
        "rows": 3,
        "changed": 3,
    }
    assert [gate["gate"] for gate in manifest["gates"]] == [
        "columns_are_the_allowed_ones", "formats_agree", "delta_leads_here", "count_matches_warehouse", "codes_rise",
        "values_are_known", "no_large_drop", "no_large_rise", "fill_rates_hold", "statistics_add_up", "schemas_hold",
        "nothing_sensitive", "nothing_personal",
    ]  # fmt: skip


def test_index_names_the_version(published: Feed) -> None:
    assert published.json("index.json") == {
        "version": 1, "seq": 1, "as_of": "2018-12-25T17:00:00+07:00", "published_at": "2018-12-25T17:05:00+07:00",
        "manifest": "versions/00000001/manifest.json", "snapshot": 1, "deltas": [], "lookup_hex": 3, "sources_ok": 1,
        "sources_total": 258, "next_expected": None, "expires_at": "2018-12-26T19:00:00+07:00",
    }  # fmt: skip


def test_status_is_a_heartbeat(published: Feed) -> None:
    assert published.json("status.json") == {
        "state": "ok", "cycle": 1, "last_attempt": "2018-12-25T17:05:00+07:00",
        "last_success": "2018-12-25T17:05:00+07:00", "failed_stage": None, "reason": None, "next_expected": None,
        "sources": {"ok": 1, "down": 0, "held": 0},
    }  # fmt: skip


def test_data_package_describes_the_columns(published: Feed) -> None:
    package = published.json("versions/00000001/datapackage.json")
    resources = {resource["name"]: resource for resource in package["resources"]}
    about = {"datapackage.json", "manifest.json", "manifest.jws", "statistics.md"}
    assert {resource["path"] for resource in resources.values()} == FILES - about
    assert [field["name"] for field in resources["dossiers"]["schema"]["fields"]] == COLUMNS


def test_procedures_are_the_ones_that_may_be_named(published: Feed) -> None:
    rows = list(csv.reader(_lines(published.version() / "procedures.csv")))
    assert rows[0] == ["procedure_code", "procedure_name", "field", "level", "limit_value", "limit_unit"]
    shown = [key for key, procedure in published.registry.procedures.items() if not procedure.sensitive]
    assert [row[0] for row in rows[1:]] == sorted(shown)
    assert len(shown) < len(published.registry.procedures)


def test_city_without_dossiers_is_a_version_too(feed: Feed) -> None:
    assert feed.publish() == Outcome(seq=1, rows=0, changed=0, is_new=True)
    assert feed.rows() == []
    assert pq.read_table(feed.version() / "dossiers.parquet").column_names == COLUMNS
    assert feed.files("lookup") == {}


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines()
