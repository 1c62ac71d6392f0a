"""The language model's linear layers in 4 bits, as QLoRA keeps them (arXiv 2305.14314).

A policy's adapter is folded in before: W + ΔW is quantised, not W. So nothing is folded into
weights of 4 bits, and what is trained, weighed and evaluated is one and the same model.

Knows bitsandbytes through transformers; knows no policy and no training.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from transformers import BitsAndBytesConfig
from transformers.utils import is_bitsandbytes_available

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def check_quantization() -> None:
    """Stop before anything is loaded.

    Raises:
        ModuleNotFoundError: bitsandbytes is not installed.
        RuntimeError: there is no GPU. On a CPU bitsandbytes gives right values and no right
            gradients.
    """
    if not is_bitsandbytes_available():
        raise ModuleNotFoundError(
            "`machine.loading.quantization: 4bit` needs the package bitsandbytes: "
            "pip install 'selfscore[qlora]'."
        )
    if not torch.cuda.is_available():
        raise RuntimeError(
            "`machine.loading.quantization: 4bit` needs a GPU, and PyTorch sees none. Set it "
            "to null."
        )


def quantise(model: PreTrainedModel, decoder: str, device: torch.device) -> PreTrainedModel:
    """The model on `device` with the decoder's linear layers in NF4, all else as it was.

    The vision tower and the connector keep their dtype, so stored image features stay right.

    Args:
        model: in memory, with every adapter folded in.
        decoder: name of its decoder, see `selfscore.vlm.loading.loader.decoder_name`.
        device: where it goes.
    """
    quantised: Any = type(model).from_pretrained(
        None,
        config=model.config,
        state_dict=model.state_dict(),
        dtype=model.dtype,
        device_map={"": device},
        quantization_config=quantization_config(model, decoder),
    )
    quantised.generation_config = model.generation_config
    quantised.name_or_path = model.name_or_path
    return quantised  # type: ignore[no-any-return]


def quantization_config(model: PreTrainedModel, decoder: str) -> BitsAndBytesConfig:
    """NF4 with quantised constants for the linear layers inside `decoder` and for no others."""
    inside = f"{decoder}."
    # By their full names, from the start: a name that the decoder's share would leave those out.
    kept = [
        f"^{name}$"
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and not name.startswith(inside)
    ]
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=model.dtype,
        llm_int8_skip_modules=kept,
    )
