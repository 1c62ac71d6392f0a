"""Who writes texts: transformers in this process, or vLLM. Both take the same requests.

Knows how each is made from a policy; knows nothing of levels, pairs or gates.
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from selfscore.vlm.decoding import Decoding
    from selfscore.vlm.features import StoredFeatures
    from selfscore.vlm.generation import Request, Response
    from selfscore.vlm.images import ImageSource
    from selfscore.vlm.load_options import LoadOptions
    from selfscore.vlm.policy import LoraAdapter, Policy

    class Writer(Protocol):
        """A policy that writes."""

        def __call__(
            self,
            requests: Sequence[Request],
            decoding: Decoding,
            description: str,
            done: MutableMapping[str, bytes] | None = None,
        ) -> list[Response]:
            """See `selfscore.vlm.generation.generate`."""


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


def writer(
    generation: GenerationOptions,
    loading: LoadOptions,
    policy: Policy,
    images: ImageSource,
    stored: StoredFeatures,
    adapters: Sequence[LoraAdapter] = (),
) -> Writer:
    """What writes a policy's texts: called like `generate`, without the encoder.

    Args:
        generation: which backend.
        loading: how the model is put into memory.
        policy: who writes.
        images: pictures by key.
        stored: what the tower makes of them, as far as it is stored; vLLM runs its own.
        adapters: experts on top of the policy.

    Raises:
        ModuleNotFoundError: the backend is not installed.
    """
    if generation.backend == "vllm":
        from selfscore.vlm.vllm_backend import VllmWriter

        return VllmWriter(generation, loading, policy, images, adapters)
    from selfscore.vlm.features import ImageEncoder
    from selfscore.vlm.generation import generate
    from selfscore.vlm.loading import load_vlm

    return partial(generate, ImageEncoder(load_vlm(policy, adapters, loading), images, stored))
