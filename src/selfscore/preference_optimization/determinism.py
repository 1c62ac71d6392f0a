"""Policy and reference are one function: nothing random in training, and a check of the first step.

Attention reads its dropout as a number when `self.training`, other layers drop rows, whole layers
or experts, and batch normalisation learns from the batch. TRL turns `nn.Dropout` modules off, which
are the smallest part of it. What stays in evaluation mode computes what the reference computes.

Knows modules, modes and TRL's metrics; knows no packed rows and no pair.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.modeling_layers import GradientCheckpointingLayer

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def stay_in_evaluation(model: PreTrainedModel) -> None:
    """Let the model be trained in evaluation mode, whatever mode the trainer asks for.

    With gradient checkpointing a layer itself is in training mode, because that is how transformers
    asks it to compute again, and everything inside the layer is not.
    """

    def train(mode: bool = True) -> PreTrainedModel:
        nn.Module.train(model, mode=False)
        for module in model.modules():
            if isinstance(module, GradientCheckpointingLayer):
                module.training = mode and module.gradient_checkpointing
        return model

    model.train = train  # type: ignore[method-assign]


def as_before(model: PreTrainedModel) -> None:
    """Undo `stay_in_evaluation`; the model is in evaluation mode."""
    del model.train
    model.eval()


class StartCheck(TrainerCallback):
    """Stops a training whose policy is not its reference before the first step has changed it.

    The adapter adds nothing then, so every answer is as likely as the reference finds it, the
    margin is 0 and the sigmoid loss ln 2.

    Args:
        beta: of the run: rewards are beta times the difference.
        tolerance: difference that rounding may make, in nats an answer.
    """

    def __init__(self, beta: float, tolerance: float) -> None:
        self._beta = beta
        self._tolerance = tolerance

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Look at the rewards of the first step.

        Raises:
            ValueError: policy and reference differ.
        """
        if state.global_step > 1 or not logs or "rewards/chosen" not in logs:
            return
        rewards = (logs["rewards/chosen"], logs["rewards/rejected"])
        difference = max(map(abs, rewards)) / self._beta
        if difference > self._tolerance:
            raise ValueError(
                f"Before its first step the policy differs from its reference by {difference:.2g} "
                f"nats an answer, where rounding makes at most {self._tolerance:.2g}: the answers "
                "were weighed with another model, or the model computes something at random. Run "
                "the stage preference_building again with the model that is trained; if that does "
                "not help, choose a model of an architecture that docs/models.md lists."
            )
