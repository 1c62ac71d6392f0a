"""What a run would do: which nodes would run, for how long, and which versions they would load."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from selfscore.provenance.manifest import Manifest
from selfscore.provenance.missing import made_otherwise, to_make
from selfscore.provenance.places import is_growing, is_versioned, load_version
from selfscore.provenance.project import Project
from selfscore.provenance.staleness import Verdict

Mode = Literal["all", "missing", "stale"]


@dataclass(frozen=True)
class PlannedNode:
    """One node of a plan.

    Attributes:
        name: node.
        runs: whether it would run.
        reason: why, or why not.
        loads: dataset → version it would load; "" for one without versions, "this run" for one that
            the plan makes, None for one that is not there.
        seconds: that it took the last time, without loading and saving; None if it never finished.
    """

    name: str
    runs: bool
    reason: str
    loads: dict[str, str | None] = field(default_factory=dict)
    seconds: float | None = None


def plan(
    project: Project,
    pipeline: Pipeline,
    mode: Mode,
    manifests: Sequence[Manifest],
    verdicts: Sequence[Verdict] = (),
) -> list[PlannedNode]:
    """The plan of a run.

    Args:
        project: what would run.
        pipeline: the nodes that were asked for.
        mode: "all" as `kedro run`, "missing" as `kedro run --only-missing-outputs`, "stale": what
            makes an output that is not up to date, and all that follows from it.
        manifests: the newest first.
        verdicts: for "stale", those of every output of the pipeline.
    """
    reasons = _reasons(project, pipeline, mode, manifests, verdicts)
    seconds = seconds_by_node(manifests)
    made = {name for node in pipeline.nodes if node.name in reasons for name in node.outputs}
    return [
        PlannedNode(
            node.name,
            node.name in reasons,
            reasons.get(node.name, "its outputs are there" if mode == "missing" else "up to date"),
            _loads(project, node, made) if node.name in reasons else {},
            seconds.get(node.name),
        )
        for node in pipeline.nodes
    ]


def seconds_by_node(manifests: Sequence[Manifest]) -> dict[str, float]:
    """Node → seconds that it took when it last finished.

    Args:
        manifests: the newest first.
    """
    return {
        node.name: node.seconds
        for manifest in reversed(manifests)
        for node in manifest.nodes
        if node.status == "finished" and node.seconds is not None
    }


def _reasons(
    project: Project,
    pipeline: Pipeline,
    mode: Mode,
    manifests: Sequence[Manifest],
    verdicts: Sequence[Verdict],
) -> dict[str, str]:
    """Node that would run → why."""
    if mode == "all":
        return {node.name: "asked for" for node in pipeline.nodes}
    if mode == "missing":
        otherwise = made_otherwise(project, pipeline, manifests)
        return {
            node.name: otherwise.get(node.name) or _why_missing(project, node)
            for node in to_make(project, pipeline, otherwise).nodes
        }
    found: dict[str, str] = {}
    for verdict in verdicts:
        if verdict.state != "up to date":
            reason = "; ".join(verdict.reasons)
            found.setdefault(verdict.node, f"{verdict.name}: {reason}")
    made: set[str] = set()
    for node in pipeline.nodes:
        if not node.outputs and made & set(node.inputs):
            found[node.name] = "what it reads is made again"
        if node.name in found:
            made.update(node.outputs)
    return found


def _why_missing(project: Project, node: Node) -> str:
    if not node.outputs:
        return "it has no outputs"
    missing = [name for name in node.outputs if not project.catalog.exists(name)]
    return f"{', '.join(missing)} missing" if missing else "a node that runs needs its outputs"


def _loads(project: Project, node: Node, made: set[str]) -> dict[str, str | None]:
    loads: dict[str, str | None] = {}
    for name in node.inputs:
        if name.startswith("params:") or name == "parameters":
            continue
        if name in made:
            loads[name] = "this run"
        elif not project.catalog.exists(name) and not is_growing(name):
            loads[name] = None
        else:
            dataset = project.catalog[name]
            loads[name] = load_version(dataset) if is_versioned(dataset) else ""
    return loads
