"""The pipeline's connections, where Airflow keeps them. No DAG stands here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from motcua.connections import Connection


class AirflowConnections:
    """The pipeline's connections, kept by Airflow (`motcua.connections.Connections`)."""

    def get(self, connection_id: str) -> Connection:
        """The connection; ConnectionAbsent when Airflow does not know it."""
        from airflow.sdk import Connection as AirflowConnection
        from airflow.sdk.exceptions import AirflowNotFoundException
        from motcua.connections import Connection
        from motcua.errors import ConnectionAbsent

        try:
            kept = AirflowConnection.get(connection_id)
        except AirflowNotFoundException as error:
            raise ConnectionAbsent(
                f"connection {connection_id} is not defined: add it under Admin, Connections"
            ) from error
        return Connection(
            id=connection_id,
            host=kept.host,
            port=kept.port,
            schema=kept.schema,
            login=kept.login,
            password=kept.password,
            extra={key: str(value) for key, value in kept.extra_dejson.items()},
        )
