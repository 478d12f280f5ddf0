"""Two portals and the people behind them: the feed, the Government portal, reports to offices, subscribers."""

from pathlib import Path

from alembic import op

revision = "portals"
down_revision = "memory"
PARTS = ("feed", "government", "reports", "notices")


def upgrade() -> None:
    """One part after the other in the caller's transaction."""
    folder = Path(__file__).parents[1]
    for part in PARTS:
        sql = (folder / f"portals_{part}.sql").read_text(encoding="utf-8")
        # straight to the driver: SQLAlchemy would prepare it, and several statements cannot be prepared as one
        op.get_bind().connection.cursor().execute(sql)


def downgrade() -> None:
    """What was published and told since would be forgotten."""
    raise NotImplementedError("there is no way back from here that keeps what was told since; restore a backup instead")
