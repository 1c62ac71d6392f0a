"""A training that was stopped goes on, and ends as one that never was."""

import io
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import small_training
import torch
from safetensors import SafetensorError
from small_training import assert_same, settings, train

from selfscore.datasets.checkpoint import Checkpoint
from selfscore.expert_training.checkpoints import (
    FILES,
    LATEST,
    KeepCheckpoints,
    Latest,
    latest_in,
    restore,
)

# Six steps an epoch, the last of them with three pairs; 15 in all, so that both checkpoints are in
# the middle of an epoch.
PAIRS = small_training.pairs(11)
OPTIONS = settings(
    epochs=2.5,
    batch_size=2,
    rpo_alpha=1.0,
    score_weight=2.0,
    stray_weight=3.0,
    checkpoint_steps=5,
)


class KilledError(BaseException):
    pass


class KilledAtCheckpoint(dict):
    """Stops the run when a checkpoint is whole, each time it is reached."""

    def __setitem__(self, name, part):
        super().__setitem__(name, part)
        if name == LATEST:
            raise KilledError


@pytest.fixture(scope="module")
def whole(idefics3):
    """The training that is never stopped and never saves anything."""
    return train(idefics3, PAIRS, settings(**vars(OPTIONS) | {"checkpoint_steps": 50}))


def killed(idefics3, options=OPTIONS):
    """What a training leaves that is stopped after its first checkpoint."""
    checkpoint = KilledAtCheckpoint()
    with pytest.raises(KilledError):
        train(idefics3, PAIRS, options, checkpoint)
    return checkpoint


@pytest.fixture(scope="module")
def stopped(idefics3):
    return killed(idefics3)


def test_saving_changes_nothing(idefics3, whole):
    checkpoint = {}
    assert_same(train(idefics3, PAIRS, OPTIONS, checkpoint), whole)
    assert latest_in(checkpoint).step == 10
    assert sorted(checkpoint) == sorted([LATEST, *(f"checkpoint-10/{file}" for file in FILES)])


def test_a_run_stopped_at_every_checkpoint_ends_the_same(idefics3, whole, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    checkpoint = killed(idefics3)
    assert latest_in(checkpoint).step == 5
    with pytest.raises(KilledError):
        train(idefics3, PAIRS, OPTIONS, checkpoint)
    assert latest_in(checkpoint).step == 10
    capsys.readouterr()
    assert_same(train(idefics3, PAIRS, OPTIONS, dict(checkpoint)), whole)
    bar = capsys.readouterr().err
    assert " 10/15 " in bar and " 15/15 " in bar and " 9/15 " not in bar


def test_a_step_in_parts_goes_on_as_well(idefics3):
    parts = settings(**vars(OPTIONS) | {"batch_size": 4, "accumulation_steps": 2, "epochs": 4})
    never = train(idefics3, PAIRS, parts)
    assert never[1]["step"].iloc[-1] == 12
    assert_same(train(idefics3, PAIRS, parts, dict(killed(idefics3, parts))), never)


def test_it_goes_on_with_the_parts_that_memory_had_room_for(idefics3):
    options = settings(**vars(OPTIONS) | {"batch_size": 4, "epochs": 4})
    checkpoint = dict(killed(idefics3, options))
    checkpoint[LATEST] = json.dumps({"step": 5, "accumulation_steps": 2}).encode()
    train(idefics3, PAIRS, options, checkpoint)
    assert latest_in(checkpoint) == Latest(step=10, accumulation_steps=2)


def test_a_killed_process_goes_on_in_another(idefics3, whole, tmp_path):
    script = f"""
import sys
sys.path[:0] = {[*sys.path, str(Path(small_training.__file__).parent)]!r}
from pathlib import Path
import test_checkpoints as tests
from selfscore.datasets.checkpoint import Checkpoint
from cards import policy_over
checkpoint = Checkpoint(Path({str(tmp_path / "done")!r}))
checkpoint.claim("train_scoring_expert", "one")
tests.train(policy_over({idefics3.base_model!r}), tests.PAIRS, tests.OPTIONS, checkpoint)
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        env=environment | {"TMPDIR": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
    )
    index = tmp_path / "done" / "train_scoring_expert" / "parts" / LATEST
    while not index.exists() and process.poll() is None:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    _, errors = process.communicate()
    assert process.returncode == -signal.SIGKILL, errors
    checkpoint = Checkpoint(tmp_path / "done")
    checkpoint.claim("train_scoring_expert", "one")
    assert latest_in(checkpoint).step in (5, 10)
    assert_same(train(idefics3, PAIRS, OPTIONS, checkpoint), whole)


def new(folder, name):
    made = folder / name
    made.mkdir()
    return made


class Stops(dict):
    """Does so many changes, and at the next one stops the run."""

    def __init__(self, parts, changes):
        super().__init__(parts)
        self.left = changes

    def _change(self):
        if self.left == 0:
            raise KilledError
        self.left -= 1

    def __setitem__(self, name, part):
        self._change()
        super().__setitem__(name, part)

    def __delitem__(self, name):
        self._change()
        super().__delitem__(name)


def save(checkpoint, step, folder):
    """What a trainer and `KeepCheckpoints` do at a step; every file says the step."""
    made = folder / f"checkpoint-{step}"
    made.mkdir()
    for file in (*FILES, "training_args.bin"):
        (made / file).write_text(f"{file} {step}")
    keep = KeepCheckpoints(checkpoint, every=5, accumulation_steps=1)
    keep.on_save(SimpleNamespace(output_dir=folder), SimpleNamespace(global_step=step), None)


def test_there_is_a_whole_checkpoint_wherever_it_is_stopped(tmp_path):
    first = {}
    save(first, 5, tmp_path)
    changes = 2 * len(FILES) + 1
    for stop in range(changes + 1):
        folder = new(tmp_path, str(stop))
        checkpoint = Stops(first, stop)
        if stop < changes:
            with pytest.raises(KilledError):
                save(checkpoint, 10, folder)
        else:
            save(checkpoint, 10, folder)
        step = 5 if stop <= len(FILES) else 10
        place = restore(checkpoint, new(tmp_path, f"out-{stop}"))
        assert sorted(file.name for file in place.iterdir()) == sorted(FILES)
        assert {file.read_text() for file in place.iterdir()} == {f"{f} {step}" for f in FILES}
        # The next one clears what is left.
        checkpoint.left = -1
        save(checkpoint, 15, new(folder, "next"))
        assert sorted(checkpoint) == sorted([LATEST, *(f"checkpoint-15/{file}" for file in FILES)])


def test_a_damaged_checkpoint_is_not_used(tmp_path, caplog):
    checkpoint = Checkpoint(tmp_path / "done")
    checkpoint.claim("train_scoring_expert", "one")
    save(checkpoint, 5, tmp_path)
    assert restore(checkpoint, new(tmp_path, "sound")) is not None
    stored = tmp_path / "done/train_scoring_expert/parts/checkpoint-5" / "optimizer.pt"
    content = bytearray(stored.read_bytes())
    content[-1] ^= 1
    stored.write_bytes(content)
    assert restore(checkpoint, new(tmp_path, "damaged")) is None
    assert "starts anew: of its checkpoint after step 5, 'checkpoint-5/optimizer.pt'" in caplog.text


class Malicious:
    def __init__(self, victim):
        self.victim = victim

    def __reduce__(self):
        return shutil.rmtree, (self.victim,)


@pytest.mark.parametrize("file", [file for file in FILES if not file.endswith("json")])
@pytest.mark.parametrize("zipped", [True, False])
def test_a_planted_pickle_is_refused_and_not_run(idefics3, stopped, tmp_path, file, zipped):
    victim = tmp_path / "victim"
    victim.mkdir()
    planted = io.BytesIO()
    if zipped:
        torch.save(Malicious(str(victim)), planted)
    else:
        pickle.dump(Malicious(str(victim)), planted)
    refusal = (SafetensorError, None) if file.endswith("safetensors") else (ValueError, "a pickle")
    checkpoint = dict(stopped) | {f"checkpoint-5/{file}": planted.getvalue()}
    with pytest.raises(refusal[0], match=refusal[1]):
        train(idefics3, PAIRS, OPTIONS, checkpoint)
    assert victim.is_dir()
    # It is one: what loads it without asking is its victim.
    planted.seek(0)
    if zipped:
        torch.load(planted, weights_only=False)
    else:
        pickle.load(planted)
    assert not victim.exists()
