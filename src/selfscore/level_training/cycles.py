"""How long a training goes on: cycle by cycle, as long as validation images gain from it.

Where they gain nothing from the first, the model is left as it was.

The learning rate rises and decays in every cycle, so that each ends as a whole training does: warm
restarts, Loshchilov & Hutter, "SGDR" (arXiv 1608.03983), section 3. How many passes are enough
differs from one set of images to the next, and from the first round to those that learn its scores
again.

Knows the trainer's callbacks and an error to lower; knows no image.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from peft import get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import load, save
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from selfscore.expert_training.together import is_first

if TYPE_CHECKING:
    from peft import PeftModel
    from torch import Tensor

logger = logging.getLogger(__name__)

# The part of a checkpoint that has the adapter of the best cycle.
BEST = "best_cycle.safetensors"


def learning_rate(step: int, cycle: int, warmup: int) -> float:
    """Share of the peak learning rate: a rise, then half a cosine down to 0, in every cycle.

    Args:
        step: 0, 1, …
        cycle: steps of a cycle.
        warmup: steps in which it rises.
    """
    within = step % cycle
    if within < warmup:
        return within / warmup
    return 0.5 * (1 + math.cos(math.pi * (within - warmup) / (cycle - warmup)))


class BestCycle(TrainerCallback):
    """Ends a training after a cycle that gains too little on the best before it, which is kept.

    Before the first stands the model that no cycle has changed. The trainer's state says which
    cycle is the best, 0 for none, and what its error was, so a training that was stopped goes on
    with both.

    Args:
        error: on the validation images, of the model as it stands.
        cycle: steps of a cycle.
        min_gain: the part of the best error so far that a cycle has to take away, 0 … 1.
        checkpoint: takes the adapter of the best cycle, at first the one that every training
            begins with, which changes nothing; the first process alone writes.

    Raises:
        ValueError: the training goes on from a state whose best adapter is not in `checkpoint`.
    """

    def __init__(
        self,
        error: Callable[[], float],
        cycle: int,
        min_gain: float,
        checkpoint: MutableMapping[str, bytes],
    ) -> None:
        self._error = error
        self._cycle = cycle
        self._min_gain = min_gain
        self._checkpoint = checkpoint
        self._best: dict[str, Tensor] = {}

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Keep the adapter that changes nothing yet, or take up the best one so far."""
        if state.best_metric is None:
            self._keep(state, self._error(), _adapted(kwargs))
        elif BEST in self._checkpoint:
            self._best = load(self._checkpoint[BEST])
        else:
            raise ValueError(
                "The training's checkpoint has lost the adapter of its best cycle "
                f"(`{BEST}`). Remove the folder `checkpoints` in `storage.scratch` and run again."
            )

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Measure the error where a cycle ends."""
        if state.global_step % self._cycle:
            return
        error = self._error()
        control.should_log = True
        assert state.best_metric is not None
        if error < state.best_metric * (1 - self._min_gain):
            self._keep(state, error, _adapted(kwargs))
        else:
            control.should_training_stop = True

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Give the model the adapter of the best cycle."""
        set_peft_model_state_dict(_adapted(kwargs), self._best)
        best = (state.best_global_step or 0) // self._cycle
        logger.info(
            "Of %d cycles %s: on validation images it is %.3f levels off.",
            state.global_step // self._cycle,
            f"number {best} is kept"
            if best
            else "none is kept, because the policy before is hardly worse",
            state.best_metric,
        )

    def _keep(self, state: TrainerState, error: float, model: PeftModel) -> None:
        state.best_metric, state.best_global_step = error, state.global_step
        self._best = {
            name: tensor.detach().cpu().clone()
            for name, tensor in get_peft_model_state_dict(model).items()
        }
        if is_first():
            self._checkpoint[BEST] = save(self._best)


def _adapted(kwargs: dict[str, Any]) -> PeftModel:
    model: PeftModel = kwargs["model"]
    return model
