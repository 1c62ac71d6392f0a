"""The memory that real models need, counted without a GPU and without their weights.

    python -m benchmarks.performance.memory_budget          # the table of docs/recipes.md
    MALLOC_MMAP_THRESHOLD_=65536 python -m benchmarks.performance.memory_budget check

The second line holds what is counted against what a real step takes on a CPU; the variable makes
the C library give freed memory back at once.

A training step of the language model runs on tensors that have shapes and no contents (PyTorch's
FakeTensorMode), and every tensor is counted from its birth to its death. So LoRA, autocast, what
autograd keeps, gradient checkpointing and the optimiser are those of the real step. Attention is
counted as a fused kernel computes it: no matrix of scores. The vision tower's activations are
counted by a formula, see `tower_bytes`.

Not counted: the CUDA context, fragmentation, and what kernels use inside.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
import transformers
from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from benchmarks.performance.memory import peak_resident
from benchmarks.performance.shapes import SIGLIP_B
from selfscore.expert_training.targets import lora_targets

ANSWER = 128
# Pairs a step, conf/base/dpo_training.
BATCH_SIZE = 16
INSTRUCTION = 60
RANK = 16
# NF4: half a byte, and for 64 of them one byte of scale, whose own scale is four bytes in 256.
NF4_BYTES = 0.5 + 1 / 64 + 4 / (64 * 256)
# Tokens of the vocabulary that TRL's fused head projects to at a time.
HEAD_TILE = 8192


@dataclass(frozen=True)
class Model:
    """A model by its published configuration.

    Attributes:
        name: of its recipe, a folder of conf/recipes.
        kind: prefix of its classes in transformers.
        text: configuration of the language model.
        vision: configuration of the tower.
        image_tokens: of the largest picture that the recipe lets through.
        patches: of that picture, over all tiles.
        options: of the whole configuration.
    """

    name: str
    kind: str
    text: dict[str, Any]
    vision: dict[str, Any]
    image_tokens: int
    patches: int
    options: dict[str, Any]


def _qwen2(hidden: int, mlp: int, layers: int, heads: int, kv: int, vocabulary: int) -> dict:
    return {
        "hidden_size": hidden,
        "intermediate_size": mlp,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv,
        "vocab_size": vocabulary,
    }


_SIGLIP_SO = {
    "model_type": "siglip_vision_model",
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_hidden_layers": 26,
    "num_attention_heads": 16,
    "image_size": 384,
    "patch_size": 14,
    "vision_use_head": False,
}
_QWEN_TOWER = {
    "depth": 32,
    "hidden_size": 1280,
    "intermediate_size": 3420,
    "num_heads": 16,
    "patch_size": 14,
}
_ROPE = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]}
_QWEN_3B = {**_qwen2(2048, 11008, 36, 16, 2, 151936), "rope_parameters": _ROPE}
_QWEN_7B = {**_qwen2(3584, 18944, 28, 28, 4, 152064), "rope_parameters": _ROPE}
# Five tiles of 64 tokens and what marks their places.
_SMOLVLM = {"image_tokens": 5 * 64 + 30, "patches": 5 * 32**2}
# What is left of up to 36 tiles: nine tiles' worth, 27 x 27 tokens each, with the ends of 81 lines,
# and the whole picture.
_ONEVISION = {"image_tokens": 10 * 27**2 + 81, "patches": 37 * 27**2}
_QWEN2 = {"model_type": "qwen2"}

MODELS = (
    Model(
        "smolvlm_256m",
        "Idefics3",
        {"model_type": "llama", **_qwen2(576, 1536, 30, 9, 3, 49280)},
        SIGLIP_B,
        **_SMOLVLM,
        options={"scale_factor": 4, "tie_word_embeddings": False},
    ),
    Model(
        "smolvlm_500m",
        "Idefics3",
        {"model_type": "llama", **_qwen2(960, 2560, 32, 15, 5, 49280)},
        SIGLIP_B,
        **_SMOLVLM,
        options={"scale_factor": 4, "tie_word_embeddings": False},
    ),
    Model(
        "llava_onevision_0_5b",
        "LlavaOnevision",
        {**_QWEN2, **_qwen2(896, 4864, 24, 14, 2, 152000)},
        _SIGLIP_SO,
        **_ONEVISION,
        options={"tie_word_embeddings": True},
    ),
    Model(
        "llava_onevision_7b",
        "LlavaOnevision",
        {**_QWEN2, **_qwen2(3584, 18944, 28, 28, 4, 152128)},
        _SIGLIP_SO,
        **_ONEVISION,
        options={"tie_word_embeddings": False},
    ),
    Model(
        "qwen2_5_vl_3b",
        "Qwen2_5_VL",
        _QWEN_3B,
        {**_QWEN_TOWER, "out_hidden_size": 2048},
        image_tokens=640,
        patches=2560,
        options={"tie_word_embeddings": True},
    ),
    Model(
        "qwen2_5_vl_7b",
        "Qwen2_5_VL",
        _QWEN_7B,
        {**_QWEN_TOWER, "out_hidden_size": 3584},
        image_tokens=640,
        patches=2560,
        options={"tie_word_embeddings": False},
    ),
)


class LiveBytes(TorchDispatchMode):
    """Counts the bytes of all tensors made while it is on, until they are freed.

    Attributes:
        now: bytes alive.
        peak: most that were alive at once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.peak = 0
        self._alive: dict[int, int] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        for storage in _storages((args, kwargs)):
            # Made before: a view of it is nothing new.
            self._alive.setdefault(storage._cdata, 0)
        output = func(*args, **(kwargs or {}))
        for storage in _storages(output):
            if storage._cdata not in self._alive:
                self._alive[storage._cdata] = storage.nbytes()
                self.now += storage.nbytes()
                self.peak = max(self.peak, self.now)
                weakref.finalize(storage, self._free, storage._cdata)
        return output

    def _free(self, key: int) -> None:
        self.now -= self._alive.pop(key)


def _storages(tree: Any) -> list[torch.UntypedStorage]:
    return [leaf.untyped_storage() for leaf in tree_leaves(tree) if isinstance(leaf, torch.Tensor)]


def build(model: Model, dtype: torch.dtype) -> Any:
    """The model with its shapes alone."""
    config = getattr(transformers, f"{model.kind}Config")(
        text_config=model.text, vision_config=model.vision, **model.options
    )
    kind = getattr(transformers, f"{model.kind}ForConditionalGeneration")
    with torch.device("meta"):
        return kind._from_config(config, dtype=dtype)


def materialise(model: nn.Module, trainable: bool) -> None:
    """Give the weights that are (not) trained a place in memory, and those alone.

    Under FakeTensorMode the place has a size and nothing in it.
    """
    for module in model.modules():
        for name, weight in module.named_parameters(recurse=False):
            if weight.requires_grad == trainable:
                filled = torch.full(weight.shape, 0.01, dtype=weight.dtype)
                setattr(module, name, nn.Parameter(filled, requires_grad=trainable))
        for name, buffer in module.named_buffers(recurse=False):
            if not trainable:
                setattr(module, name, torch.ones(buffer.shape, dtype=buffer.dtype))
    if not trainable:
        model.get_base_model().tie_weights()  # type: ignore[operator]


def weight_bytes(model: Model, quantised: bool = False) -> int:
    """All weights in bfloat16; if quantised, the language model's linear layers in NF4."""
    whole = build(model, torch.bfloat16)
    total = sum(parameter.numel() for parameter in whole.parameters())
    if not quantised:
        return 2 * total
    in_4_bits = sum(
        whole.get_submodule(name).weight.numel() for name in lora_targets(whole, "language_model")
    )
    return round(2 * (total - in_4_bits) + NF4_BYTES * in_4_bits)


def with_lora(model: Model, dtype: torch.dtype) -> PeftModel:
    """The model with a LoRA as a run makes it; its shapes alone."""
    built = build(model, dtype)
    targets = lora_targets(built, "language_model")
    return get_peft_model(built, LoraConfig(r=RANK, target_modules=targets))  # type: ignore[return-value]


def training_step(wrapped: PeftModel, prefix: int, pairs: int, checkpointing: bool) -> None:
    """One step of a LoRA on packed rows behind stored features, with the optimiser's."""
    materialise(wrapped, trainable=True)
    model: Any = wrapped.get_base_model()
    wrapped.train()
    if checkpointing:
        wrapped.enable_input_require_grads()
        wrapped.gradient_checkpointing_enable()
    parameters = [weight for weight in wrapped.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(parameters)
    decoder, head = model.get_decoder(), model.get_output_embeddings()
    length, dtype = prefix + 2 * ANSWER, model.dtype
    hidden_size = model.config.get_text_config().hidden_size
    embeds = torch.zeros(pairs, length, hidden_size, dtype=dtype, requires_grad=checkpointing)
    mask = torch.zeros(pairs, 1, length, length, dtype=dtype)
    places = torch.arange(length).expand(pairs, length)
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        states = decoder(
            inputs_embeds=embeds, attention_mask=mask, position_ids=places, use_cache=False
        ).last_hidden_state
    answers = states[:, -2 * ANSWER :].flatten(0, 1)
    # As TRL's fused head: one tile of logits at a time, which is not kept.
    with torch.no_grad():
        tile = F.linear(answers, head.weight[:HEAD_TILE])
        gradient = torch.full(answers.shape, 0.01).to(dtype)
    del tile
    answers.backward(gradient)
    optimiser.step()


def training_bytes(
    model: Model, pairs: int, checkpointing: bool, dtype: torch.dtype = torch.bfloat16
) -> int:
    """Most bytes alive in a step above the weights of the base model."""
    wrapped = with_lora(model, dtype)
    with FakeTensorMode():
        materialise(wrapped, trainable=False)
        with LiveBytes() as live:
            training_step(wrapped, model.image_tokens + INSTRUCTION, pairs, checkpointing)
    return live.peak


def generation_bytes(model: Model, rows: int, forced: int = 2) -> int:
    """Keys and values of `rows` texts and of the prompts they continue, and one prompt's pass.

    Args:
        model: the model.
        rows: texts that are written together.
        forced: texts to one prompt.
    """
    text = model.text
    prompt = model.image_tokens + INSTRUCTION
    head = text["hidden_size"] // text["num_attention_heads"]
    token = 2 * 2 * text["num_hidden_layers"] * text["num_key_value_heads"] * head
    prompts = rows // forced
    # The widest moment of a layer: gate and up projection, their product, and the hidden states.
    layer = 2 * prompts * prompt * (3 * text["intermediate_size"] + 4 * text["hidden_size"])
    return token * (prompts * prompt + rows * (prompt + ANSWER)) + layer


def feature_bytes(model: Model) -> int:
    """Stored features of one picture, bfloat16."""
    return 2 * model.image_tokens * model.text["hidden_size"]


def tower_bytes(model: Model, images: int) -> int:
    """The widest moment of the tower: an MLP's inside twice, and six times the hidden states."""
    vision = model.vision
    width = 2 * vision["intermediate_size"] + 6 * vision["hidden_size"]
    return 2 * images * model.patches * width


def table(recipe: Callable[[str], dict[str, Any]]) -> str:
    """The table of docs/recipes.md.

    Args:
        recipe: parameters of a recipe by its name.
    """
    lines = [
        "| recipe | parameters | weights | in 4 bits | LoRA step | without checkpointing | writing "
        "| tower | most at once | in 4 bits | features of a picture, MB |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for model in MODELS:
        chosen = recipe(model.name)
        pairs = BATCH_SIZE // chosen["dpo_training"]["accumulation_steps"]
        weights, in_4_bits = weight_bytes(model), weight_bytes(model, quantised=True)
        above = {
            "step": training_bytes(model, pairs, True),
            "writing": generation_bytes(model, chosen["data_generation"]["decoding"]["batch_size"]),
            "tower": tower_bytes(model, chosen["image_features"]["batch_size"]),
        }
        most = max(above.values())
        cells = [
            f"{weights / 2e9:.2f}",
            *(f"{size / 1e9:.1f}" for size in (weights, in_4_bits, above["step"])),
            f"{training_bytes(model, pairs, False) / 1e9:.1f}",
            *(f"{above[name] / 1e9:.1f}" for name in ("writing", "tower")),
            *(f"{(size + most) / 1e9:.1f}" for size in (weights, in_4_bits)),
            f"{feature_bytes(model) / 1e6:.1f}",
        ]
        lines.append(f"| `{model.name}` | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def check(pairs: int = 2) -> str:
    """Counted and measured memory of a real step of SmolVLM-256M's shape, float32, on the CPU."""
    model = MODELS[0]
    lines = []
    for checkpointing in (True, False):  # the larger peak last: a process never gives its own back
        counted = training_bytes(model, pairs, checkpointing, torch.float32)
        wrapped = with_lora(model, torch.float32)
        materialise(wrapped, trainable=False)
        before = _resident()
        training_step(wrapped, model.image_tokens + INSTRUCTION, pairs, checkpointing)
        lines.append(
            f"checkpointing {checkpointing}: counted {counted / 2**20:.0f} MiB, "
            f"measured {peak_resident() - before:.0f} MiB"
        )
        del wrapped
    return "\n".join(lines)


def _resident() -> int:
    with open("/proc/self/status", encoding="utf-8") as status:
        lines = dict(line.split(":", 1) for line in status)
    return int(lines["VmRSS"].split()[0]) // 2**10


def _recipe(name: str) -> dict[str, Any]:
    import yaml

    from benchmarks.performance.shapes import PROJECT

    file = PROJECT / "conf" / "recipes" / name / "parameters.yml"
    found: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return found


if __name__ == "__main__":
    print(check() if "check" in sys.argv[1:] else table(_recipe))
