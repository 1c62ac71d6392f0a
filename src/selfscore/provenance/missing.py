"""What `--only-missing-outputs` makes: what is not there, or was made with something else.

Kedro asks whether an output is there. What other parameters, images, scores or another base model
made of the same name is not what was asked for. Code is left out: after an update all of it would
count as changed, and `kedro stale` tells of it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from kedro.framework.context import KedroContext
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.runner import SequentialRunner

from selfscore.configuration.settings_class import as_parameters
from selfscore.provenance.manifest import Manifest
from selfscore.provenance.project import Project, credentials_of, missing_outputs
from selfscore.provenance.redaction import Redaction
from selfscore.provenance.staleness import check
from selfscore.provenance.store import DATASET, read_manifests
from selfscore.running.stopping import StoppableSession

logger = logging.getLogger(__name__)

_SHOWN = 4


class ProjectSession(StoppableSession):
    """Its runs with `--only-missing-outputs` look at how the outputs were made."""

    def load_context(self) -> KedroContext:
        """Read the configuration."""
        self._read = super().load_context()
        return self._read

    def run(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        """Run the pipeline; see `StoppableSession.run`."""
        if options.get("only_missing_outputs"):
            runner = options["runner"] = options.get("runner") or SequentialRunner()
            missing_outputs(runner, lambda pipeline, catalog: self._missing(pipeline, catalog))
        return super().run(*arguments, **options)

    def _missing(self, pipeline: Pipeline, catalog: DataCatalog) -> Pipeline:
        redact = Redaction(credentials_of(self._read.config_loader))
        parameters = redact(as_parameters(catalog.load("parameters")))
        project = Project(Path(self._project_path), self._read.env, parameters, catalog)
        manifests = read_manifests(catalog) if DATASET in catalog else []
        otherwise = made_otherwise(project, pipeline, manifests)
        for name, why in list(otherwise.items())[:_SHOWN]:
            logger.info("'%s' is run again. %s.", name, why)
        if len(otherwise) > _SHOWN:
            logger.info("So are %d more that follow.", len(otherwise) - _SHOWN)
        return to_make(project, pipeline, otherwise)


def to_make(project: Project, pipeline: Pipeline, otherwise: Iterable[str]) -> Pipeline:
    """The nodes of a pipeline whose outputs are missing, and what makes anew.

    Args:
        project: where outputs are.
        pipeline: that was asked for.
        otherwise: names of the nodes in `made_otherwise`.
    """
    names = {node.name for node in project.what_makes_missing(pipeline).nodes} | set(otherwise)
    return Pipeline([node for node in pipeline.nodes if node.name in names])


def made_otherwise(
    project: Project, pipeline: Pipeline, manifests: Sequence[Manifest]
) -> dict[str, str]:
    """The nodes whose outputs are there and were made with something else → what that is.

    Args:
        project: what would run now.
        pipeline: that was asked for.
        manifests: the newest first.
    """
    found: dict[str, str] = {}
    for verdict in check(project, pipeline, manifests, with_code=False):
        if verdict.state == "stale":
            found.setdefault(verdict.node, f"{verdict.name}: {'; '.join(verdict.reasons)}")
    return found
