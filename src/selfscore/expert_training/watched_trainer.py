"""A trainer that computes as the policy does, stops before it is spoilt, and goes on exactly.

Knows transformers' trainer and PEFT; knows no loss and no row.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from peft import PeftModel, set_peft_model_state_dict
from safetensors.torch import load_file
from transformers import Trainer

from selfscore.expert_training.determinism import as_before, stay_in_evaluation
from selfscore.expert_training.together import ending_alike, sum_gradients

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import PreTrainedModel


class WatchedTrainer(Trainer):
    """What the trainers of all experts have in common; `compute_loss` is theirs, and calls `watch`.

    The model is trained in evaluation mode, see `stay_in_evaluation`. A loss or a gradient that is
    not finite stops the training before it spoils the weights.

    Args:
        model: with its adapter, or is given one by the class that comes next.

    Attributes:
        kind: of the training, in messages.
        rows: what the names of a batch are called there.
        remedy: what to do about numbers that are not finite.
    """

    kind: ClassVar[str]
    rows: ClassVar[str]
    remedy: ClassVar[str]

    def __init__(self, model: PreTrainedModel | PeftModel, *args: Any, **kwargs: Any) -> None:
        self._plain = model.get_base_model() if isinstance(model, PeftModel) else model
        self._step_names: list[str] = []
        super().__init__(model, *args, **kwargs)
        stay_in_evaluation(self._plain)

    def release(self) -> None:
        """Give the model back without the adapter; the trainer is done."""
        self.model.unload()
        as_before(self._plain)

    def watch(self, loss: Tensor, names: Sequence[str]) -> None:
        """Look at the loss of one batch.

        Args:
            loss: a number.
            names: what errors call the rows of the batch.

        Raises:
            FloatingPointError: the loss is not finite.
        """
        self._step_names += names
        self._check("loss", loss, names)

    def training_step(self, *args: Any, **kwargs: Any) -> Tensor:
        """One part of a step; where it does not fit in one process, it does not in all."""
        step = partial(super().training_step, *args, **kwargs)
        return ending_alike(step)

    def _clip_grad_norm(self, model: nn.Module) -> Any:
        # The last that is called before the weights are changed.
        sum_gradients(model.parameters())
        norm = super()._clip_grad_norm(model)
        self._check("gradient", norm, self._step_names)
        self._step_names = []
        return norm

    def _check(self, what: str, value: Tensor, names: Sequence[str]) -> None:
        if not value.isfinite():
            raise FloatingPointError(
                f"The {self.kind} {what} became {value.item()} at step "
                f"{self.state.global_step + 1}, in the {self.rows} {', '.join(names)}. "
                f"{self.remedy} The same settings would come to the same step again."
            )

    def _load_from_checkpoint(
        self, resume_from_checkpoint: str, model: nn.Module | None = None
    ) -> None:
        # PEFT would widen an adapter in half precision, as TRL gives it to a 4-bit model, to 32
        # bits, and the training would not go on as it was.
        tensors = load_file(Path(resume_from_checkpoint) / "adapter_model.safetensors")
        set_peft_model_state_dict(self.model, tensors)
