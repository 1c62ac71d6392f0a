"""What the language model is taught, and that packed answers do not see each other."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import Idefics3ForConditionalGeneration

from selfscore.vlm.response import Prompts, parse_response
from selfscore_demo.architecture import Shape, build_model, build_processor, dct_filters
from selfscore_demo.faults import ATTRIBUTES, draw_severities
from selfscore_demo.language_pretraining import lesson_loss, train_language
from selfscore_demo.lessons import ANSWERS, Lesson, Teacher, check_prefix_property, teacher_texts
from selfscore_demo.pipelines.demo_model.settings import LanguageStage
from selfscore_demo.tokenizer import train_tokenizer
from selfscore_demo.training_images import TrainingImages
from selfscore_demo.vision_pretraining import encode_images, train_vision

PROMPTS = Prompts("Rate this from 0 to 9.", "This has the score {level}. Explain why.")
SMALL = Shape(
    image_size=40, vision_width=16, vision_layers=1, vision_mlp=32, text_width=24, text_layers=2,
    text_heads=2, text_mlp=32,
)  # fmt: skip


@pytest.fixture(scope="module")
def images() -> TrainingImages:
    """Twelve random images with severities."""
    rng = np.random.default_rng(0)
    drawn = [draw_severities(rng) for _ in range(12)]
    severities = {n: np.asarray([row[n] for row in drawn], dtype=np.float32) for n in ATTRIBUTES}
    return TrainingImages(rng.integers(0, 255, (12, 40, 40, 3), dtype=np.uint8), severities)


@pytest.fixture(scope="module")
def teacher(images: TrainingImages) -> Teacher:
    """A teacher with a small tokenizer."""
    texts = teacher_texts(PROMPTS, images.severities, 12, 10, np.random.default_rng(0))
    processor = build_processor(SMALL, train_tokenizer(texts, 400))
    check_prefix_property(processor, 10)
    return Teacher(processor, PROMPTS, 10, seed=0)


@pytest.fixture
def model(teacher: Teacher) -> Idefics3ForConditionalGeneration:
    """An untrained model."""
    return build_model(SMALL, teacher.tokenizer, seed=0).eval()


def _lesson(teacher: Teacher, images: TrainingImages, justify: bool = False) -> Lesson:
    taste = np.arange(12) % 10
    return teacher.lesson(images.severities, taste, np.arange(3), justify)


def _answers(teacher: Teacher, lesson: Lesson) -> list[list[str]]:
    return [
        [
            teacher.tokenizer.decode(tokens[answer == place], skip_special_tokens=True)
            for place in range(1, ANSWERS + 1)
        ]
        for tokens, answer in zip(lesson.tokens, lesson.answer, strict=True)
    ]


def test_answers_keep_the_format_and_the_first_has_the_models_own_level(
    teacher: Teacher, images: TrainingImages
) -> None:
    for row, answers in enumerate(_answers(teacher, _lesson(teacher, images))):
        parsed = [parse_response(answer, 10) for answer in answers]
        assert all(parsed), answers
        assert parsed[0] is not None and parsed[0].level == row


def test_only_the_models_own_score_is_learnt_under_the_rating_prompt(
    teacher: Teacher, images: TrainingImages
) -> None:
    lesson = _lesson(teacher, images)
    for weights, answer in zip(lesson.weights, lesson.answer, strict=True):
        silent = [int((weights[answer == n] == 0).sum()) for n in range(1, ANSWERS + 1)]
        assert silent == [0] + [1] * (ANSWERS - 1)
    assert (lesson.weights[lesson.answer <= 0] == 0).all()


def test_all_answers_justify_the_level_that_the_prompt_names(
    teacher: Teacher, images: TrainingImages
) -> None:
    lesson = _lesson(teacher, images, justify=True)
    for tokens, answer, texts in zip(
        lesson.tokens, lesson.answer, _answers(teacher, lesson), strict=True
    ):
        prompt = teacher.tokenizer.decode(tokens[answer == 0])
        assert len({text[8] for text in texts}) == 1
        assert f"the score {texts[0][8]}." in prompt


def test_packed_answers_cost_what_they_cost_alone(
    teacher: Teacher, images: TrainingImages, model: Idefics3ForConditionalGeneration
) -> None:
    lesson = _lesson(teacher, images)
    features = encode_images(model, images.pixels[:3]).float()
    with torch.inference_mode():
        packed = float(lesson_loss(model, features, lesson))
        total, count = 0.0, 0
        for row in range(3):
            for place in range(1, ANSWERS + 1):
                kept = (lesson.answer[row] == 0) | (lesson.answer[row] == place)
                tokens = lesson.tokens[row, kept][None]
                counted = lesson.weights[row, kept] > 0
                hidden = model(
                    input_ids=tokens,
                    image_hidden_states=model.model.connector(features[row : row + 1]),
                    attention_mask=torch.ones_like(tokens),
                ).logits[0, :-1]
                losses = torch.nn.functional.cross_entropy(hidden, tokens[0, 1:], reduction="none")[
                    counted[1:]
                ]
                total, count = total + float(losses.sum()), count + len(losses)
    assert packed == pytest.approx(total / count, rel=1e-4)


def test_training_lowers_the_loss_and_leaves_the_tower_alone(
    teacher: Teacher, images: TrainingImages, model: Idefics3ForConditionalGeneration
) -> None:
    features = encode_images(model, images.pixels)
    lesson = _lesson(teacher, images)
    tower = {k: v.clone() for k, v in model.model.vision_model.state_dict().items()}
    before = float(lesson_loss(model, features[:3].float(), lesson).detach())
    train_language(model, teacher, images, features, 10, LanguageStage(25, 4, 5e-3, 0.2), seed=0)
    after = float(lesson_loss(model, features[:3].float(), lesson).detach())
    assert after < before - 1.0
    same = model.model.vision_model.state_dict()
    assert all(torch.equal(value, same[name]) for name, value in tower.items())


def test_the_same_seed_gives_the_same_tower(teacher: Teacher, images: TrainingImages) -> None:
    towers = []
    for seed in (3, 3, 4):
        model = build_model(SMALL, teacher.tokenizer, seed=0)
        train_vision(model, images, steps=2, batch_size=4, lr=1e-3, seed=seed)
        towers.append(torch.cat([p.flatten() for p in model.model.vision_model.parameters()]))
    assert torch.equal(towers[0], towers[1])
    assert not torch.equal(towers[0], towers[2])


def test_patch_filters_are_distinct_waves() -> None:
    filters = dct_filters(128, 10).reshape(128, -1)
    likeness = np.corrcoef(filters[1:] + 1e-9)
    assert filters.shape == (128, 300)
    assert np.abs(likeness - np.eye(127)).max() < 0.99
