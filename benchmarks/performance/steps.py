"""One training step of every variant, from TRL as it comes to all speed-ups together.

The variants in between each switch on one speed-up alone, on TRL's own trainer and collator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from datasets import Dataset
from PIL import Image
from transformers.modeling_outputs import BaseModelOutputWithPooling
from trl import DPOTrainer

from benchmarks.performance import stock
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


@dataclass(frozen=True)
class Job:
    """What every variant is given.

    Attributes:
        policy: the model.
        images: pictures by name.
        pairs: path, chosen, rejected and the reference's log-probabilities.
        instruction: what the answers answer.
        features: of the pictures.
        folder: for the trainers' own files.
    """

    policy: Policy
    images: Mapping[str, Image.Image]
    pairs: pd.DataFrame
    instruction: str
    features: StoredFeatures
    folder: Path


def step_of(trainer: DPOTrainer) -> Step:
    """Collate all pairs as one batch, loss, gradients; gives the loss.

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
) -> SharedPrefixDPOTrainer:
    """The trainer of packed rows, as a run has it unless told otherwise."""
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
    )
