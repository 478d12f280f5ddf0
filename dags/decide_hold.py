"""
### decide_hold: what becomes of a mass change

**Owner:** motcua. **Rhythm:** by hand, with a form, when a source is `held`: its list shrank or grew so much that
somebody must look before it counts. `motcua holds` shows what waits, `motcua holds show` the codes before and after.
One run at a time; who decided and why is kept in `api.hold`.

**Accepted**, the list is judged and merged, and publication and delivery follow. **Rejected**, the last good state
stays, quietly, until the source lists something else: what would merge is *skipped*.

**Red means** that there is no such open hold (somebody else decided, or a newer list took its place), or an error of
ours while merging.

**First thing to do:** look at `api.hold`. Where the hold is accepted and the merge is red, clear the red task: the
decision is written down and stays. Otherwise start a new run with the hold that is open now.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import DAG, Param, task
from stages import announce, load
from wiring import AS_OF, BY_KIND_OF_ERROR, CITY_TIME, DEFAULTS, REASON, moment, settings, who

with DAG(
    "decide_hold",
    description="Chấp nhận hoặc từ chối một thay đổi hàng loạt đang tạm giữ",
    doc_md=__doc__,
    schedule=None,
    start_date=pendulum.datetime(2018, 4, 1, tz=CITY_TIME),
    catchup=False,
    max_active_runs=1,
    default_args={**DEFAULTS, "retry_policy": BY_KIND_OF_ERROR},
    tags=["motcua", "sources", "by hand"],
    params={
        "hold_id": Param(type="integer", minimum=1, title="Số lần tạm giữ", description="Số trong `motcua holds`"),
        "decision": Param(type="string", enum=["accept", "reject"], title="Quyết định",
                          values_display={"accept": "Chấp nhận: danh sách mới là đúng",
                                          "reject": "Từ chối: giữ trạng thái cũ"}),
        "reason": REASON,
        "as_of": AS_OF,
    },
):  # fmt: skip

    @task(execution_timeout=timedelta(minutes=5))
    def decide(params: dict[str, Any], dag_run: Any) -> dict[str, Any]:
        """Writes the decision down; `part` is what an accepted one has to merge."""
        from motcua import steps

        part = steps.decide_hold(
            settings=settings(), hold_id=params["hold_id"], accept=params["decision"] == "accept", by=who(dag_run),
            reason=params["reason"],
        )  # fmt: skip
        return {"part": part, "cycle_id": part and part["cycle_id"], "as_of": moment(params, dag_run).isoformat()}

    @task(execution_timeout=timedelta(minutes=5))
    def accepted(decided: dict[str, Any]) -> list[dict[str, Any]]:
        """The part as a list; empty after a rejection: what follows is skipped, and nothing is told."""
        return [decided["part"]] if decided["part"] else []

    decided = decide()
    load.expand_kwargs(accepted(decided)) >> announce.override(trigger_rule="all_success")(decided)
