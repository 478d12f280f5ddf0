"""Running it: who is read when, what people do and are told, catalogues, runs that died."""

from pathlib import Path

from alembic import op

revision = "running"
down_revision = "portals"
PARTS = ("watcher", "schedule", "messages", "catalogues", "recovery", "audit")


def upgrade() -> None:
    """One part after the other in the caller's transaction."""
    folder = Path(__file__).parents[1]
    for part in PARTS:
        sql = (folder / f"running_{part}.sql").read_text(encoding="utf-8")
        # straight to the driver: SQLAlchemy would prepare it, and several statements cannot be prepared as one
        op.get_bind().connection.cursor().execute(sql)


def downgrade() -> None:
    """What people have decided since would be forgotten."""
    raise NotImplementedError("there is no way back from here that keeps what was decided since; restore a backup")
