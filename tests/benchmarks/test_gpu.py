import json
import os
import subprocess
import sys
import zipfile

import pytest
import tiny_vlm
import torch
import unfused_flex

from benchmarks.gpu import measure, models, wheels
from benchmarks.gpu.__main__ import main
from benchmarks.performance import flops
from benchmarks.performance.shapes import PROJECT, pictures

NAMES = [
    "smolvlm-256m-tiny",
    pytest.param("qwen2.5-vl-3b-tiny", marks=tiny_vlm._NEEDS_TORCHVISION),
]
SMALL = ["--tiny", "--pairs=2", "--images=2", "--repeats=1"]


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
@pytest.mark.parametrize("name", NAMES)
def test_every_way_is_measured_and_all_of_dpo_compute_the_same(name, tmp_path, monkeypatch):
    unfused_flex.allow_gradients(monkeypatch)
    record = tmp_path / "gpu.json"
    main(["run", *SMALL, "--shapes", name, f"--record={record}"])
    written = json.loads(record.read_text())
    assert written["machine"]["accelerator"] is None or torch.cuda.is_available()
    found = written["shapes"][name]
    assert list(found["ways"]) == [*measure.READING, *measure.TRAINING]
    for way, rates in found["ways"].items():
        assert rates["seconds"] > 0, (way, rates)
        assert rates["flop_per_second"] > 0
    losses = [rates["loss"] for way, rates in found["ways"].items() if way.startswith("DPO")]
    assert losses[0] != pytest.approx(0.6931, abs=1e-4), "the adapter must do something"
    # TRL's pairs have one more token than ours: the line break behind the end of a turn.
    assert losses == pytest.approx([losses[0]] * 4, abs=2e-3)
    assert losses[2] == pytest.approx(losses[3], abs=1e-5)


def test_a_way_that_fails_is_written_down_and_the_next_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(measure, "READING", {})
    ways = dict.fromkeys(["broken", "late"], lambda bench: {"seconds": 1 / 0})
    monkeypatch.setattr(measure, "TRAINING", ways)
    record = tmp_path / "gpu.json"
    for seconds, expected in ((60, "failed"), (0, "left_out")):
        main(["run", *SMALL, "--shapes", NAMES[0], f"--record={record}", f"--seconds={seconds}"])
        found = json.loads(record.read_text())["shapes"][NAMES[0]]["ways"]
        assert [list(rates) for rates in found.values()] == [[expected]] * 2


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize(
    ("options", "remedy"),
    [([], "no GPU here.*--tiny"), (["--tiny", "--shapes", "gpt"], "no shape 'gpt': smolvlm")],
)
def test_what_cannot_be_measured_is_refused(options, remedy):
    with pytest.raises(SystemExit, match=remedy):
        main(["run", *options])


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("smolvlm-256m", 256e6),
        ("smolvlm-2.2b", 2.25e9),
        pytest.param("qwen2.5-vl-3b", 3.75e9, marks=tiny_vlm._NEEDS_TORCHVISION),
    ],
)
def test_true_shapes_have_their_published_numbers_of_parameters(name, published):
    vlm = models.build(models.TRUE_SHAPES[name], torch.device("meta"))
    # SmolVLM has an output projection of its own, as large as the embeddings; it costs no more.
    own = vlm.model.get_output_embeddings().weight.numel() if "smolvlm" in name else 0
    assert vlm.model.num_parameters() + own == pytest.approx(published, rel=0.01)


def test_operations_of_the_tower_are_those_counted_for_the_architecture():
    shape = models.TINY_SHAPES[NAMES[0]]
    vlm = models.build(shape, torch.device("cpu"))
    images = pictures(1, shape.side)
    counted = measure._tower_operations(vlm, images)
    assert counted == pytest.approx(flops.costs(vlm.model).tower, rel=0.02)


def test_all_that_is_carried_has_what_it_needs_carried_or_there():
    found = wheels.needed()
    assert {"trl", "transformers", "pydantic-core", "datasets", "peft"} <= set(found)
    assert not wheels.PRESENT & set(found)


BARE = """
import importlib.metadata as metadata
import sys
from importlib.machinery import PathFinder

from benchmarks.gpu.wheels import PRESENT, needed

there = PRESENT | set(needed())
owners = metadata.packages_distributions()


class Bare(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        owned = {owner.lower().replace("_", "-") for owner in owners.get(name, ())}
        return None if owned and not owned & there else super().find_spec(name, path, target)


sys.meta_path[:] = [Bare if finder is PathFinder else finder for finder in sys.meta_path]
import benchmarks.gpu.machine, benchmarks.gpu.measure, benchmarks.gpu.models
"""


@pytest.mark.slow
def test_nothing_else_is_imported():
    done = subprocess.run(
        [sys.executable, "-c", BARE], cwd=PROJECT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_it_goes_on_with_the_wheels_of_a_folder(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "carried-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("carried.py", "HERE = True\n")
        wheel.writestr(
            "carried-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: carried\nVersion: 1.0\n"
        )
        wheel.writestr(
            "carried-1.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        wheel.writestr("carried-1.0.dist-info/RECORD", "")
    begun = []
    monkeypatch.setattr(os, "execve", lambda *call: begun.append(call))
    monkeypatch.chdir(tmp_path)
    main(["run", f"--wheels={tmp_path}", *SMALL, "--record=found.json"])
    program, arguments, environment = begun[0]
    assert program == sys.executable
    assert f"--record={tmp_path / 'found.json'}" in arguments
    assert "--tiny" in arguments
    assert not any(argument.startswith("--wheels") for argument in arguments)
    place, source = environment["PYTHONPATH"].split(os.pathsep)[:2]
    assert os.path.isfile(os.path.join(place, "carried.py"))
    assert os.path.isdir(os.path.join(source, "selfscore"))


def test_a_folder_without_wheels_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no wheels in .*benchmarks.gpu carry"):
        main(["run", f"--wheels={tmp_path}"])
