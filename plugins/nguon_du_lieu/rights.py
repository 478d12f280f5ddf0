"""Who may look, and who may do what: the one place that asks Airflow who somebody is.

Under FAB the rights are those of config/roles.json: `can_read` and `can_edit` of the resource "Nguồn dữ liệu". The
simple auth manager of a laptop knows no such resource and says yes to everybody who is logged in: so whoever acts must
also be somebody who may start the DAGs that do the work, which there needs the role `user` or more.
"""

from __future__ import annotations

from functools import partial

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import HTTPException, Request

from nguon_du_lieu.person import ACT, Person, refuse_foreign

RESOURCE = "Nguồn dữ liệu"
STARTED = ("sync_source", "decide_hold", "replay_quarantine")
TOKEN_SECONDS = 60


# not async: asking FAB is a query, and others are served meanwhile
def may_look(request: Request, user: GetUserDep) -> None:
    """Lets in whoever may see the page (401 when not logged in, 403), and notes who they are and whether they act."""
    if not get_auth_manager().is_authorized_custom_view(method="GET", resource_name=RESOURCE, user=user):
        raise HTTPException(403, detail="Viewer (Xem)")
    request.state.person = user.get_name()
    request.state.allowed = frozenset({ACT} if _acts(user) else ())


def may_act(request: Request, user: GetUserDep) -> None:
    """Lets through who may do something, when the request is theirs, and notes them; else 403."""
    if not _acts(user):
        raise HTTPException(403, detail="Operator (Vận hành)")
    refuse_foreign(request)
    request.state.acting = Person(name=user.get_name(), token=partial(_token, user))


def _token(user: BaseUser) -> str:
    return str(get_auth_manager().generate_jwt(user, expiration_time_in_seconds=TOKEN_SECONDS))


def _acts(user: BaseUser) -> bool:
    manager = get_auth_manager()
    return manager.is_authorized_custom_view(method="PUT", resource_name=RESOURCE, user=user) and all(
        manager.is_authorized_dag(
            method="POST", access_entity=DagAccessEntity.RUN, details=DagDetails(id=dag_id), user=user
        )
        for dag_id in STARTED
    )
