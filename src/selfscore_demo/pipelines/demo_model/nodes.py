"""Pre-train the demo model in two stages, measure it, write its card."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from selfscore.vlm.model import VLM
from selfscore.vlm.response import Prompts
from selfscore_demo.pipelines.demo_model.settings import DemoModelSettings

logger = logging.getLogger(__name__)


def render_lessons(
    photographs: Mapping[str, Callable[[], Image.Image]],
    sources: pd.DataFrame,
    settings: DemoModelSettings,
) -> dict[str, np.ndarray]:
    """Render the images to learn from; only photographs with use "model" are looked at.

    Args:
        photographs: Loaders of the clean photographs by file name without suffix.
        sources: The photographs with ``file`` and ``use``.
        settings: ``seed`` and ``images``.

    Returns:
        `pixels` [n, side, side, 3] of uint8 at the model's input size, and `severities.<fault>`
        [n], 0 to 1, of each.

    Raises:
        ValueError: If no photograph has use "model".
    """
    from selfscore_demo.architecture import Shape
    from selfscore_demo.training_images import render_training_images

    files = sources.loc[sources["use"] == "model", "file"]
    if files.empty:
        raise ValueError("No photograph has use 'model'; mark some in SOURCES.csv.")
    clean = [photographs[file.removesuffix(".jpg")]().convert("RGB") for file in files]
    return render_training_images(
        clean,
        input_size=Shape().image_size,
        rng=np.random.default_rng(settings.seed),
        **vars(settings.images),
    ).to_arrays()


def train_vision_tower(
    lessons: Mapping[str, np.ndarray], settings: DemoModelSettings, prompts: Prompts
) -> VLM:
    """Build the model and stage 1: the vision tower learns to see faults.

    Args:
        lessons: the rendered images.
        settings: ``seed``, ``threads``, ``levels``, ``question``, ``vocabulary``, ``vision``.
        prompts: The prompts of the finished model, for its tokenizer.

    Returns:
        The model with a trained tower and a language model that knows nothing yet.
    """
    import torch

    from selfscore_demo.architecture import Shape, build_model, build_processor
    from selfscore_demo.lessons import check_prefix_property, teacher_texts
    from selfscore_demo.tokenizer import train_tokenizer
    from selfscore_demo.training_images import TrainingImages
    from selfscore_demo.vision_pretraining import train_vision

    torch.set_num_threads(settings.threads)
    images = TrainingImages.from_arrays(lessons)
    levels, seed = settings.levels, settings.seed
    rng = np.random.default_rng([seed, 2])
    count = min(1500, len(images.pixels))
    texts = teacher_texts(prompts, settings.question, images.severities, count, levels, rng)
    tokenizer = train_tokenizer(texts, settings.vocabulary)
    shape = Shape()
    processor = build_processor(shape, tokenizer)
    check_prefix_property(processor, settings.language.most_levels)
    model = build_model(shape, tokenizer, seed)
    stage = settings.vision
    logger.info(
        "Stage 1 of 2: the vision tower sees %d faulty images in %d steps of %d, "
        "about 8 minutes with the demo's settings on 2 cores",
        len(images.pixels),
        stage.steps,
        stage.batch_size,
    )
    train_vision(model, images, seed=seed, **vars(stage))
    return VLM(model.eval(), processor)


def train_language_model(
    vision: VLM,
    lessons: Mapping[str, np.ndarray],
    settings: DemoModelSettings,
    prompts: Prompts,
) -> VLM:
    """Stage 2: connector and language model learn to rate, explain, justify and check statements.

    Args:
        vision: The model after stage 1; not changed.
        lessons: the rendered images.
        settings: ``seed``, ``threads``, ``levels``, ``question``, ``language``.
        prompts: The prompts of the finished model.

    Returns:
        The finished demo model.
    """
    import copy

    import torch

    from selfscore_demo.language_pretraining import train_language
    from selfscore_demo.lessons import Teacher
    from selfscore_demo.training_images import TrainingImages
    from selfscore_demo.vision_pretraining import encode_images

    torch.set_num_threads(settings.threads)
    images = TrainingImages.from_arrays(lessons)
    seed = settings.seed
    model = copy.deepcopy(vision.model)
    stage = settings.language
    logger.info(
        "Stage 2 of 2: the language model reads %d steps of %d images with several answers each, "
        "about 9 minutes with the demo's settings on 2 cores",
        stage.steps,
        stage.batch_size,
    )
    features = encode_images(model, images.pixels)
    teacher = Teacher(vision.processor, prompts, settings.question, images.severities, seed)
    train_language(model, teacher, features, settings.levels, stage, seed)
    return VLM(model.eval(), vision.processor)


def measure_model(
    model: VLM,
    pictures: Mapping[str, Callable[[], Image.Image]],
    scores: pd.DataFrame,
    severities: pd.DataFrame,
    lexicon: list[dict[str, Any]],
    settings: DemoModelSettings,
    prompts: Prompts,
) -> dict[str, Any]:
    """Measure the demo model on the demo's training and test pictures.

    Args:
        model: The finished model.
        pictures: Loaders of the demo pictures by image id.
        scores: The demo's score table.
        severities: The demo's severity table.
        lexicon: The demo's statement lexicon.
        settings: ``seed``, ``threads``, ``levels``, ``question``, ``report``.
        prompts: The prompts, for any scale.

    Returns:
        Skill, format, consistency, faithfulness, questions, headroom and a few example texts.
    """
    import torch

    from selfscore_demo.report import measure

    torch.set_num_threads(settings.threads)
    table = scores.assign(image_id=scores["image"].str.removesuffix(".jpg"))
    table = table.merge(severities, on="image_id", validate="one_to_one")
    some = [part.head(settings.report.images_per_split) for _, part in table.groupby("split")]
    table = pd.concat(some, ignore_index=True)
    images = {name: pictures[name]().convert("RGB") for name in table["image_id"]}
    question, levels = settings.question, settings.levels
    figures = measure(model, images, table, lexicon, prompts, question, levels, settings.seed)
    logger.info("Demo model: %s", {k: v for k, v in figures.items() if isinstance(v, float)})
    return figures


def write_model_card(report: Mapping[str, Any], settings: DemoModelSettings) -> str:
    """Write the model card, which says plainly what is simulated.

    Args:
        report: What :func:`measure_model` found.
        settings: The training's parameters.

    Returns:
        Markdown with a YAML header.
    """
    from selfscore_demo.model_card import model_card

    return model_card(report, settings)
