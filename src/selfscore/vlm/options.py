"""How a policy is put into memory and made to write: settings of the machine, and of decoding.

They are in no policy's card, so the same policy can be trained on one machine and used on another.
Knows names of settings; imports no library that runs a model.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Annotated, Literal

from pydantic import Field

from selfscore.cluster.settings import RayOptions
from selfscore.configuration.settings_class import Count, NotNegative, settings_class


@settings_class
class LoadOptions:
    """Settings of `load_vlm`, the section `machine.loading` of the parameters.

    The defaults fit every machine, for policies that are used outside a project.

    Attributes:
        dtype: of the weights: `float32`, `bfloat16`, or `auto`: bfloat16 on a GPU and float32 on a
            CPU, where half-precision matrix products are many times slower.
        attention: `auto` is what transformers chooses, PyTorch's scaled_dot_product_attention where
            the architecture has it, which picks the fastest kernel that is there. `eager` is plain
            matrix products. `flash_attention_2` (package flash-attn, GPU) applies to the vision
            tower: the language model keeps `auto`, because flash attention has no mask for answers
            that share a prefix. `flex` (GPU) applies to packed rows in the language model:
            PyTorch's FlexAttention, which skips what no place looks at; the rest keeps `auto`.
        device_map: None is one GPU, or the CPU; `auto` spreads the language model's layers over
            all GPUs, each computing in turn, for models that do not fit on one.
        quantization: `4bit` keeps the language model's linear layers in NF4 (extra `qlora`).
    """

    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    attention: Literal["auto", "eager", "flash_attention_2", "flex"] = "auto"
    device_map: Literal["auto"] | None = None
    quantization: Literal["4bit"] | None = None


@settings_class
class GenerationOptions:
    """Settings of `writer`, the section `machine.generation` of the parameters.

    Attributes:
        backend: `transformers` or `vllm` (extra `vllm`).
        max_model_len: vLLM only: longest prompt and answer together, in tokens, the image's among
            them; memory for one such row must be there. A model of fewer positions keeps its own.
        gpu_memory_utilization: vLLM only: share of the GPU's memory that it takes, in (0, 1].
    """

    backend: Literal["transformers", "vllm"]
    max_model_len: Count
    gpu_memory_utilization: Annotated[float, Field(gt=0, le=1)]


@settings_class
class Machine:
    """The section `machine`: all that depends on the machine and on nothing else.

    Attributes:
        loading: how a policy is put into memory.
        generation: who writes texts.
        engine: where batches of images and texts are computed: `local` in this process, or `ray`
            by workers on all machines of a cluster (extra `ray`). It changes no result.
        ray: of these workers.
        training_processes: how many train one expert together, each with a GPU of its own where
            there are any; losses and gradients are those of one, up to rounding.
    """

    loading: LoadOptions
    generation: GenerationOptions
    # What earlier releases wrote down of a machine does not name these.
    engine: Literal["local", "ray"] = "local"
    ray: RayOptions = RayOptions(workers=1, cpus=1, gpus=0)
    training_processes: Count = 1

    def __post_init__(self) -> None:
        # NCCL takes no two processes of one training on one GPU.
        if self.engine == "ray" and self.training_processes > 1 and 0 < self.ray.gpus < 1:
            raise ValueError(
                f"{self.training_processes} `training_processes` need a whole GPU each, and "
                f"`ray.gpus` gives a share of {self.ray.gpus:g}: set `ray.gpus` to 1, or "
                "`training_processes` to 1"
            )
        if self.generation.backend == "vllm" and self.loading.quantization:
            raise ValueError(
                "`generation.backend: vllm` does not read `loading.quantization: 4bit`: set one of "
                "the two back"
            )
        if self.engine == "ray" and find_spec("ray") is None:
            raise ValueError(
                "`engine: ray` needs the package ray: pip install 'selfscore[ray]', or set "
                "`engine` to local"
            )


@settings_class
class Decoding:
    """How text is decoded.

    Attributes:
        temperature: 0 is greedy; 1 samples the model's own distribution, unfiltered.
        max_new_tokens: longest continuation, in tokens.
        batch_size: rows decoded together; does not change the texts.
    """

    temperature: NotNegative
    max_new_tokens: Count
    batch_size: Count
