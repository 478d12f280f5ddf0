"""What lies around the warehouse: registry, connections, disks, keys, the portal, the mail server."""

from __future__ import annotations

import os
import shutil
import socket
from contextlib import closing
from pathlib import Path

import orjson
import sqlalchemy as sa

from motcua.errors import ConfigError, ConnectionAbsent, PageGone, PortalRejected, PortalUnavailable
from motcua.files import Files, local_folder
from motcua.landing import StoredPages
from motcua.settings import Settings
from motcua.steps import place
from motcua.steps.cycles import in_force
from motcua.steps.deliver import PORTAL
from motcua.steps.doctor.checks import Finding, Patient, State
from motcua.steps.needed import Need, needed

# A night's full pass of a large city writes some hundred MB; below a GB somebody should come before the weekend.
LEAST_FREE_BYTES, LEAST_FREE_SHARE = 1 << 30, 0.05
# No dossier has it: any answer says that the portal is there.
NOBODYS_CODE = "000.00.00.H24-000101-0000"
CALL_SECONDS = 10.0


def registry(patient: Patient) -> Finding:
    """It can be loaded whole."""
    try:
        found = place.registry(patient.settings.registry)
    except ConfigError as error:
        return Finding(
            check="registry", state=State.MEND, told="sổ đăng ký nguồn có lỗi", detail=str(error),
            to_do="Sửa chỗ được nêu; `motcua sources` kiểm tra lại",
        )  # fmt: skip
    return Finding(
        check="registry", state=State.GREEN,
        told=f"sổ đăng ký hợp lệ: {len(found.sources)} nguồn, {len(found.subscribers)} bên đăng ký",
    )  # fmt: skip


def connections(patient: Patient) -> Finding:
    """Each one that is needed is defined, and says what its platform needs."""
    known = place.registry(patient.settings.registry)
    sources = {source.id: source.connection for source in in_force(known, patient.now)}
    wanted = needed(known, sources)
    wrong = [told for need in wanted if (told := _wrong(patient, need)) is not None]
    if wrong:
        return Finding(
            check="connections", state=State.MEND, told=f"{len(wrong)} trong {len(wanted)} kết nối thiếu hoặc chưa đủ",
            to_do="Thêm vào Airflow (Admin, Connections) hoặc tệp MOTCUA_CONNECTIONS; xem docs/settings.md",
            detail="; ".join(wrong),
        )  # fmt: skip
    return Finding(check="connections", state=State.GREEN, told=f"đủ {len(wanted)} kết nối cần thiết")


def _wrong(patient: Patient, need: Need) -> str | None:
    try:
        lacks = need.lacks(patient.connections.get(need.id))
    except ConnectionAbsent:
        if need.kind.is_optional:
            return None
        return f"{need.id} is not defined" + (f" ({len(need.sources)} sources)" if need.sources else "")
    except ConfigError as error:
        return str(error)
    return f"{need.id} lacks {', '.join(lacks)}" if lacks else None


def disk(patient: Patient) -> Finding:
    """Every folder that we write to can be written, and has room."""
    settings = patient.settings
    urls = (settings.archive_url, settings.staging_url, settings.feed_url, settings.reports_url)
    folders = {settings.home, *(folder for url in urls if (folder := local_folder(url)) is not None)}
    full, closed, least = [], [], None
    ours = {_existing(one) for one in folders}
    for folder in sorted(ours | _database_folder(settings)):
        usage = shutil.disk_usage(folder)
        least = usage.free if least is None else min(least, usage.free)
        if usage.free < max(LEAST_FREE_BYTES, LEAST_FREE_SHARE * usage.total):
            full.append(f"{folder} ({usage.free / 2**30:.1f} GB)")
        if folder in ours and not os.access(folder, os.W_OK | os.X_OK):
            closed.append(str(folder))
    if full or closed:
        told = [f"gần đầy: {', '.join(full)}"] * bool(full) + [f"không ghi được: {', '.join(closed)}"] * bool(closed)
        return Finding(
            check="disk", state=State.DOWN, told="; ".join(told),
            to_do="Thêm chỗ hoặc dọn đĩa; kiểm tra quyền ghi của tài khoản chạy motcua",
        )  # fmt: skip
    return Finding(check="disk", state=State.GREEN, told=f"ghi được, còn ít nhất {(least or 0) / 2**30:.0f} GB trống")


def archive_key(patient: Patient) -> Finding:
    """The key at hand opens a page of the archive; without a page there is nothing to lose yet."""
    settings = patient.settings
    page = next((some.pages[0] for some in StoredPages(settings.archive_url).slices() if some.pages), None)
    kept = settings.home / "secrets" / "archive.key"
    if not place.knows(patient.connections, "motcua_archive") and not kept.exists():
        if page is None:
            told = "chưa có khóa kho lưu; lần đọc đầu tiên sẽ tạo"
            return Finding(check="archive_key", state=State.NOTE, told=told, to_do="Sau đó sao lưu HOME/secrets")
        return Finding(
            check="archive_key", state=State.MEND, told="kho lưu có dữ liệu nhưng không có khóa",
            to_do="Khôi phục kết nối motcua_archive hoặc HOME/secrets/archive.key từ bản sao; đừng để tạo khóa mới",
        )  # fmt: skip
    if page is None:
        return Finding(check="archive_key", state=State.GREEN, told="có khóa kho lưu; kho còn trống")
    try:
        place.archive(settings, patient.connections).open(page)
    except PageGone:  # removed since we looked
        return Finding(check="archive_key", state=State.GREEN, told="có khóa kho lưu")
    except ConfigError as error:
        return Finding(
            check="archive_key", state=State.MEND, told="khóa hiện có không mở được kho lưu", detail=str(error),
            to_do="Thêm khóa cũ vào `previous` của kết nối motcua_archive",
        )  # fmt: skip
    return Finding(check="archive_key", state=State.GREEN, told="khóa mở được kho lưu")


def feed_key(patient: Patient) -> Finding:
    """The key in force was announced, and signed what is published; the next one is there and is another."""
    from motcua.publishing import city_feed

    kept = patient.settings.home / "secrets" / "feed.keys"
    store = Files(patient.settings.feed_url)
    announced = store.read("keys.json")
    if not place.knows(patient.connections, "motcua_feed") and not kept.exists():
        if announced is None:
            return Finding(check="feed_key", state=State.NOTE, told="chưa có khóa ký; lần công bố đầu tiên sẽ tạo")
        return Finding(
            check="feed_key", state=State.MEND, told="đã công bố dữ liệu nhưng không còn khóa ký",
            to_do="Khôi phục kết nối motcua_feed hoặc HOME/secrets/feed.keys từ bản sao",
        )  # fmt: skip
    try:
        keys = city_feed.feed_keys(patient.connections, patient.settings.home)
    except ConfigError as error:
        return Finding(
            check="feed_key", state=State.MEND, told="khóa ký không dùng được", detail=str(error),
            to_do="Sửa kết nối motcua_feed: password là khóa hiện hành, extra.next là khóa kế tiếp",
        )  # fmt: skip
    known = {key["kid"] for key in orjson.loads(announced)["keys"]} if announced else None
    if known is not None and keys.current.kid not in known:
        return Finding(
            check="feed_key", state=State.MEND, told="khóa ký hiện hành chưa từng được báo trước cho các cổng",
            to_do="Để khóa này làm extra.next qua một lần công bố rồi mới dùng", detail=f"kid {keys.current.kid}",
        )  # fmt: skip
    return Finding(check="feed_key", state=State.GREEN, told="khóa ký khớp với dữ liệu đã công bố, có khóa kế tiếp")


def portal(patient: Patient) -> Finding:
    """The Government portal lets us in and answers a look-up."""
    from motcua.publishing.government.client import LogInRefused, PortalClient

    try:
        client = PortalClient(patient.connections.get(PORTAL), call_seconds=CALL_SECONDS)
    except ConfigError as error:
        return Finding(
            check="portal", state=State.MEND, told="chưa có kết nối tới Cổng Dịch vụ công quốc gia", detail=str(error),
            to_do="Thêm kết nối government_portal",
        )  # fmt: skip
    with closing(client):
        try:
            client.log_in()
            client.look_up(NOBODYS_CODE)
        except LogInRefused as error:
            return Finding(
                check="portal", state=State.MEND, told="Cổng Dịch vụ công quốc gia từ chối đăng nhập",
                detail=str(error), to_do="Hỏi Cục Kiểm soát TTHC tài khoản, rồi sửa kết nối government_portal",
            )  # fmt: skip
        except PortalUnavailable as error:
            return Finding(
                check="portal", state=State.DOWN, told="không gọi được Cổng Dịch vụ công quốc gia", detail=str(error),
                to_do="Kiểm tra mạng và tường lửa; hồ sơ chờ trong hàng đợi, không mất",
            )  # fmt: skip
        except PortalRejected:
            pass  # it knows no such dossier: it is there, and that was the question
    return Finding(check="portal", state=State.GREEN, told="Cổng Dịch vụ công quốc gia: đăng nhập và tra cứu được")


def mail(patient: Patient) -> Finding:
    """The mail server takes connections; whether it takes a mail, the next digest says."""
    from motcua.publishing.office_reports.mail import SmtpServer

    if not place.knows(patient.connections, "motcua_smtp"):
        return Finding(check="mail", state=State.GREEN, told="không dùng thư: chưa có kết nối motcua_smtp")
    try:
        server = SmtpServer.of(patient.connections.get("motcua_smtp"))
    except ConfigError as error:
        return Finding(
            check="mail", state=State.MEND, told="kết nối motcua_smtp chưa đúng", detail=str(error),
            to_do="Sửa kết nối motcua_smtp; xem docs/settings.md",
        )  # fmt: skip
    try:
        socket.create_connection((server.host, server.port), CALL_SECONDS).close()
    except OSError as error:
        return Finding(
            check="mail", state=State.DOWN, told="không kết nối được máy chủ thư", detail=type(error).__name__,
            to_do="Kiểm tra địa chỉ, cổng và tường lửa của máy chủ thư",
        )  # fmt: skip
    return Finding(check="mail", state=State.GREEN, told="máy chủ thư nhận kết nối")


def _database_folder(settings: Settings) -> set[Path]:
    """Where the server's socket lies, which is its data's place where it is embedded; nothing is known of others."""
    host = str(sa.make_url(str(settings.database_url)).query.get("host", ""))
    return {Path(host)} if host.startswith("/") and Path(host).is_dir() else set()


def _existing(folder: Path) -> Path:
    """The folder, or the one that it will be made in."""
    while not folder.exists():
        folder = folder.parent
    return folder
