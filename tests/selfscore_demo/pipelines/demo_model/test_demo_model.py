"""Making the demo model from nothing, very small, and the demo model that is shipped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog
from kedro.runner import SequentialRunner
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

from selfscore.configuration.domain import in_words
from selfscore.datasets.pretrained_model import PretrainedModelDataset
from selfscore.vlm.model import VLM
from selfscore.vlm.options import Decoding
from selfscore.vlm.reading.features import ImageEncoder
from selfscore.vlm.reading.tokens import level_strings
from selfscore.vlm.response import Prompts, parse_response, response_prefix, write_response
from selfscore.vlm.writing.generation import Request, generate
from selfscore_demo.pipelines import demo_images, demo_model
from selfscore_demo.pipelines.demo_images.settings import DemoImagesSettings
from selfscore_demo.pipelines.demo_model.nodes import render_lessons
from selfscore_demo.pipelines.demo_model.settings import DemoModelSettings

SHIPPED = "data/06_models/demo_model"


@pytest.fixture(scope="module")
def prompts(project: Path) -> Prompts:
    """The prompts of the configuration."""
    loader = OmegaConfigLoader(str(project / "conf"), base_env="base", default_run_env="test")
    return Prompts(**in_words(loader["parameters"])["prompts"]).for_levels(10)


SETTINGS = {"demo_images": DemoImagesSettings, "demo_model": DemoModelSettings, "prompts": Prompts}


def _run(conf: Path, place: Path, monkeypatch: pytest.MonkeyPatch, project: Path) -> DataCatalog:
    monkeypatch.chdir(project)
    merge = {"parameters": "soft", "globals": "soft"}
    loader = OmegaConfigLoader(
        str(conf), base_env="base", default_run_env="test", merge_strategy=merge
    )
    catalog = DataCatalog.from_config(loader["catalog"])
    for name, kind in SETTINGS.items():
        catalog[f"params:{name}"] = kind(**in_words(loader["parameters"])[name])
    SequentialRunner().run(demo_images.create_pipeline() + demo_model.create_pipeline(), catalog)
    return catalog


def test_both_demo_pipelines_run_from_the_photographs(
    trial_conf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    shipped = {path: path.stat().st_mtime_ns for path in (project / "data/01_raw").rglob("*.*")}
    catalog = _run(trial_conf, tmp_path, monkeypatch, project)
    assert len(catalog["demo_scores"].load()) == 48
    report = catalog["demo_model_report"].load()
    assert 2.0 < report["parameters_millions"] < 4.0
    assert report["test_images"] == 8
    card = catalog["demo_model_card"].load()
    assert "What is simulated" in card and "{" not in card.replace("{statement}", "")
    folder = tmp_path / "data/test/06_models/demo_model"
    assert (folder / "model.safetensors").stat().st_size < 7e6
    assert AutoProcessor.from_pretrained(folder).image_seq_len == 16
    after = {path: path.stat().st_mtime_ns for path in (project / "data/01_raw").rglob("*.*")}
    assert after == shipped


def test_pretraining_looks_at_no_photograph_of_the_demo_images(project: Path) -> None:
    def no(name: str) -> Callable[[], Image.Image]:
        raise AssertionError(name)

    sources = pd.DataFrame({"file": ["a.jpg", "b.jpg"], "use": ["model", "test"]})
    loaders = {"a": lambda: Image.new("RGB", (200, 180), "red"), "b": lambda: no("b")}
    images = {"count": 6, "stored_size": 160, "procedural_share": 0.0, "jpeg_quality": 80}
    conf = (project / "conf/base/demo_model/parameters.yml").read_text(encoding="utf-8")
    settings = DemoModelSettings(**{**yaml.safe_load(conf)["demo_model"], "images": images})
    lessons = render_lessons(loaders, sources, settings)
    assert lessons["pixels"].shape == (6, 80, 80, 3)
    with pytest.raises(ValueError, match="use 'model'"):
        render_lessons(loaders, sources[1:], settings)


@pytest.fixture(scope="module")
def shipped(project: Path) -> VLM:
    """The demo model as any hub model is loaded."""
    folder = project / SHIPPED
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32)
    return VLM(model.eval(), AutoProcessor.from_pretrained(folder))


def test_shipped_folder_is_whole_and_small(project: Path) -> None:
    folder = project / SHIPPED
    PretrainedModelDataset(filepath=str(folder)).load()
    assert (folder / "README.md").is_file()
    assert not list(folder.glob("*.bin")) and not list(folder.glob("*.pt"))
    assert sum(path.stat().st_size for path in folder.iterdir()) < 7e6


def test_shipped_tokenizer_writes_digits_singly_and_keeps_prefixes(
    shipped: VLM, prompts: Prompts
) -> None:
    tokens = [ids[0] for ids in level_strings(shipped, prompts.rating, 10)[1]]
    assert len(set(tokens)) == 10
    for level in range(10):
        start = shipped.tokenizer(response_prefix(level))["input_ids"]
        whole = shipped.tokenizer(write_response(level, "It is sharp."))["input_ids"]
        assert whole[: len(start)] == start
    assert len(shipped.tokenizer("2026")["input_ids"]) == 4


def test_shipped_model_answers_in_format_and_a_forced_score_changes_the_text(
    shipped: VLM, prompts: Prompts, project: Path
) -> None:
    paths = sorted((project / "data/01_raw/demo_images/images").iterdir())[::80]
    images = {path.stem: Image.open(path) for path in paths}
    sampled = Decoding(temperature=1.0, max_new_tokens=64, batch_size=16)
    free = [Request(key, prompts.rating, seed=n) for n, key in enumerate(images)]
    encoder = ImageEncoder(shipped, images)
    answers = [row.text for row in generate(encoder, free, sampled, "free")]
    # Sampled, an answer now and then breaks the format.
    assert np.mean([parse_response(answer, 10) is not None for answer in answers]) > 0.8, answers
    assert len({answer.split("\n")[0] for answer in answers}) > 2
    forced = [Request(key, prompts.rating, response_prefix(n)) for key in images for n in (0, 9)]
    texts = [row.text for row in generate(encoder, forced, Decoding(0.0, 64, 16), "forced")]
    assert all(parse_response(text, 10) for text in texts), texts
    assert np.mean([a[10:] != b[10:] for a, b in zip(texts[::2], texts[1::2], strict=True)]) > 0.9


@pytest.mark.parametrize("size", [(80, 80), (300, 100), (33, 70), (640, 480)])
def test_shipped_processor_takes_any_size_as_one_tile(shipped: VLM, size: Any) -> None:
    inputs = shipped.processor(
        text="<|user|><image>", images=[Image.new("RGB", size)], return_tensors="pt"
    )
    assert inputs["pixel_values"].shape == (1, 1, 3, 80, 80)
    image_tokens = (inputs["input_ids"] == shipped.model.config.image_token_id).sum()
    assert int(image_tokens) == 16
