"""Stage 2: teach the connector and the language model to rate and explain."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from transformers import Idefics3ForConditionalGeneration

from selfscore.running.bar import Bar
from selfscore_demo.lessons import Teacher
from selfscore_demo.packing import Lesson

if TYPE_CHECKING:
    from selfscore_demo.pipelines.demo_model.settings import LanguageStage


def train_language(
    model: Idefics3ForConditionalGeneration,
    teacher: Teacher,
    features: torch.Tensor,
    levels: int,
    settings: LanguageStage,
    seed: int,
) -> None:
    """Train connector and language model in place on cached image features.

    Args:
        model: The model; its vision tower stays as it is.
        teacher: Writes the lessons about the training images.
        features: Features of the frozen tower for those images, (n, patches, width).
        levels: Number of levels of the demo's own scale.
        settings: Steps, images per step, peak learning rate of AdamW, and what share of the steps
            is of which kind.
        seed: Fixes the order, and what each step is about.
    """
    rng = np.random.default_rng(seed)
    parameters = [*model.model.connector.parameters(), *model.model.text_model.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=settings.lr, weight_decay=0.01, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, settings.lr, max(settings.steps, 2), pct_start=0.06
    )
    model.train()
    order = _endless_order(len(features), settings.batch_size, rng)
    progress = Bar(range(settings.steps), desc="language model", unit=" steps")
    for step in progress:
        rows = next(order)
        lesson = _draw_lesson(teacher, rows, levels, settings, rng)
        loss = lesson_loss(model, features[torch.from_numpy(rows)].float(), lesson)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        schedule.step()
        if step % 25 == 0:
            progress.set_postfix(loss=f"{loss.item():.3f}")
    model.eval()


def _draw_lesson(
    teacher: Teacher,
    rows: np.ndarray,
    own_levels: int,
    settings: LanguageStage,
    rng: np.random.Generator,
) -> Lesson:
    kind = rng.random()
    if kind < settings.question_share:
        return teacher.ask(rows)
    levels = own_levels
    if rng.random() >= settings.own_scale_share:
        # Evenly in the logarithm: 5 and 6 levels differ as much as 50 and 60.
        levels = int(np.exp(rng.uniform(np.log(2), np.log(settings.most_levels + 1))))
    if kind < settings.question_share + settings.justify_share:
        return teacher.justify(rows, levels)
    return teacher.rate(rows, levels)


def lesson_loss(
    model: Idefics3ForConditionalGeneration, features: torch.Tensor, lesson: Lesson
) -> torch.Tensor:
    """Mean cross-entropy of the answers' tokens.

    Args:
        model: The model.
        features: Features of the batch's images, (batch, patches, width).
        lesson: The batch.
    """
    embeddings = model.model.text_model.get_input_embeddings()(lesson.tokens)
    seen = model.model.connector(features).to(embeddings.dtype)
    place = (lesson.tokens == model.config.image_token_id).unsqueeze(-1)
    embeddings = embeddings.masked_scatter(place, seen)
    hidden = model.model.text_model(
        inputs_embeds=embeddings,
        attention_mask=_answer_mask(lesson.answer, embeddings.dtype),
        position_ids=lesson.positions,
        use_cache=False,
    ).last_hidden_state
    from_, target, weights = _predictions(lesson)
    batch = torch.arange(len(hidden)).unsqueeze(1)
    logits = model.lm_head(hidden[batch, from_][weights > 0])
    return torch.nn.functional.cross_entropy(logits, target[weights > 0])


def _predictions(lesson: Lesson) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Where each token is predicted from: the token before it, or the prefix's end."""
    prefix = (lesson.answer == 0).sum(dim=1, keepdim=True)
    place = torch.arange(lesson.tokens.shape[1]).expand_as(lesson.tokens)
    first = (lesson.positions == prefix) & (lesson.answer > 0)
    return torch.where(first, prefix - 1, (place - 1).clamp_min(0)), lesson.tokens, lesson.weights


def _answer_mask(answer: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Additive mask (batch, 1, n, n): an answer sees the prefix and itself, never another."""
    length = answer.shape[1]
    same = answer.unsqueeze(2) == answer.unsqueeze(1)
    prefix = (answer == 0).unsqueeze(1)
    causal = torch.ones(length, length, dtype=torch.bool).tril()
    allowed = (same | prefix) & causal
    mask = torch.zeros(allowed.shape, dtype=dtype)
    return mask.masked_fill(~allowed, torch.finfo(dtype).min).unsqueeze(1)


def _endless_order(count: int, batch_size: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    while True:
        shuffled = rng.permutation(count)
        for start in range(0, max(count - batch_size + 1, 1), batch_size):
            yield shuffled[start : start + batch_size]
