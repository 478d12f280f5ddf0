"""Makes Airflow's roles what roles.json says, under the FAB auth manager; safe to repeat. `airflow-init` runs it.

Viewer is FAB's own: what it lacks is added. Operator is ours: it has what is written, and loses what is no more. People
get a role under Security, Users. Admin may everything, what is new here included.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

OWN = ("Operator",)
Permission = tuple[str, str]  # action and resource


def permissions(told: dict[str, Any], built_in: dict[str, list[Permission]], name: str) -> set[Permission]:
    """What a role of the file has, with what it takes over from one of FAB's."""
    own = {(action, resource) for resource, actions in told[name]["permissions"].items() for action in actions}
    return own | set(built_in[told[name]["as"]] if "as" in told[name] else ())


def main() -> int:
    """Exit status 0."""
    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder

    told = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
    with get_application_builder() as builder:
        manager = builder.sm
        built_in = {one["role"]: one["perms"] for one in manager.ROLE_CONFIGS}
        wanted = {name: permissions(told, built_in, name) for name in told}
        manager.bulk_sync_roles([{"role": name, "perms": sorted(perms)} for name, perms in wanted.items()])
        for name in OWN:
            role = manager.find_role(name)
            for one in list(role.permissions):
                if (one.action.name, one.resource.name) not in wanted[name] | {("can_read", "Website")}:
                    manager.remove_permission_from_role(role, one)
        manager.update_admin_permission()
    for name, perms in wanted.items():
        print(f"role {name} ({told[name]['label']}): {len(perms)} permissions")  # noqa: T201  # airflow-init's log
    return 0


if __name__ == "__main__":
    sys.exit(main())
