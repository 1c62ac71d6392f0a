"""Very small vision-language models with random weights, built from the real architectures."""

from pathlib import Path

import pytest
import torch
import transformers
from images import coloured_images
from PIL.Image import Image
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    CLIPImageProcessor,
    CLIPVisionConfig,
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    Idefics3ImageProcessor,
    Idefics3Processor,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
)

TEMPLATE = (
    "{% for message in messages %}{{ message['role'] | capitalize }}: "
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}{{ '<image>' }}"
    "{% else %}{{ part['text'] }}{% endif %}{% endfor %}<end_of_utterance>\n{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant: ' }}{% endif %}"
)
TEXTS = [
    "User: Rate this picture from 0 (worst) to 9 (best) and explain. Assistant:",
    "This picture has the score 5. Explain why it deserves it.",
    "#Score: 0 #Explanation: The picture is sharp and the colours are strong. It is blurred.",
]


def tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level BPE that splits digits, as SmolLM's does."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    bpe.decoder = decoders.ByteLevel()
    special = [
        "<pad>",
        "<end_of_utterance>",
        "<image>",
        "<fake_token_around_image>",
        "<global-img>",
        "<video>",
        "<bos>",
    ]
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(TEXTS, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        padding_side="left",
        pad_token="<pad>",
        bos_token="<bos>",
        eos_token="<end_of_utterance>",
        extra_special_tokens={
            "image_token": "<image>",
            "fake_image_token": "<fake_token_around_image>",
            "global_image_token": "<global-img>",
            "video_token": "<video>",
        },
    )


def _llama(vocabulary: int, tokens: PreTrainedTokenizerFast, wide: bool = False) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=128 if wide else 32,
        intermediate_size=128 if wide else 48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        initializer_range=0.2,  # far from uniform, so that every input shows in the output
        pad_token_id=tokens.pad_token_id,
        bos_token_id=tokens.bos_token_id,
        eos_token_id=tokens.eos_token_id,
        tie_word_embeddings=True,
    )


# Of Idefics3 and of SmolVLM2, whose tower is the same.
_IDEFICS_TOWER = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 32,
    "patch_size": 4,
}


def save_idefics3(folder: Path, wide: bool = False) -> Path:
    """A random Idefics3 (16 image tokens) with its processor.

    Args:
        folder: where it is saved.
        wide: whether its language model is wide enough for bitsandbytes' and vLLM's kernels.
    """
    torch.manual_seed(0)
    tokens = tokenizer()
    config = Idefics3Config(
        text_config=_llama(len(tokens), tokens, wide),
        vision_config=_IDEFICS_TOWER,
        scale_factor=2,
        image_token_id=tokens.convert_tokens_to_ids("<image>"),
        pad_token_id=tokens.pad_token_id,
        tie_word_embeddings=True,
    )
    processor = Idefics3Processor(
        Idefics3ImageProcessor(
            size={"longest_edge": 32}, max_image_size={"longest_edge": 32}, do_image_splitting=False
        ),
        tokens,
        image_seq_len=16,
        chat_template=TEMPLATE,
    )
    return _save(Idefics3ForConditionalGeneration(config), processor, tokens, folder)


def save_llava(folder: Path) -> Path:
    """A random Llava (CLIP tower, 16 image tokens) with its processor."""
    torch.manual_seed(0)
    tokens = tokenizer()
    config = LlavaConfig(
        text_config=_llama(len(tokens), tokens),
        vision_config=CLIPVisionConfig(
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            image_size=32,
            patch_size=8,
            projection_dim=16,
        ),
        image_token_index=tokens.convert_tokens_to_ids("<image>"),
        tie_word_embeddings=True,
    )
    processor = LlavaProcessor(
        CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}),
        tokens,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=TEMPLATE,
    )
    return _save(LlavaForConditionalGeneration(config), processor, tokens, folder)


def save_smolvlm2(folder: Path) -> Path:
    """A random SmolVLM2 (Idefics3 with a video processor, 16 image tokens) with its processor."""
    torch.manual_seed(0)
    tokens = tokenizer()
    config = transformers.SmolVLMConfig(
        text_config=_llama(len(tokens), tokens),
        vision_config=_IDEFICS_TOWER,
        scale_factor=2,
        image_token_id=tokens.convert_tokens_to_ids("<image>"),
        pad_token_id=tokens.pad_token_id,
        tie_word_embeddings=True,
    )
    size = {"size": {"longest_edge": 32}, "max_image_size": {"longest_edge": 32}}
    processor = transformers.SmolVLMProcessor(
        transformers.SmolVLMImageProcessor(**size, do_image_splitting=False),
        tokens,
        transformers.SmolVLMVideoProcessor(**size),
        image_seq_len=16,
        chat_template=TEMPLATE,
    )
    model = transformers.SmolVLMForConditionalGeneration(config)
    return _save(model, processor, tokens, folder)


def save_llava_onevision(folder: Path) -> Path:
    """A random LLaVA-OneVision: the whole picture and up to four tiles, by the picture's shape."""
    torch.manual_seed(0)
    tokens = tokenizer()
    grid = [[16, 16], [16, 32], [32, 16], [32, 32]]
    config = transformers.LlavaOnevisionConfig(
        text_config=_llama(len(tokens), tokens),
        vision_config=transformers.SiglipVisionConfig(
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            image_size=16,
            patch_size=8,
            vision_use_head=False,
        ),
        image_token_index=tokens.convert_tokens_to_ids("<image>"),
        video_token_index=tokens.convert_tokens_to_ids("<video>"),
        image_grid_pinpoints=grid,
        tie_word_embeddings=True,
    )
    size = {"height": 16, "width": 16}
    processor = transformers.LlavaOnevisionProcessor(
        transformers.LlavaOnevisionImageProcessor(size=size, image_grid_pinpoints=grid),
        tokens,
        transformers.LlavaOnevisionVideoProcessor(size=size),
        num_image_tokens=4,
        vision_feature_select_strategy="full",
        chat_template=TEMPLATE,
    )
    model = transformers.LlavaOnevisionForConditionalGeneration(config)
    return _save(model, processor, tokens, folder)


def save_qwen2_vl(folder: Path) -> Path:
    """A random Qwen2-VL: positions over time, height and width; one token for 8 x 8 pixels."""
    vision = {"embed_dim": 16, "hidden_size": 32, "mlp_ratio": 2}
    return _save_qwen("Qwen2", transformers.Qwen2VLVideoProcessor, vision, folder)


def save_qwen2_5_vl(folder: Path) -> Path:
    """A random Qwen2.5-VL: as Qwen2-VL, with attention in windows of 16 x 16 pixels."""
    vision = {
        "hidden_size": 16,
        "intermediate_size": 32,
        "out_hidden_size": 32,
        "window_size": 16,
        "fullatt_block_indexes": [1],
    }
    return _save_qwen("Qwen2_5_", transformers.Qwen2VLVideoProcessor, vision, folder)


def save_qwen3_vl(folder: Path) -> Path:
    """A random Qwen3-VL: the first decoder layer too is given image features (deepstack)."""
    vision = {
        "hidden_size": 16,
        "intermediate_size": 32,
        "out_hidden_size": 32,
        "num_position_embeddings": 64,
        "deepstack_visual_indexes": [0],
    }
    return _save_qwen("Qwen3", transformers.Qwen3VLVideoProcessor, vision, folder)


def _save_qwen(kind: str, video_processor: type, vision: dict, folder: Path) -> Path:
    torch.manual_seed(0)
    tokens = tokenizer()
    text = _llama(len(tokens), tokens).to_dict()
    del text["model_type"], text["architectures"]
    text["rope_parameters"] = {
        "rope_type": "default",
        "rope_theta": 10000.0,
        "mrope_section": [2, 1, 1],
    }
    shape = {"patch_size": 4, "temporal_patch_size": 2}
    config = getattr(transformers, f"{kind}VLConfig")(
        text_config=text,
        vision_config={
            "depth": 2,
            "num_heads": 2,
            "spatial_merge_size": 2,
            "initializer_range": 0.2,
            **shape,
            **vision,
        },
        image_token_id=tokens.convert_tokens_to_ids("<image>"),
        video_token_id=tokens.convert_tokens_to_ids("<video>"),
        tie_word_embeddings=True,
    )
    size = {"size": {"shortest_edge": 16 * 16, "longest_edge": 32 * 32}}
    # All three have the image processor of Qwen2-VL.
    processor = getattr(transformers, f"{kind}VLProcessor")(
        transformers.Qwen2VLImageProcessor(**size, **shape, merge_size=2),
        tokens,
        video_processor(**size, **shape, merge_size=2),
        chat_template=TEMPLATE,
    )
    model = getattr(transformers, f"{kind}VLForConditionalGeneration")(config)
    return _save(model, processor, tokens, folder)


def _save(model, processor, tokens, folder: Path) -> Path:
    model.generation_config.pad_token_id = tokens.pad_token_id
    model.generation_config.eos_token_id = tokens.eos_token_id
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def pictures(count: int) -> dict[str, Image]:
    """`count` different images, square and broad in turns: not all have as many image tokens."""
    return {
        key: image if place % 2 == 0 else image.crop((0, 0, 40, 24))
        for place, (key, image) in enumerate(coloured_images(count).items())
    }


_NEEDS_TORCHVISION = [
    pytest.mark.torchvision,
    pytest.mark.skipif(
        not transformers.utils.is_torchvision_available(),
        reason="the architecture's processor needs torchvision: see docs/models.md",
    ),
]
ARCHITECTURES = [
    pytest.param(save_idefics3, id="idefics3"),
    pytest.param(save_llava, id="llava"),
    *(
        pytest.param(save, id=save.__name__.removeprefix("save_"), marks=_NEEDS_TORCHVISION)
        for save in (
            save_smolvlm2,
            save_llava_onevision,
            save_qwen2_vl,
            save_qwen2_5_vl,
            save_qwen3_vl,
        )
    ),
]
