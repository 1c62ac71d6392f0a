"""One DPO run: a fresh LoRA on a policy, trained on one table of pairs.

Knows TRL and PEFT; knows nothing of Kedro, of scores, or of which expert it trains.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

import pandas as pd
import torch
from datasets import Dataset
from trl import DPOConfig

from selfscore.expert_training.training import Training, one_gpu, train_adapter
from selfscore.preference_optimization.settings import DPOSettings
from selfscore.preference_optimization.shared_prefix_trainer import (
    REFERENCE,
    PackedPairCollator,
    SharedPrefixDPOTrainer,
)
from selfscore.preference_optimization.start_check import StartCheck
from selfscore.vlm.policy import LoraAdapter
from selfscore.vlm.reading.packing_check import check_packing
from selfscore.vlm.reading.tokens import answer_ids

if TYPE_CHECKING:
    from peft import LoraConfig
    from transformers import TrainerCallback

    from selfscore.vlm.model import VLM
    from selfscore.vlm.reading.features import ImageEncoder


def train_dpo_expert(
    encoder: ImageEncoder,
    pairs: pd.DataFrame,
    instruction: str,
    settings: DPOSettings,
    seed: int,
    checkpoint: MutableMapping[str, bytes],
) -> tuple[LoraAdapter, pd.DataFrame]:
    """Train one expert; the reference is the same model with the expert switched off.

    Args:
        encoder: the policy of the last round, folded, and its images; its weights stay frozen.
        pairs: path (image key), chosen, rejected: whole responses; and, where the reference is
            known, ref_chosen_logps and ref_rejected_logps: the sums of its log-probabilities.
        instruction: what the response answers.
        settings: of the run.
        seed: of the LoRA initialisation and the order of the pairs. Experts that are to be merged
            share it, so that they start from the same A.
        checkpoint: where an earlier run of the same was stopped, see `train_adapter`.

    Returns:
        The adapter, and one row per logged step with TRL's own metric names.

    Raises:
        FloatingPointError: a loss or a gradient is not finite.
        MemoryError: one pair alone does not fit.
        ValueError: the model does not compute packed rows as plain ones, see `check_packing`; it
            differs from the reference before the first step, see `StartCheck`; or the checkpoint
            is not one that a training wrote.
    """
    vlm = encoder.vlm
    check_packing(encoder, pairs["path"].iloc[0], instruction)

    def make(
        settings: DPOSettings,
        arguments: dict[str, Any],
        adapter: LoraConfig,
        callbacks: list[TrainerCallback],
    ) -> SharedPrefixDPOTrainer:
        return SharedPrefixDPOTrainer(
            model=vlm.model,
            args=_arguments(settings, arguments, vlm),
            train_dataset=_preference_dataset(pairs),
            data_collator=PackedPairCollator(
                encoder, instruction, tower_frozen=settings.targets == "language_model"
            ),
            processing_class=vlm.processor,
            callbacks=[*callbacks, StartCheck(settings.beta, _rounding(vlm, pairs, instruction))],
            peft_config=adapter,
            # Else every expert whose pairs differ in their texts alone would learn the scores as
            # well, and the sum of experts would correct them several times.
            learns_start=settings.rpo_alpha == 0,
            score_weight=settings.score_weight,
            stray_weight=settings.stray_weight,
        )

    training = Training(make, "dpo_training", "pair", "rewards/accuracies")
    return train_adapter(training, vlm, len(pairs), settings, seed, checkpoint)


def _arguments(settings: DPOSettings, arguments: dict[str, Any], vlm: VLM) -> DPOConfig:
    supervised = settings.rpo_alpha > 0
    return one_gpu(
        DPOConfig(
            **arguments,
            beta=settings.beta,
            loss_type=[settings.loss_type, "sft"] if supervised else [settings.loss_type],
            loss_weights=[1.0, settings.rpo_alpha] if supervised else None,
            # TRL's defaults would cut image tokens, or need a GPU.
            max_length=None,
            bf16=vlm.model.dtype == torch.bfloat16,
        )
    )


def _rounding(vlm: VLM, pairs: pd.DataFrame, instruction: str) -> float:
    """Nats that rounding may move the longest answer by: as `check_packing` allows a token."""
    longest = max([*pairs["chosen"], *pairs["rejected"]], key=len)
    tokens = len(answer_ids(vlm, instruction, longest))
    return float(tokens * torch.finfo(vlm.model.dtype).eps ** 0.5)


def _preference_dataset(pairs: pd.DataFrame) -> Dataset:
    """The pairs as rows of text; TRL tells from `images` that they are about pictures."""
    columns = ["chosen", "rejected", *(name for name in REFERENCE if name in pairs)]
    table = pairs[columns].assign(
        images=pd.Series([[path] for path in pairs["path"]]).to_numpy(),
        name=[f"{row} ({path})" for row, path in enumerate(pairs["path"])],
    )
    return Dataset.from_pandas(table, preserve_index=False)
