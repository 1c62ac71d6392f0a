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

from selfscore.provenance.redaction import Redaction

if TYPE_CHECKING:
    from kedro.io import DataCatalog

logger = logging.getLogger(__name__)

_CHAMPION = "champion"


class RegistryHooks:
    """Registers the policy that the dataset `champion` names, under the name `registry.model`."""

    def __init__(self) -> None:
        self._redact = Redaction()
        self._champion: dict[str, Any] | None = None

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
        if dataset_name == _CHAMPION:
            self._champion = data

    @hook_impl
    def after_pipeline_run(self, run_params: dict[str, Any], catalog: DataCatalog) -> None:
        """Register the champion."""
        if self._champion is None or "params:registry" not in catalog:
            return
        model = catalog.load("params:registry")["model"]
        if model is None:
            return
        name = self._champion["policy"]
        try:
            self._register(name, model, run_params, catalog)
        # Every kind of store fails in its own way.
        except Exception as error:
            logger.warning(
                "The champion %s is not in the model registry (%s: %s). `kedro run "
                "--pipelines=reporting` registers it.",
                name,
                type(error).__name__,
                self._redact(str(error)),
            )

    def _register(
        self, name: str, model: str, run_params: dict[str, Any], catalog: DataCatalog
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
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "handoff"
            create(project, read_manifests(catalog), name, folder)
            version = versions.register(mlflow.MlflowClient(), active, folder, model)
        logger.info(
            "%s is version %s of the registered model '%s', and its candidate.",
            name,
            version.version,
            model,
        )
