"""Which artifacts belong to one policy: what it was made from, and what was made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from selfscore.configuration.layout import namespace, round_of_policy
from selfscore.provenance.manifest import Artifact, Manifest, NodeRun


@dataclass(frozen=True)
class Family:
    """One policy and its kin.

    Attributes:
        policy: the policy.
        ancestors: what it was made from, down to what no run made, by name.
        round: the other artifacts of its round (those in the round's namespace) that stand on the
            same ancestors and the same policy, by name.
        manifests: the runs that made any of these, the newest first.
    """

    policy: Artifact
    ancestors: dict[str, Artifact]
    round: dict[str, Artifact]
    manifests: list[Manifest]


def family(policy: str, version: str, manifests: Sequence[Manifest]) -> Family:
    """The family of one version of a policy.

    Args:
        policy: dataset, such as "policy_2".
        version: of the dataset.
        manifests: the newest first.

    Raises:
        LookupError: no manifest says how this version was made.
    """
    maker = next(
        (one for one in manifests if policy in one.made and one.made[policy].version == version),
        None,
    )
    if maker is None:
        raise LookupError(
            f"No manifest says how version {version} of '{policy}' was made. Name another version, "
            "or run the pipeline `iteration`."
        )
    made = maker.artifacts[policy]
    kin, used = _ancestors(made, maker, manifests)
    ancestors = {name: artifact for name, artifact in kin.items() if name != policy}
    round_ = _of_round(_namespace(policy), dict(kin), manifests, used)
    return Family(
        made, ancestors, round_, [manifest for manifest in manifests if manifest.run_id in used]
    )


def _namespace(policy: str) -> str:
    """Namespace of what is made around a policy: the baseline's for `policy_0`."""
    number = round_of_policy(policy)
    if number is None:
        raise LookupError(f"'{policy}' is not a policy: they are policy_0, policy_1, …")
    return namespace(number)


def _maker(read: Artifact, reader: Manifest, manifests: Sequence[Manifest]) -> Manifest | None:
    """The newest run that wrote what a run read, and that is not younger."""
    for manifest in manifests:
        found = manifest.made.get(read.name)
        if (
            found is not None
            and manifest.run_id <= reader.run_id
            and (found.version, found.sha256) == (read.version, read.sha256)
        ):
            return manifest
    return None


def _ancestors(
    policy: Artifact, maker: Manifest, manifests: Sequence[Manifest]
) -> tuple[dict[str, Artifact], set[str]]:
    """The policy and what it was made from, by name; and the runs that made them."""
    found, used = {policy.name: policy}, {maker.run_id}
    waiting = [(policy, maker)]
    while waiting:
        artifact, manifest = waiting.pop()
        node = next(node for node in manifest.nodes if node.name == artifact.node)
        for name in node.inputs:
            read = manifest.artifacts.get(name)
            if read is None or name in found:
                continue
            found[name] = read
            source = _maker(read, manifest, manifests)
            if source is not None:
                used.add(source.run_id)
                waiting.append((source.artifacts[name], source))
    return found, used


def _of_round(
    namespace: str, kin: dict[str, Artifact], manifests: Sequence[Manifest], used: set[str]
) -> dict[str, Artifact]:
    """Outputs of the round's nodes that read nothing but kin, and what no run made."""
    found: dict[str, Artifact] = {}
    grown = True
    while grown:
        grown = False
        for manifest in manifests:
            for node in manifest.nodes:
                if node.namespace != namespace or not _reads_only(node, manifest, kin, manifests):
                    continue
                for name in node.outputs:
                    artifact = manifest.made.get(name)
                    if artifact is None or artifact.node != node.name or name in found:
                        continue
                    if kin.setdefault(name, artifact).sha256 == artifact.sha256:
                        found[name] = artifact
                        used.add(manifest.run_id)
                        grown = True
    return found


def _reads_only(
    node: NodeRun, manifest: Manifest, kin: dict[str, Artifact], manifests: Sequence[Manifest]
) -> bool:
    for name in node.inputs:
        read = manifest.artifacts.get(name)
        if read is None:
            continue
        if name in kin:
            if kin[name].sha256 != read.sha256:
                return False
        elif name.startswith(f"{node.namespace}.") and _maker(read, manifest, manifests):
            return False  # Of the same round, and not yet known to be kin.
    return True
