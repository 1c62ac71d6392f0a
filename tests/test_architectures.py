"""A whole round with models of other architectures than the demo's, as a user starts it.

In a copy of the project. The models are tiny and were taught, in seconds, little more than the
response format, so some of what they write can be used and no figure means anything.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
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


def teach_the_format(folder: Path, processor: Mapping[str, object], lr: float = 5e-3) -> None:
    """A few steps on a few answers to the rating prompt, with a few pictures."""
    vlm = load_vlm(policy_over(folder, processor=dict(processor)))
    images = [*tiny_vlm.pictures(16).values()]
    random = np.random.default_rng(0)
    optimiser = torch.optim.AdamW(vlm.model.parameters(), lr=lr)
    vlm.model.train()
    for step in range(120):
        words = random.choice(["sharp", "blurred", "strong", "good", "dark"], 2)
        text = f"The picture is {words[0]}. The colours are {words[1]}."
        answer = answer_ids(vlm, PROMPT, write_response(int(random.integers(10)), text))
        inputs = stock.encode(vlm, images[step % len(images)], PROMPT, answer)
        labels = inputs["input_ids"].clone()
        labels[:, : -len(answer)] = -100
        vlm.model(**inputs, labels=labels).loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    vlm.model.save_pretrained(folder)


def newest(folder: Path, name: str) -> Path:
    return max((folder / "data/test" / name).iterdir()) / Path(name).name


def run_a_round(project: Path, folder: Path, model: Path, *parameters: str) -> None:
    """`kedro run` of one round with a model, in a copy of the project."""
    for name in ("pyproject.toml", ".telemetry"):
        shutil.copy(project / name, folder)
    for name in ("src", "conf", "data/01_raw"):
        shutil.copytree(project / name, folder / name)
    run = subprocess.run(
        [
            *(sys.executable, "-m", "kedro", "run", "--pipelines=iteration", "--env=test"),
            f"--params={','.join((f'model.id={model}', *PARAMETERS, *parameters))}",
        ],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", "VLLM_CPU_KVCACHE_SPACE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert run.returncode == 0, run.stdout[-4000:]


def test_a_round_of_llava_from_images_to_the_report(project, tmp_path):
    model = tiny_vlm.save_llava(tmp_path / "model")
    teach_the_format(model, {})
    run_a_round(project, tmp_path, model)

    policy = PolicyDataset(filepath=str(newest(tmp_path, "06_models/policy_1"))).load()
    assert policy.base_model == str(model)
    layers = policy.adapter.config["target_modules"]
    assert len(layers) == 2 * 7
    assert all(name.startswith("model.language_model.") for name in layers)
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


@pytest.mark.vllm
@pytest.mark.skipif(find_spec("vllm") is None, reason="vLLM is not installed: see docs/recipes.md")
def test_vllm_writes_the_texts_of_a_round(project, tmp_path):
    # Wide enough for its kernels, and with pictures in tiles, which it expects.
    model = tiny_vlm.save_idefics3(tmp_path / "model", wide=True)
    tiles = {"do_image_splitting": True, "size": {"longest_edge": 64}}
    teach_the_format(model, tiles, lr=2e-3)
    run_a_round(
        project,
        tmp_path,
        model,
        "machine.generation.backend=vllm",
        "model.views=1",
        "model.processor.do_image_splitting=true",
        "model.processor.size.longest_edge=64",
    )
    made = newest(tmp_path, "05_model_input/iteration_1/consistency_pairs.parquet")
    assert len(pd.read_parquet(made)) > 0
    figures = pd.read_parquet(newest(tmp_path, "08_reporting/iteration_1/figures.parquet"))
    valid = figures[(figures["policy"] == "merged") & (figures["metric"] == "format_valid")]
    assert valid["value"].between(0.1, 1).all() and len(valid) > 0
