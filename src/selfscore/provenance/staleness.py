"""Which artifacts are out of date, and why.

An artifact is up to date if the newest manifest that wrote the version at hand did so with the
code, the parameters and the data that there are now. Kedro's `--only-missing-outputs` asks only
whether it is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from selfscore.provenance.base_model import PARAMETER as BASE_MODEL
from selfscore.provenance.base_model import describe_base_model
from selfscore.provenance.code import function_name, modules_of, sha256_module
from selfscore.provenance.effects import with_effect
from selfscore.provenance.fingerprint import fingerprint
from selfscore.provenance.manifest import (
    CODE_UNKNOWN,
    Artifact,
    Manifest,
    NodeRun,
    canonical,
    parameter,
    same,
)
from selfscore.provenance.places import is_growing, load_version, place_of
from selfscore.provenance.project import Project
from selfscore.provenance.seals import known_stamps

State = Literal["up to date", "stale", "missing", "unknown"]

_SHOWN = 4  # reasons of one kind


@dataclass(frozen=True)
class Verdict:
    """What is known of one artifact.

    Attributes:
        name: dataset.
        state: "unknown": it is there, and no manifest says how it was made.
        node: the node that makes it.
        reasons: why it is not up to date, in words.
        version: that would be loaded; None without versions.
    """

    name: str
    state: State
    node: str
    reasons: list[str] = field(default_factory=list)
    version: str | None = None


def check(
    project: Project, pipeline: Pipeline, manifests: Sequence[Manifest], with_code: bool = True
) -> list[Verdict]:
    """Compare what there is with how it was made.

    Args:
        project: what would run now.
        pipeline: whose outputs are checked.
        manifests: the newest first.
        with_code: whether other code makes stale; if not, neither does what is missing or unknown,
            nor what an earlier release made, whose parameters have other names.

    Returns:
        One verdict for every output, in the order of the pipeline.
    """
    return list(_Comparison(project, manifests, with_code).verdicts(pipeline))


class _Comparison:
    def __init__(self, project: Project, manifests: Sequence[Manifest], with_code: bool) -> None:
        self._project = project
        self._with_code = with_code
        self._manifests = manifests
        self._known = known_stamps(manifests)
        self._present: dict[str, str | None] = {}
        self._stale: set[str] = set()
        self._passed_on = {"stale", "missing", "unknown"} if with_code else {"stale"}

    def verdicts(self, pipeline: Pipeline) -> Iterator[Verdict]:
        for node in pipeline.nodes:
            for name in node.outputs:
                if is_growing(name):
                    continue
                verdict = self._verdict(name, node)
                if verdict.state in self._passed_on:
                    self._stale.add(name)
                yield verdict

    def _verdict(self, name: str, node: Node) -> Verdict:
        dataset = self._project.catalog[name]
        version = load_version(dataset)
        sha256 = self._sha256(name)
        if sha256 is None:
            return Verdict(name, "missing", node.name, ["it is not there"], version)
        found = self._written(name, version, sha256)
        if found is None:
            changed = any(name in manifest.made for manifest in self._manifests)
            reason = "it was changed after it was written" if changed else "no manifest names it"
            state: State = "stale" if changed else "unknown"
            return Verdict(name, state, node.name, [reason], version)
        manifest, run = found
        reasons = list(self._reasons(node, manifest, run))
        return Verdict(name, "stale" if reasons else "up to date", node.name, reasons, version)

    def _written(
        self, name: str, version: str | None, sha256: str
    ) -> tuple[Manifest, NodeRun] | None:
        """The newest run that wrote just this, and its node."""
        for manifest in self._manifests:
            artifact = manifest.made.get(name)
            if artifact is None or artifact.version != version or artifact.sha256 != sha256:
                continue
            for run in manifest.nodes:
                if run.name == artifact.node:
                    return manifest, run
        return None

    def _reasons(self, node: Node, manifest: Manifest, run: NodeRun) -> Iterator[str]:
        if self._with_code:
            yield from self._made_by(node, manifest, run)
        elif not manifest.tells_code:
            return
        for name in node.inputs:
            if name.startswith("params:") or name == "parameters":
                yield from self._parameters(name, manifest)
                if name == BASE_MODEL:
                    yield from self._base_model(manifest)
            else:
                yield from self._data(name, manifest)
        behind = [name for name in node.inputs if name in self._stale]
        if behind:
            yield f"not up to date: {_some(behind)}"

    def _made_by(self, node: Node, manifest: Manifest, run: NodeRun) -> Iterator[str]:
        if run.name != node.name:
            yield f"it was made by the node '{run.name}'"
        if run.function != function_name(node):
            yield f"it was made by the function {run.function}"
        else:
            yield from self._code(node, manifest, run)
        if list(node.inputs) != run.inputs:
            yield "the node reads other inputs now"

    def _code(self, node: Node, manifest: Manifest, run: NodeRun) -> Iterator[str]:
        if not manifest.tells_code:
            yield CODE_UNKNOWN
            return
        now = modules_of(node)
        changed = [name for name in now if sha256_module(name) != manifest.code.get(name)]
        changed += sorted(set(run.modules) - set(now))
        if changed:
            yield f"code changed: {_some(changed)}"

    def _parameters(self, name: str, manifest: Manifest) -> Iterator[str]:
        try:
            before = manifest.parameter(name)
        except KeyError:
            yield f"parameter {name.removeprefix('params:')} is new"
            return
        try:
            now = parameter(self._project.parameters, name)
        except KeyError:
            yield f"parameter {name.removeprefix('params:')} is gone"
            return
        before, now = with_effect(name, before), with_effect(name, now)
        changed = list(_changes(name.removeprefix("params:"), before, now))
        if changed:
            yield f"parameters changed: {_some(changed)}"

    def _base_model(self, manifest: Manifest) -> Iterator[str]:
        now = describe_base_model(self._project.parameters, self._project.path, manifest.base_model)
        if now.get("sha256") != manifest.base_model.get("sha256"):
            yield f"the files of the base model '{now.get('id')}' changed"

    def _data(self, name: str, manifest: Manifest) -> Iterator[str]:
        if is_growing(name):
            return
        before = manifest.artifacts.get(name)
        sha256 = self._sha256(name)
        if sha256 is None:
            if before is not None and self._with_code:
                yield f"{name} is missing"
        elif before is None or sha256 != before.sha256:
            yield f"{name} changed{_since(before, load_version(self._project.catalog[name]))}"

    def _sha256(self, name: str) -> str | None:
        if name not in self._present:
            self._present[name] = present_sha256(self._project, name, self._known)
        return self._present[name]


def present_sha256(
    project: Project, name: str, known: Mapping[str, Mapping[str, str]]
) -> str | None:
    """sha256 of a dataset as it is now; None if it is not there.

    Args:
        project: what would run now.
        name: dataset.
        known: sha256 by stamp, by path.
    """
    dataset = project.catalog[name]
    if not project.catalog.exists(name):
        return None
    place = place_of(dataset)
    if place is None:
        return None
    try:
        return fingerprint(
            place, known.get(place.seen_from(project.path)), trust_marker=False
        ).sha256
    except FileNotFoundError:
        return None


def _changes(name: str, before: Any, now: Any) -> Iterator[str]:
    """What differs between two values, as `path: before → now`."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in [*before, *(key for key in now if key not in before)]:
            missing = object()
            one, other = before.get(key, missing), now.get(key, missing)
            if one is missing:
                yield f"{name}.{key} is new"
            elif other is missing:
                yield f"{name}.{key} is gone"
            else:
                yield from _changes(f"{name}.{key}", one, other)
    elif not same(before, now):
        yield f"{name}: {_short(before)} → {_short(now)}"


def _since(before: Artifact | None, version: str | None) -> str:
    if before is None or version is None or version == before.version:
        return ""
    return f" ({before.version} → {version})"


def _short(value: Any) -> str:
    text = canonical(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _some(items: Sequence[str]) -> str:
    rest = len(items) - _SHOWN
    return ", ".join(items[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
