"""Memory: where every word came from, and what is remembered of it."""

from pathlib import Path

from alembic import op

revision = "memory"
down_revision = "every_platform"


def upgrade() -> None:
    """One statement after the other in the caller's transaction."""
    sql = (Path(__file__).parents[1] / "memory.sql").read_text(encoding="utf-8")
    # straight to the driver: SQLAlchemy would prepare it, and several statements cannot be prepared as one
    op.get_bind().connection.cursor().execute(sql)


def downgrade() -> None:
    """What was read since would be lost."""
    raise NotImplementedError("there is no way back from here that keeps what was read since; restore a backup instead")
