"""What Airflow's page "Nguồn dữ liệu" shows, a module a page: read by the watcher, over a connection the caller keeps.

Codes of dossiers and figures alone: nothing here knows a value of a dossier.
"""

from motcua.steps.views import audit, incidents, outbox, publications, quarantine, source, sources

__all__ = ["audit", "incidents", "outbox", "publications", "quarantine", "source", "sources"]
