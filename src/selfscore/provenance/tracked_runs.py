"""The runs at the tracking server that belong to a manifest.

A run that is no longer active was given up because its server is away; nobody is asked for it then.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

logger = logging.getLogger(__name__)


def active() -> dict[str, Any]:
    """Server, experiment and id of the run that is active now; empty when none is.

    MLflow is not imported for this: without it, nothing is tracked.
    """
    mlflow = sys.modules.get("mlflow")
    run = mlflow.active_run() if mlflow is not None else None
    if mlflow is None or run is None:
        return {}
    return {
        "tracking_uri": mlflow.get_tracking_uri(),
        "experiment_id": run.info.experiment_id,
        "run_id": run.info.run_id,
    }


def _is_open(described: dict[str, Any]) -> bool:
    return bool(described) and active().get("run_id") == described["run_id"]


def with_children(described: dict[str, Any]) -> dict[str, Any]:
    """The same with the ids of the child runs by name; as it was, if the run is not open."""
    if not _is_open(described):
        return described
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    try:
        found = MlflowClient().search_runs(
            [described["experiment_id"]],
            filter_string=f"tags.mlflow.parentRunId = '{described['run_id']}'",
        )
    except (MlflowException, OSError) as error:
        logger.warning("The child runs are not in the manifest: %s", error)
        return described
    return described | {"children": {run.info.run_name: run.info.run_id for run in found}}


def log_manifest(described: dict[str, Any], record: dict[str, Any]) -> None:
    """Keep the manifest with the tracked run, too."""
    if not _is_open(described):
        return
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    try:
        text = json.dumps(record, indent=1, ensure_ascii=False)
        MlflowClient().log_text(described["run_id"], text, "manifest.json")
    except (MlflowException, OSError) as error:
        logger.warning("The manifest is not in MLflow: %s", error)
