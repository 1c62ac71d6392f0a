"""A policy in a folder: a tiny random model that looks at broad pictures in more tiles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import serving
import tiny_vlm
from cards import DEMO_PROMPTS, SCALE, policy_over
from images import coloured_images
from PIL import Image
from random_adapter import random_adapter
from transformers import AutoProcessor

from selfscore.datasets.policy import PolicyDataset
from selfscore.scoring import Scorer

VALUES = [float(10 * level) for level in range(10)]
POINTS = replace(SCALE, values=VALUES, unit="points 0-90")


@pytest.fixture(scope="session")
def base_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tiny_vlm.save_idefics3(tmp_path_factory.mktemp("model"))
    processor = AutoProcessor.from_pretrained(folder)
    # Prompts of different lengths, so that batches are padded.
    processor.image_processor.do_image_splitting = True
    processor.image_processor.size = {"longest_edge": 64}
    processor.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def write_policy(base_model: Path) -> Callable[..., Path]:
    """Stores a policy with an adapter that matters; `model` is what its card calls the base."""

    def write(folder: Path, model: str | None = None, seed: int = 1) -> Path:
        policy = policy_over(
            model or base_model,
            random_adapter(str(base_model), seed),
            iteration=1,
            score_scale=POINTS,
        )
        PolicyDataset(filepath=str(folder)).save(policy)
        return folder

    return write


@pytest.fixture(scope="session")
def policy_folder(
    write_policy: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return write_policy(tmp_path_factory.mktemp("models") / "policy_1")


@pytest.fixture(scope="session")
def scorer(policy_folder: Path) -> Scorer:
    return Scorer.load(policy_folder, batch_size=16, max_new_tokens=12)


@pytest.fixture(scope="session")
def pictures() -> list[Image.Image]:
    """Twenty images of several shapes, and thus of several numbers of tokens."""
    shapes = [(40, 40), (40, 20), (40, 10), (20, 40)]
    return [
        image.crop((0, 0, *shapes[place % 4]))
        for place, image in enumerate(coloured_images(20).values())
    ]


@pytest.fixture
def files(pictures: list[Image.Image], tmp_path: Path) -> list[Path]:
    """The same as files, without loss."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for place, image in enumerate(pictures):
        image.save(folder / f"{place:02}.png")
    return sorted(folder.iterdir())


@pytest.fixture(scope="session")
def served() -> Callable[..., object]:
    """Runs a web application on loopback, as a context that gives its port."""
    return serving.served


@pytest.fixture(scope="session")
def demo_scorer(project: Path) -> Scorer:
    """The demo's base model, which keeps the response format."""
    model = project / "data/06_models/demo_model"
    policy = policy_over(model, score_scale=POINTS, prompts=DEMO_PROMPTS)
    return Scorer(policy, "policy_0")
