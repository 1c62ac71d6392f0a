"""A whole round with models of real architectures, as a user starts it, in a copy of the project.

The models are tiny and were taught, in seconds, little more than the response format, so some of
what they write can be used and no figure means anything.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import stock
import tiny_vlm
import torch
from cards import policy_over

from selfscore.datasets.policy import PolicyDataset
from selfscore.metrics.figures import among
from selfscore.vlm.loading.loader import load_vlm
from selfscore.vlm.reading.tokens import answer_ids
from selfscore.vlm.response import write_response

pytestmark = pytest.mark.slow

PARAMETERS = (
    "rounds=1",
    "data_generation.min_accepted=0.1",
    "data_generation.gates.max_generic=1.0",
    "evaluation.n_resamples=20",
    "reporting.n_resamples=20",
    "merging.rank=16",
    "dpo_training.rank=4",
)
PROMPT = "Rate the quality of this picture from 0 (worst) to 9 (best) and explain the score."


def teach_the_format(folder: Path) -> None:
    """A few steps on a few answers to the rating prompt, with a picture."""
    vlm = load_vlm(policy_over(folder))
    image = tiny_vlm.pictures(1)["0.png"]
    random = np.random.default_rng(0)
    optimiser = torch.optim.AdamW(vlm.model.parameters(), lr=5e-3)
    vlm.model.train()
    for _ in range(120):
        words = random.choice(["sharp", "blurred", "strong", "good", "dark"], 2)
        text = f"The picture is {words[0]}. The colours are {words[1]}."
        answer = answer_ids(vlm, PROMPT, write_response(int(random.integers(10)), text))
        inputs = stock.encode(vlm, image, PROMPT, answer)
        labels = inputs["input_ids"].clone()
        labels[:, : -len(answer)] = -100
        vlm.model(**inputs, labels=labels).loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    vlm.model.save_pretrained(folder)


def newest(folder: Path, name: str) -> Path:
    return max((folder / "data/test" / name).iterdir()) / Path(name).name


@pytest.mark.parametrize(
    "save", [tiny_vlm.save_idefics3, tiny_vlm.save_llava], ids=["idefics3", "llava"]
)
def test_a_round_from_images_to_the_report(save, project, tmp_path):
    for name in ("pyproject.toml", ".telemetry"):
        shutil.copy(project / name, tmp_path)
    for name in ("src", "conf", "data/01_raw"):
        shutil.copytree(project / name, tmp_path / name)
    model = save(tmp_path / "model")
    teach_the_format(model)
    run = subprocess.run(
        [
            *(sys.executable, "-m", "kedro", "run", "--pipelines=iteration", "--env=test"),
            f"--params={','.join((f'model.id={model}', *PARAMETERS))}",
        ],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert run.returncode == 0, run.stdout[-4000:]

    policy = PolicyDataset(filepath=str(newest(tmp_path, "06_models/policy_1"))).load()
    assert policy.base_model == str(model)
    decoder = {"idefics3": "model.text_model.", "llava": "model.language_model."}
    layers = policy.adapter.config["target_modules"]
    start = next(prefix for prefix in decoder.values() if layers[0].startswith(prefix))
    assert len(layers) == 2 * 7 and all(name.startswith(start) for name in layers)
    assert load_vlm(policy).tower_frozen

    made = newest(tmp_path, "05_model_input/iteration_1/consistency_pairs.parquet")
    pairs = pd.read_parquet(made)
    assert len(pairs) > 0
    figures = pd.read_parquet(newest(tmp_path, "08_reporting/iteration_1/figures.parquet"))
    assert set(among(figures)["policy"]) == {
        "level",
        "consistency",
        "grounding_contrast",
        "merged",
    }
    report = json.loads(newest(tmp_path, "08_reporting/iteration_1/merge_report.json").read_text())
    assert 0 < report["energy_kept"] <= 1
    table = pd.read_parquet(newest(tmp_path, "08_reporting/over_rounds/figures.parquet"))
    assert set(table["round"]) == {0, 1}
