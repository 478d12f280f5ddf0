"""The application as Airflow's API server runs it; importing it reads the settings and the registry."""

from __future__ import annotations

from nguon_du_lieu import actions, rights
from nguon_du_lieu.ground import Ground
from nguon_du_lieu.site import make_app

app = make_app(Ground.of_this_process(), guard=rights.may_look, actions=actions.routes(rights.may_act))
