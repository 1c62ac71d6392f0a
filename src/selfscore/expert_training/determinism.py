"""Nothing random in training: what is trained computes what the policy it starts from computes.

Attention reads its dropout as a number when `self.training`, other layers drop rows, whole layers
or experts, and batch normalisation learns from the batch. TRL turns `nn.Dropout` modules off, which
are the smallest part of it. What stays in evaluation mode computes what the reference computes.

Knows modules and their modes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn
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
