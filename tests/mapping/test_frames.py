"""A batch as a whole: order and numbers, digests, tombstones, fees and papers, fields that nobody named."""

from __future__ import annotations

import json
import unicodedata

import pytest
from motcua.mapping import SPECS, PageRecords, map_records
from motcua.registry import Registry

from tests.igate_records import record, step
from tests.mapping.records import SUPPLEMENTS, local, map_all, values


def test_rows_keep_their_page_and_place(registry: Registry) -> None:
    pages = [
        PageRecords("aa" * 32, [record(), record()]),
        PageRecords("bb" * 32, []),
        PageRecords("cc" * 32, [record()]),
    ]
    frame = map_records(pages, SPECS["igate"], registry).dossiers
    assert frame.index.tolist() == [0, 1, 2]
    assert frame["page_sha256"].tolist() == ["aa" * 32, "aa" * 32, "cc" * 32]
    assert frame["page_row"].tolist() == [0, 1, 0]


def test_steps_are_numbered_among_their_like_in_listed_order(registry: Registry) -> None:
    late, early = "2018-10-13T08:00:00.000", "2018-10-12T08:00:00.000"
    some = [step(ThoiDiemXuLy=late), step(ThoiDiemXuLy=early), step(ThoiDiemXuLy=late), step(ThoiDiemXuLy=late,
            TrangThai=4)]  # fmt: skip
    steps = map_all("igate", [record(TienTrinh=some), record(TienTrinh=some[:1])], registry).steps
    assert steps["row"].tolist() == [0, 0, 0, 0, 1]
    assert steps["n"].tolist() == [1, 1, 2, 1, 1]
    assert steps["at"].tolist() == [local(at) for at in (late, early, late, late, late)]


@pytest.mark.parametrize("platform", ["igate", "lgsp"])
def test_supplements_are_numbered_within_their_dossier(registry: Registry, platform: str) -> None:
    key = SUPPLEMENTS[platform]
    supplements = map_all(platform, [{key: [{}, {}]}, {}, {key: [{}]}], registry).supplements
    assert list(zip(supplements["row"], supplements["n"], strict=True)) == [(0, 1), (0, 2), (2, 1)]


def _digests(registry: Registry, *records: dict[str, object]) -> list[str]:
    return map_all("igate", records, registry).dossiers["content_sha256"].tolist()


def test_digest_is_the_same_for_the_same_content(registry: Registry) -> None:
    one = record(TrichYeu="Khai sinh Nguyễn Thuỷ")
    decomposed = json.loads(unicodedata.normalize("NFD", json.dumps(one, ensure_ascii=False)))
    turned = dict(reversed(one.items()))
    assert decomposed != one
    assert len(set(_digests(registry, one, one | {"NgayCapNhat": "2018-11-01T00:00:00.000"}, decomposed, turned))) == 1


def test_digest_differs_with_any_content(registry: Registry) -> None:
    one = record()
    others = [
        one | {"TrichYeu": "khác"}, one | {"NguoiXuLy": "khác"}, one | {"SoBienNhan": "BN1"}, one | {"DaXoa": True},
        one | {"TienTrinh": one["TienTrinh"][::-1]}, one | {"TrangThai": 9},
    ]  # fmt: skip
    assert len(set(_digests(registry, one, *others))) == 1 + len(others)


@pytest.mark.parametrize(
    ("platform", "tombstone"),
    [
        ("igate", {"MaHoSo": "000.05.33.h24-181012-0001", "MaDonViTiepNhan": "000.05.33.H24", "DaXoa": True,
                   "NgayCapNhat": "2018-10-15T10:00:00.000", "ChuHoSo": None, "TienTrinh": None, "BoSung": None,
                   "LePhi": None, "ThanhPhan": None, "TrangThai": None}),
        ("lgsp", {"MaHoSo": "000.05.33.h24-181012-0001", "MaDonViTiepNhan": "000.05.33.H24", "DaXoa": "1",
                  "NgayCapNhat": "20181015100000", "QuaTrinhXuLy": "", "DanhSachHoSoBoSung": "", "DinhDanhCHS": "",
                  "DanhSachLePhi": "", "TaiLieuNop": "", "TrangThaiHoSo": ""}),
    ],
)  # fmt: skip
def test_tombstone_needs_nothing_but_its_code_unit_and_time(
    registry: Registry, platform: str, tombstone: dict[str, object]
) -> None:
    batch = map_all(platform, [tombstone], registry)
    (row,) = batch.dossiers.astype(object).where(batch.dossiers.notna(), None).to_dict("records")
    given = {name: value for name, value in row.items() if value is not None and not name.startswith(("page", "conte"))}
    digitised = {"digitised": False} if platform == "igate" else {}  # of no papers, none is digitised
    assert given == digitised | {
        "code": "000.05.33.H24-181012-0001", "agency_code": "H24.33.05", "deleted": True,
        "source_changed_at": local("2018-10-15T10:00"), "channel": 1, "steps_known": True,
        "supplements_told": True, "dated_by_file": False,
    }  # fmt: skip
    assert (batch.steps.empty, batch.supplements.empty, batch.unknown_fields) == (True, True, ())


FEE = {"TenPhiLePhi": "Lệ phí", "MaPhiLePhi": "", "HinhThucThu": "1", "Gia": "8000", "LoaiPhiLePhi": "1"}
PAPER = {
    "TepDinhKemId": "", "TenTepDinhKem": "Tờ khai", "IsDeleted": "False", "MaThanhPhanHoSo": "TP01",
    "DuongDanTaiTepTin": "", "DuocSoHoa": "1", "DuocTaiSuDung": "0", "DuocLayTuKhoDMQG": "0", "MaKetQuaThayThe": "",
}  # fmt: skip
IGATE_PAPER = {"Ma": "TP01", "Ten": "Tờ khai", "DuocSoHoa": True, "DuocTaiSuDung": False}
LISTS = [
    ("igate", {"LePhi": [{"Ten": "Lệ phí", "SoTien": 8000}], "ThanhPhan": [IGATE_PAPER]}, [FEE], [PAPER]),
    ("igate", {"LePhi": [{"Ten": None, "SoTien": None}, "?", {"SoTien": 0}]},
     [FEE | {"TenPhiLePhi": "", "Gia": ""}, FEE | {"TenPhiLePhi": "", "Gia": "0"}], None),
    ("igate", {"ThanhPhan": [{}]}, None,
     [PAPER | {"TenTepDinhKem": "", "MaThanhPhanHoSo": "", "DuocSoHoa": "0"}]),
    ("igate", {"LePhi": "?", "ThanhPhan": None}, None, None),
    ("lgsp", {"DanhSachLePhi": [FEE], "TaiLieuNop": [PAPER]}, [FEE], [PAPER]),
    ("lgsp", {"DanhSachLePhi": [FEE | {"Gia": 8000, "MaPhiLePhi": None}], "TaiLieuNop": ""}, [FEE], None),
]  # fmt: skip


@pytest.mark.parametrize(("platform", "given", "fees", "papers"), LISTS)
def test_fees_and_papers_take_the_portals_form(
    registry: Registry, platform: str, given: dict[str, object], fees: object, papers: object
) -> None:
    frame = map_all(platform, [given], registry).dossiers
    found = [json.loads(str(text)) if text else text for text in values(frame["fees"]) + values(frame["components"])]
    assert found == [fees, papers]


@pytest.mark.parametrize(
    ("digitised", "expected"), [([True], True), ([False, True], True), ([False], False), ([], False)]
)
def test_igate_dossier_is_digitised_when_one_paper_is(
    registry: Registry, digitised: list[bool], expected: bool
) -> None:
    papers = [IGATE_PAPER | {"DuocSoHoa": one, "DuocTaiSuDung": True} for one in digitised]
    assert values(map_all("igate", [record(ThanhPhan=papers)], registry).dossiers["digitised"]) == [expected]


def test_fields_that_nobody_named_are_told_with_their_page(registry: Registry) -> None:
    odd = record(SoBienNhan="BN1", TienTrinh=[step(MaBuoc="1")], BoSung=[{"GhiChuThem": ""}], NgayNhap=None)
    owner = record(ChuHoSo={"HoTen": "Nga", "NgaySinh": "1990"})
    pages = [
        PageRecords("aa" * 32, [record(), odd, odd]),
        PageRecords("bb" * 32, [record()]),
        PageRecords("cc" * 32, [owner]),
    ]
    assert map_records(pages, SPECS["igate"], registry).unknown_fields == (
        ("aa" * 32, "GhiChuThem"),
        ("aa" * 32, "MaBuoc"),
        ("aa" * 32, "NgayNhap"),
        ("aa" * 32, "SoBienNhan"),
        ("cc" * 32, "ChuHoSo.NgaySinh"),
    )


def test_fields_of_lgsp_that_nobody_named_are_told(registry: Registry) -> None:
    odd = {"DinhDanhCHS": [{"LoaiDinhDanh": "1", "SoDinhDanh": "0"}, {"NoiCap": ""}], "QuaTrinhXuLy": [{"Moi": ""}]}
    found = map_records([PageRecords("aa" * 32, [odd])], SPECS["lgsp"], registry).unknown_fields
    assert found == (("aa" * 32, "DinhDanhCHS.NoiCap"), ("aa" * 32, "Moi"))
