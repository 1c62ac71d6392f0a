"""True shapes with random weights, made where they compute: nothing is loaded or written.

Knows configurations; knows nothing of what is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import torch

from benchmarks.performance.jobs import base_of
from benchmarks.performance.shapes import DEMO_MODEL, SHAPES, Shape, idefics3
from selfscore.vlm.model import VLM

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, ProcessorMixin

Maker = Callable[[Shape], tuple["PreTrainedConfig", "ProcessorMixin"]]


def build(shape: Shape, device: torch.device) -> VLM:
    """A model of this shape, bfloat16 on a GPU and float32 on a CPU, the same every time."""
    from transformers import AutoModelForImageTextToText

    config, processor = _MAKERS.get(shape.name.removesuffix("-tiny"), idefics3)(shape)
    torch.manual_seed(0)
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    with device:
        model = AutoModelForImageTextToText.from_config(config, dtype=dtype)
    model.generation_config.pad_token_id = processor.tokenizer.pad_token_id
    # Random weights hardly ever end a text, and then all are equally long.
    model.generation_config.eos_token_id = None
    return VLM(model.eval(), processor, base_of(shape.name).card.base_model.record())


def _qwen2_5_vl(shape: Shape) -> tuple[PreTrainedConfig, ProcessorMixin]:
    import transformers

    # The demo's tokenizer knows no videos.
    tokens = transformers.AutoTokenizer.from_pretrained(DEMO_MODEL, video_token="<video>")
    template = transformers.AutoProcessor.from_pretrained(DEMO_MODEL).chat_template
    patches = {name: shape.vision[name] for name in ("patch_size", "temporal_patch_size")}
    size = {"shortest_edge": 28 * 28, "longest_edge": shape.side**2}
    processor = transformers.Qwen2_5_VLProcessor(
        transformers.Qwen2VLImageProcessorPil(size=size, **patches, merge_size=2),
        tokens,
        transformers.Qwen2VLVideoProcessor(size=size, **patches, merge_size=2),
        chat_template=template,
    )
    config = transformers.Qwen2_5_VLConfig(
        text_config={**shape.text, "pad_token_id": tokens.pad_token_id},
        vision_config=dict(shape.vision),
        image_token_id=processor.image_token_id,
        video_token_id=processor.video_token_id,
        tie_word_embeddings=True,
    )
    return config, processor


# The published configuration of Qwen2.5-VL-3B-Instruct.
_QWEN = Shape(
    "qwen2.5-vl-3b",
    side=504,
    answer_tokens=60,
    text={
        "hidden_size": 2048,
        "intermediate_size": 11008,
        "num_hidden_layers": 36,
        "num_attention_heads": 16,
        "num_key_value_heads": 2,
        "vocab_size": 151936,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 1000000.0,
            "mrope_section": [16, 24, 24],
        },
    },
    vision={
        "depth": 32,
        "hidden_size": 1280,
        "intermediate_size": 3420,
        "num_heads": 16,
        "out_hidden_size": 2048,
        "patch_size": 14,
        "temporal_patch_size": 2,
        "spatial_merge_size": 2,
        "window_size": 112,
        "fullatt_block_indexes": [7, 15, 23, 31],
    },
)
_MAKERS: Mapping[str, Maker] = MappingProxyType({_QWEN.name: _qwen2_5_vl})
TRUE_SHAPES: Mapping[str, Shape] = MappingProxyType(
    {shape.name: shape for shape in (SHAPES["smolvlm-256m"], SHAPES["smolvlm-2.2b"], _QWEN)}
)
_SMALL = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
# To try the command without a GPU.
TINY_SHAPES: Mapping[str, Shape] = MappingProxyType(
    {
        "smolvlm-256m-tiny": Shape(
            "smolvlm-256m-tiny",
            side=64,
            answer_tokens=12,
            text={**_SMALL, "vocab_size": 4096},
            vision={
                "hidden_size": 16,
                "intermediate_size": 32,
                "num_hidden_layers": 2,
                "num_attention_heads": 2,
                "image_size": 64,
                "patch_size": 8,
            },
        ),
        "qwen2.5-vl-3b-tiny": Shape(
            "qwen2.5-vl-3b-tiny",
            side=56,
            answer_tokens=12,
            text={
                **_SMALL,
                "vocab_size": 4096,
                "rope_parameters": {
                    "rope_type": "default",
                    "rope_theta": 10000.0,
                    "mrope_section": [2, 1, 1],
                },
            },
            vision={
                **_QWEN.vision,
                "depth": 2,
                "hidden_size": 16,
                "intermediate_size": 32,
                "num_heads": 2,
                "out_hidden_size": 32,
                "fullatt_block_indexes": [1],
            },
        ),
    }
)
