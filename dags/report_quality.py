"""
### report_quality: what is wrong with the data, told to those who can mend it

**Owner:** motcua. **Rhythm:** daily at 05:15, when the night's full pass is merged. Writes one report an office behind
its own link, and sends one digest a day to the people of connection `motcua_smtp` (without it: none, and no error);
and, for the data team, how the rule book fares: `HOME/quality/index.html`.

**Red means** of `build` and `rule_book` an error of ours; of `mail` that the mail server was away for three tries in
half an hour, or refuses. Reports do not wait for the mail.

**First thing to do:** in the red task's log, look for *Task failed with exception*: the sentence with it says what to
do; `api.report_mail` has the mail server's words. Then clear the task: what was sent is not sent twice.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import DAG, CronTriggerTimetable, ExceptionRetryPolicy, RetryAction, RetryRule, task
from wiring import AS_OF, BY_KIND_OF_ERROR, CITY_TIME, DEFAULTS, RUNS_BY_CLOCK, moment, places, settings

MAIL_WAS_AWAY = RetryRule(
    exception="motcua.errors.MailUnavailable",
    action=RetryAction.RETRY,
    retry_delay=timedelta(minutes=15),
    reason="the mail server was away",
)
OR_THE_MAIL = ExceptionRetryPolicy(rules=[MAIL_WAS_AWAY, *BY_KIND_OF_ERROR.rules])

with DAG(
    "report_quality",
    description="Báo cáo chất lượng dữ liệu cho từng đơn vị",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("15 5 * * *", timezone=CITY_TIME) if RUNS_BY_CLOCK else None,
    start_date=pendulum.datetime(2018, 4, 1, tz=CITY_TIME),
    catchup=False,
    max_active_runs=1,
    default_args={**DEFAULTS, "retry_policy": BY_KIND_OF_ERROR},
    tags=["motcua", "reports"],
    params={"as_of": AS_OF},
):

    @task(execution_timeout=timedelta(minutes=15))
    def build(params: dict[str, Any], dag_run: Any) -> dict[str, Any]:
        """One page and one table an office; what is behind a revoked link goes."""
        from motcua import steps

        return dict(steps.build_reports(**places(), as_of=moment(params, dag_run)))

    @task(execution_timeout=timedelta(minutes=10), retry_policy=OR_THE_MAIL)
    def mail(params: dict[str, Any], dag_run: Any) -> dict[str, Any]:
        """The digest, at most once a day."""
        from motcua import steps

        return steps.mail_digest(**places(), as_of=moment(params, dag_run))

    @task(execution_timeout=timedelta(minutes=10))
    def rule_book(params: dict[str, Any], dag_run: Any) -> dict[str, Any]:
        """How many pass each rule, by source and day."""
        from motcua import steps

        return dict(steps.build_quality_report(settings=settings(), as_of=moment(params, dag_run)))

    build() >> mail()
    rule_book()
