"""An adapter on a loaded model whose strength can be turned, without loading the model again.

Knows PEFT's layers; knows nothing of what is measured at a strength.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from peft import LoraConfig, get_peft_model, set_peft_model_state_dict
from peft.tuners.lora import LoraLayer

from selfscore.vlm.loading.folding import check_belongs
from selfscore.vlm.loading.loader import decoder_name, leaves_tower
from selfscore.vlm.model import VLM
from selfscore.vlm.policy import LoraAdapter


def with_dial(vlm: VLM, adapter: LoraAdapter) -> tuple[VLM, Callable[[float], None]]:
    """The model with the adapter beside its weights, and what sets the adapter's strength.

    The model is changed in place. At strength λ it computes what folding λ · ΔW into the weights
    does, up to rounding; at 0 what it did before.

    Args:
        vlm: the policy that the adapter is over.
        adapter: an update of it.

    Raises:
        ValueError: as `check_belongs`.
    """
    check_belongs(vlm.model, adapter)
    tower_frozen = vlm.tower_frozen and leaves_tower(adapter, decoder_name(vlm.model))
    beside = get_peft_model(vlm.model, LoraConfig(**adapter.config))
    set_peft_model_state_dict(beside, adapter.tensors)
    beside.eval()
    layers = [module for module in vlm.model.modules() if isinstance(module, LoraLayer)]

    def turn(strength: float) -> None:
        for layer in layers:
            layer.set_scale("default", strength)

    return replace(vlm, tower_frozen=tower_frozen), turn
