"""From a policy to a model that can be run: base weights, adapters folded in, processor.

Knows Hugging Face's Auto classes; knows nothing of prompts, sampling or training.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from huggingface_hub import is_offline_mode
from transformers import (
    AutoConfig,
    AutoModelForImageTextToText,
    GenerationConfig,
)
from transformers.utils import is_flash_attn_2_available

from selfscore.vlm.loading.content import content_of, difference
from selfscore.vlm.loading.flex import FLEX, check_flex
from selfscore.vlm.loading.folding import fold
from selfscore.vlm.loading.placement import devices, place
from selfscore.vlm.loading.processor import load_processor
from selfscore.vlm.loading.quantization import check_quantization, quantise
from selfscore.vlm.loading.views import average_views
from selfscore.vlm.model import VLM
from selfscore.vlm.options import LoadOptions

if TYPE_CHECKING:
    from transformers import PreTrainedModel, ProcessorMixin

    from selfscore.vlm.policy import LoraAdapter, Policy


def load_vlm(
    policy: Policy, adapters: Sequence[LoraAdapter] = (), options: LoadOptions | None = None
) -> VLM:
    """Load the base model of `policy` and fold its adapter, then `adapters`, into the weights.

    Only safetensors are read and no remote code is run.

    Args:
        policy: the policy.
        adapters: experts on top of it.
        options: of the machine; None for the defaults.

    Raises:
        FileNotFoundError: the base model is a local folder that does not exist or holds no model,
            or a name of which the hub has nothing.
        ModuleNotFoundError: an option needs a package that is not installed.
        RuntimeError: an option needs a GPU, and there is none.
        ValueError: the base model is another one than the policy was made with; the architecture
            cannot be given image features or shown several views, or shows no decoder; an adapter
            is not this model's or not whole; or the processor does not know an option of
            `model.processor`.
    """
    options = options or LoadOptions()
    on = devices(spread=options.device_map == "auto")
    if options.quantization:
        check_quantization()
    with _named_if_missing(policy):
        content = _checked_content(policy)
        processor = _processor(policy)
        model: PreTrainedModel = AutoModelForImageTextToText.from_pretrained(
            policy.base_model,
            dtype=_dtype(options.dtype, on[0]),
            use_safetensors=True,
            **_attention(options.attention),
            **_source(policy),
        )
    _check_images(model)
    folded = ([policy.adapter] if policy.adapter else []) + list(adapters)
    decoder = decoder_name(model)
    tower_frozen = all(leaves_tower(adapter, decoder) for adapter in folded)
    for adapter in folded:
        fold(model, adapter)
    if options.quantization:
        model = quantise(model, decoder, on[0])
    place(model, on)
    average_views(model, policy.card.base_model.views)
    return VLM(model.eval(), processor, policy.card.base_model.record(), tower_frozen, content)


def load_outline(policy: Policy) -> VLM:
    """The base model without weights: what it takes to write prompts and to read answers.

    Raises:
        FileNotFoundError: as `load_vlm`.
        ValueError: as `load_vlm`, of base model and processor.
    """
    with _named_if_missing(policy):
        content = _checked_content(policy)
        processor = _processor(policy)
        config = AutoConfig.from_pretrained(policy.base_model, **_source(policy))
        with torch.device("meta"):
            model = AutoModelForImageTextToText.from_config(config, dtype=torch.float32)
        model.generation_config = GenerationConfig.from_pretrained(
            policy.base_model, revision=policy.revision
        )
    return VLM(model.eval(), processor, policy.card.base_model.record(), content=content)


def decoder_name(model: PreTrainedModel) -> str:
    """Name of the language model's decoder inside the whole model, such as `model.text_model`.

    Raises:
        ValueError: the architecture shows no decoder.
    """
    decoder = model.get_decoder()
    name = next((name for name, module in model.named_modules() if module is decoder), "")
    if not name:
        raise ValueError(
            f"{type(model).__name__} shows no language-model decoder (looked for get_decoder() "
            "and the module it names): this is not an image-text-to-text model selfscore can use."
        )
    return name


def leaves_tower(adapter: LoraAdapter, decoder: str) -> bool:
    """Whether an adapter changes the decoder of that name alone, and no tower or connector."""
    return all(module.startswith(f"{decoder}.") for module in adapter.config["target_modules"])


@contextmanager
def _named_if_missing(policy: Policy) -> Iterator[None]:
    _check_local_folder(policy.base_model)
    try:
        yield
    except OSError as error:
        raise FileNotFoundError(
            f"The base model '{policy.base_model}' cannot be loaded: {error} "
            "Set `model.id` to a folder written by save_pretrained or to a model id of the hub."
        ) from error


def _source(policy: Policy) -> dict[str, Any]:
    return {"revision": policy.revision, "trust_remote_code": False}


def _processor(policy: Policy) -> ProcessorMixin:
    return load_processor(policy.base_model, policy.card.base_model.processor, **_source(policy))


def _checked_content(policy: Policy) -> dict[str, str]:
    """What the base model's name stands for, which is what the policy knows of it."""
    found = content_of(policy.base_model, policy.revision)
    if not found and not Path(policy.base_model).is_dir():
        # Loading would ask a hub that is away again for every file, and wait each time.
        asked = (
            "HF_HUB_OFFLINE is set, so the hub is not asked (unset it once, with a network)"
            if is_offline_mode()
            else "the hub has no such model, shows it to its members alone (`hf auth login`), or "
            "cannot be reached from here (with HF_HUB_OFFLINE=1 it is not even asked)"
        )
        raise FileNotFoundError(f"no copy of it is on this machine, and {asked}.")
    if changed := difference(policy.base_content, found):
        raise ValueError(
            f"The base model in '{policy.base_model}' is not the one that this policy was made "
            f"with: '{changed}' differs. Put the earlier model back, or start a new run, whose "
            "policies are over the model that is there now."
        )
    return found


def _dtype(name: str, device: torch.device) -> torch.dtype:
    if name == "auto":
        name = "bfloat16" if device.type == "cuda" else "float32"
    return {"bfloat16": torch.bfloat16, "float32": torch.float32}[name]


def _attention(name: str) -> dict[str, Any]:
    """What transformers is told of attention; nothing for its own choice."""
    if name == "auto":
        return {}
    if name == "flash_attention_2":
        if not is_flash_attn_2_available():
            raise ModuleNotFoundError(
                "`machine.loading.attention: flash_attention_2` needs a GPU and the package "
                "flash-attn: pip install flash-attn --no-build-isolation, or choose `auto`."
            )
        return {"attn_implementation": {"vision_config": name}}
    if name == "flex":
        check_flex()
        return {"attn_implementation": {"text_config": FLEX}}
    return {"attn_implementation": name}


def _check_images(model: PreTrainedModel) -> None:
    """Without these two, a forward could take image features for an unknown option and go on."""
    takes = inspect.signature(model.base_model.forward).parameters
    missing = [] if hasattr(model, "get_image_features") else ["the method get_image_features()"]
    missing += [] if "mm_encoder_outputs" in takes else ["the forward argument mm_encoder_outputs"]
    if missing:
        raise ValueError(
            f"{type(model).__name__} cannot be given image features: it has not "
            f"{' and '.join(missing)}. Choose a model of an architecture that docs/models.md lists."
        )


def _check_local_folder(model_id: str) -> None:
    """A path that looks local and is not there must not be looked up on a hub."""
    path = Path(model_id)
    looks_local = path.is_absolute() or model_id.startswith((".", "~")) or model_id.count("/") > 1
    if (looks_local or path.exists()) and not (path / "config.json").is_file():
        raise FileNotFoundError(
            f"There is no model at '{model_id}' (no config.json in that folder). Set `model.id` to "
            "a folder written by save_pretrained or to a model id of the hub."
        )
