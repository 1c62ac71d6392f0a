"""Results of a finished run that were damaged or removed, and the commands that read them."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from benchmarks.hostile.ingestion import picture
from benchmarks.hostile.inputs import REFUSED, USED, Found, Input

_POLICY = "data/06_models/policy_1/*/policy_1"
_MANIFEST = "data/08_reporting/manifests/manifest.json/*/manifest.json"
_CHAMPION = "data/08_reporting/champion.json/*/champion.json"
_MARKER = "_complete.json"
# What must be left, whatever `prune` is told.
_RESULTS = (
    f"{_POLICY}/policy.json",
    f"{_POLICY}/adapter_model.safetensors",
    "data/06_models/policy_0/*/policy_0/policy.json",
    "data/06_models/iteration_1/merged_adapter/*/merged_adapter/adapter_model.safetensors",
    "data/03_primary/scored_images.parquet/*/scored_images.parquet",
    "data/08_reporting/report.html/*/report.html",
    "data/08_reporting/over_rounds/figures.parquet/*/figures.parquet",
    _CHAMPION,
    _MANIFEST,
)


def one(folder: Path, pattern: str) -> Path:
    """The one path of this pattern."""
    [found] = folder.glob(pattern)
    return found


def _flipped(content: bytes) -> bytes:
    changed = bytearray(content)
    changed[len(changed) // 2] ^= 4
    return bytes(changed)


FAULTS: Mapping[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "its first half": lambda content: content[: len(content) // 2],
    "one bit": _flipped,
    "a list": lambda content: b"[]",
    "an object": lambda content: b"{}",
    "nested too deeply": lambda content: b"[" * 100_000 + b"]" * 100_000,
}


def _spoilt(pattern: str, fault: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        place = one(folder, pattern)
        place.write_bytes(fault(place.read_bytes()))

    return make


def _removed(pattern: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        place = one(folder, pattern)
        shutil.rmtree(place) if place.is_dir() else place.unlink()

    return make


def _replaced_by_folder(pattern: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        place = one(folder, pattern)
        place.unlink()
        place.mkdir()

    return make


# What a node reads: the dataset, its place, the node.
_READ = (
    ("split_images", "data/02_intermediate/split_images.parquet", "ingestion.fit_score_scale"),
    (
        "score_scale",
        "data/03_primary/score_scale.json/*/score_scale.json",
        "ingestion.assign_levels",
    ),
    (
        "baseline.consistency_judge",
        "data/06_models/baseline/consistency_judge.json/*/consistency_judge.json",
        "baseline.judge_explanations",
    ),
    (
        "baseline.base_predictions",
        "data/07_model_output/baseline/base_predictions.parquet/*/base_predictions.parquet",
        "baseline.judge_explanations",
    ),
    (
        "figures_over_rounds",
        "data/08_reporting/over_rounds/figures.parquet/*/figures.parquet",
        "reporting.choose_champion",
    ),
)


def tables() -> Iterator[Input]:
    """What a node reads, spoilt in each way: it is named before it is used."""
    kind = "damage: what a node reads"
    for (dataset, place, node), (name, fault) in product(_READ, FAULTS.items()):
        yield Input(
            f"{dataset}: {name}",
            kind,
            _spoilt(place, fault),
            ("run", f"--nodes={node}"),
            (REFUSED,),
            f"'{dataset}'.*(damaged|changed)",
            grounded=True,
        )
    for dataset, place, node in _READ:
        for name, make in (("removed", _removed(place)), ("a folder", _replaced_by_folder(place))):
            yield Input(
                f"{dataset}: {name}",
                kind,
                make,
                ("run", f"--nodes={node}"),
                (REFUSED,),
                dataset,
                grounded=True,
            )


_OF_POLICY = ("adapter_model.safetensors", "adapter_config.json", "policy.json", _MARKER)


def _sealed(name: str, fault: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """A file of the policy is spoilt, and the marker written anew over it."""

    def make(folder: Path) -> None:
        place = one(folder, f"{_POLICY}/{name}")
        place.write_bytes(fault(place.read_bytes()))
        marker = place.parent / _MARKER
        told = json.loads(marker.read_text())
        told["sha256"][name] = hashlib.sha256(place.read_bytes()).hexdigest()
        marker.write_text(json.dumps(told))

    return make


_SCORE = ("score", "--policy={folder}/data/06_models/policy_1", "--no-explain", "{folder}/new")
_PACK = ("handoff", "create", "policy_1", "--output={folder}/packed")
_PRUNE = ("prune", "--keep-last=1", "--delete")


def policies() -> Iterator[Input]:
    """Files of a policy, spoilt in each way, given to `score` and to `handoff create`."""
    kind = "damage: a policy"
    commands = {"score": _SCORE, "handoff create": _PACK}
    for file, (what, command) in product(_OF_POLICY, commands.items()):
        place = f"{_POLICY}/{file}"
        changes = {fault: _spoilt(place, spoil) for fault, spoil in FAULTS.items()}
        for fault, make in {**changes, "removed": _removed(place)}.items():
            yield _of_run(f"{file}: {fault}, {what}", kind, make, command, "policy")
    for file, (fault, spoil) in product(_OF_POLICY[:3], FAULTS.items()):
        if fault != "one bit":
            name = f"{file}: {fault}, sealed anew, score"
            yield _of_run(name, kind, _sealed(file, spoil), _SCORE, "polic|adapter")
    # Of weights with another bit only the manifest knows that they are not those that were made.
    name = "a bit of the weights, sealed anew, handoff create"
    yield _of_run(name, kind, _sealed(_OF_POLICY[0], _flipped), _PACK, "policy_1")


def _of_run(
    name: str,
    kind: str,
    make: Callable[[Path], None],
    command: tuple[str, ...],
    says: str,
    allowed: tuple[str, ...] = (REFUSED,),
) -> Input:
    """An input that is a finished run with something spoilt, and an image to score."""

    def both(folder: Path) -> None:
        (folder / "new").mkdir()
        (folder / "new/a.png").write_bytes(picture(1))
        make(folder)

    return Input(name, kind, both, command, allowed, says, _Kept(), grounded=True)


def records() -> Iterator[Input]:
    """What a project remembers of its runs, spoilt in each way: nothing is deleted, all is said."""
    kind = "damage: manifests, champion, tracked runs"
    either = (REFUSED, USED)
    for fault, spoil in FAULTS.items():
        spoilt = _spoilt(_MANIFEST, spoil)
        yield _of_run(f"manifest: {fault}, prune", kind, spoilt, _PRUNE, "", either)
        yield _of_run(f"manifest: {fault}, resume", kind, spoilt, ("resume",), "run", either)
        stale = ("stale", "--pipelines=iteration")
        yield _of_run(f"manifest: {fault}, stale", kind, spoilt, stale, "", either)
        plan = ("plan", "--pipelines=iteration", "--only-stale")
        yield _of_run(f"manifest: {fault}, plan", kind, spoilt, plan, "", either)
        # With one letter of it another, a manifest may still say what is needed.
        allowed = either if fault == "one bit" else (REFUSED,)
        says = "" if fault == "one bit" else "manifest|made"
        yield _of_run(f"manifest: {fault}, handoff create", kind, spoilt, _PACK, says, allowed)
    for fault, spoil in FAULTS.items():
        spoilt = _spoilt(_CHAMPION, spoil)
        unnamed = ("handoff", "create", "--output={folder}/packed")
        yield _of_run(f"champion: {fault}, prune", kind, spoilt, _PRUNE, "champion")
        yield _of_run(f"champion: {fault}, handoff create", kind, spoilt, unnamed, "champion")
    for fault, spoil in FAULTS.items():
        # A database of no bytes is what SQLite makes before its first table, and one bit may be
        # where there is no row.
        made = fault in ("empty", "one bit")
        spoilt = _spoilt("mlflow.db", spoil)
        allowed, says = (either, "") if made else ((REFUSED,), "registry|tracking")
        yield _of_run(f"tracked runs: {fault}, prune", kind, spoilt, _PRUNE, says, allowed)
        node, says = ("run", "--nodes=ingestion.fit_score_scale"), "" if made else "[Tt]rack"
        yield _of_run(f"tracked runs: {fault}, run", kind, spoilt, node, says, either)


@dataclass(frozen=True)
class _Kept:
    """What the finished run has made is all still there."""

    def compare(self, folder: Path, screen: str) -> Found:
        """Look for it."""
        gone = [place for place in _RESULTS if not list(folder.glob(place))]
        return Found(USED, [f"'{place}' is gone" for place in gone])


FAMILIES = (tables, policies, records)
