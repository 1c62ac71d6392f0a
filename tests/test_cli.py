"""`kedro score` and `kedro serve`: arguments, streams and exit codes."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from cards import DEMO_PROMPTS, SCALE, policy_over
from click.testing import CliRunner, Result
from kedro.framework.startup import bootstrap_project

from selfscore.cli import cli
from selfscore.datasets.policy import PolicyDataset
from selfscore.scoring import Scorer


@pytest.fixture(scope="module")
def policy_folder(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's base model as a policy."""
    scale = replace(SCALE, values=[10.0 * level for level in range(10)])
    model = project / "data/06_models/demo_model"
    folder = tmp_path_factory.mktemp("models") / "policy_0"
    policy = policy_over(model, score_scale=scale, prompts=DEMO_PROMPTS)
    PolicyDataset(filepath=str(folder)).save(policy)
    return folder


@pytest.fixture
def photographs(project: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "photographs"
    folder.mkdir()
    for name in ("cat_01.jpg", "astronaut_01.jpg"):
        shutil.copy(project / "data/01_raw/demo_images/images" / name, folder)
    return folder


@pytest.fixture
def kedro(project: Path, policy_folder: Path) -> Callable[..., Result]:
    metadata = bootstrap_project(project)

    def call(*arguments: object, policy: Path = policy_folder) -> Result:
        return CliRunner().invoke(
            cli, [*map(str, arguments), "--policy", str(policy)], obj=metadata
        )

    return call


def test_a_folder_is_scored_as_the_api_scores_it(
    kedro: Callable[..., Result], photographs: Path, policy_folder: Path
) -> None:
    result = kedro("score", photographs, "--format", "json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    files = sorted(photographs.iterdir())
    expected = Scorer.load(policy_folder).score(files)
    assert [record["image"] for record in found] == [str(file) for file in files]
    for record, one in zip(found, expected, strict=True):
        assert record["explanation"] == one.explanation != ""
        assert record["level"] == one.level
        assert record["score"] == pytest.approx(one.score, abs=1e-5)
        assert record["probabilities"] == pytest.approx(one.probabilities, abs=1e-5)
        assert record["unit"] == "points" and record["scale"][-1] == 90
    assert "Scale: points; scores can be 0.00 (level 0) to 90.00 (level 9)" in result.stderr


def test_a_broken_image_is_reported_and_the_exit_code_tells(
    kedro: Callable[..., Result], photographs: Path
) -> None:
    (photographs / "broken.jpg").write_bytes(b"no image")
    result = kedro("score", photographs, "--format", "jsonl", "--no-explain")
    assert result.exit_code == 1
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert [bool(record["error"]) for record in records] == [False, True, False]
    assert "1 of 3 images could not be scored" in result.stderr
    assert "broken.jpg" in result.stderr and "Traceback" not in result.stderr


def test_the_suffix_of_the_output_chooses_the_format(
    kedro: Callable[..., Result], photographs: Path, tmp_path: Path
) -> None:
    output = tmp_path / "scores.csv"
    result = kedro("score", f"{photographs}/c*.jpg", "--output", output, "--no-explain")
    assert result.exit_code == 0 and result.stdout == ""
    with output.open() as stream:
        (row,) = csv.DictReader(stream)
    assert row["image"].endswith("cat_01.jpg") and float(row["probability_3"]) < 1


@pytest.mark.parametrize("form", ["csv", "json", "parquet", "xlsx"])
def test_an_odd_name_costs_no_other_picture_its_score(
    kedro: Callable[..., Result], photographs: Path, tmp_path: Path, form: str
) -> None:
    shutil.copy(photographs / "cat_01.jpg", os.fsencode(photographs) + b"/b\xe9.jpg")
    output = tmp_path / f"scores.{form}"
    result = kedro("score", photographs, "--output", output, "--no-explain")
    assert result.exit_code == 1, result.stderr
    assert "1 of 3 images could not be scored" in result.stderr
    assert "b<E9>.jpg', the file's name is not UTF-8" in result.stderr
    readers = {
        "csv": pd.read_csv,
        "json": pd.read_json,
        "parquet": pd.read_parquet,
        "xlsx": pd.read_excel,
    }
    table = readers[form](output)
    assert table["score"].notna().tolist() == [True, False, True]
    assert table["image"][1].endswith("b<E9>.jpg")


def test_the_table_is_for_reading(kedro: Callable[..., Result], photographs: Path) -> None:
    shown = kedro("score", photographs).stdout
    assert "score" in shown and "cat_01.jpg" in shown
    assert "Scale: points; scores can be 0.00 (level 0) to 90.00 (level 9)" in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "There is no image at 'nowhere'"),
        (["{photographs}", "--output", "nowhere/scores.csv"], "'nowhere' of --output"),
        (["{photographs}", "--format", "xml"], "is not one of"),
        (["{photographs}", "--output", "scores.ods"], "'scores.ods' does not say its format"),
        (["{photographs}", "--output", "a.xlsx", "--format", "csv"], "and csv by --format"),
        (["{photographs}", "--batch-size", "0"], "x>=1"),
        ([], "Missing argument"),
    ],
)
def test_wrong_arguments_are_told_before_anything_is_loaded(
    kedro: Callable[..., Result], photographs: Path, arguments: list[str], message: str
) -> None:
    filled = [argument.format(photographs=photographs) for argument in arguments]
    # A policy that cannot be loaded: whoever looked at it would complain of it.
    result = kedro("score", *filled, policy=photographs)
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_missing_policy_is_told_without_a_traceback(
    kedro: Callable[..., Result], photographs: Path
) -> None:
    result = kedro("score", photographs, policy=photographs)
    assert result.exit_code == 1
    assert "no complete policy" in result.stderr and result.stdout == ""


def test_reading_the_commands_does_not_import_torch() -> None:
    code = "import sys, selfscore.cli; print({'torch', 'pandas', 'fastapi'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


@pytest.fixture
def started(project: Path, policy_folder: Path) -> Iterator[Callable[..., Any]]:
    """Starts a command of kedro as a user does."""
    running: list[subprocess.Popen[str]] = []

    def start(*arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "kedro", *map(str, arguments)]
        running.append(
            subprocess.Popen(
                [*command, "--policy", str(policy_folder)],
                cwd=project,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_stdout_holds_the_results_alone(started: Callable[..., Any], photographs: Path) -> None:
    (photographs / "broken.jpg").write_bytes(b"no image")
    process = started("score", photographs, "--format", "json")
    stdout, stderr = process.communicate()
    assert process.returncode == 1, stderr
    assert len(json.loads(stdout)) == 3
    assert "Policy:" in stderr and "Warning" not in stderr
    # No bar where there is no terminal.
    assert "\r" not in stderr


@pytest.mark.slow
def test_the_page_is_served_on_loopback_until_it_is_ended(
    started: Callable[..., Any], photographs: Path
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = started("serve", "--port", port)
    for line in process.stderr:
        if f"Open http://127.0.0.1:{port}" in line:
            break
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/score",
        (photographs / "cat_01.jpg").read_bytes(),
        {"Content-Type": "image/jpeg"},
    )
    for _ in range(100):
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                result = json.load(answer)
            break
        except urllib.error.URLError:
            time.sleep(0.1)
    assert result["unit"] == "points" and result["explanation"]
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 0
    assert process.stdout.read() == ""
