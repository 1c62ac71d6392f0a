"""Texts written by vLLM (https://docs.vllm.ai): the base model, with the policy as a LoRA request.

Its sampler draws other numbers from a row's seed than this project's own, so sampled texts differ
from those of the transformers backend; each is repeatable as far as vLLM is. How likely a text is
is left open: the reference of a preference must come from the model that is trained, to the last
digit, and `weigh_references` computes it there.

Knows vLLM's documented interface, prompts and adapters; knows nothing of levels, pairs or gates.
"""

from __future__ import annotations

import json
from collections.abc import MutableMapping, Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from safetensors.torch import save_file

from selfscore.vlm.batches import in_batches
from selfscore.vlm.loading.adapters import concatenated
from selfscore.vlm.loading.elsewhere import engine_of
from selfscore.vlm.loading.loader import load_outline
from selfscore.vlm.reading.features import image_token
from selfscore.vlm.reading.tokens import end_tokens, prompt_ids, start_ids
from selfscore.vlm.writing.generation import Response, response_text

if TYPE_CHECKING:
    from vllm import LLM
    from vllm.lora.request import LoRARequest

    from selfscore.vlm.images import ImageSource
    from selfscore.vlm.model import VLM
    from selfscore.vlm.options import Decoding, GenerationOptions, LoadOptions, Machine
    from selfscore.vlm.policy import LoraAdapter, Policy
    from selfscore.vlm.writing.generation import Request

# What vLLM takes as `max_lora_rank`.
_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)


class VllmWriter:
    """A policy in a vLLM engine, called like `selfscore.vlm.writing.generation.generate`.

    Args:
        machine: memory and length of the engine, and the dtype.
        policy: who writes.
        images: pictures by key, read when their batch comes.
        adapters: experts on top of the policy.

    Raises:
        ModuleNotFoundError: vLLM is not installed.
        ValueError: the policy sees several views of a picture.
    """

    def __init__(
        self,
        machine: Machine,
        policy: Policy,
        images: ImageSource,
        adapters: Sequence[LoraAdapter] = (),
    ) -> None:
        if (views := policy.card.base_model.views) > 1:
            raise ValueError(
                f"`machine.generation.backend: vllm` shows a model each picture once, and this "
                f"policy sees {views} views of it: use the backend `transformers`, or begin with "
                "`model.views: 1`."
            )
        if find_spec("vllm") is None:
            raise ModuleNotFoundError(
                "`machine.generation.backend: vllm` needs the package vllm: "
                "pip install 'selfscore[vllm]'."
            )
        # Another process makes it anew from these.
        self._given = machine, policy, images, adapters
        self._outline = load_outline(policy)
        self._images = images

    def __reduce__(self) -> tuple[type[VllmWriter], tuple[Any, ...]]:
        return VllmWriter, self._given

    @cached_property
    def _loaded(self) -> tuple[LLM, LoRARequest | None]:
        """The engine, and the adapter in it; made where texts are written."""
        from vllm import LLM
        from vllm.lora.request import LoRARequest

        machine, policy, _, adapters = self._given
        all_adapters = [*([policy.adapter] if policy.adapter else []), *adapters]
        adapter = concatenated(all_adapters) if all_adapters else None
        lora = None
        if adapter is not None:
            # It stays as long as the engine, which reads it when it first needs it.
            self._folder = TemporaryDirectory(prefix="lora_")
            save_adapter(adapter, Path(self._folder.name))
            lora = LoRARequest("policy", 1, self._folder.name)
        config = self._outline.model.config.get_text_config()
        arguments = engine_arguments(
            machine.generation, machine.loading, policy, adapter, config.max_position_embeddings
        )
        return LLM(**arguments), lora

    def __call__(
        self,
        requests: Sequence[Request],
        decoding: Decoding,
        description: str,
        checkpoint: MutableMapping[str, bytes] | None = None,
    ) -> list[Response]:
        """Write one response per request, in their order; see `generate`."""
        from vllm import SamplingParams

        # vLLM itself looks after how much of a batch fits into memory.
        def write(batch: Sequence[Request]) -> list[str]:
            llm, lora = self._loaded
            outputs = llm.generate(
                [prompt(self._outline, request, self._images) for request in batch],
                [SamplingParams(**sampling(self._outline, request, decoding)) for request in batch],
                use_tqdm=False,
                lora_request=lora,
            )
            return [
                response_text(self._outline, request, list(output.outputs[0].token_ids))
                for request, output in zip(batch, outputs, strict=True)
            ]

        batches = in_batches(
            requests,
            decoding.batch_size,
            write,
            checkpoint,
            name="texts",
            description=description,
            unit=" texts",
            engine=engine_of(self._given[0]),
        )
        return [Response(text, None) for batch in batches for text in batch]


def prompt(vlm: VLM, request: Request, images: ImageSource) -> dict[str, Any]:
    """A request as vLLM's TokensPrompt: token ids with one token for the image, and the image.

    Prompt and forced start are tokenised apart, as everywhere else.
    """
    ids = prompt_ids(vlm, image_token(vlm), request.instruction)
    return {
        "prompt_token_ids": ids + start_ids(vlm, request.instruction, request.response_start),
        "multi_modal_data": {"image": images[request.image]},
    }


def sampling(vlm: VLM, request: Request, decoding: Decoding) -> dict[str, Any]:
    """Arguments of vLLM's SamplingParams: the model's own distribution, filtered by nothing."""
    return {
        "temperature": decoding.temperature,
        "top_p": 1.0,
        "top_k": 0,
        "seed": request.seed,
        "max_tokens": decoding.max_new_tokens,
        "stop_token_ids": sorted(end_tokens(vlm)),
        "detokenize": False,
    }


def engine_arguments(
    generation: GenerationOptions,
    loading: LoadOptions,
    policy: Policy,
    adapter: LoraAdapter | None,
    positions: int,
) -> dict[str, Any]:
    """Arguments of vLLM's LLM.

    Args:
        generation: length and memory.
        loading: the dtype.
        policy: who writes.
        adapter: what is laid over the base model.
        positions: how many tokens the base model can count; vLLM refuses to start beyond.

    Raises:
        ValueError: the adapter's rank is larger than vLLM takes.
    """
    arguments: dict[str, Any] = {
        "model": policy.base_model,
        "revision": policy.revision,
        "trust_remote_code": False,
        "load_format": "safetensors",
        "dtype": loading.dtype,
        "max_model_len": min(generation.max_model_len, positions),
        "gpu_memory_utilization": generation.gpu_memory_utilization,
        "limit_mm_per_prompt": {"image": 1},
        # A prompt in parts sets its row's random numbers back, and those of a CPU cannot be.
        "enable_chunked_prefill": False,
        "mm_processor_kwargs": policy.card.base_model.processor or None,
        # The publisher's sampling settings would otherwise be laid over ours.
        "generation_config": "vllm",
    }
    if adapter is None:
        return arguments
    return arguments | {"enable_lora": True, "max_lora_rank": room_for(int(adapter.config["r"]))}


def room_for(rank: int) -> int:
    """The `max_lora_rank` that vLLM needs for an adapter.

    Raises:
        ValueError: its rank is larger than vLLM takes.
    """
    if rank > _RANKS[-1]:
        raise ValueError(
            f"vLLM takes adapters up to rank {_RANKS[-1]}, and this one has {rank}: lower "
            "`merging.rank` or use `machine.generation.backend: transformers`."
        )
    return next(size for size in _RANKS if size >= rank)


def save_adapter(adapter: LoraAdapter, folder: Path) -> None:
    """Write an adapter as PEFT does, where vLLM reads it."""
    (folder / "adapter_config.json").write_text(json.dumps(adapter.config), encoding="utf-8")
    save_file(adapter.tensors, folder / "adapter_model.safetensors")
