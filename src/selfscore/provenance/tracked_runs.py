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
    """Server, experiment, id and children (name → id) of the active run; empty when none is.

    Without children, the server did not answer. MLflow is not imported for this: without it,
    nothing is tracked.
    """
    mlflow = sys.modules.get("mlflow")
    run = mlflow.active_run() if mlflow is not None else None
    if mlflow is None or run is None:
        return {}
    found = {
        "tracking_uri": mlflow.get_tracking_uri(),
        "experiment_id": run.info.experiment_id,
        "run_id": run.info.run_id,
    }
    try:
        children = mlflow.MlflowClient().search_runs(
            [run.info.experiment_id],
            filter_string=f"tags.mlflow.parentRunId = '{run.info.run_id}'",
        )
    except (mlflow.MlflowException, OSError) as error:
        logger.warning("The child runs are not in the manifest: %s", error)
        return found
    return found | {"children": {one.info.run_name: one.info.run_id for one in children}}


def log_manifest(described: dict[str, Any], record: dict[str, Any]) -> None:
    """Keep the manifest with the tracked run, too, if its server answered `active`."""
    if "children" not in described:
        return
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    try:
        text = json.dumps(record, indent=1, ensure_ascii=False)
        MlflowClient().log_text(described["run_id"], text, "manifest.json")
    except (MlflowException, OSError) as error:
        logger.warning("The manifest is not in MLflow: %s", error)
