"""kedro-mlflow's hook, with the parameters of a node written at once instead of one by one.

Each write is a request to the server, and waits for its answer. Imports MLflow, so it is imported
when a run begins.
"""

from __future__ import annotations

from typing import Any

import mlflow
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline.node import Node
from kedro_mlflow.framework.hooks.mlflow_hook import MlflowHook
from mlflow.utils.validation import MAX_PARAM_VAL_LENGTH


class BatchingMlflowHook(MlflowHook):
    """Collects what kedro-mlflow logs for a node."""

    def __init__(self) -> None:
        super().__init__()
        self._collected: dict[str, str] = {}

    @hook_impl
    def before_node_run(
        self, node: Node, catalog: DataCatalog, inputs: dict[str, Any], is_async: bool
    ) -> None:
        """Log the parameters of the node."""
        self._collected = {}
        super().before_node_run(node, catalog, inputs, is_async)
        if self._collected:
            mlflow.log_params(self._collected)

    def _log_param(self, name: str, value: Any) -> None:
        text = str(value)
        if len(text) <= MAX_PARAM_VAL_LENGTH:
            self._collected[name] = text
        else:  # What to do about it stands in `mlflow.yml`.
            super()._log_param(name, value)
