"""From a policy to a model that can be run: base weights, adapters folded in, processor.

Knows Hugging Face's Auto classes and PEFT; knows nothing of prompts, sampling or training.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from peft import LoraConfig, get_peft_model, set_peft_model_state_dict
from transformers import AutoModelForImageTextToText, AutoProcessor

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase, ProcessorMixin

    from selfscore.vlm.policy import LoraAdapter, Policy


@dataclass(frozen=True)
class VLM:
    """A policy loaded to run: one model with every adapter folded into its weights.

    Attributes:
        model: the model.
        processor: its processor.
        base_model: `id` and `revision` of the base model.
        tower_frozen: whether the vision tower and the connector are the base model's own, so that
            image features computed with it are right for this policy too.
    """

    model: PreTrainedModel
    processor: ProcessorMixin
    base_model: Mapping[str, Any] = field(default_factory=dict)
    tower_frozen: bool = True

    @property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The processor's tokenizer."""
        return self.processor.tokenizer

    @property
    def device(self) -> torch.device:
        """Where the model's weights are."""
        return self.model.device


def load_vlm(policy: Policy, adapters: Sequence[LoraAdapter] = ()) -> VLM:
    """Load the base model of `policy` and fold its adapter, then `adapters`, into the weights.

    Only safetensors are read and no remote code is run. On a CPU the weights are float32, because
    half-precision matrix products are many times slower there.

    Raises:
        FileNotFoundError: the base model is a local folder that does not exist or holds no model.
        ValueError: the architecture cannot be given image features, or shows no decoder.
    """
    _check_local_folder(policy.base_model)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    options: dict[str, Any] = {"revision": policy.revision, "trust_remote_code": False}
    try:
        processor = AutoProcessor.from_pretrained(policy.base_model, **options)
        model: PreTrainedModel = AutoModelForImageTextToText.from_pretrained(
            policy.base_model, dtype=dtype, use_safetensors=True, **options
        )
    except OSError as error:
        raise FileNotFoundError(
            f"The base model '{policy.base_model}' cannot be loaded: {error} "
            "Set `model.id` to a folder written by save_pretrained or to a model id of the hub."
        ) from error
    _check_images(model)
    folded = ([policy.adapter] if policy.adapter else []) + list(adapters)
    inside = f"{decoder_name(model)}."
    tower_frozen = all(
        module.startswith(inside)
        for adapter in folded
        for module in adapter.config["target_modules"]
    )
    for adapter in folded:
        model = fold(model, adapter)
    model.to(device)  # type: ignore[arg-type]
    base_model = {"id": policy.base_model, "revision": policy.revision}
    return VLM(model.eval(), processor, base_model, tower_frozen)


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


def fold(model: PreTrainedModel, adapter: LoraAdapter) -> PreTrainedModel:
    """Add the adapter's ΔW = (alpha / rank) · B · A to the weights it was trained for."""
    peft_model = get_peft_model(model, LoraConfig(**adapter.config))
    outcome: Any = set_peft_model_state_dict(peft_model, adapter.tensors)
    if outcome.unexpected_keys:
        raise ValueError(
            f"The adapter does not belong to this base model: no module for "
            f"'{outcome.unexpected_keys[0]}'. Load it on the base model its policy.json names."
        )
    return cast("PreTrainedModel", peft_model.merge_and_unload())


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
