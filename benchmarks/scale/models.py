"""What a model costs: operations of an image and of a token, bytes of its weights and features.

Counted on the published shapes without weights (`benchmarks.performance.memory_budget`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import torch

from benchmarks.performance.flops import Costs, linear_weights
from benchmarks.performance.memory_budget import (
    INSTRUCTION,
    MODELS,
    RANK,
    Model,
    build,
    feature_bytes,
    weight_bytes,
)
from selfscore.expert_training.targets import lora_targets


@dataclass(frozen=True)
class Sizes:
    """One model.

    Attributes:
        name: of its recipe.
        costs: operations.
        layers: of the language model.
        tower_layers: of the vision tower.
        prompt: tokens of image and instruction.
        weight_bytes: bfloat16.
        feature_bytes: of one image's stored features.
        adapter_bytes: of one expert's LoRA, float32.
    """

    name: str
    costs: Costs
    layers: int
    tower_layers: int
    prompt: int
    weight_bytes: int
    feature_bytes: int
    adapter_bytes: int


@cache
def sizes(name: str) -> Sizes:
    """The model of a recipe, by the recipe's name."""
    model = next(model for model in MODELS if model.name == name)
    built = build(model, torch.bfloat16)
    text = model.text
    linear = {path: built.get_submodule(path) for path in lora_targets(built, "language_model")}
    adapter = sum(RANK * (layer.in_features + layer.out_features) for layer in linear.values())
    return Sizes(
        name=name,
        costs=Costs(
            tower=_tower(model, built),
            token=2 * linear_weights(built.get_decoder()),
            pair=4 * text["num_hidden_layers"] * text["hidden_size"],
            head=2 * built.get_output_embeddings().weight.numel(),
        ),
        layers=text["num_hidden_layers"],
        tower_layers=model.vision.get("depth") or model.vision["num_hidden_layers"],
        prompt=model.image_tokens + INSTRUCTION,
        weight_bytes=weight_bytes(model),
        feature_bytes=feature_bytes(model),
        adapter_bytes=4 * adapter,
    )


def _tower(model: Model, built: Any) -> float:
    """Operations of tower and connector on the largest picture that the recipe lets through."""
    towers = {"Idefics3": _idefics3, "Qwen2_5_VL": _qwen2_5_vl}
    return towers[model.kind](model, built.base_model)


def _idefics3(model: Model, base: Any) -> float:
    vision = base.config.vision_config
    tile = (vision.image_size // vision.patch_size) ** 2
    patches = model.patches
    weights = linear_weights(base.vision_model) + 3 * vision.patch_size**2 * vision.hidden_size
    attention = 2 * vision.num_hidden_layers * patches * tile * vision.hidden_size
    connector = linear_weights(base.connector) * patches / base.config.scale_factor**2
    return float(2 * (weights * patches + attention + connector))


def _qwen2_5_vl(model: Model, base: Any) -> float:
    """Most layers look at windows, a few at the whole picture (arXiv 2502.13923, section 2.1)."""
    vision = base.config.vision_config
    patches = model.patches
    window = (vision.window_size // vision.patch_size) ** 2
    whole = len(vision.fullatt_block_indexes)
    seen = whole * patches + (vision.depth - whole) * window
    pixels = 3 * vision.temporal_patch_size * vision.patch_size**2
    weights = linear_weights(base.visual.blocks) + pixels * vision.hidden_size
    merger = linear_weights(base.visual.merger) * patches / vision.spatial_merge_size**2
    return float(2 * (weights * patches + 2 * patches * seen * vision.hidden_size + merger))
