"""The warehouse: there, of the right version, its roles and rights, its clock, and runs that were cut off."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from motcua import warehouse
from motcua.steps import place
from motcua.steps.doctor.checks import Finding, Patient, State
from motcua.warehouse import Role, cut_off, upkeep

# MAINTAIN and what the merge's statements use; tests run on 18
OLDEST_SERVER = 170_000
# What a minute of difference does to nobody, an hour does to deadlines
MOST_SKEW = timedelta(minutes=1)
SILENT_FOR = timedelta(days=7)
# One table a role without which nothing of it works; all of them are in tests/warehouse/test_roles.py
_RIGHTS = {
    Role.PIPELINE: ("core.batch", "INSERT"),
    Role.SENDER: ("core.sender", "UPDATE"),
    Role.PUBLISHER: ("core.publication", "INSERT"),
    Role.NOTIFIER: ("core.notice", "INSERT"),
    Role.WATCHER: ("api.source_state", "SELECT"),
}
_ROLES = sa.text(
    "SELECT r.rolname, pg_has_role(r.oid, 'MEMBER') AS is_ours FROM pg_roles r WHERE rolname = ANY(:roles)"
)
_RIGHT = sa.text("SELECT has_table_privilege(CAST(:role AS text), CAST(:relation AS text), :right)")
_CLOCKS = sa.text("""
SELECT clock_timestamp() AS now, (SELECT max(as_of) FROM core.batch WHERE state = 'merged') AS newest,
       (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY clock_skew_seconds) FROM core.source_state
        WHERE clock_skew_seconds IS NOT NULL HAVING count(*) >= 5) AS ahead
""")


def database(patient: Patient) -> Finding:
    """It answers, its version will do, and it is named or embedded."""
    with place.connected_as_owner(patient.settings) as engine, engine.connect() as connection:
        version = int(connection.execute(sa.text("SHOW server_version_num")).scalar_one())
        name = connection.execute(sa.text("SHOW server_version")).scalar_one()
        size = connection.execute(sa.text("SELECT pg_size_pretty(pg_database_size(current_database()))")).scalar_one()
    kind = "máy chủ riêng" if _is_named(patient) else "máy chủ nhúng, chỉ dùng để thử"
    if version < OLDEST_SERVER:
        return Finding(
            check="database", state=State.MEND, told=f"PostgreSQL {name} quá cũ",
            to_do="Nâng cấp PostgreSQL lên bản 17 trở lên",
        )  # fmt: skip
    return Finding(check="database", state=State.GREEN, told=f"PostgreSQL {name}, {kind}, {size}")


def migrations(patient: Patient) -> Finding:
    """Its schema is the one that this code writes."""
    held, wanted = warehouse.schema_versions(patient.settings)
    if held == wanted:
        return Finding(check="migrations", state=State.GREEN, told=f"cấu trúc kho dữ liệu ở bản mới nhất ({held})")
    told = "kho dữ liệu chưa có cấu trúc" if held is None else f"cấu trúc kho dữ liệu ở bản {held}, cần {wanted}"
    return Finding(check="migrations", state=State.MEND, told=told, to_do="Chạy `motcua prepare`")


def roles(patient: Patient) -> Finding:
    """Each role is there, ours to take, and may do what it is for."""
    with place.connected_as_owner(patient.settings) as engine, engine.connect() as connection:
        found = {row.rolname: row.is_ours for row in connection.execute(_ROLES, {"roles": list(Role)})}
        lacking = [role.value for role in Role if role.value not in found]
        foreign = [name for name, is_ours in found.items() if not is_ours]
        tables = connection.execute(sa.text("SELECT to_regclass('core.notice') IS NOT NULL")).scalar_one()
        powerless = [
            role.value
            for role, (relation, right) in _RIGHTS.items()
            if tables and role.value in found
            and not connection.execute(_RIGHT, {"role": role.value, "relation": relation, "right": right}).scalar_one()
        ]  # fmt: skip
    if bad := [*lacking, *foreign, *powerless]:
        return Finding(
            check="roles", state=State.MEND, told=f"thiếu vai trò hoặc quyền: {', '.join(sorted(set(bad)))}",
            to_do="Chạy `motcua prepare` bằng tài khoản là chủ của kho dữ liệu",
            detail=f"missing {lacking}, not granted to this log-in {foreign}, without their rights {powerless}",
        )  # fmt: skip
    return Finding(check="roles", state=State.GREEN, told=f"đủ {len(Role)} vai trò và quyền")


def clock(patient: Patient) -> Finding:
    """Our clock, the database's, those of the sources, and the newest reading agree."""
    with place.connected(patient.settings, Role.PIPELINE) as engine, engine.connect() as connection:
        found = connection.execute(_CLOCKS).one()
    to_do = "Chỉnh giờ máy chủ (NTP), rồi chạy lại"
    if abs(found.now - patient.now) > MOST_SKEW:
        return Finding(
            check="clock", state=State.DOWN, told=f"giờ máy này lệch giờ kho dữ liệu {_told(found.now - patient.now)}",
            to_do=to_do, detail=f"here {patient.now.isoformat()}, database {found.now.isoformat()}",
        )  # fmt: skip
    if found.ahead is not None and abs(found.ahead) > MOST_SKEW.total_seconds():
        return Finding(
            check="clock", state=State.DOWN, told=f"giờ máy này lệch giờ của hơn nửa số nguồn {found.ahead:.0f} giây",
            to_do=to_do,
        )  # fmt: skip
    if found.newest is not None and found.newest > patient.now + MOST_SKEW:
        return Finding(
            check="clock", state=State.MEND, told=f"lần đọc mới nhất ở tương lai: {found.newest.isoformat()}",
            to_do="Giờ máy đã từng sai: xem api.cycle; đừng chạy `motcua maintain` trước khi rõ nguyên nhân",
        )  # fmt: skip
    if found.newest is not None and patient.now - found.newest > SILENT_FOR:
        return Finding(
            check="clock", state=State.NOTE,
            told=f"giờ khớp, nhưng lần đọc mới nhất đã cách đây {(patient.now - found.newest).days} ngày",
            to_do="Nếu không phải dữ liệu thử: xem lịch chạy trong Airflow",
        )  # fmt: skip
    return Finding(check="clock", state=State.GREEN, told="giờ máy, kho dữ liệu và các nguồn khớp nhau")


def runs(patient: Patient) -> Finding:
    """Nothing was cut off, and no rebuilt warehouse was forgotten."""
    with place.connected(patient.settings, Role.PIPELINE) as engine, engine.connect() as connection:
        found = cut_off.cut_off(connection)
        rebuilt = upkeep.rebuilt_schemas(connection)
    if found:
        unmerged = sum(one.unmerged for one in found)
        return Finding(
            check="runs", state=State.MEND,
            told=f"{len(found)} chu kỳ bị ngắt giữa chừng (số {', '.join(str(one.cycle_id) for one in found[:5])}), "
                 f"{unmerged} lô chưa hợp nhất",
            to_do="Chạy `motcua maintain` để đóng lại; lần đọc sau sẽ lấy lại dữ liệu",
        )  # fmt: skip
    if rebuilt:
        return Finding(
            check="runs", state=State.NOTE, told=f"kho dựng lại còn đó: {', '.join(rebuilt)}",
            to_do="Dùng xong thì `motcua rebuild drop`: kho dựng lại có thông tin cá nhân",
        )  # fmt: skip
    return Finding(check="runs", state=State.GREEN, told="không có chu kỳ nào bị ngắt")


def _is_named(patient: Patient) -> bool:
    url = sa.make_url(str(patient.settings.database_url))
    return not str(url.query.get("host", "")).startswith("/var/tmp/")


def _told(difference: timedelta) -> str:
    return f"{abs(difference.total_seconds()):.0f} giây"
