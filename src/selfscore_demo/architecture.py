"""The demo model's shape: an Idefics3 of about two and a half million parameters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.fft import idctn
from transformers import (
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    Idefics3ImageProcessorPil,
    Idefics3Processor,
    PreTrainedTokenizerFast,
)

from selfscore_demo.tokenizer import CHAT_TEMPLATE, END_OF_UTTERANCE, IMAGE, PADDING


@dataclass(frozen=True)
class Shape:
    """Sizes of the model. ``image_size`` and ``patch_size`` are pixels."""

    image_size: int = 80
    patch_size: int = 10
    scale_factor: int = 2
    vision_width: int = 128
    vision_layers: int = 3
    vision_heads: int = 4
    vision_mlp: int = 512
    text_width: int = 192
    text_layers: int = 4
    text_heads: int = 6
    text_mlp: int = 512

    @property
    def image_tokens(self) -> int:
        """Image tokens the language model reads."""
        return (self.image_size // self.patch_size // self.scale_factor) ** 2


def build_processor(shape: Shape, tokenizer: PreTrainedTokenizerFast) -> Idefics3Processor:
    """A processor that turns an image of any size and aspect into one tile of the model's size."""
    images = Idefics3ImageProcessorPil(
        do_image_splitting=False,
        # Areas are averaged, so that noise and blocks survive exactly when the size is halved.
        resample=4,
        size={"height": shape.image_size, "width": shape.image_size},
        max_image_size={"longest_edge": shape.image_size},
    )
    return Idefics3Processor(
        image_processor=images,
        tokenizer=tokenizer,
        image_seq_len=shape.image_tokens,
        chat_template=CHAT_TEMPLATE,
    )


def build_model(
    shape: Shape, tokenizer: PreTrainedTokenizerFast, seed: int
) -> Idefics3ForConditionalGeneration:
    """An untrained model with random weights, fixed by ``seed``."""
    end, pad, image = (
        tokenizer.convert_tokens_to_ids(token) for token in (END_OF_UTTERANCE, PADDING, IMAGE)
    )
    config = Idefics3Config(
        image_token_id=image,
        pad_token_id=pad,
        scale_factor=shape.scale_factor,
        tie_word_embeddings=True,
        vision_config={
            "hidden_size": shape.vision_width,
            "intermediate_size": shape.vision_mlp,
            "num_hidden_layers": shape.vision_layers,
            "num_attention_heads": shape.vision_heads,
            "image_size": shape.image_size,
            "patch_size": shape.patch_size,
        },
        text_config={
            "model_type": "llama",
            "vocab_size": len(tokenizer),
            "hidden_size": shape.text_width,
            "intermediate_size": shape.text_mlp,
            "num_hidden_layers": shape.text_layers,
            "num_attention_heads": shape.text_heads,
            "num_key_value_heads": shape.text_heads,
            "max_position_embeddings": 512,
            "tie_word_embeddings": True,
            "pad_token_id": pad,
            "bos_token_id": None,
            "eos_token_id": end,
        },
    )
    torch.manual_seed(seed)
    model = Idefics3ForConditionalGeneration(config)
    model.generation_config.eos_token_id = end
    model.generation_config.pad_token_id = pad
    model.generation_config.bos_token_id = None
    return model


def dct_filters(width: int, patch: int) -> np.ndarray:
    """Patch filters that read cosine frequencies: all of the light, the lowest of the colours.

    Args:
        width: Number of filters.
        patch: Side of a patch in pixels.

    Returns:
        Array of shape (width, 3, patch, patch).
    """
    order = sorted(((u, v) for u in range(patch) for v in range(patch)), key=lambda p: sum(p))
    colours = np.asarray([[1, 1, 1], [1, -0.5, -0.5], [-0.5, -0.5, 1]], dtype=np.float64)
    light = min(patch * patch, width * 3 // 4)
    rest = (width - light + 1) // 2
    filters = []
    for colour, count in zip(colours, (light, rest, width - light - rest), strict=True):
        for u, v in order[:count]:
            frequency = np.zeros((patch, patch))
            frequency[u, v] = 1.0
            wave = idctn(frequency, norm="ortho")
            filters.append(colour[:, None, None] * wave[None])
    while len(filters) < width:
        filters.append(np.zeros((3, patch, patch)))
    return np.asarray(filters[:width], dtype=np.float32)


@torch.no_grad()
def initialise_patches(model: Idefics3ForConditionalGeneration, pixels: torch.Tensor) -> None:
    """Start the patch embedding as cosine filters whose responses have unit variance.

    Args:
        model: The model to change.
        pixels: Normalised sample images (n, 3, size, size).
    """
    embedding = model.model.vision_model.embeddings.patch_embedding
    width, _, patch, _ = embedding.weight.shape
    filters = torch.from_numpy(dct_filters(width, patch))
    responses = torch.nn.functional.conv2d(pixels, filters, stride=patch)
    mean = responses.mean(dim=(0, 2, 3))
    spread = responses.std(dim=(0, 2, 3)).clamp_min(1e-3)
    embedding.weight.copy_(filters / spread[:, None, None, None])
    embedding.bias.copy_(-mean / spread)
