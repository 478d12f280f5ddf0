"""Connections to the warehouse, each in a role with the least rights, and the schema's migrations."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import cast

import psycopg
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg import sql

from motcua.errors import ConfigError
from motcua.settings import Settings

MIGRATIONS = Path(__file__).parent / "migrations"
# A run that is asleep, or whose machine is gone, keeps its locks as long as its sessions last. A machine that is gone
# is noticed after two minutes; a session in which nothing is asked for two hours is nobody's: no task may last so long.
ENDS_OF_THE_SILENT = {
    "tcp_keepalives_idle": "60",
    "tcp_keepalives_interval": "15",
    "tcp_keepalives_count": "4",
    "idle_session_timeout": "2h",
}
# Two migrations at once would race for the same objects; the number means nothing.
MIGRATION_LOCK = 7_315_001


class Role(StrEnum):
    """Who connects: what each may do stands at the end of the migrations' files."""

    PIPELINE = "motcua_pipeline"
    SENDER = "motcua_sender"
    PUBLISHER = "motcua_publisher"
    NOTIFIER = "motcua_notifier"
    WATCHER = "motcua_watcher"


def engine(settings: Settings, role: Role | None) -> sa.Engine:
    """An engine whose sessions act in `role`; None keeps the log-in's own rights, for migrations.

    Raises:
        ConfigError: no database is named, or its URL is not for psycopg 3.
    """
    if settings.database_url is None:
        raise ConfigError("MOTCUA_DATABASE_URL is not set, and no embedded server was started")
    try:
        url = sa.make_url(settings.database_url)
    except sa.exc.ArgumentError:  # its text repeats the URL, which may hold a password
        raise ConfigError("MOTCUA_DATABASE_URL: expected postgresql+psycopg://…, got no URL at all") from None
    if url.drivername in {"postgresql", "postgres"}:
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername != "postgresql+psycopg":
        raise ConfigError(f"MOTCUA_DATABASE_URL: expected postgresql+psycopg://…, got {url.drivername}://…")
    # timezone: what people read in psql is the city's time; jit: it costs more than our short statements
    options = "-c timezone=Asia/Ho_Chi_Minh -c jit=off"
    options += "".join(f" -c {name}={value}" for name, value in ENDS_OF_THE_SILENT.items())
    if role is not None:
        # what writes names no schema: a warehouse rebuilt beside the real one is written by the same statements
        options += f" -c role={role} -c search_path={settings.schema or 'core,private'}"
    arguments = {"options": options, "connect_timeout": 10, "application_name": settings.via}
    return sa.create_engine(url, connect_args=arguments, pool_pre_ping=True)


def migrate(settings: Settings) -> None:
    """Brings the schema and the roles to the newest version; does nothing when they are there."""
    admin = engine(settings, None)
    try:
        with admin.begin() as connection:
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
            _create_roles(connection)
            config = Config()
            config.set_main_option("script_location", str(MIGRATIONS))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        admin.dispose()


def schema_versions(settings: Settings) -> tuple[str | None, str]:
    """The version of the schema that is there (None: there is none), and the one that this code needs."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    wanted = ScriptDirectory.from_config(config).get_current_head()
    admin = engine(settings, None)
    try:
        with admin.connect() as connection:
            is_there = connection.execute(sa.text("SELECT to_regclass('schema_version') IS NOT NULL")).scalar_one()
            held = connection.execute(sa.text("SELECT version_num FROM schema_version")).scalar() if is_there else None
    finally:
        admin.dispose()
    return held, str(wanted)


def _create_roles(connection: sa.Connection) -> None:
    driver = cast("psycopg.Connection", connection.connection.driver_connection)  # SQLAlchemy types it as any driver's
    for role in Role:
        present = connection.execute(sa.text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role}).first()
        if present is None:
            name = sql.Identifier(role.value)
            cursor = driver.cursor()
            cursor.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
            cursor.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(name))
