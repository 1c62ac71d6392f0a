"""A trainer of the level: all images of a step are compared, and some steps have their texts too.

Knows transformers' trainer and level rows; knows nothing of Kedro, or of where a target is from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from torch.optim.lr_scheduler import LambdaLR
from transformers import set_seed

from selfscore.expert_training.image_batches import image_batch, image_tokens
from selfscore.expert_training.together import ending_alike, gather, mean_of_all, share_of
from selfscore.expert_training.watched_trainer import WatchedTrainer
from selfscore.level_training.cycles import learning_rate
from selfscore.level_training.level_loss import (
    divergence,
    expected_level,
    fidelity,
    in_order,
    unscored,
)
from selfscore.level_training.settings import KEPT_STEP, VALIDATION_ERROR, LevelSettings
from selfscore.vlm.reading.level_rows import pack_levels
from selfscore.vlm.reading.shared_prefix import (
    IGNORED,
    hidden_states,
    label_log_probabilities,
    label_states,
    state_divergence,
)
from selfscore.vlm.reading.stray_tokens import stray_loss, stray_tokens
from selfscore.vlm.reading.tokens import prompts_of

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler
    from transformers import TrainerCallback, TrainingArguments

    from selfscore.vlm.reading.features import ImageEncoder
    from selfscore.vlm.reading.shared_prefix import PackedAnswers

Row = dict[str, Any]
ACCURACY = "pair_accuracy"


class LevelTrainer(WatchedTrainer):
    """Trains a fresh LoRA on images and their levels.

    Args:
        encoder: the policy and its images; `release` takes the adapter away.
        instruction: what the responses answer.
        settings: of the run.
        adapter: which LoRA.
        arguments: of the trainer; their seed is that of the LoRA too.
        examples: rows with path, level, target, position, spread and response (or ""), see
            `selfscore.preference_data.level_examples`, and the name that errors call them by.
        validation: such rows of images that are not trained on, for `validation_error`.
        callbacks: of the trainer.
    """

    kind = "level"
    rows = "images"
    remedy = "Look at these rows of `level_examples`, or lower `level_training.lr`."

    def __init__(
        self,
        encoder: ImageEncoder,
        instruction: str,
        settings: LevelSettings,
        adapter: LoraConfig,
        arguments: TrainingArguments,
        examples: Sequence[Row],
        validation: Sequence[Row],
        callbacks: list[TrainerCallback],
    ) -> None:
        self._encoder = encoder
        self._instruction = instruction
        self._settings = settings
        self._validation = validation
        self._stray = stray_tokens(encoder.vlm)
        self._noted: dict[str, list[Tensor]] = {}
        # As TRL does, so that all experts of a seed start from the same A.
        set_seed(arguments.seed)
        super().__init__(
            get_peft_model(encoder.vlm.model, adapter),  # type: ignore[arg-type]
            args=arguments,
            train_dataset=examples,  # type: ignore[arg-type]
            data_collator=lambda rows: {"rows": rows},
            callbacks=callbacks,
        )

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """The weighted loss of one batch, see `watch`."""
        rows, settings = inputs["rows"], self._settings
        with_texts = settings.text_weight > 0 and self.state.global_step % settings.text_every == 0
        written = with_texts and any(row["response"] for row in rows)
        parts, accuracy = self._losses(rows, written)
        weights = {
            "divergence": 1.0,
            "fidelity": settings.fidelity_weight,
            "text": settings.text_weight,
            "stray": settings.stray_weight,
            "unscored": settings.unscored_weight,
        }
        loss = torch.stack([weights[name] * value for name, value in parts.items()]).sum()
        self.watch(loss, [row["name"] for row in rows])
        for name, value in {**parts, ACCURACY: accuracy}.items():
            self._noted.setdefault(name, []).append(value.detach())
        return (loss, {}) if return_outputs else loss

    def create_scheduler(
        self, num_training_steps: int, optimizer: Optimizer | None = None
    ) -> LRScheduler:
        """The learning rate of every step, see `learning_rate`."""
        cycle = num_training_steps // self._settings.max_cycles
        warmup = round(self._settings.warmup_ratio * cycle)
        factor = partial(learning_rate, cycle=cycle, warmup=warmup)
        self.lr_scheduler = LambdaLR(optimizer or self.optimizer, factor)
        return self.lr_scheduler

    @torch.no_grad()
    def validation_error(self) -> float:
        """Mean distance of expected and true score of the validation images, in levels; logged."""
        rows, size = self._validation, self.args.per_device_train_batch_size
        distances = []
        for start in range(0, len(rows), size):
            batch = rows[start : start + size]
            log_p, _ = self._read(batch, written=False)
            position = torch.tensor([row["position"] for row in batch]).to(log_p)
            distances.append((expected_level(log_p) - position).abs())
        error = torch.cat(distances).mean().cpu()
        if self.state.global_step == 0:
            # Nothing is logged before the first step.
            self.log({VALIDATION_ERROR: error.item()})
        else:
            self._noted[VALIDATION_ERROR] = [error]
        return error.item()

    def _losses(self, rows: Sequence[Row], written: bool) -> tuple[dict[str, Tensor], Tensor]:
        """The losses of a batch by name, and the share of its pairs that are in order."""
        log_p, of_texts = self._read(rows, written)
        target, position, spread = (
            torch.from_numpy(np.array([row[name] for row in rows], dtype=float)).to(log_p)
            for name in ("target", "position", "spread")
        )
        expected = expected_level(log_p)
        parts = {
            "divergence": divergence(log_p, target),
            "fidelity": fidelity(expected, position, spread),
            "unscored": unscored(log_p),
        }
        return parts | of_texts, in_order(expected, position)

    def _read(self, rows: Sequence[Row], written: bool) -> tuple[Tensor, dict[str, Tensor]]:
        """What the model makes of the rows: all of their levels, and perhaps their texts.

        Returns:
            [rows, levels] log-probabilities; and of texts, where they are looked at, in nats a
            token, how far they are from those of the policy before, and how likely they break off.
        """
        vlm = self._encoder.vlm
        frozen = self._settings.targets == "language_model"
        share = share_of(len(rows))
        mine = rows[share.rows]
        images = image_batch(self._encoder, [row["path"] for row in mine], frozen)
        levels, text = pack_levels(
            vlm,
            prompts_of(vlm, images["features"], self._instruction),
            images["features"],
            self._instruction,
            len(rows[0]["target"]),
            [
                (row["level"], row["response"]) if written and row["response"] else None
                for row in mine
            ],
        )
        tokens = text.labels[text.labels != IGNORED]
        words = ~self._stray[tokens]

        def run() -> tuple[Tensor, dict[str, Tensor]]:
            before = self._before(levels, images) if written else None
            hidden = hidden_states(self._plain, levels, image_tokens(self._plain, images))
            log_p = label_log_probabilities(self._plain, hidden, levels).sum(dim=-1)
            if before is None:
                return log_p, {}
            states = label_states(hidden, text)
            return log_p, {
                "text": state_divergence(self._plain, states, label_states(before, text)),
                "stray": stray_loss(self._plain, states[words], self._stray),
            }

        found, of_texts = ending_alike(run)
        counts = {"text": len(tokens), "stray": int(words.sum())}
        means = {name: mean_of_all(total, counts[name], share) for name, total in of_texts.items()}
        return gather(found, share), means

    @torch.no_grad()
    def _before(self, packed: PackedAnswers, images: Mapping[str, Any]) -> Tensor:
        """What the policy that the training started from makes of the rows."""
        with self.model.disable_adapter():
            return hidden_states(self._plain, packed, image_tokens(self._plain, images))

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log the parts of the loss with it, each the mean since the last row."""
        if "loss" in logs:
            logs |= {
                name: torch.stack(values).nanmean().item() for name, values in self._noted.items()
            }
            self._noted = {}
        if VALIDATION_ERROR in logs:
            logs[KEPT_STEP] = self.state.best_global_step or 0
        super().log(logs, start_time)

    def floating_point_ops(self, inputs: dict[str, Any]) -> int:
        """Not counted: the trainer would look for tokens in the batch."""
        return 0
