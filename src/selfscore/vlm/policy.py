"""What a policy is, in memory: one LoRA adapter over a base model, and a card that says so.

Knows nothing of files (`selfscore.datasets` stores policies) and nothing of how one is trained.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self

from selfscore.configuration.domain import PICTURES, Domain
from selfscore.configuration.settings_class import Count, Whole, as_parameters, settings_class
from selfscore.vlm.response import Prompts

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


@settings_class
class BaseModel:
    """Which model it is that policies adapt, the section `model` of the parameters.

    Attributes:
        id: a name on the model hub, or a local folder.
        revision: on the hub; None for a local folder.
        processor: options of the image processor that are not as the publisher set them.
        views: of how many views of a picture the tower's tokens are the mean, see
            `selfscore.vlm.loading.views`.
    """

    id: str
    revision: str | None
    processor: dict[str, Any]
    views: Literal[1, 2, 4]

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """What `record()` gave."""
        return cls(**{"revision": None, "processor": {}, "views": 1, **record})

    def record(self) -> dict[str, Any]:
        """Its part of ``policy.json``, which names processor and views only where they differ."""
        named: dict[str, Any] = {"id": self.id, "revision": self.revision}
        named |= {"processor": self.processor} if self.processor else {}
        return named | ({"views": self.views} if self.views > 1 else {})


@settings_class
class ScoreScale:
    """What the levels stand for in the user's unit, fitted to the training scores.

    Attributes:
        levels: their number, L.
        method: how they were fitted, see `selfscore.scored_images.score_scale`.
        edges: L - 1 scores; a score's level is the number of edges at or below it.
        values: the score that each level stands for, L of them.
        min: lowest training score.
        max: highest training score.
        unit: the user's scale in words.
    """

    levels: Count
    method: str
    edges: list[float]
    values: list[float]
    min: float
    max: float
    unit: str


@settings_class
class Card:
    """The content of ``policy.json``.

    Attributes:
        base_model: the model that the adapter is over.
        iteration: the round that made the policy; 0 is the base model.
        parent: digest of the policy it came from; None for the base model.
        score_scale: what its levels stand for.
        prompts: what it was trained to answer.
        merging: the settings of the merge that made it, as they were set.
        energy_kept: share of the energy of ΔW that the adapter's rank keeps.
        domain: what its scores are of.
    """

    base_model: BaseModel
    iteration: Whole
    parent: str | None
    score_scale: ScoreScale
    prompts: Prompts
    merging: dict[str, Any] | None = None
    energy_kept: float | None = None
    domain: Domain = PICTURES

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Read the content of a ``policy.json``.

        Raises:
            ValueError: something in it is missing, unknown or of the wrong type.
        """
        missing = [name for name in ("base_model", "score_scale", "prompts") if name not in record]
        if missing:
            raise ValueError(
                f"There is no `{missing[0]}` in policy.json, so nobody knows what the policy's "
                "levels stand for. Use a policy that a run made."
            )
        prompts = dict(record["prompts"])
        version = prompts.pop("version", None)
        card = cls(
            **{
                **record,
                "base_model": BaseModel.from_record(record["base_model"]),
                "prompts": prompts,
            }
        )
        if version != card.prompts.version:
            raise ValueError(
                f"The prompts in policy.json are not those of their version {version!r}: the file "
                "was changed by hand."
            )
        return card

    def record(self) -> dict[str, Any]:
        """The content of ``policy.json``; equal for equal cards, in every release."""
        optional = {
            "merging": self.merging,
            "energy_kept": self.energy_kept,
            "domain": None if self.domain == PICTURES else as_parameters(self.domain),
        }
        return {
            "base_model": self.base_model.record(),
            "iteration": self.iteration,
            "parent": self.parent,
            "score_scale": as_parameters(self.score_scale),
            "prompts": {**as_parameters(self.prompts), "version": self.prompts.version},
            **{name: value for name, value in optional.items() if value is not None},
        }


@dataclass(frozen=True)
class Policy:
    """A model that scores: the base model named in `card` with `adapter` on it.

    Attributes:
        card: what it is, where it comes from and what its answers mean.
        adapter: cumulative up to this iteration; None for `policy_0`, the base model alone.
        base_content: what the base model's name stood for when the policy was made: sha256 of the
            files of a local folder by name, or the `commit` on the hub. No part of the digest.
    """

    card: Card
    adapter: LoraAdapter | None = None
    base_content: Mapping[str, str] = field(default_factory=dict)

    @property
    def base_model(self) -> str:
        """Hub id or local folder of the base model."""
        return self.card.base_model.id

    @property
    def revision(self) -> str | None:
        """What is loaded from the hub: the commit that the policy was made with, if it is known."""
        return self.base_content.get("commit", self.card.base_model.revision)

    @property
    def digest(self) -> str:
        """sha256 of the card and of the adapter: equal for equal policies, wherever stored."""
        digest = hashlib.sha256(json.dumps(self.card.record(), sort_keys=True).encode())
        if self.adapter is not None:
            digest.update(json.dumps(self.adapter.config, sort_keys=True).encode())
            for name in sorted(self.adapter.tensors):
                tensor = self.adapter.tensors[name].detach().cpu().float().contiguous()
                digest.update(f"{name}{tuple(tensor.shape)}".encode())
                digest.update(tensor.numpy().tobytes())
        return digest.hexdigest()
