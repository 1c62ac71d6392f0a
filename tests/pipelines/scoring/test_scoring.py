"""The scoring pipeline, and that it says the same as the command and the Python API."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cards import DEMO_PROMPTS, MACHINE, SCALE, policy_over
from fsspec.implementations.local import LocalFileSystem
from interrupted import killed_and_begun_again
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner
from PIL import Image

from selfscore.datasets.images import ImageFolder
from selfscore.datasets.policy import PolicyDataset
from selfscore.pipelines.scoring import create_pipeline
from selfscore.pipelines.scoring.nodes import lay_out_sheet, score_images
from selfscore.pipelines.scoring.settings import ScoringSettings
from selfscore.scoring import Scorer
from selfscore.scoring.results import tabulate
from selfscore.vlm.policy import Policy

SETTINGS = ScoringSettings(explain=True, batch_size=4, max_new_tokens=80)


@pytest.fixture(scope="module")
def policy(project: Path) -> Policy:
    """The demo's base model, which keeps the response format."""
    scale = replace(SCALE, values=[10.0 * level for level in range(10)])
    return policy_over("data/06_models/demo_model", score_scale=scale, prompts=DEMO_PROMPTS)


@pytest.fixture(scope="module")
def folder(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six demo images, one of them in a folder below, and one that is broken."""
    root = tmp_path_factory.mktemp("new images")
    (root / "below").mkdir()
    source = sorted((project / "data/01_raw/demo_images/images").iterdir())[::150][:6]
    for place, file in enumerate(source):
        shutil.copy(file, root / "below" if place == 3 else root)
    (root / "broken.jpg").write_bytes(source[0].read_bytes()[:700])
    return root


@pytest.fixture
def images(folder: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> ImageFolder:
    monkeypatch.chdir(project)
    return ImageFolder(LocalFileSystem(), str(folder))


def test_the_node_says_what_the_api_says(
    policy: Policy,
    images: ImageFolder,
    folder: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO):
        table = score_images(policy, images, SETTINGS, MACHINE, {}, "policy_0")
    assert "Scale: points; scores can be 0.00 (level 0) to 90.00 (level 9)" in caplog.text
    assert "1 of 7 images could not be scored, the first: 'broken.jpg'" in caplog.text
    assert table["image"].tolist() == list(images)
    said = Scorer(policy, "policy_0").score([folder / name for name in images])
    expected = tabulate(result.record() for result in said)
    same = ["level", "explanation", "error", "policy_digest"]
    pd.testing.assert_frame_equal(table[same], expected[same])
    np.testing.assert_allclose(
        table["score"].dropna().astype(float),
        expected["score"].dropna().astype(float),
        atol=1e-4,
    )


def test_killed_it_ends_with_the_same_table(policy: Policy, images: ImageFolder) -> None:
    def work(done: dict[str, bytes]) -> pd.DataFrame:
        return score_images(policy, images, SETTINGS, MACHINE, done, "policy_0")

    again = killed_and_begun_again(work, 1)
    pd.testing.assert_frame_equal(again, work({}), check_exact=True)


def test_the_sheet_has_no_lists(policy: Policy, images: ImageFolder) -> None:
    table = score_images(policy, images, replace(SETTINGS, explain=False), MACHINE, {}, "policy_0")
    sheet = lay_out_sheet(table)
    shares = sheet[[f"probability_{level}" for level in range(10)]]
    broken = sheet["image"] == "broken.jpg"
    np.testing.assert_allclose(shares[~broken].sum(axis=1).astype(float), 1)
    assert shares[broken].isna().all(axis=None)
    assert set(sheet["lowest_score"]) == {0} and set(sheet["highest_score"]) == {90}


def test_the_pipeline_takes_the_policy_it_is_told(policy: Policy, images: ImageFolder) -> None:
    pipeline = create_pipeline(policy="policy_3")
    assert pipeline.inputs() == {
        "policy_3",
        "new_images",
        "params:scoring",
        "params:machine",
        "checkpoints",
    }
    catalog = DataCatalog(
        {
            "policy_3": MemoryDataset(policy, copy_mode="assign"),
            "new_images": MemoryDataset(images, copy_mode="assign"),
            "params:scoring": MemoryDataset(replace(SETTINGS, explain=False)),
            "params:machine": MemoryDataset(MACHINE),
            "checkpoints": MemoryDataset({}),
        }
    )
    outputs = SequentialRunner().run(pipeline, catalog)
    assert set(outputs["score_sheet"].load()["policy"]) == {"policy_3"}


@pytest.mark.slow
def test_pipeline_command_and_api_say_the_same(
    project: Path, policy: Policy, folder: Path, tmp_path: Path
) -> None:
    for name in ("pyproject.toml", ".telemetry"):
        shutil.copy(project / name, tmp_path)
    for name in ("src", "conf", "data/06_models/demo_model"):
        shutil.copytree(project / name, tmp_path / name)
    stored = tmp_path / "data/test/06_models/policy_1/2026-01-01T10.00.00.000Z/policy_1"
    PolicyDataset(filepath=str(stored)).save(policy)

    def kedro(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "kedro", *arguments, "--env=test"],
            cwd=tmp_path,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
        )

    run = kedro("run", "--pipelines=scoring", f"--params=scoring.images={folder}")
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    outputs = tmp_path / "data/test/07_model_output"
    (parquet,) = outputs.glob("scores.parquet/*/scores.parquet")
    (sheet,) = outputs.glob("score_sheet.csv/*/score_sheet.csv")
    table = pd.read_parquet(parquet)
    assert len(pd.read_csv(sheet)) == len(table) == 7
    command = kedro("score", str(folder), "--format=json")
    assert command.returncode == 1  # one image is broken
    said = pd.DataFrame(json.loads(command.stdout))
    said["image"] = [str(Path(name).relative_to(folder)) for name in said["image"]]
    said = said.set_index("image").loc[table["image"]].reset_index()
    with Image.open(folder / said["image"][1]) as image:
        api = Scorer.load(stored).score([image])[0]
    assert set(said["policy_digest"]) == set(table["policy_digest"]) == {api.origin.digest}
    for column in ("explanation", "error"):
        assert said[column].fillna("").tolist() == table[column].fillna("").tolist()
    readable = table["error"].isna()
    for column in ("score", "level"):
        np.testing.assert_allclose(
            said.loc[readable, column].astype(float),
            table.loc[readable, column].astype(float),
            atol=1e-4,
        )
    assert api.score == pytest.approx(said["score"][1], abs=1e-4)
    assert api.explanation == said["explanation"][1]
