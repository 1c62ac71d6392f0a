"""How a policy is put into memory: settings of the machine it runs on, not of the policy.

They are in no policy's card, so the same policy can be trained on one machine and used on another.
Knows names of settings; imports no library that runs a model.
"""

from __future__ import annotations

from dataclasses import dataclass

_CHOICES: dict[str, tuple[str | None, ...]] = {
    "dtype": ("auto", "float32", "bfloat16"),
    "attention": ("auto", "eager", "flash_attention_2"),
    "device_map": (None, "auto"),
    "quantization": (None, "4bit"),
}


@dataclass(frozen=True)
class LoadOptions:
    """Settings of `load_vlm`, the section `loading` of the parameters.

    Attributes:
        dtype: of the weights: `float32`, `bfloat16`, or `auto`: bfloat16 on a GPU and float32 on a
            CPU, where half-precision matrix products are many times slower.
        attention: `auto` is what transformers chooses, PyTorch's scaled_dot_product_attention where
            the architecture has it, which picks the fastest kernel that is there. `eager` is plain
            matrix products. `flash_attention_2` (package flash-attn, GPU) applies to the vision
            tower: the language model keeps `auto`, because flash attention has no mask for answers
            that share a prefix.
        device_map: None is one GPU, or the CPU; `auto` spreads the language model's layers over
            all GPUs, each computing in turn, for models that do not fit on one.
        quantization: `4bit` keeps the language model's linear layers in NF4 (extra `qlora`).
    """

    dtype: str = "auto"
    attention: str = "auto"
    device_map: str | None = None
    quantization: str | None = None

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(
                    f"Unknown `loading.{name}` {getattr(self, name)!r}: choose one of {choices}."
                )


BACKENDS = ("transformers", "vllm")


@dataclass(frozen=True)
class GenerationOptions:
    """Settings of `writer`, the section `generation` of the parameters.

    Attributes:
        backend: `transformers` or `vllm` (extra `vllm`).
        max_model_len: vLLM only: longest prompt and answer together, in tokens, the image's among
            them; memory for one such row must be there.
        gpu_memory_utilization: vLLM only: share of the GPU's memory that it takes, in (0, 1].
    """

    backend: str = "transformers"
    max_model_len: int = 8192
    gpu_memory_utilization: float = 0.9

    def __post_init__(self) -> None:
        if self.backend not in BACKENDS:
            raise ValueError(
                f"Unknown `generation.backend` '{self.backend}': choose one of {BACKENDS}."
            )


@dataclass(frozen=True)
class Decoding:
    """How text is decoded.

    Attributes:
        temperature: 0 is greedy; 1 samples the model's own distribution, unfiltered.
        max_new_tokens: longest continuation, in tokens.
        batch_size: rows decoded together; does not change the texts.
    """

    temperature: float
    max_new_tokens: int
    batch_size: int

    def __post_init__(self) -> None:
        if self.temperature < 0:
            raise ValueError(
                f"`temperature` must not be negative, got {self.temperature}: 0 is greedy."
            )
