"""What a policy is, in memory: one LoRA adapter over a base model, and a card that says so.

Knows nothing of files (`selfscore.datasets` stores policies) and nothing of how one is trained.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class LoraAdapter:
    """A LoRA adapter in PEFT's own terms.

    Attributes:
        config: the content of ``adapter_config.json``.
        tensors: the content of ``adapter_model.safetensors``:
            ``base_model.model.<module>.lora_A.weight`` [rank, in] and
            ``….lora_B.weight`` [out, rank].
    """

    config: dict[str, Any]
    tensors: dict[str, Tensor] = field(repr=False)


@dataclass(frozen=True)
class Policy:
    """A model that scores: the base model named in `card` with `adapter` on it.

    Attributes:
        card: the content of ``policy.json``: ``base_model`` {id, revision and, where it is not
            as published, processor: options of the image processor}, ``iteration``, ``parent``
            (digest of the parent policy or None), ``score_scale``, ``prompts`` and, after a round,
            ``merging`` and ``energy_kept``.
        adapter: cumulative up to this iteration; None for `policy_0`, the base model alone.
    """

    card: dict[str, Any]
    adapter: LoraAdapter | None = None

    @property
    def base_model(self) -> str:
        """Hub id or local folder of the base model."""
        return str(self.card["base_model"]["id"])

    @property
    def revision(self) -> str | None:
        """Revision of the base model on the hub; None for a local folder."""
        return self.card["base_model"].get("revision")

    @property
    def processor_options(self) -> dict[str, Any]:
        """Options of the image processor that are not as the base model's publisher set them."""
        return dict(self.card["base_model"].get("processor", {}))

    @property
    def digest(self) -> str:
        """sha256 of the card and of the adapter: equal for equal policies, wherever stored."""
        digest = hashlib.sha256(json.dumps(self.card, sort_keys=True).encode())
        if self.adapter is not None:
            digest.update(json.dumps(self.adapter.config, sort_keys=True).encode())
            for name in sorted(self.adapter.tensors):
                tensor = self.adapter.tensors[name].detach().cpu().float().contiguous()
                digest.update(f"{name}{tuple(tensor.shape)}".encode())
                digest.update(tensor.numpy().tobytes())
        return digest.hexdigest()
