"""A project's configuration, catalog and pipelines, as a run would have them, without a run.

Starts no session, so nothing is tracked and nothing is written. Kedro has no public way to that, so
this is the one file that uses the private names of its context and its runner.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import chdir
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kedro.config import AbstractConfigLoader, MissingConfigException
from kedro.framework import project as kedro_project
from kedro.framework.context import KedroContext
from kedro.framework.hooks.manager import _NullPluginManager
from kedro.framework.project import pipelines, settings
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.runner import AbstractRunner, SequentialRunner

from selfscore.provenance.one_run import scratch_folder
from selfscore.provenance.redaction import Redaction
from selfscore.running.own_source import refuse_other_source
from selfscore.running.selection import select


@dataclass(frozen=True)
class Project:
    """What a run would start from.

    Attributes:
        path: root of the project.
        environment: of the configuration; None for the default one.
        parameters: all of them, without secrets, as a manifest has them.
        catalog: with all patterns.
        scratch: folder of what has no versions; None where the configuration names none.
        mlflow: content of `mlflow.yml`; empty where there is none.
        credentials: by name.
    """

    path: Path
    environment: str | None
    parameters: dict[str, Any]
    catalog: DataCatalog
    scratch: Path | None = None
    mlflow: dict[str, Any] = field(default_factory=dict)
    credentials: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def tracking_uri(self) -> str | None:
        """Of the tracking server; None where none is configured."""
        return (self.mlflow.get("server") or {}).get("mlflow_tracking_uri")

    def pipeline(self, names: list[str] | None = None, **selection: Any) -> Pipeline:
        """The nodes that `kedro run` would take.

        Args:
            names: registered pipelines; by default `__default__`.
            selection: as `Pipeline.filter` takes it.

        Raises:
            SelectionError: there is no such pipeline, or no such node.
        """
        return select(pipelines, names, **selection)

    def what_makes_missing(self, pipeline: Pipeline) -> Pipeline:
        """The nodes of which an output is not there, and what these need."""
        return SequentialRunner()._filter_pipeline_for_missing_outputs(pipeline, self.catalog)

    def datasets(self) -> set[str]:
        """Every dataset of every pipeline, without parameters."""
        names = set().union(*(pipelines[name].datasets() for name in pipelines))
        return {name for name in names if not name.startswith("params:") and name != "parameters"}


def missing_outputs(
    runner: AbstractRunner, chosen: Callable[[Pipeline, DataCatalog], Pipeline]
) -> None:
    """Have a runner take other nodes with `--only-missing-outputs`.

    Args:
        runner: of a run.
        chosen: the nodes, from those that were asked for.
    """
    runner._filter_pipeline_for_missing_outputs = chosen  # type: ignore[method-assign,assignment]


def open_project(
    path: Path,
    environment: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    load_versions: Mapping[str, str] | None = None,
    conf_source: str | None = None,
) -> Project:
    """Read a project, without a run: the one way to its configuration, catalog and pipelines.

    Args:
        path: its root, which has been bootstrapped.
        environment: of the configuration; None for the default one.
        parameters: what `--params` would set.
        load_versions: what `--load-versions` would set.
        conf_source: folder of the configuration; None for the project's own.

    Raises:
        OtherSourceError: the code that runs is not the project's.
    """
    refuse_other_source(path)
    loader = settings.CONFIG_LOADER_CLASS(
        conf_source or str(path / settings.CONF_SOURCE),
        env=environment,
        runtime_params=dict(parameters or {}),
        **settings.CONFIG_LOADER_ARGS,
    )
    context: Any = KedroContext(
        project_path=path,
        config_loader=loader,
        env=environment,
        package_name=str(kedro_project.PACKAGE_NAME),
        hook_manager=_NullPluginManager(),  # type: ignore[arg-type]
        runtime_params=dict(parameters or {}),  # type: ignore[arg-type]
    )
    # The number of rounds is in the parameters, and shapes the pipelines.
    values = loader["parameters"]
    pipelines.configure(f"{kedro_project.PACKAGE_NAME}.pipeline_registry")
    with chdir(path):
        catalog = context._get_catalog(load_versions=dict(load_versions or {}))
    credentials = credentials_of(loader)
    return Project(
        path,
        environment,
        Redaction(credentials)(values),
        catalog,
        scratch_folder(_optional(loader, "globals"), path),
        _optional(loader, "mlflow"),
        credentials,
    )


def credentials_of(loader: AbstractConfigLoader) -> dict[str, Any]:
    """The credentials in a configuration; empty where it has none."""
    return _optional(loader, "credentials")


def _optional(loader: AbstractConfigLoader, kind: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = loader[kind]
    except MissingConfigException:
        return {}
    return found
