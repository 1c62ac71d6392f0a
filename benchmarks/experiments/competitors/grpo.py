"""Reinforcement by the order of written scores, through TRL's GRPOTrainer: score and text.

The recipe of VisualQuality-R1 (arXiv 2505.14460), see `rank_reward`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from benchmarks.experiments.competitors.rank_reward import rank_rewards
from benchmarks.experiments.finished_run import FinishedRun
from benchmarks.experiments.measured import Measured, measure
from selfscore.configuration.settings_class import (
    Count,
    NotNegative,
    Positive,
    Share,
    settings_class,
)
from selfscore.scored_images.score_scale import positions
from selfscore.vlm.policy import LoraAdapter
from selfscore.vlm.response import parse_response

if TYPE_CHECKING:
    from datasets import Dataset

    from selfscore.vlm.images import ImageSource
    from selfscore.vlm.model import VLM


@settings_class
class GRPOSettings:
    """Settings of one training; rank, alpha and targets of the LoRA are those of `dpo_training`.

    Attributes:
        lr: peak learning rate; cosine decay after `warmup_ratio` of the steps.
        epochs: passes over the training images.
        images: of a step, compared with each other.
        answers: K, sampled for each of them.
        beta: weight of the divergence from the base model.
        temperature: of the sampling.
        max_new_tokens: longest answer.
        warmup_ratio: share of the steps in which the learning rate rises.
        max_grad_norm: gradients are clipped to this norm.
    """

    lr: Positive
    epochs: Positive
    images: Count
    answers: Count
    beta: NotNegative
    temperature: Positive
    max_new_tokens: Count
    warmup_ratio: Share
    max_grad_norm: Positive


def grpo(run: FinishedRun, settings: GRPOSettings) -> Measured:
    """Train it and measure it."""
    from selfscore.vlm.loading.loader import load_vlm

    policy = run.base_policy
    scored = run.scored_images
    training = scored[scored["split"] == "train"].reset_index(drop=True)
    scale = policy.card.score_scale
    training = training.assign(position=positions(training["score"].to_numpy(), scale.values))
    vlm = load_vlm(policy, options=run.machine.loading)
    rows = _rows(training, run.images, policy.card.prompts.rating)
    start = time.process_time()
    adapter = train(vlm, rows, scale.levels, settings, run.parameters["dpo_training"], run.seed)
    return measure(run, adapter, time.process_time() - start)


def train(
    vlm: VLM,
    rows: Dataset,
    levels: int,
    settings: GRPOSettings,
    lora: dict[str, Any],
    seed: int,
) -> LoraAdapter:
    """A LoRA on the model, which is given back as it was.

    Args:
        vlm: the base model.
        rows: prompt, image, image_id and position (the true score in levels).
        levels: number of levels.
        settings: of the training.
        lora: with rank, alpha and targets.
        seed: of the LoRA, the order of the images and the answers.
    """
    from peft import LoraConfig
    from transformers import set_seed
    from trl import GRPOConfig, GRPOTrainer

    from selfscore.expert_training.adapter import trained_adapter
    from selfscore.expert_training.targets import lora_targets

    modules = lora_targets(vlm.model, lora["targets"])
    config = LoraConfig(
        r=lora["rank"], lora_alpha=lora["alpha"], lora_dropout=0.0, target_modules=modules
    )
    cuda = vlm.device.type == "cuda"
    steps = settings.epochs * (len(rows) // settings.images)

    def order_and_format(
        completions: list[Any], image_id: list[str], position: list[float], **_: Any
    ) -> list[float]:
        return rewards([_text(answer) for answer in completions], image_id, position, levels)

    set_seed(seed)
    with TemporaryDirectory(prefix="grpo_") as folder:
        trainer = GRPOTrainer(
            vlm.model,
            reward_funcs=order_and_format,
            args=GRPOConfig(
                output_dir=folder,
                learning_rate=settings.lr,
                lr_scheduler_type="cosine",
                warmup_steps=round(settings.warmup_ratio * steps),
                max_grad_norm=settings.max_grad_norm,
                num_train_epochs=settings.epochs,
                per_device_train_batch_size=settings.images * settings.answers,
                num_generations=settings.answers,
                # All answers of a step are rewarded together.
                steps_per_generation=1,
                max_completion_length=settings.max_new_tokens,
                temperature=settings.temperature,
                beta=settings.beta,
                bf16=cuda,
                gradient_checkpointing=False,
                use_cpu=not cuda,
                dataloader_pin_memory=cuda,
                seed=seed,
                data_seed=seed,
                logging_steps=5,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
            ),
            train_dataset=rows,
            processing_class=vlm.processor,
            peft_config=config,
        )
        trainer.train()
        adapter = trained_adapter(trainer.model, config, modules, vlm.model.name_or_path)
        trainer.model.unload()
    return adapter


def rewards(
    answers: Sequence[str], image_ids: Sequence[str], position: Sequence[float], levels: int
) -> list[float]:
    """The reward of each answer of a step, see `rank_rewards`.

    Args:
        answers: as they were written.
        image_ids: which image each is about; every image has equally many answers.
        position: the true score of that image.
        levels: number of levels.
    """
    read = [parse_response(answer, levels) for answer in answers]
    table = pd.DataFrame(
        {
            "image": image_ids,
            "position": position,
            "level": [np.nan if answer is None else float(answer.level) for answer in read],
        }
    )
    groups = list(table.groupby("image", sort=False))
    found = rank_rewards(
        np.stack([rows["level"].to_numpy() for _, rows in groups]),
        np.array([rows["position"].iloc[0] for _, rows in groups]),
    )
    values = pd.Series(0.0, index=table.index)
    for (_, rows), own in zip(groups, found, strict=True):
        values[rows.index] = own
    return values.tolist()


def _rows(images: pd.DataFrame, pictures: ImageSource, instruction: str) -> Dataset:
    from datasets import Dataset

    return Dataset.from_dict(
        {
            "prompt": [[{"role": "user", "content": instruction}] for _ in range(len(images))],
            "image": [pictures[path] for path in images["path"]],
            "image_id": images["image_id"].tolist(),
            "position": images["position"].tolist(),
        }
    )


def _text(completion: Any) -> str:
    """The answer, of a conversation or as it is."""
    return completion if isinstance(completion, str) else str(completion[0]["content"])
