"""Handoffs of strangers: damaged on the way, or made up with care."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks.hostile.damage import FAULTS
from benchmarks.hostile.inputs import REFUSED, USED, Found, Input

_VERIFY = ("handoff", "verify", "{folder}/handoff")
_REPLAY = ("handoff", "replay", "{folder}/handoff", "--output={folder}/replay.yml")
ARCHIVE = ("handoff", "verify", "{folder}/packed.tar.gz")
# What a stranger would like to be read, and where it would like to write.
_SECRET = "SELFSCORE_TRIAL_SECRET"
_WORD = "swordfish-4711"
TRAP = "/tmp/selfscore_trial_trap"  # noqa: S108

Change = Callable[[Path], None]


@dataclass(frozen=True)
class Untouched:
    """Nothing was written outside, and no word of the stranger's is in what was.

    Attributes:
        unwanted: words that may not be in the file that `replay` has written.
    """

    unwanted: tuple[str, ...] = ()

    def compare(self, folder: Path, screen: str) -> Found:
        """Look for traps that snapped."""
        found = [f"'{TRAP}' was written"] if Path(TRAP).exists() else []
        written = folder / "replay.yml"
        text = written.read_text() if written.is_file() else ""
        return Found(
            USED, found + [f"'{word}' was taken over" for word in self.unwanted if word in text]
        )


def given(
    kind: str,
    name: str,
    change: Change,
    command: tuple[str, ...],
    allowed: tuple[str, ...],
    says: str = "",
    unwanted: tuple[str, ...] = (),
) -> Input:
    """An input that is the finished run's handoff, changed, where a variable holds a secret."""
    expected = Untouched(unwanted)
    variables = {_SECRET: _WORD}
    return Input(
        name,
        kind,
        change,
        command,
        allowed,
        says,
        expected,
        grounded=True,
        # What `verify` finds is a table, with a row for each check.
        lines=9 if "verify" in command else 5,
        variables=variables,
        hidden=(_WORD,),
    )


def _file(folder: Path, name: str) -> Path:
    if name.startswith("manifests/"):
        return next((folder / "handoff/manifests").glob("*.json"))
    return folder / "handoff" / name


def sign(folder: Path) -> None:
    """Write the list of files anew, as whoever makes a handoff up would."""
    root = folder / "handoff"
    index = json.loads((root / "handoff.json").read_text())
    index["files"] = {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.is_symlink() and path.name != "handoff.json"
    }
    (root / "handoff.json").write_text(json.dumps(index))


def damaged() -> Iterator[Input]:
    """Every file of a handoff in every state; the list of files is the sender's."""
    kind = "strangers: damaged on the way"
    files = ("handoff.json", "policy/policy.json", "policy/adapter_model.safetensors",
             "score_scale.json", "manifests/*")  # fmt: skip
    for file, (name, fault) in product(files, FAULTS.items()):

        def spoil(folder: Path, file: str = file, fault: Callable[[bytes], bytes] = fault) -> None:
            place = _file(folder, file)
            place.write_bytes(fault(place.read_bytes()))

        yield given(
            kind,
            f"{file}: {name}",
            spoil,
            _VERIFY,
            (REFUSED,),
            "FAILED|not a handoff|handoff[.]json",
        )
    for file in files[1:]:

        def spoil_and_sign(folder: Path, file: str = file) -> None:
            _file(folder, file).write_bytes(b"{}")
            sign(folder)

        def remove(folder: Path, file: str = file) -> None:
            _file(folder, file).unlink()

        yield given(
            kind, f"{file}: an object, listed anew", spoil_and_sign, _VERIFY, (REFUSED,), "FAILED"
        )
        yield given(kind, f"{file}: removed", remove, _VERIFY, (REFUSED,), "FAILED.*missing")
        yield given(kind, f"{file}: removed, replay", remove, _REPLAY, (REFUSED,), "does not pass")


class Trap:
    """Makes a folder when a pickle of it is opened."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (TRAP,)


def added() -> Iterator[Input]:
    """Files that a handoff never has, not listed and listed."""
    kind = "strangers: files that do not belong"

    def put(name: str, content: bytes) -> Change:
        def change(folder: Path) -> None:
            place = folder / "handoff" / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)

        return change

    def link(name: str, target: str) -> Change:
        def change(folder: Path) -> None:
            (folder / "handoff" / name).unlink(missing_ok=True)
            (folder / "handoff" / name).symlink_to(target)

        return change

    snap = pickle.dumps(Trap())
    for name, change in {
        "a pickle": put("policy/adapter_model.bin", snap),
        "a pickle called .safetensors": put("policy/more.safetensors", snap),
        "a pickle called .json": put("policy/training_args.json", snap),
        "code": put("policy/modeling.py", b"import os"),
        "a catalog": put("artifacts/catalog.json", b'{"x": {"type": "pickle.PickleDataset"}}'),
        "a hidden file": put("policy/.hooks.json", b"{}"),
        "a file beside the list": put("setup.json", b"{}"),
        "a link to a file": link("score_scale.json", "/etc/passwd"),
        "a link out of it": link("policy/README.md", "../../data"),
        "a link to itself": link("policy/README.md", "README.md"),
    }.items():

        def listed(folder: Path, change: Change = change) -> None:
            change(folder)
            sign(folder)

        yield given(kind, name, change, _VERIFY, (REFUSED,), "FAILED")
        yield given(kind, f"{name}, listed", listed, _VERIFY, (REFUSED,), "FAILED")


def indices() -> Iterator[Input]:
    """Lists of files that say what no list may say."""
    kind = "strangers: lists of files"
    said: Mapping[str, Mapping[str, Any]] = {
        "another format": {"format": 99},
        "no format": {"format": None},
        "files that are a list": {"files": ["policy/policy.json"]},
        "files that are numbers": {"files": {"policy/policy.json": 3}},
        "a file above": {"files": {"../secret.json": "0" * 64}},
        "a file of the root": {"files": {"/etc/passwd": "0" * 64}},
        "a policy that is a text": {"policy": "policy_1"},
        "a policy without digest": {"policy": {"digest": None}},
        "another digest": {"policy": {"digest": "0" * 64}},
        "another run": {"policy": {"run": "2020-01-01T00.00.00.000Z"}},
        "a run above": {"policy": {"run": "../../../data/x"}},
        "a base model that is a text": {"base_model": "demo"},
        "a base model that is a number": {"base_model": {"id": 3}},
        "another base model": {"base_model": {"id": "someone/else"}},
        "artifacts that are a list": {"artifacts": []},
        "an artifact above": {"artifacts": {"iteration_1.figures": "../figures.parquet"}},
        "an artifact of the root": {"artifacts": {"iteration_1.figures": "/etc/passwd"}},
        "a kind that is a number": {"kind": 3},
        "an environment that is a list": {"environment": ["test"]},
        "fields that nobody knows": {"hooks": ["os.system"]},
    }
    for name, changes in said.items():

        def change(folder: Path, changes: Mapping[str, Any] = changes) -> None:
            place = folder / "handoff/handoff.json"
            index = json.loads(place.read_text())
            for key, value in changes.items():
                own = index.get(key)
                merge = (
                    isinstance(value, dict)
                    and isinstance(own, dict)
                    and key in ("policy", "base_model")
                )
                index[key] = {**own, **value} if merge else value
            place.write_text(json.dumps(index))

        # A field more changes nothing but the digest.
        allowed = (USED, REFUSED) if name == "fields that nobody knows" else (REFUSED,)
        yield given(
            kind, name, change, _VERIFY, allowed, "" if USED in allowed else "FAILED|handoff|format"
        )
        yield given(kind, f"{name}, replay", change, _REPLAY, allowed)


_HOSTED = "evaluation.judging.openai"


def _parameters(path: str, value: Any) -> dict[str, Any]:
    for key in reversed(path.split(".")):
        value = {key: value}
    return {"parameters": value}


# Path of a key in the manifest → what a stranger writes there, and which words may not be taken.
_FOREIGN: Mapping[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "an environment above": ({"environment": {"name": "../handoff/artifacts"}}, ("/artifacts",)),
    "an environment of the root": ({"environment": {"name": "/tmp"}}, ("/tmp",)),
    "an environment with an interpolation": ({"environment": {"name": "${oc.env:HOME}"}}, ("${",)),
    "an environment that is a list": ({"environment": {"name": ["base"]}}, ()),
    "a runner that is code": ({"command": {"runner": "os.system"}}, ("os.system",)),
    "a configuration": ({"command": {"conf_source": "/tmp/conf"}}, ("/tmp/conf",)),
    "a pipeline that is not there": ({"command": {"pipeline_names": ["evil"]}}, ("evil",)),
    "pipelines that are objects": ({"command": {"pipeline_names": [{"a": 1}]}}, ()),
    "hooks": ({"command": {"hooks": ["os.system"]}}, ("os.system",)),
    "a parameter that is not there": ({"parameters": {"evil": {"code": 1}}}, ("evil",)),
    "a parameter with a variable": (_parameters("prompts.rating", "${oc.env:HOME}"), ("${",)),
    "a seed that is a text": ({"parameters": {"seed": "abc"}}, ("abc",)),
    "rounds without end": ({"parameters": {"rounds": 10**9}}, ("1000000000",)),
    "experts that are not there": ({"parameters": {"experts": ["evil"]}}, ("evil",)),
    "another server": (_parameters(f"{_HOSTED}.base_url", "http://evil.org"), ("evil.org",)),
    "another key": (_parameters(f"{_HOSTED}.api_key_env", _SECRET), (_SECRET,)),
    "another model": ({"parameters": {"model": {"id": "evil/model"}}}, ("evil/model",)),
    "another registry": ({"parameters": {"registry": {"model": "evil"}}}, ("evil",)),
    "other places of images": ({"parameters": {"images": {"folder": "/etc"}}}, ("/etc",)),
    "places given to the run": (
        {"command": {"runtime_params": {"images": {"folder": "/etc"}}}},
        ("/etc",),
    ),
    "versions above": ({"command": {"load_versions": {"policy_0": "../../x"}}}, ("../../x",)),
    "nodes that are a text": ({"nodes": "all"}, ()),
    "a node that is not there": ({"nodes": [{"name": "evil", "function": "os.system"}]}, ("evil",)),
    "artifacts that are a list": ({"artifacts": []}, ()),
    "a status that is none": ({"status": "evil"}, ("evil",)),
    "another format": ({"format": 99}, ()),
    "a run above": ({"run_id": "../../x"}, ("../../x",)),
    "a run with a line break": ({"run_id": "x\nhooks: evil"}, ("hooks: evil",)),
}  # fmt: skip


def manifests() -> Iterator[Input]:
    """Manifests made up with care: replay takes from them only what this project has."""
    kind = "strangers: manifests made up"
    for name, (changes, unwanted) in _FOREIGN.items():

        def change(folder: Path, changes: Mapping[str, Any] = changes) -> None:
            place = _file(folder, "manifests/*")
            place.write_text(json.dumps(_laid_over(json.loads(place.read_text()), changes)))
            sign(folder)

        yield given(kind, name, change, _REPLAY, (REFUSED, USED), "", unwanted)
        yield _alone(kind, name, change, unwanted)


def _alone(kind: str, name: str, change: Change, unwanted: tuple[str, ...]) -> Input:
    """The same manifest, given to `replay` itself."""

    def both(folder: Path) -> None:
        change(folder)
        (folder / "manifest.json").write_bytes(_file(folder, "manifests/*").read_bytes())

    command = ("handoff", "replay", "{folder}/manifest.json", _REPLAY[-1])
    return given(kind, f"{name}, a manifest alone", both, command, (REFUSED, USED), "", unwanted)


def _laid_over(own: Any, changes: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(own)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = _laid_over(result[key], value) if both else value
    return result


def sound() -> Iterator[Input]:
    """The handoff as it was made: it must pass."""

    def pack(folder: Path) -> None:
        with tarfile.open(folder / "packed.tar.gz", "w:gz") as tar:
            for place in sorted((folder / "handoff").rglob("*")):
                if place.is_file():
                    tar.add(place, place.relative_to(folder / "handoff").as_posix())

    kind = "strangers: as it was made"
    yield given(kind, "a folder", lambda folder: None, _VERIFY, (USED,), "digest of the handoff")
    yield given(kind, "an archive", pack, ARCHIVE, (USED,), "digest of the handoff")
    yield given(kind, "listed anew", sign, _VERIFY, (USED,), "digest of the handoff")


FAMILIES = (sound, damaged, added, indices, manifests)
