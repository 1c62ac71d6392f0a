"""What an earlier release made is used by this one, or refused with a sentence.

`fixtures/release_0` was made by commit f880032 from the demo: `handoff` by `kedro handoff create`,
`scores.json` by `kedro score` with the policy in it, and `store` is what a run left behind that was
stopped while it encoded the images. `base_model` is the demo's model as it was then.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

RELEASE_0 = Path(__file__).with_name("fixtures") / "release_0"


@pytest.fixture
def kedro(project: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`kedro …` in the project."""

    def call(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "kedro", *map(str, arguments)],
            cwd=project,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
        )

    return call


@pytest.fixture
def store(trial_conf: Path) -> list[str]:
    """Options with which commands work in a copy of the earlier release's store."""
    shutil.copytree(RELEASE_0 / "store", trial_conf.parent / "data" / "test")
    return ["--env=test", f"--conf-source={trial_conf}"]


def check_it_is_refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    said = done.stdout + done.stderr
    assert done.returncode not in (0, None)
    assert "Traceback" not in said
    for word in words:
        assert word in said


def test_its_policy_gives_the_scores_and_texts_that_it_gave(kedro) -> None:
    expected = json.loads((RELEASE_0 / "scores.json").read_text(encoding="utf-8"))
    images = [one["image"] for one in expected]
    places = ["--policy", RELEASE_0 / "handoff/policy", "--base-model", RELEASE_0 / "base_model"]
    done = kedro("score", *images, *places, "--format=json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found) == len(expected) > 1
    for one, before in zip(found, expected, strict=True):
        scale, stated = before["scale"], before.pop("stated_level")
        # What stands in one of them alone: the score is the mean over the levels now, and was what
        # the likeliest of them stands for.
        assert before.pop("score") == scale[before["level"]]
        assert (one.pop("lowest_score"), one.pop("highest_score")) == (scale[0], scale[-1])
        assert one["level"] == stated
        # Another processor may round the last bits in another way.
        assert one.pop("score") == pytest.approx(before.pop("expected_score"), abs=1e-4)
        expected_probabilities = before.pop("probabilities")
        assert one.pop("probabilities") == pytest.approx(expected_probabilities, abs=1e-4)
        assert one == before | {"selfscore_version": one["selfscore_version"]}


def test_its_handoff_is_verified(kedro) -> None:
    done = kedro("handoff", "verify", RELEASE_0 / "handoff")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAILED" not in done.stdout
    assert "manifests" in done.stdout


def test_its_handoff_is_refused_once_it_was_changed(kedro, tmp_path: Path) -> None:
    handoff = shutil.copytree(RELEASE_0 / "handoff", tmp_path / "handoff")
    adapter = handoff / "policy/adapter_model.safetensors"
    adapter.write_bytes(adapter.read_bytes()[:-1] + b"!")
    done = kedro("handoff", "verify", handoff)
    assert done.returncode == 1
    assert "FAILED" in done.stdout


def test_its_stopped_run_is_not_gone_on_with(kedro, store: list[str]) -> None:
    check_it_is_refused(
        kedro("resume", *store),
        "was made by a version of the project that had",
        "start again with `kedro run",
    )


def test_what_is_in_its_store_is_told_apart(kedro, store: list[str]) -> None:
    done = kedro("stale", *store)
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    assert "scored_images" in done.stdout and "missing" in done.stdout, said
