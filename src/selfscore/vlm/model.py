"""A policy as a model that runs; `vlm.loading` makes it.

Knows libraries as types only, so that it is imported without torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase, ProcessorMixin

    from selfscore.vlm.batches import Engine


@dataclass(frozen=True)
class VLM:
    """A policy loaded to run: one model with every adapter folded into its weights.

    Attributes:
        model: the model.
        processor: its processor.
        base_model: `id`, `revision` and perhaps `processor` of the base model, see `Policy`.
        tower_frozen: whether the vision tower and the connector are the base model's own, so that
            image features computed with it are right for this policy too.
        content: sha256 of the files of the base model, see `content_of`.
        engine: computes what is asked of it batch by batch; None: this process, which is where
            `model` is then.
    """

    model: PreTrainedModel
    processor: ProcessorMixin
    base_model: Mapping[str, Any] = field(default_factory=dict)
    tower_frozen: bool = True
    content: Mapping[str, str] = field(default_factory=dict)
    engine: Engine | None = None

    @property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The processor's tokenizer."""
        return self.processor.tokenizer

    @property
    def device(self) -> torch.device:
        """Where the model's weights are."""
        return self.model.device
