"""The jobs of a run: one for each group of its lineage, in an order in which each can begin.

Knows pipelines; knows no cluster.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from selfscore.configuration.layout import CPU, GPU

if TYPE_CHECKING:
    from kedro.pipeline import Pipeline


@dataclass(frozen=True)
class Job:
    """One group of nodes, run by a `kedro run` of its own.

    Attributes:
        namespace: of the group.
        needs: `gpu` if one of its nodes has that tag, else `cpu`.
        after: namespaces of the jobs that must have ended well before.
    """

    namespace: str
    needs: str
    after: tuple[str, ...]


def jobs_of(pipeline: Pipeline) -> list[Job]:
    """The jobs of a pipeline, each behind those that it waits for.

    Raises:
        ValueError: a node belongs to no group.
    """
    groups = {group.name: group for group in pipeline.group_nodes_by("namespace")}
    loose = [group.name for group in groups.values() if group.type != "namespace"]
    if loose:
        raise ValueError(
            f"The step '{loose[0]}' belongs to no group, so it can be no job of its own: deploy a "
            "pipeline whose steps all do, such as `iteration`."
        )
    tags = {node.name: node.tags for node in pipeline.nodes}
    jobs: list[Job] = []
    while len(jobs) < len(groups):
        done = {job.namespace for job in jobs}
        jobs += [
            Job(
                name,
                GPU if any(GPU in tags[node] for node in group.nodes) else CPU,
                tuple(sorted(group.dependencies)),
            )
            for name, group in groups.items()
            if name not in done and done.issuperset(group.dependencies)
        ]
    return jobs
