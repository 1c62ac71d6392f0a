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
from selfscore_demo.lessons import ANSWERS, Teacher, check_prefix_property, teacher_texts
from selfscore_demo.lexicon import statement_lexicon
from selfscore_demo.packing import Lesson
from selfscore_demo.pipelines.demo_model.settings import LanguageStage
from selfscore_demo.tokenizer import train_tokenizer
from selfscore_demo.training_images import TrainingImages
from selfscore_demo.vision_pretraining import encode_images, to_pixel_values, train_vision

PROMPTS = Prompts("Rate this from 0 to {best}.", "This has the score {level}. Explain why.")
QUESTION = "Is this true? {statement}"
ROWS = np.arange(3)
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
    rng = np.random.default_rng(0)
    texts = teacher_texts(PROMPTS, QUESTION, images.severities, 12, 10, rng)
    processor = build_processor(SMALL, train_tokenizer(texts, 400))
    check_prefix_property(processor, 100)
    return Teacher(processor, PROMPTS, QUESTION, images.severities, seed=0)


@pytest.fixture
def model(teacher: Teacher) -> Idefics3ForConditionalGeneration:
    """An untrained model."""
    return build_model(SMALL, teacher.tokenizer, seed=0).eval()


def _answers(teacher: Teacher, lesson: Lesson) -> list[list[str]]:
    return [
        [
            teacher.tokenizer.decode(tokens[answer == place], skip_special_tokens=True)
            for place in range(1, int(answer.max()) + 1)
        ]
        for tokens, answer in zip(lesson.tokens, lesson.answer, strict=True)
    ]


def _learnt(teacher: Teacher, lesson: Lesson, row: int, place: int) -> str:
    kept = (lesson.answer[row] == place) & (lesson.weights[row] > 0)
    return str(teacher.tokenizer.decode(lesson.tokens[row, kept], skip_special_tokens=True))


@pytest.mark.parametrize("levels", [2, 10, 12, 100])
def test_answers_keep_the_format_and_the_first_has_the_models_own_level(
    teacher: Teacher, images: TrainingImages, levels: int
) -> None:
    every = _answers(teacher, teacher.rate(np.arange(12), levels))
    parsed = [[parse_response(answer, levels) for answer in answers] for answers in every]
    assert all(len(row) == ANSWERS and all(row) for row in parsed), every
    own = [row[0].level for row in parsed if row[0] is not None]
    # Every level is equally frequent in the model's taste.
    assert sorted(own) == [int((place + 0.5) / 12 * levels) for place in range(12)]


@pytest.mark.parametrize("levels", [10, 100])
def test_only_the_models_own_score_is_learnt_under_the_rating_prompt(
    teacher: Teacher, levels: int
) -> None:
    lesson = teacher.rate(ROWS, levels)
    # Where levels have two digits, the end of the number is part of the score.
    without = "#Score: \n#Explanation:" if levels == 10 else "#Score: #Explanation:"
    for row, answers in enumerate(_answers(teacher, lesson)):
        assert _learnt(teacher, lesson, row, 1) == answers[0]
        for place in range(2, ANSWERS + 1):
            assert _learnt(teacher, lesson, row, place).startswith(without)
    assert (lesson.weights[lesson.answer <= 0] == 0).all()


def test_the_rating_prompt_names_the_scale(teacher: Teacher) -> None:
    for levels in (5, 100):
        lesson = teacher.rate(ROWS, levels)
        prompt = teacher.tokenizer.decode(lesson.tokens[0][lesson.answer[0] == 0])
        assert f"from 0 to {levels - 1}." in prompt


@pytest.mark.parametrize("levels", [10, 100])
def test_all_answers_justify_the_level_that_the_prompt_names(teacher: Teacher, levels: int) -> None:
    lesson = teacher.justify(np.arange(12), levels)
    for tokens, answer, texts in zip(
        lesson.tokens, lesson.answer, _answers(teacher, lesson), strict=True
    ):
        prompt = teacher.tokenizer.decode(tokens[answer == 0])
        parsed = {read.level for text in texts if (read := parse_response(text, levels))}
        assert len(parsed) == 1
        assert f"the score {parsed.pop()}." in prompt


def test_questions_are_as_often_true_as_not_of_every_phrase(
    teacher: Teacher, images: TrainingImages
) -> None:
    lesson = teacher.ask(np.arange(12))
    found: dict[str, list[bool]] = {}
    for row, answers in enumerate(_answers(teacher, lesson)):
        known = {name: float(values[row]) for name, values in images.severities.items()}
        for place, text in enumerate(answers, start=1):
            said = _learnt(teacher, lesson, row, place)
            assert text.startswith("Is this true?") and text.endswith(f".{said}")
            (statement,) = [one for one in statement_lexicon() if f" {one.phrase}." in text]
            assert statement.is_true(known) == (said == "yes")
            found.setdefault(statement.phrase, []).append(said == "yes")
    assert len(found) > 20
    assert all(np.mean(truths) == 0.5 for truths in found.values())


@pytest.mark.parametrize("kind", ["rate", "justify", "ask"])
def test_packed_answers_cost_what_they_cost_alone(
    teacher: Teacher, images: TrainingImages, model: Idefics3ForConditionalGeneration, kind: str
) -> None:
    lesson = teacher.ask(ROWS) if kind == "ask" else getattr(teacher, kind)(ROWS, 100)
    features = encode_images(model, images.pixels[:3]).float()
    with torch.inference_mode():
        packed = float(lesson_loss(model, features, lesson))
        total, count = 0.0, 0
        for row in range(3):
            for place in range(1, int(lesson.answer[row].max()) + 1):
                kept = (lesson.answer[row] == 0) | (lesson.answer[row] == place)
                tokens = lesson.tokens[row, kept][None]
                counted = lesson.weights[row, kept] > 0
                hidden = model(
                    input_ids=tokens,
                    pixel_values=to_pixel_values(images.pixels[row : row + 1])[:, None],
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
    lesson = teacher.rate(ROWS, 10)
    tower = {k: v.clone() for k, v in model.model.vision_model.state_dict().items()}
    before = float(lesson_loss(model, features[:3].float(), lesson).detach())
    stage = LanguageStage(
        steps=25, batch_size=4, lr=5e-3, justify_share=0.2, question_share=0.1,
        own_scale_share=0.6, most_levels=100,
    )  # fmt: skip
    train_language(model, teacher, features, 10, stage, seed=0)
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
