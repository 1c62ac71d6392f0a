"""The model shapes that speed is measured on: the demo model, and true shapes with random weights.

Speed and memory depend on a model's shape and not on what it has learnt, so no hub is needed. The
true shapes borrow the demo's tokenizer and chat template; their own vocabulary sizes are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, ProcessorMixin

PROJECT = Path(__file__).resolve().parents[2]
DEMO_MODEL = PROJECT / "data" / "06_models" / "demo_model"


@dataclass(frozen=True)
class Shape:
    """A model to measure on.

    Attributes:
        name: as on the command line.
        side: of the pictures, in pixels.
        answer_tokens: of an explanation, about.
        text: keyword arguments of the language model's config; empty for the demo model.
        vision: of the vision tower's config.
        scale_factor: of the pixel shuffle between them.
    """

    name: str
    side: int
    answer_tokens: int
    text: Mapping[str, Any] = field(default_factory=dict)
    vision: Mapping[str, Any] = field(default_factory=dict)
    scale_factor: int = 2

    @property
    def image_tokens(self) -> int:
        """Tokens that the language model sees of an image."""
        return (self.side // self.vision["patch_size"]) ** 2 // self.scale_factor**2


SIGLIP_B = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "image_size": 512,
    "patch_size": 16,
}

# Published configurations of SmolVLM-256M/500M-Instruct and of SmolVLM-Instruct (2.2B).
SHAPES = {
    shape.name: shape
    for shape in (
        Shape("demo", side=80, answer_tokens=21),
        Shape(
            "smolvlm-256m",
            side=512,
            answer_tokens=60,
            text={
                "hidden_size": 576,
                "intermediate_size": 1536,
                "num_hidden_layers": 30,
                "num_attention_heads": 9,
                "num_key_value_heads": 3,
                "vocab_size": 49280,
            },
            vision=SIGLIP_B,
            scale_factor=4,
        ),
        Shape(
            "smolvlm-500m",
            side=512,
            answer_tokens=60,
            text={
                "hidden_size": 960,
                "intermediate_size": 2560,
                "num_hidden_layers": 32,
                "num_attention_heads": 15,
                "num_key_value_heads": 5,
                "vocab_size": 49280,
            },
            vision=SIGLIP_B,
            scale_factor=4,
        ),
        Shape(
            "smolvlm-2.2b",
            side=378,
            answer_tokens=60,
            text={
                "hidden_size": 2048,
                "intermediate_size": 8192,
                "num_hidden_layers": 24,
                "num_attention_heads": 32,
                "num_key_value_heads": 32,
                "vocab_size": 49280,
            },
            vision={
                "hidden_size": 1152,
                "intermediate_size": 4304,
                "num_hidden_layers": 27,
                "num_attention_heads": 16,
                "image_size": 378,
                "patch_size": 14,
            },
            scale_factor=3,
        ),
    )
}


def model_folder(shape: Shape, work: Path) -> Path:
    """Where a model of this shape is, made on first use.

    Args:
        shape: the shape.
        work: folder for models with random weights.
    """
    if not shape.text:
        return DEMO_MODEL
    folder = work / shape.name
    if not (folder / "config.json").is_file():
        _save_random(shape, folder)
    return folder


def idefics3(shape: Shape) -> tuple[PreTrainedConfig, ProcessorMixin]:
    """Configuration and processor of a model of this shape."""
    from transformers import AutoProcessor, Idefics3Config, LlamaConfig

    processor = AutoProcessor.from_pretrained(DEMO_MODEL)
    tokens = processor.tokenizer
    processor.image_seq_len = shape.image_tokens
    processor.image_processor.size = {"height": shape.side, "width": shape.side}
    processor.image_processor.max_image_size = {"longest_edge": shape.side}
    special = {"pad_token_id": tokens.pad_token_id, "eos_token_id": tokens.eos_token_id}
    config = Idefics3Config(
        text_config=LlamaConfig(**shape.text, **special, max_position_embeddings=8192),
        vision_config=dict(shape.vision),
        scale_factor=shape.scale_factor,
        image_token_id=tokens.convert_tokens_to_ids(processor.image_token),
        pad_token_id=tokens.pad_token_id,
        tie_word_embeddings=True,
    )
    return config, processor


def _save_random(shape: Shape, folder: Path) -> None:
    import torch
    from transformers import AutoModelForImageTextToText

    config, processor = idefics3(shape)
    torch.manual_seed(0)
    model = AutoModelForImageTextToText.from_config(config)
    model.generation_config.pad_token_id = processor.tokenizer.pad_token_id
    model.generation_config.eos_token_id = processor.tokenizer.eos_token_id
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


def pictures(count: int, side: int) -> dict[str, Image.Image]:
    """Pictures of blurred noise, by name."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
    return {
        f"{number}.png": Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC)
        for number, pixels in enumerate(coarse)
    }
