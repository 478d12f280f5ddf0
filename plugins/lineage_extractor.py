"""Tells OpenLineage what our tasks read and wrote: named in `AIRFLOW__OPENLINEAGE__EXTRACTORS`, loaded by its provider.

It lies here to be found, and is no plugin: as in the provider, where no transport is set there is nothing in it.
"""

from __future__ import annotations

import os
from inspect import signature
from typing import Any

from airflow.providers.openlineage import conf

if not conf.is_disabled():
    from airflow.providers.openlineage.extractors import BaseExtractor, OperatorLineage
    from openlineage.client.event_v2 import InputDataset, OutputDataset
    from openlineage.client.facet_v2 import output_statistics_output_dataset as statistics

    class TaskLineage(BaseExtractor):
        """Of every task written with `@task`; one that moves no data is told without datasets."""

        @classmethod
        def get_operator_classnames(cls) -> list[str]:
            """All our tasks are of this class."""
            return ["_PythonDecoratedOperator"]

        def _execute_extraction(self) -> OperatorLineage:
            return OperatorLineage()  # what was touched is known in the end

        def extract_on_complete(self, task_instance: Any) -> OperatorLineage:
            """The datasets of a task that ended well."""
            from motcua.settings import Settings
            from motcua.steps.datasets import touched

            called = signature(self.operator.python_callable).bind_partial(
                *self.operator.op_args, **self.operator.op_kwargs
            )
            settings = Settings.from_environment(os.environ)
            told = touched(self.operator.task_id, called.arguments, settings=settings)
            if told is None:
                return OperatorLineage()
            return OperatorLineage(
                inputs=[InputDataset(namespace=one.namespace, name=one.name) for one in told.read],
                outputs=[
                    OutputDataset(namespace=one.namespace, name=one.name, outputFacets=_rows(one.rows))
                    for one in told.written
                ],
            )

        def extract_on_failure(self, task_instance: Any) -> OperatorLineage:
            """A task that failed may have written a part, or nothing: it claims nothing."""
            return OperatorLineage()

    def _rows(count: int | None) -> dict[str, Any]:
        if count is None:
            return {}
        return {"outputStatistics": statistics.OutputStatisticsOutputDatasetFacet(rowCount=count)}
