"""The warehouse: its connection, schema, COPY in and out, the merge of a batch, and the ledgers of cycles."""

from motcua.warehouse.engine import Role, engine, migrate

__all__ = ["Role", "engine", "migrate"]
