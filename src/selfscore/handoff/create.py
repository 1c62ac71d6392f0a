"""Packs a policy, or a whole round, with everything that belongs to it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import pandas as pd

from selfscore.configuration.layout import policy_name, round_of, round_of_policy
from selfscore.datasets.directory import write_json
from selfscore.datasets.policy import PolicyDataset
from selfscore.handoff import bundle
from selfscore.handoff.archive import is_archive, pack, sounds_packed
from selfscore.handoff.family import Family, family
from selfscore.handoff.model_card import model_card
from selfscore.provenance.base_model import describe_base_model
from selfscore.provenance.champion import champion_version, read_champion
from selfscore.provenance.fingerprint import fingerprint, sha256_file
from selfscore.provenance.manifest import Artifact, Manifest, to_record
from selfscore.provenance.outside_runs import newest_version
from selfscore.provenance.places import Place, layer_of, place_of
from selfscore.provenance.project import Project

if TYPE_CHECKING:
    from selfscore.vlm.policy import Policy


class HandoffError(ValueError):
    """Something that cannot be handed on."""


def create(
    project: Project,
    manifests: Sequence[Manifest],
    name: str | None,
    output: Path,
    version: str | None = None,
    with_data: bool = False,
) -> bundle.Index:
    """Pack a policy or a round.

    Args:
        project: where it is.
        manifests: the newest first.
        name: "policy_2" (the policy, its figures and reports) or "iteration_2" (the experts'
            adapters, too). None: the champion if there is one, else the last policy.
        output: a folder that does not exist yet, or an archive (.tar.gz, .tgz).
        version: of the policy; None for the champion's, where no name is given, or the newest.
        with_data: whether the tables of the round and the scored images' table go along; images
            never do.

    Raises:
        HandoffError: there is no such policy, or what it was made with is no longer there.
        ChampionError: the champion cannot be read, or is no longer there.
        DatasetError: the newest version of the policy is damaged.
    """
    if output.exists():
        raise HandoffError(f"'{output}' is there already: remove it, or give another --output.")
    if sounds_packed(output) and not is_archive(output):
        raise HandoffError(f"'{output}': archives are written as .tar.gz or .tgz.")
    if name is None and (champion := read_champion(project)) is not None:
        name, version = champion.policy, version or champion_version(project, champion)
    name = name or _last_policy(project)
    number = round_of_policy(name)
    kind = "policy" if number is not None else "iteration"
    number = round_of(name) if number is None else number
    if number is None or "." in name:
        raise HandoffError(f"'{name}' cannot be handed on: name a policy_<k> or an iteration_<k>.")
    policy = policy_name(number)
    if policy not in project.catalog or not project.catalog.exists(policy):
        raise HandoffError(f"There is no '{policy}' yet: run the pipeline `iteration`.")
    version = version or newest_version(project, policy)
    assert version is not None
    try:
        kin = family(policy, version, manifests)
    except LookupError as error:
        raise HandoffError(str(error.args[0])) from error
    with tempfile.TemporaryDirectory(dir=_parent(output), prefix=f".{output.name}.") as place:
        folder = Path(place) / "handoff"
        folder.mkdir()
        index = _fill(folder, project, kin, kind, name, with_data)
        if is_archive(output):
            packed = Path(place) / output.name
            pack(folder, packed)
            packed.rename(output)
        else:
            folder.rename(output)
    return index


def _parent(output: Path) -> Path:
    output.absolute().parent.mkdir(parents=True, exist_ok=True)
    return output.absolute().parent


def _last_policy(project: Project) -> str:
    catalog = project.catalog
    policies = sorted(
        (number, name)
        for name in project.datasets()
        if (number := round_of_policy(name)) is not None and catalog.exists(name)
    )
    if not policies:
        raise HandoffError("There is no policy yet: run the pipeline `iteration`.")
    return policies[-1][1]


def _fill(
    folder: Path, project: Project, kin: Family, kind: str, name: str, with_data: bool
) -> bundle.Index:
    maker = next(one for one in kin.manifests if kin.policy.name in one.made)
    _copy(project, kin.policy, folder / bundle.POLICY)
    policy: Policy = PolicyDataset(filepath=str((folder / bundle.POLICY).resolve())).load()
    artifacts = {}
    for artifact in _chosen(project, kin, kind, with_data):
        artifacts[artifact.name] = f"{bundle.ARTIFACTS}/{_file_name(artifact)}"
        _copy(project, artifact, folder / artifacts[artifact.name])
    write_json(policy.card.record()["score_scale"], folder / bundle.SCORE_SCALE)
    write_json(policy.card.record()["prompts"], folder / bundle.PROMPTS)
    (folder / bundle.MANIFESTS).mkdir()
    for manifest in kin.manifests:
        write_json(to_record(manifest), folder / bundle.MANIFESTS / f"{manifest.run_id}.json")
    figures = next((n for n in artifacts if n.endswith(".figures")), None)
    table = pd.read_parquet(folder / artifacts[figures]) if figures else None
    rank = policy.adapter.config["r"] if policy.adapter else None
    card = model_card(kin.policy.name, policy.card.record(), policy.digest, maker, table, rank)
    (folder / bundle.CARD).write_text(card, encoding="utf-8")
    index = bundle.Index(
        kind=kind,
        name=name,
        policy={
            "dataset": kin.policy.name,
            "version": str(kin.policy.version),
            "run": maker.run_id,
            "digest": policy.digest,
            "sha256": kin.policy.sha256,
        },
        base_model=_base_model(project, policy),
        environment=project.environment,
        artifacts=artifacts,
        files=_files(folder),
    )
    bundle.write_index(index, folder)
    return index


def _chosen(project: Project, kin: Family, kind: str, with_data: bool) -> list[Artifact]:
    """What goes along, by the layers in whose folders the catalog keeps it."""
    chosen = []
    for artifact in kin.round.values():
        # An earlier release may have made what has no place in the catalog any more.
        if artifact.name == kin.policy.name or artifact.name not in project.catalog:
            continue
        layer = layer_of(project.catalog[artifact.name])
        if layer == "reporting" or (layer == "models" and kind == "iteration") or with_data:
            chosen.append(artifact)
    if with_data:
        chosen += [
            one
            for one in kin.ancestors.values()
            if one.name in project.catalog and layer_of(project.catalog[one.name]) == "primary"
        ]
    return sorted(chosen, key=lambda artifact: artifact.name)


def _file_name(artifact: Artifact) -> str:
    """`iteration_1/figures.parquet` of the dataset `iteration_1.figures`."""
    file = PurePosixPath(artifact.path).name
    namespace = artifact.name.rpartition(".")[0]
    return f"{namespace}/{file}" if namespace else file


def _copy(project: Project, artifact: Artifact, target: Path) -> None:
    place = place_of(project.catalog[artifact.name], artifact.version)
    assert place is not None
    try:
        # By its own list of files, and byte by byte: what is handed on is read by others.
        now = {fingerprint(place, trust_marker=trusted).sha256 for trusted in (True, False)}
    except FileNotFoundError:
        now = set()
    if now != {artifact.sha256}:
        what = "is no longer what it was" if now else "is no longer there"
        raise HandoffError(
            f"'{artifact.name}' in '{place.url}' {what} when the run "
            f"{artifact.version or 'in the manifest'} used it. Run its pipeline again, or leave "
            "the data out."
        )
    _fetch(place, target)


def _fetch(place: Place, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if place.is_local:
        source = Path(place.path)
        shutil.copytree(source, target) if source.is_dir() else shutil.copyfile(source, target)
    elif place.file_system.isdir(place.path):
        place.file_system.get(f"{place.path}/", str(target), recursive=True)
    else:
        place.file_system.get_file(place.path, str(target))


def _base_model(project: Project, policy: Policy) -> dict[str, Any]:
    described = describe_base_model({"model": policy.card.base_model.record()}, project.path)
    return {key: value for key, value in described.items() if key != "stamp"}


def _files(folder: Path) -> dict[str, str]:
    from fsspec.implementations.local import LocalFileSystem

    local = LocalFileSystem()
    found = {}
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            if file.suffix not in bundle.SUFFIXES:
                raise HandoffError(
                    f"'{file.name}' is not handed on: only {', '.join(bundle.SUFFIXES)} are."
                )
            # What is handed on is for others to read, too.
            file.chmod(0o644)
            found[file.relative_to(folder).as_posix()] = sha256_file(local, str(file))
    return found
