"""Who may look, and who may do what: the one place that asks Airflow who somebody is."""

from __future__ import annotations

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import Request


async def may_look(request: Request, user: GetUserDep) -> None:
    """Lets in whoever is logged in (401 for anybody else), and notes who they are and what they may do."""
    request.state.person = user.get_name()
    request.state.allowed = frozenset()
