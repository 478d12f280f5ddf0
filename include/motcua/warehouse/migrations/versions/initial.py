"""The first schema: facts, ledgers, private rows, stable views and rights, all in `initial.sql`."""

from pathlib import Path

from alembic import op

revision = "initial"
down_revision = None


def upgrade() -> None:
    """Creates everything; one statement after the other in the caller's transaction."""
    sql = (Path(__file__).parents[1] / "initial.sql").read_text(encoding="utf-8")
    # straight to the driver: SQLAlchemy would prepare it, and several statements cannot be prepared as one
    op.get_bind().connection.cursor().execute(sql)


def downgrade() -> None:
    """There is nothing below the first schema."""
    raise NotImplementedError("the first schema has nothing below it; drop the database instead")
