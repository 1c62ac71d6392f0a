"""One training step of every variant, from TRL as it comes to all speed-ups together.

The variants in between each switch on one speed-up alone, on TRL's own trainer and collator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from datasets import Dataset
from PIL import Image
from transformers import Trainer, TrainingArguments
from transformers.modeling_outputs import BaseModelOutputWithPooling
from trl import DPOTrainer

from benchmarks.performance import stock
from selfscore.level_training.settings import LevelSettings
from selfscore.level_training.trainer import LevelTrainer
from selfscore.preference_optimization.shared_prefix_trainer import (
    REFERENCE,
    PackedPairCollator,
    SharedPrefixDPOTrainer,
)
from selfscore.vlm.image_features import StoredFeatures
from selfscore.vlm.loading.loader import load_vlm
from selfscore.vlm.model import VLM
from selfscore.vlm.policy import Policy
from selfscore.vlm.reading.features import ImageEncoder

Step = Callable[[], float]
_LEVELS = LevelSettings(
    lr=1e-3,
    rank=16,
    alpha=32.0,
    epochs=1.0,
    max_cycles=1,
    min_gain=0.0,
    batch_size=1,
    accumulation_steps=1,
    gradient_checkpointing=False,
    warmup_ratio=0.1,
    max_grad_norm=1.0,
    targets="language_model",
    checkpoint_steps=5,
    fidelity_weight=1.0,
    unscored_weight=10.0,
    text_weight=30.0,
    stray_weight=300.0,
    text_every=1,
)


@dataclass(frozen=True)
class Job:
    """What every variant is given.

    Attributes:
        policy: the model.
        images: pictures by name.
        pairs: path, chosen, rejected and the reference's log-probabilities.
        instruction: what the answers answer.
        levels: how many scores there are.
        features: of the pictures.
        folder: for the trainers' own files.
    """

    policy: Policy
    images: Mapping[str, Image.Image]
    pairs: pd.DataFrame
    instruction: str
    levels: int
    features: StoredFeatures
    folder: Path


def step_of(trainer: Trainer) -> Step:
    """Collate all rows as one batch, loss, gradients; gives the loss.

    The optimiser's step, the same for all and small beside this, is left out.
    """
    generator = torch.Generator().manual_seed(1)
    for name, parameter in trainer.model.named_parameters():
        if "lora_B" in name:  # zero at the start, where every loss is log 2
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.data = (0.02 * noise).to(parameter)
    rows = [dict(row) for row in trainer.train_dataset]

    def step() -> float:
        trainer.model.train()
        inputs = trainer._prepare_inputs(trainer.data_collator([dict(row) for row in rows]))
        with trainer.compute_loss_context_manager():
            loss = trainer.compute_loss(trainer.model, inputs)
        loss.backward()
        trainer.model.zero_grad()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        return loss.item()

    return step


def stock_step(job: Job) -> Step:
    """TRL as it comes: two rows a pair, policy and reference, with gradient checkpointing."""
    return step_of(_stock(job))


def without_checkpointing(job: Job) -> Step:
    """TRL without gradient checkpointing."""
    return step_of(_stock(job, checkpointing=False))


def with_stored_features(job: Job) -> Step:
    """TRL with the tower's output looked up."""
    vlm = load_vlm(job.policy)
    trainer = _stock(job, vlm)
    # TRL's batch holds every image twice: for the chosen and for the rejected answers.
    tokens = [job.features.images[path].tokens.to(vlm.device) for path in job.pairs["path"]] * 2
    output = BaseModelOutputWithPooling(pooler_output=tokens)
    vlm.model.base_model.get_image_features = lambda *args, **kwargs: output
    return step_of(trainer)


def with_known_reference(job: Job) -> Step:
    """TRL with the reference's log-probabilities given."""
    trainer = _stock(job)
    trainer.precompute_ref_logps = True
    collate = trainer.data_collator
    known = {name: torch.tensor(job.pairs[name].to_numpy()) for name in REFERENCE}
    trainer.data_collator = lambda rows: {**collate(rows), **known}
    return step_of(trainer)


def with_answer_projection(job: Job) -> Step:
    """TRL with the vocabulary projection of answer tokens alone."""
    vlm = load_vlm(job.policy)
    trainer = _stock(job, vlm)
    fused = vlm.model.forward

    def forward(*args: Any, labels: torch.Tensor | None = None, **kwargs: Any) -> Any:
        if labels is None:
            return fused(*args, **kwargs)
        after = labels[:, 1:]
        known = after != -100

        def select(_module: Any, _inputs: Any, output: Any) -> Any:
            output.last_hidden_state = output.last_hidden_state[:, :-1][known][None]
            return output

        hook = vlm.model.base_model.register_forward_hook(select)
        try:
            output = fused(*args, shift_labels=after[known][None], **kwargs)
        finally:
            hook.remove()
        for name in ("log_probs", "entropy", "mean_logits", "is_top1"):
            values = output[name]
            setattr(output, name, values.new_zeros(after.shape).masked_scatter(known, values[0]))
        return output

    vlm.model.forward = forward  # type: ignore[method-assign]
    return step_of(trainer)


def with_shared_prefix(job: Job) -> Step:
    """Packed rows alone; reading hidden states off them projects answer tokens only."""
    vlm = load_vlm(job.policy)
    return step_of(packed(job, vlm, tower_frozen=False, known_reference=False, checkpointing=True))


def all_together(job: Job) -> Step:
    """What a run does: packed rows, stored features, known reference, no checkpointing."""
    return step_of(packed(job, load_vlm(job.policy)))


def held_texts(job: Job) -> Step:
    """What the default's experts of texts do beside: the score is held, and no text breaks off."""
    trainer = packed(job, load_vlm(job.policy), score_weight=1.0, stray_weight=1.0)
    return step_of(trainer)


def levels_alone(job: Job) -> Step:
    """Most steps of the default's expert of levels: the scores of the images."""
    return step_of(levels(job, load_vlm(job.policy), with_texts=False))


def levels_with_texts(job: Job) -> Step:
    """Its other steps, one in `text_every`: the images' texts are read as well."""
    return step_of(levels(job, load_vlm(job.policy), with_texts=True))


# What the default trains, whose experts of texts are those of DPO with something beside it.
DEFAULT: dict[str, Callable[[Job], Step]] = {
    "packed pair": all_together,
    "packed pair, score and texts held": held_texts,
    "levels": levels_alone,
    "levels with texts": levels_with_texts,
}

CAUSES: dict[str, Callable[[Job], Step]] = {
    "shared prefix": with_shared_prefix,
    "feature cache": with_stored_features,
    "cached reference": with_known_reference,
    "answer-only projection": with_answer_projection,
    "no checkpointing": without_checkpointing,
}


def _stock(job: Job, vlm: VLM | None = None, checkpointing: bool = True) -> DPOTrainer:
    return stock.trainer(
        vlm or load_vlm(job.policy),
        job.pairs,
        job.images,
        job.instruction,
        job.folder,
        checkpointing,
    )


def packed(
    job: Job,
    vlm: VLM,
    tower_frozen: bool = True,
    known_reference: bool = True,
    checkpointing: bool = False,
    score_weight: float = 0.0,
    stray_weight: float = 0.0,
) -> SharedPrefixDPOTrainer:
    """The trainer of packed rows, as a run has it unless told otherwise.

    Args:
        job: the pairs.
        vlm: the model.
        tower_frozen: whether features are looked up.
        known_reference: whether its log-probabilities are.
        checkpointing: of gradients.
        score_weight: see `SharedPrefixDPOTrainer`.
        stray_weight: likewise.
    """
    columns = ["chosen", "rejected", *(REFERENCE if known_reference else ())]
    images = pd.Series([[path] for path in job.pairs["path"]])
    table = job.pairs[columns].assign(images=images.to_numpy())
    encoder = ImageEncoder(vlm, job.images, job.features if tower_frozen else None)
    return SharedPrefixDPOTrainer(
        model=vlm.model,
        args=stock.arguments(job.folder, len(job.pairs), vlm.device.type == "cuda", checkpointing),
        train_dataset=Dataset.from_pandas(table, preserve_index=False),
        data_collator=PackedPairCollator(encoder, job.instruction, tower_frozen),
        processing_class=vlm.processor,
        peft_config=stock.lora(vlm),
        score_weight=score_weight,
        stray_weight=stray_weight,
    )


def levels(job: Job, vlm: VLM, with_texts: bool) -> LevelTrainer:
    """The trainer of levels; every step has texts in it, or none."""
    rows = [
        {
            "name": row.path,
            "path": row.path,
            "level": place % 5,
            "target": [float(level == place % 5) for level in range(job.levels)],
            "position": float(place % 5),
            "spread": 1.0,
            "response": row.chosen,
        }
        for place, row in enumerate(job.pairs.itertuples())
    ]
    arguments = TrainingArguments(
        output_dir=str(job.folder),
        per_device_train_batch_size=len(rows),
        use_cpu=vlm.device.type != "cuda",
        remove_unused_columns=False,
        report_to="none",
    )
    settings = _LEVELS if with_texts else replace(_LEVELS, text_weight=0.0)
    encoder = ImageEncoder(vlm, job.images, job.features)
    return LevelTrainer(
        encoder, job.instruction, settings, stock.lora(vlm), arguments, rows, [], []
    )
