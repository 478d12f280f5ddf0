"""The warehouse: its connection, schema, COPY in and out, the merge of a batch, and the ledgers of cycles."""

from motcua.warehouse.engine import Role, engine, migrate, schema_versions

__all__ = ["Role", "engine", "migrate", "schema_versions"]
