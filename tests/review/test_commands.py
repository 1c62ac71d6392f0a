"""`kedro review …` on what a run made."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from kedro.framework.startup import bootstrap_project
from PIL import Image
from small_pairs import IMAGES, generations, readings, scored_images
from small_study import Raters, items

from selfscore.cli import cli

ONE_ROUND = "--params=rounds=1"


@pytest.fixture
def made(trial_conf: Path, tmp_path: Path) -> Path:
    """The datasets that the pairs are drawn from, where the catalog has them."""
    data = tmp_path / "data"
    version = "2026-01-01T00.00.00.000Z"

    def place(path: str) -> Path:
        place = data / path / version / Path(path).name
        place.parent.mkdir(parents=True)
        return place

    images = scored_images().assign(
        path=[f"image_{place}.png" for place in range(IMAGES)],
        sha256="0" * 64,
        split="train",
        score=1.0,
        level=4,
    )
    images.to_parquet(place("03_primary/scored_images.parquet"))
    generations().to_parquet(place("04_feature/baseline/generations.parquet"))
    read = readings().assign(policy="incoming", split="train")
    read.to_parquet(place("07_model_output/iteration_1/readings.parquet"))
    place("03_primary/score_scale.json").write_text(json.dumps({"levels": 5}))
    (tmp_path / "images").mkdir()
    for path in images["path"]:
        Image.fromarray(np.zeros((8, 8, 3), dtype=np.uint8)).save(tmp_path / "images" / path)
    return trial_conf


@pytest.fixture
def kedro(project: Path) -> Callable[..., Result]:
    metadata = bootstrap_project(project)

    def call(*arguments: object) -> Result:
        return CliRunner().invoke(cli, ["review", *map(str, arguments)], obj=metadata)

    return call


def test_pairs_are_read_and_come_to_figures(
    made: Path, project: Path, kedro: Callable[..., Result], tmp_path: Path
) -> None:
    params = f"--params=rounds=1,images.folder={tmp_path / 'images'}"
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = f"--port={free.getsockname()[1]}"
    command = [sys.executable, "-m", "kedro", "review", "pairs", "--reader=anna", port]
    started = subprocess.Popen(
        [*command, f"--conf-source={made}", params],
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert started.stderr is not None
        line = next(line for line in started.stderr if "Open http" in line)
        address = line.split()[1]
        answered: Any = json.loads(_ask(f"{address}/api/pairs"))
        for pair in answered["pairs"]:
            body = json.dumps({"key": pair["key"], "label": "consistent"}).encode()
            _ask(f"{address}/api/labels", body)
        assert _ask(f"{address}/picture/{answered['pairs'][0]['key']}")[:2] == b"\xff\xd8"
        started.send_signal(signal.SIGINT)
        said = started.communicate(timeout=60)[0]
    finally:
        started.kill()
    assert "Pairs that readers find usable" in said and "1.00" in said
    assert len(list((tmp_path / "data/08_reporting/review/pair_labels/anna").iterdir())) == IMAGES
    again = kedro("pairs", "--figures", f"--conf-source={made}", params)
    assert again.output == said


def _ask(address: str, body: bytes | None = None) -> bytes:
    headers = {"Content-Type": "application/json"}
    end = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(urllib.request.Request(address, body, headers)) as answer:
                content: bytes = answer.read()
                return content
        except urllib.error.URLError:
            assert time.monotonic() < end
            time.sleep(0.1)


@pytest.fixture
def shown(trial_conf: Path, tmp_path: Path) -> pd.DataFrame:
    """A study, where the catalog has it."""
    place = tmp_path / "data/08_reporting/study/study_items.parquet/2026-01-01T00.00.00.000Z"
    place.mkdir(parents=True)
    shown = items()
    shown.to_parquet(place / "study_items.parquet")
    return shown


def test_answers_that_raters_sent_are_taken(
    shown: pd.DataFrame, trial_conf: Path, kedro: Callable[..., Result], tmp_path: Path
) -> None:
    files = []
    for name, record in Raters().answer(shown, 0).items():
        files.append(tmp_path / f"{Path(name).name}.json")
        files[-1].write_text(json.dumps(record))
    result = kedro("import", *files, f"--conf-source={trial_conf}", ONE_ROUND)
    assert result.exit_code == 0, result.output
    assert "rater-12: 48 answers" in result.output
    kept = list((tmp_path / "data/08_reporting/study/study_answers").rglob("*.json"))
    assert len(kept) == 12
    files[0].write_text("{}")
    again = kedro("import", files[0], f"--conf-source={trial_conf}", ONE_ROUND)
    assert again.exit_code == 1 and "no file of a rater's answers" in again.output


def test_raters_of_another_study_are_not_counted(
    shown: pd.DataFrame,
    trial_conf: Path,
    kedro: Callable[..., Result],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    study = tmp_path / "data/08_reporting/study"
    page = study / "study_page.html/2026-01-01T00.00.00.000Z/study_page.html"
    page.parent.mkdir(parents=True)
    page.write_text("")
    answers = list(Raters().answer(shown, 0).items())
    began = ("ben", {**answers[2][1], "rater": "ben", "answers": []})
    others = [("old/anna", {**answers[3][1], "study": "old"}), began]
    for name, record in [*answers[:2], *others]:
        place = study / f"study_answers/{name}.json"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(record))
    # Nobody has to end it.
    monkeypatch.setattr("selfscore.local_page.server.serve", lambda *_: None)
    result = kedro("study", f"--conf-source={trial_conf}", ONE_ROUND)
    assert result.exit_code == 0, result.output
    assert "2 raters answered." in result.output


def test_before_the_study_is_drawn_nobody_rates(
    trial_conf: Path, kedro: Callable[..., Result]
) -> None:
    result = kedro("study", f"--conf-source={trial_conf}", ONE_ROUND)
    assert result.exit_code == 1
    assert "There is no `study_page` yet. Run `kedro run --pipelines=study`" in result.output


def test_before_a_run_there_is_nothing_to_read(
    trial_conf: Path, kedro: Callable[..., Result]
) -> None:
    result = kedro("pairs", f"--conf-source={trial_conf}", ONE_ROUND)
    assert result.exit_code == 1
    assert "There is no `scored_images` yet. Run `kedro run --pipelines=iteration`" in result.output


@pytest.mark.parametrize("name", ["", "../anna", "a/b", ".anna"])
def test_a_name_that_no_file_can_have_is_refused(kedro: Callable[..., Result], name: str) -> None:
    result = kedro("pairs", "--reader", name)
    assert result.exit_code == 2 and "cannot be the name of a file" in result.output
