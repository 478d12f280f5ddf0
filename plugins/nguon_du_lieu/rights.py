"""Who may look, and who may do what: the one place that asks Airflow who somebody is.

Under FAB the rights are those of config/roles.json: `can_read` and `can_edit` of the resource "Nguồn dữ liệu". The
simple auth manager of a laptop knows no such resource and says yes to everybody who is logged in: so whoever acts must
also be somebody who may start the DAGs that do the work, which there needs the role `user` or more.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import Depends, HTTPException, Request

RESOURCE = "Nguồn dữ liệu"
ACT = "act"  # in `request.state.allowed`
STARTED = ("sync_source", "decide_hold", "replay_quarantine")


# not async: asking FAB is a query, and others are served meanwhile
def may_look(request: Request, user: GetUserDep) -> None:
    """Lets in whoever may see the page (401 when not logged in, 403), and notes who they are and whether they act."""
    if not get_auth_manager().is_authorized_custom_view(method="GET", resource_name=RESOURCE, user=user):
        raise HTTPException(403, detail="Viewer (Xem)")
    request.state.person = who(user)
    request.state.allowed = frozenset({ACT} if _acts(user) else ())


def may_act(request: Request, user: GetUserDep) -> BaseUser:
    """The person, when they may do something and the request is theirs; else 403."""
    if not _acts(user):
        raise HTTPException(403, detail="Operator (Vận hành)")
    _refuse_foreign(request)
    return user


Person = Annotated[BaseUser, Depends(may_act)]


def who(user: BaseUser) -> str:
    """The name that Airflow keeps with the runs that they start."""
    return str(user.get_name())


def token_of(user: BaseUser) -> str:
    """A token for one call of Airflow's API in their name."""
    return str(get_auth_manager().generate_jwt(user, expiration_time_in_seconds=60))


def _acts(user: BaseUser) -> bool:
    manager = get_auth_manager()
    return manager.is_authorized_custom_view(method="PUT", resource_name=RESOURCE, user=user) and all(
        manager.is_authorized_dag(
            method="POST", access_entity=DagAccessEntity.RUN, details=DagDetails(id=dag_id), user=user
        )
        for dag_id in STARTED
    )


def _refuse_foreign(request: Request) -> None:
    """403 for a form that another site had the reader's browser send with the reader's cookie.

    Every browser of today says where a request comes from, and no page can make it say otherwise; an older one names
    the origin. A program that gives a token of its own has no cookie that could be misused.
    """
    if request.headers.get("authorization"):
        return
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    own = site == "same-origin" if site else bool(origin) and urlsplit(origin or "").netloc == request.url.netloc
    if not own:
        raise HTTPException(403, detail=f"Origin: {origin or '–'}")
