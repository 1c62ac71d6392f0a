"""Checks a handoff from nothing but itself.

What is checked is that it is whole and agrees with itself. Who made it, it cannot prove: compare
the digest with the one that the sender tells.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from textwrap import shorten
from typing import Any

from fsspec.implementations.local import LocalFileSystem

from selfscore.datasets.adapter import CONFIG, WEIGHTS
from selfscore.datasets.directory import MARKER, read_json
from selfscore.datasets.policy import CARD
from selfscore.handoff import bundle
from selfscore.handoff.bundle import Index
from selfscore.provenance.fingerprint import folder_sha256, sha256_file
from selfscore.provenance.manifest import Manifest

_CARD_FIELDS = ("base_model", "iteration", "parent", "prompts", "score_scale")


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        what: it was.
        passed: whether it is right.
        detail: what was found.
    """

    what: str
    passed: bool
    detail: str


class _FailedError(Exception):
    """A check that does not pass, and why."""


def verify(folder: Path) -> list[Check]:
    """All checks, in order; the later ones are left out when a file is not what it should be.

    Raises:
        BundleError: the folder is not a handoff.
    """
    index = bundle.read_index(folder)
    checks: list[Check] = []
    for what, look in (
        ("files", _files),
        ("policy", _card),
        ("adapter", _adapter),
        ("digest", _digest),
        ("scale and prompts", _copies),
        ("manifests", _manifests),
    ):
        checks.append(_look(what, look, folder, index))
        if not checks[-1].passed:
            break
    return checks


def _look(what: str, look: Callable[[Path, Index], str], folder: Path, index: Index) -> Check:
    try:
        return Check(what, True, look(folder, index))
    except _FailedError as failed:
        return Check(what, False, str(failed))
    # What somebody else wrote can fail in any way, and each of them is an answer.
    except Exception as error:
        said = shorten(f"{type(error).__name__}: {error}", 240)
        return Check(what, False, f"cannot be read: {said}")


def _files(folder: Path, index: Index) -> str:
    links = [path for path in folder.rglob("*") if path.is_symlink()]
    if links:
        raise _FailedError(f"'{links[0].relative_to(folder)}' is a link")
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    extra = sorted(there - set(index.files) - {bundle.INDEX})
    if extra:
        raise _FailedError(f"'{extra[0]}' is not in the list of files")
    local = LocalFileSystem()
    for name, expected in index.files.items():
        if name not in there:
            raise _FailedError(f"'{name}' is missing")
        if not index.has_place_for(name):
            raise _FailedError(f"'{name}' belongs to nothing that is handed on")
        if PurePosixPath(name).suffix not in bundle.SUFFIXES:
            raise _FailedError(f"'{name}' is of a kind that is never handed on")
        if sha256_file(local, str(folder / name)) != expected:
            raise _FailedError(f"'{name}' is not the file that was packed")
    return f"{len(index.files)} files, each with its sha256, and no others"


def _card(folder: Path, index: Index) -> str:
    card = read_json(folder / bundle.POLICY / CARD)
    missing = [name for name in _CARD_FIELDS if name not in card]
    if missing:
        raise _FailedError(f"{CARD} has no '{missing[0]}'")
    scale = card["score_scale"]
    if len(scale["values"]) != scale["levels"]:
        raise _FailedError(
            f"the scale has {scale['levels']} levels and {len(scale['values'])} values"
        )
    base = {key: card["base_model"].get(key) for key in ("id", "revision")}
    if base != {key: index.base_model.get(key) for key in ("id", "revision")}:
        raise _FailedError(f"{CARD} and {bundle.INDEX} name different base models")
    return f"round {card['iteration']} over '{base['id']}'"


def _adapter(folder: Path, _index: Index) -> str:
    policy = folder / bundle.POLICY
    if not (policy / CONFIG).is_file():
        if read_json(policy / CARD)["iteration"] > 0:
            raise _FailedError(f"there is no {CONFIG}")
        return "none: the base model alone"
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(policy / WEIGHTS)
    except SafetensorError as error:
        raise _FailedError(f"{WEIGHTS} is not safetensors: {error}") from error
    rank = int(read_json(policy / CONFIG)["r"])
    for name, tensor in tensors.items():
        side = {"lora_A": 0, "lora_B": 1}.get(name.split(".")[-2])
        if side is None or tensor.ndim != 2 or tensor.shape[side] != rank:
            raise _FailedError(
                f"'{name}' {tuple(tensor.shape)} is not part of a LoRA of rank {rank}"
            )
        if not torch.isfinite(tensor).all():
            raise _FailedError(f"'{name}' has values that are not numbers")
    return f"{len(tensors)} tensors of rank {rank}"


def _digest(folder: Path, index: Index) -> str:
    from selfscore.datasets.adapter import read_adapter
    from selfscore.vlm.policy import Card, Policy

    policy = folder / bundle.POLICY
    adapter = read_adapter(policy) if (policy / CONFIG).is_file() else None
    digest = Policy(Card.from_record(read_json(policy / CARD)), adapter).digest
    if digest != index.policy["digest"]:
        raise _FailedError(f"the policy's digest is {digest}, not {index.policy['digest']}")
    return digest


def _copies(folder: Path, _index: Index) -> str:
    card = read_json(folder / bundle.POLICY / CARD)
    for key, name in (("score_scale", bundle.SCORE_SCALE), ("prompts", bundle.PROMPTS)):
        if read_json(folder / name) != card[key]:
            raise _FailedError(f"{name} is not the policy's")
    return "those that the policy was trained with"


def _manifests(folder: Path, index: Index) -> str:
    manifests = {
        file.stem: bundle.read_manifest(folder, file.stem)
        for file in (folder / bundle.MANIFESTS).glob("*.json")
    }
    maker = manifests.get(index.policy["run"])
    if maker is None:
        raise _FailedError(f"the manifest of the run {index.policy['run']} is missing")
    artifact = maker.made.get(index.policy["dataset"])
    found = {
        "version": artifact.version if artifact else None,
        "digest": artifact.digest if artifact else None,
        "sha256": artifact.sha256 if artifact else None,
    }
    for key, value in found.items():
        if value != index.policy[key]:
            raise _FailedError(f"the manifest names another {key} of {index.policy['dataset']}")
    _only_the_policys_files(folder, index)
    for name, path in index.artifacts.items():
        if not _named(name, _sha256(index, path), manifests):
            raise _FailedError(f"no manifest names this '{name}'")
    return f"{len(manifests)} runs; {len(index.artifacts)} artifacts as the runs left them"


def _only_the_policys_files(folder: Path, index: Index) -> None:
    marker = json.loads((folder / bundle.POLICY / MARKER).read_text("utf-8"))["sha256"]
    stored = {name: index.files.get(f"{bundle.POLICY}/{name}") for name in marker}
    if stored != marker or folder_sha256(marker) != index.policy["sha256"]:
        raise _FailedError("the policy's files are not those in the manifest")
    own = {bundle.CARD, *(f"{bundle.POLICY}/{name}" for name in (MARKER, *marker))}
    for name in index.files:
        if name.startswith(f"{bundle.POLICY}/") and name not in own:
            raise _FailedError(f"'{name}' is no file of the policy")


def _sha256(index: Index, path: str) -> str | None:
    """sha256 of an artifact, as a manifest has it: of a file, or of a folder's list."""
    if path in index.files:
        return index.files[path]
    below = {
        name.removeprefix(f"{path}/"): sha256
        for name, sha256 in index.files.items()
        if name.startswith(f"{path}/")
    }
    below.pop(MARKER, None)
    return folder_sha256(below) if below else None


def _named(name: str, sha256: str | None, manifests: Mapping[str, Manifest]) -> bool:
    found: list[Any] = [manifest.artifacts.get(name) for manifest in manifests.values()]
    return any(artifact is not None and artifact.sha256 == sha256 for artifact in found)
