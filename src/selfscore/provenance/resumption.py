"""What is left of a run that did not finish, and how to run just that.

A run that goes on from another names it, so a chain of them counts as one run: what was asked for
stands in the first, how far it came in all of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from selfscore.provenance.base_model import PARAMETER as BASE_MODEL
from selfscore.provenance.base_model import describe_base_model
from selfscore.provenance.code import sha256_module
from selfscore.provenance.fingerprint import fingerprint
from selfscore.provenance.manifest import CODE_UNKNOWN, Artifact, Manifest, NodeRun
from selfscore.provenance.places import is_growing, is_versioned, place_of, versions
from selfscore.provenance.project import Project

_NOT_BEGUN = "did not begin"
_FOLLOWS = "what it reads is made anew"


class ResumptionError(ValueError):
    """A run that cannot be gone on with."""


@dataclass(frozen=True)
class Rest:
    """What is left of a run.

    Attributes:
        manifest: from `whole_run`.
        reasons: node that is to run → why, in the run's order; empty if nothing is left.
        loads: dataset that these nodes read and do not make → the version of the run.
        changed: what else is not as it was, in words.
    """

    manifest: Manifest
    reasons: dict[str, str]
    loads: dict[str, str]
    changed: list[str]

    @property
    def remarkable(self) -> set[str]:
        """The nodes that had begun, and those whose results are damaged or of older inputs."""
        return {name for name, why in self.reasons.items() if why not in (_NOT_BEGUN, _FOLLOWS)}


def last_run(
    manifests: Sequence[Manifest],
    run_id: str | None = None,
    own: Collection[str] = (),
    unended: Collection[str] = (),
) -> Manifest:
    """The run to look at.

    Args:
        manifests: the newest first.
        run_id: of a run; the last that went on from it counts. None: the newest that did not
            finish, or the newest of all.
        own: ids of the runs that were begun here. Where there are any among those that did not
            finish, no other is taken that was not named.
        unended: ids of the runs whose steps may be done and whose end is missing.

    Raises:
        ResumptionError: there is none.
    """
    if not manifests:
        raise ResumptionError("There was no run yet in this environment; see --env.")
    if run_id is None:
        gone_on_with = {one.command.get("resumes") for one in manifests}
        left = [
            one
            for one in manifests
            if one.run_id not in gone_on_with
            and (one.status != "finished" or one.run_id in unended)
        ]
        return next((one for one in left if one.run_id in own), left[0] if left else manifests[0])
    found = next((one for one in manifests if one.run_id == run_id), None)
    if found is None:
        known = ", ".join(one.run_id for one in manifests[:5])
        raise ResumptionError(f"There is no manifest of a run '{run_id}'. The newest are: {known}.")
    while later := next((o for o in manifests if o.command.get("resumes") == found.run_id), None):
        found = later
    return found


def whole_run(manifest: Manifest, manifests: Sequence[Manifest]) -> Manifest:
    """The run that others went on from, as far as they came.

    Args:
        manifest: the last of them.
        manifests: all there are.

    Raises:
        ResumptionError: the manifest of one of them is gone.
    """
    by_id = {one.run_id: one for one in manifests}
    chain = [manifest]
    while (before := chain[0].command.get("resumes")) is not None:
        if before not in by_id:
            raise ResumptionError(
                f"The run {chain[0].run_id} went on from {before}, whose manifest is gone. Start "
                "again with `kedro run`."
            )
        chain.insert(0, by_id[before])
    whole = chain[0]
    for later in chain[1:]:
        whole = _went_on(whole, later)
    return whole


def refuse_other_version(project: Project, manifest: Manifest) -> None:
    """Refuse a run whose nodes or datasets are not those that the project has now.

    Raises:
        ResumptionError: it was made by another version of the project.
    """
    there = {node.name for node in project.pipeline(manifest.command.get("pipeline_names")).nodes}
    gone = [node.name for node in manifest.nodes if node.name not in there]
    gone += [
        name
        for node in manifest.nodes
        for name in (*node.inputs, *node.outputs)
        if not name.startswith("params:") and name != "parameters" and name not in project.catalog
    ]
    if gone:
        raise ResumptionError(
            f"The run {manifest.run_id} was made by a version of the project that had '{gone[0]}', "
            "and there is no such thing now. Go on with that version, or start again with `kedro "
            "run --only-missing-outputs`, which keeps what is there."
        )


def rest_of(project: Project, manifest: Manifest) -> Rest:
    """What is left of a run.

    Where something that comes in from outside changed since it was read, that is all that was made
    of it, too.

    Args:
        project: as the run found it, with its environment and parameters.
        manifest: from `whole_run`.
    """
    changed = dict(_changed_inputs(project, manifest))
    # What is made anew from something else than before.
    other = set(changed)
    reasons = {}
    for node in manifest.nodes:
        behind = next((name for name in node.inputs if name in other), None)
        if node.status != "finished":
            begun = node.status != "waiting"
            reasons[node.name] = f"did not finish ({node.status})" if begun else _NOT_BEGUN
        elif behind is not None:
            reasons[node.name] = f"'{behind}' changed" if behind in changed else _FOLLOWS
        elif damaged := next(_damaged(project, manifest, node), None):
            reasons[node.name] = damaged
        if behind is not None:
            other.update(node.outputs)
    nodes = [node for node in manifest.nodes if node.name in reasons]
    made = {name for node in nodes for name in node.outputs}
    read = dict.fromkeys(
        name
        for node in nodes
        for name in node.inputs
        if name not in made and not name.startswith("params:") and name != "parameters"
    )
    return Rest(
        manifest,
        reasons,
        dict(_loads(project, manifest, read)),
        [
            *changed.values(),
            *_damaged_inputs(project, manifest, read),
            *_changed_code(manifest, reasons),
        ],
    )


def run_arguments(rest: Rest) -> dict[str, Any]:
    """What `KedroSession.run` takes to run what is left."""
    manifest = rest.manifest
    # An output that is damaged is there, and would count as not missing.
    whole = all(reason.startswith("did not ") for reason in rest.reasons.values())
    return {
        "pipeline_names": manifest.command.get("pipeline_names"),
        "node_names": tuple(rest.reasons),
        "load_versions": rest.loads,
        "only_missing_outputs": whole and bool(manifest.command.get("only_missing_outputs")),
    }


def _went_on(before: Manifest, later: Manifest) -> Manifest:
    states = {node.name: node for node in later.nodes}
    artifacts = dict(before.artifacts)
    for name, artifact in later.artifacts.items():
        known = artifacts.get(name)
        same = known is not None and (known.version, known.sha256) == (
            artifact.version,
            artifact.sha256,
        )
        # Reading again what the first run wrote does not take the writer away.
        if not (same and artifact.node is None):
            artifacts[name] = artifact
    return replace(
        before,
        status=later.status,
        command={**before.command, "load_versions": _asked_versions(before, later)},
        nodes=[states.get(node.name, node) for node in before.nodes],
        artifacts=artifacts,
        base_model=later.base_model,
    )


def _asked_versions(*manifests: Manifest) -> dict[str, str]:
    found: dict[str, str] = {}
    for manifest in manifests:
        found |= manifest.command.get("load_versions") or {}
    return found


def _damaged(project: Project, manifest: Manifest, node: NodeRun) -> Iterator[str]:
    """What the node wrote and is no longer that, in words."""
    for name in node.outputs:
        written = manifest.made.get(name)
        if written is None:
            if (
                not is_growing(name)
                and place_of(project.catalog[name], manifest.run_id) is not None
            ):
                yield f"'{name}' was not written down"
        elif (now := _sha256(project, written)) is None:
            yield f"'{name}' is no longer there"
        elif now != written.sha256 or not _is_marked_so(project, written):
            yield f"'{name}' is no longer what was written"


def _loads(
    project: Project, manifest: Manifest, names: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    asked = _asked_versions(manifest)
    for name in names:
        if not is_versioned(project.catalog[name]):
            continue
        artifact = manifest.artifacts.get(name)
        version = artifact.version if artifact is not None else asked.get(name)
        if version is None:
            # Not read yet: the newest there was when the run began, which is what its id tells.
            there = versions(project.catalog[name])
            version = next((one for one in there if one <= manifest.run_id), None)
        if version is not None:
            yield name, version


def _changed_inputs(project: Project, manifest: Manifest) -> Iterator[tuple[str, str]]:
    """What comes in from outside the run and is not what it read, with the words for it.

    What has versions does not change: the run's own are read.
    """
    for name, before in manifest.artifacts.items():
        if before.node is not None or before.version is not None or is_growing(name):
            continue
        now = _sha256(project, before, {before.stamp: before.sha256})
        if now not in (None, before.sha256):
            yield name, f"'{name}' changed since the run read it: what was made of it is made anew"
    model = manifest.base_model
    now = describe_base_model(project.parameters, project.path, model).get("sha256")
    if model.get("sha256") and now not in (None, model["sha256"]):
        yield (
            BASE_MODEL,
            f"the files of the base model '{model.get('id')}' changed since the run began: what "
            "was made with it is made anew",
        )


def _damaged_inputs(
    project: Project, manifest: Manifest, names: Mapping[str, Any]
) -> Iterator[str]:
    """What is about to be read, and is gone or damaged."""
    for name in names:
        before = manifest.artifacts.get(name)
        if before is None or is_growing(name) or before.node is not None:
            continue
        now = _sha256(project, before, {before.stamp: before.sha256})
        if now is None:
            yield f"'{name}', which the run read, is no longer there"
        elif before.version is not None and now != before.sha256:
            yield f"'{name}' is no longer what the run read"


def _changed_code(manifest: Manifest, running: Mapping[str, Any]) -> Iterator[str]:
    if not manifest.tells_code:
        yield CODE_UNKNOWN
        return
    changed = {name for name, sha256 in manifest.code.items() if sha256_module(name) != sha256}
    nodes = [
        node.name
        for node in manifest.nodes
        if node.name not in running and changed & set(node.modules)
    ]
    if nodes:
        shown = ", ".join(nodes[:3]) + (f" and {len(nodes) - 3} more" if len(nodes) > 3 else "")
        yield f"the code of {shown} changed since; what they made is kept (see `kedro stale`)"


def _is_marked_so(project: Project, written: Artifact) -> bool:
    """Whether a folder's marker says the same as its files."""
    place = place_of(project.catalog[written.name], written.version)
    assert place is not None
    try:
        found = fingerprint(place)
    except (ValueError, LookupError):
        return False
    return (found.sha256, found.files) == (written.sha256, written.files)


def _sha256(
    project: Project, artifact: Artifact, known: Mapping[str, str] | None = None
) -> str | None:
    place = place_of(project.catalog[artifact.name], artifact.version)
    try:
        return fingerprint(place, known, trust_marker=False).sha256 if place else None
    except FileNotFoundError:
        return None
