"""What comes from others is data and never code: no pickle is loaded, no remote code is run.

Pickles in a handoff and in a training's checkpoint are refused in tests/handoff/test_create.py and
tests/expert_training/test_checkpoints.py, paths that lead out of an archive in
tests/handoff/test_archive.py, HTML in explanations and too large uploads in tests/scoring and
tests/pipelines/reporting.
"""

from __future__ import annotations

import ast
import hashlib
import json
import pickle
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import pytest
import tiny_vlm
import torch
from cards import policy_over
from kedro.io import DatasetError
from safetensors import SafetensorError

from selfscore.datasets.adapter import WEIGHTS, AdapterDataset
from selfscore.datasets.directory import MARKER, read_json, write_directory, write_json
from selfscore.datasets.policy import PolicyDataset
from selfscore.datasets.pretrained_model import PretrainedModelDataset
from selfscore.scoring.policies import read_policy
from selfscore.vlm.loading.loader import load_outline, load_vlm
from selfscore.vlm.policy import LoraAdapter, Policy

SOURCES = sorted((Path(__file__).parents[1] / "src").rglob("*.py"))


class Planted:
    """Leaves a file behind if it is ever unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Callable[..., object], tuple[Path]]:
        return Path.touch, (self.trace,)


@pytest.fixture
def trace(tmp_path: Path) -> Iterator[Path]:
    """The file that must not be there in the end."""
    file = tmp_path / "code was run"
    yield file
    assert not file.exists()


@pytest.fixture(params=["pickle", "torch"])
def payload(request: pytest.FixtureRequest, trace: Path, tmp_path: Path) -> bytes:
    """A pickle as such, and in the archive that torch.save writes."""
    if request.param == "pickle":
        return pickle.dumps(Planted(trace))
    torch.save({"weight": Planted(trace)}, tmp_path / "planted.pt")
    return (tmp_path / "planted.pt").read_bytes()


def test_the_payload_would_be_run(tmp_path: Path) -> None:
    file = tmp_path / "run"
    pickle.loads(pickle.dumps(Planted(file)))
    assert file.exists()


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A policy as it is stored."""
    layer = "base_model.model.model.layers.0.self_attn.q_proj"
    tensors = {
        f"{layer}.lora_A.weight": torch.ones(2, 8),
        f"{layer}.lora_B.weight": torch.ones(8, 2),
    }
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 2, "target_modules": ["q_proj"]}
    folder = tmp_path / "policy_1"
    PolicyDataset(filepath=str(folder)).save(policy_over("base", LoraAdapter(config, tensors)))
    return folder


def sign(folder: Path) -> None:
    """Let the marker name the files that are there, as whoever planted one would."""
    names = [file.name for file in folder.iterdir() if file.name != MARKER]
    hashes = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}
    write_json({"sha256": hashes}, folder / MARKER)


@pytest.mark.parametrize("name", ["adapter_model.bin", WEIGHTS])
def test_a_pickle_for_the_weights_of_an_adapter_is_refused(
    stored: Path, payload: bytes, name: str
) -> None:
    (stored / WEIGHTS).unlink()
    (stored / name).write_bytes(payload)
    readers: list[Callable[[], object]] = [
        AdapterDataset(filepath=str(stored)).load,
        PolicyDataset(filepath=str(stored)).load,
        lambda: read_policy(stored),
    ]
    for read in readers:
        with pytest.raises(DatasetError, match=WEIGHTS):
            read()
    sign(stored)
    for read in readers:
        with pytest.raises((DatasetError, FileNotFoundError, SafetensorError)):
            read()


def test_a_pickle_beside_the_weights_of_an_adapter_is_not_opened(
    stored: Path, payload: bytes
) -> None:
    (stored / "adapter_model.bin").write_bytes(payload)
    sign(stored)
    assert read_policy(stored).policy.adapter is not None


@pytest.fixture(scope="module")
def saved_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_vlm.save_idefics3(tmp_path_factory.mktemp("model"))


@pytest.fixture
def model(saved_model: Path, tmp_path: Path) -> Path:
    """A base model's folder, complete for the dataset that stores such folders, too."""
    folder = tmp_path / "model"
    write_directory(
        fsspec.filesystem("file"),
        str(folder),
        lambda place: shutil.copytree(saved_model, place, dirs_exist_ok=True),
    )
    return folder


def base_policy(model: Path) -> Policy:
    return policy_over(model)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.safetensors"])
def test_a_pickle_for_the_weights_of_a_base_model_is_refused(
    model: Path, payload: bytes, name: str
) -> None:
    (model / "model.safetensors").unlink()
    (model / name).write_bytes(payload)
    sign(model)
    with pytest.raises((FileNotFoundError, SafetensorError)):
        load_vlm(base_policy(model))
    with pytest.raises(DatasetError, match="safetensors|deserializing header"):
        PretrainedModelDataset(filepath=str(model)).load()


@pytest.mark.parametrize(
    ("file", "part", "kind"),
    [
        ("config.json", "AutoConfig", "unheard_of"),
        ("config.json", "AutoModelForImageTextToText", "unheard_of"),
        ("processor_config.json", "AutoProcessor", None),
    ],
)
def test_code_that_comes_with_a_model_is_not_run(
    model: Path,
    trace: Path,
    monkeypatch: pytest.MonkeyPatch,
    file: str,
    part: str,
    kind: str | None,
) -> None:
    """Nor is anyone asked whether to run it."""
    (model / "planted.py").write_text(f"from pathlib import Path\nPath({str(trace)!r}).touch()\n")
    record = read_json(model / file) if (model / file).is_file() else {}
    record["auto_map"] = {part: "planted.Planted"}
    if kind:
        record["model_type"] = kind
    if part == "AutoProcessor":
        record["processor_class"] = "UnheardOfProcessor"
    (model / file).write_text(json.dumps(record))
    sign(model)
    monkeypatch.setattr("builtins.input", lambda *_: "y")
    for load in (
        lambda: load_vlm(base_policy(model)),
        lambda: load_outline(base_policy(model)),
        lambda: PretrainedModelDataset(filepath=str(model)).load(),
    ):
        with pytest.raises((ValueError, OSError, DatasetError)):
            load()


# Modules that unpickle, and what runs text.
UNPICKLING = {"pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
RUNNING = {"eval", "exec", "compile", "__import__"}
# Arguments that let a library do it.
ALLOWING = ("allow_pickle", "trust_remote_code", "shell")


def test_no_module_loads_pickles_or_runs_what_it_is_given() -> None:
    found = [(path, danger) for path in SOURCES for danger in dangers(path.read_text("utf-8"))]
    assert len(SOURCES) > 100 and not found


def dangers(source: str) -> Iterator[str]:
    """The statements and calls of a module that are not to be there."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                found = any(one.name.split(".")[0] in UNPICKLING for one in names)
            case ast.ImportFrom(module=str(module), names=names):
                harmless = [one.name for one in names] == ["UnpicklingError"]
                found = module.split(".")[0] in UNPICKLING and not harmless
            case ast.Call():
                found = is_dangerous(node)
            case _:
                found = False
        if found:
            yield ast.unparse(node)


def is_dangerous(call: ast.Call) -> bool:
    called = ast.unparse(call.func)
    # Under None, what is unpacked with two stars: `_source` of selfscore.vlm.loading.loader.
    given = {one.arg: ast.unparse(one.value) for one in call.keywords}
    if re.fullmatch(r"Auto\w+\.from_pretrained", called):
        unsafe = called.startswith("AutoModel") and given.get("use_safetensors") != "True"
        asks = not {"trust_remote_code", None} & set(given)
        if unsafe or asks:
            return True
    return (
        called in RUNNING
        or (called == "torch.load" and given.get("weights_only") != "True")
        or called in ("yaml.load", "pd.read_pickle", "pandas.read_pickle", "os.system", "os.popen")
        or (called.endswith(".extractall") and "filter" not in given)
        or any(given.get(name, "False") != "False" for name in ALLOWING)
    )


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "import numpy as np, dill.source",
        "eval(text)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "yaml.load(text)",
        "np.load(path, allow_pickle=True)",
        "AutoProcessor.from_pretrained(name, trust_remote_code=chosen)",
        "AutoProcessor.from_pretrained(name)",
        "AutoModel.from_pretrained(name, trust_remote_code=False)",
        "archive.extractall(place)",
        "subprocess.run(command, shell=True)",
    ],
)
def test_each_danger_is_seen(source: str) -> None:
    assert list(dangers(source))


def test_what_only_looks_like_a_danger_is_let_through() -> None:
    assert not list(
        dangers(
            "from pickle import UnpicklingError\nmodel.eval()\n"
            "torch.load(path, weights_only=True)\n"
            "AutoModel.from_pretrained(name, use_safetensors=True, trust_remote_code=False)"
        )
    )


def test_no_dataset_of_the_catalog_is_a_pickle(project: Path) -> None:
    for file in (project / "conf").rglob("*.yml"):
        text = file.read_text(encoding="utf-8").lower()
        assert "pickle" not in text and "trust_remote_code" not in text, file
