"""Who writes texts: transformers in this process, or vLLM. Both take the same requests.

Knows how each is made from a policy; knows nothing of levels, pairs or gates.
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from selfscore.vlm.image_features import StoredFeatures
    from selfscore.vlm.images import ImageSource
    from selfscore.vlm.options import Decoding, Machine
    from selfscore.vlm.policy import LoraAdapter, Policy
    from selfscore.vlm.writing.generation import Request, Response

    class Writer(Protocol):
        """A policy that writes."""

        def __call__(
            self,
            requests: Sequence[Request],
            decoding: Decoding,
            description: str,
            checkpoint: MutableMapping[str, bytes] | None = None,
        ) -> list[Response]:
            """See `selfscore.vlm.writing.generation.generate`."""


def writer(
    machine: Machine,
    policy: Policy,
    images: ImageSource,
    stored: StoredFeatures,
    adapters: Sequence[LoraAdapter] = (),
) -> Writer:
    """What writes a policy's texts: called like `generate`, without the encoder.

    Args:
        machine: which backend, and how and where the model is put into memory.
        policy: who writes.
        images: pictures by key.
        stored: what the tower makes of them, as far as it is stored; vLLM runs its own.
        adapters: experts on top of the policy.

    Raises:
        ModuleNotFoundError: the backend is not installed.
    """
    if machine.generation.backend == "vllm":
        from selfscore.vlm.writing.vllm_backend import VllmWriter

        return VllmWriter(machine, policy, images, adapters)
    from selfscore.vlm.loading.elsewhere import load_for
    from selfscore.vlm.reading.features import ImageEncoder
    from selfscore.vlm.writing.generation import generate

    return partial(generate, ImageEncoder(load_for(machine, policy, adapters), images, stored))
