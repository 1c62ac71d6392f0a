"""The hook that registers the champion of a run; no node knows of it.

It comes after the run's manifest, which says what the champion was made of. A champion that cannot
be registered costs a warning, never the run.
"""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl

from selfscore.provenance.champion import CHAMPION, Champion, champion_version
from selfscore.provenance.redaction import Redaction
from selfscore.running.stopping import resumed_run

if TYPE_CHECKING:
    from kedro.io import DataCatalog

logger = logging.getLogger(__name__)


class RegistryHooks:
    """Registers the policy that the dataset `champion` names, under the name `registry.model`."""

    def __init__(self) -> None:
        self._redact = Redaction()
        self._champion: Champion | None = None

    @hook_impl
    def after_catalog_created(self, conf_creds: dict[str, Any]) -> None:
        """Learn what must not be said."""
        self._redact = Redaction(conf_creds)

    @hook_impl
    def before_pipeline_run(self) -> None:
        """Forget the champion of an earlier run."""
        self._champion = None

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any) -> None:
        """Note what the run has chosen."""
        if dataset_name == CHAMPION:
            self._champion = Champion(data["policy"], data["digest"])

    @hook_impl
    def after_pipeline_run(self, run_params: dict[str, Any], catalog: DataCatalog) -> None:
        """Register the champion."""
        if "params:registry" not in catalog:
            return
        champion, model = self._champion, catalog.load("params:registry")["model"]
        if champion is None and (before := resumed_run()) is not None:
            champion = _chosen_before(before, catalog)
        if champion is None or model is None:
            return
        try:
            self._register(champion, model, run_params, catalog)
        # Every kind of store fails in its own way.
        except Exception as error:
            environment = f" --env={run_params['env']}" if run_params.get("env") else ""
            logger.warning(
                "The champion %s is not in the model registry (%s: %s). `kedro run "
                "--pipelines=reporting%s` registers it.",
                champion.policy,
                type(error).__name__,
                self._redact(str(error)),
                environment,
            )

    def _register(
        self, champion: Champion, model: str, run_params: dict[str, Any], catalog: DataCatalog
    ) -> None:
        import mlflow

        active = mlflow.active_run()
        if active is None:
            raise RuntimeError("this run is not tracked")
        from selfscore.handoff.create import create
        from selfscore.provenance.project import Project
        from selfscore.provenance.store import read_manifests
        from selfscore.registry import versions

        path = Path(run_params["project_path"])
        project = Project(path, run_params.get("env"), {}, catalog)
        made = champion_version(project, champion)
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "handoff"
            create(project, read_manifests(catalog), champion.policy, folder, made)
            version = versions.register(mlflow.MlflowClient(), active, folder, model)
        logger.info(
            "%s is version %s of the registered model '%s', and its candidate.",
            champion.policy,
            version.version,
            model,
        )


def _chosen_before(run_id: str, catalog: DataCatalog) -> Champion | None:
    """What was chosen by the run that the present one goes on from: it did not come to this."""
    from selfscore.provenance.resumption import ResumptionError, whole_run
    from selfscore.provenance.store import read_manifests

    manifests = read_manifests(catalog)
    try:
        whole = whole_run(next(one for one in manifests if one.run_id == run_id), manifests)
    except (StopIteration, ResumptionError):
        return None
    if (made := whole.made.get(CHAMPION)) is None:
        return None
    record = catalog.load(CHAMPION, made.version)
    return Champion(record["policy"], record["digest"], made.version)
