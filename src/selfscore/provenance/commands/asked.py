"""Which nodes `kedro stale` and `kedro plan` are asked about, and in which configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from selfscore.provenance.commands.shared import (
    conf_source_option,
    env_option,
    namespaces_option,
    nodes_option,
    params_option,
    pipelines_option,
    project_of,
    tags_option,
    verbose_option,
)

if TYPE_CHECKING:
    from kedro.framework.startup import ProjectMetadata
    from kedro.pipeline import Pipeline

    from selfscore.provenance.project import Project

ASKED_OPTIONS = (
    pipelines_option,
    namespaces_option,
    tags_option,
    nodes_option,
    env_option,
    params_option,
    conf_source_option,
    verbose_option,
)


@dataclass(frozen=True)
class Asked:
    """What the options `ASKED_OPTIONS` say."""

    pipelines: list[str]
    namespaces: list[str]
    tags: list[str]
    node_names: list[str]
    env: str | None
    params: dict[str, Any]
    conf_source: str | None

    def open(
        self,
        metadata: ProjectMetadata,
        load_versions: dict[str, str] | None = None,
        **bounds: list[str],
    ) -> tuple[Project, Pipeline]:
        """The project in this configuration, and of its nodes those asked for."""
        project = project_of(metadata, self.env, self.params, self.conf_source, load_versions)
        pipeline = project.pipeline(
            self.pipelines,
            node_namespaces=self.namespaces,
            tags=self.tags,
            node_names=self.node_names,
            **bounds,
        )
        return project, pipeline
