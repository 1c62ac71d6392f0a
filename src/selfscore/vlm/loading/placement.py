"""Where a model's weights are: on one device, or its language model's layers on several.

Knows modules and devices; knows no file, prompt or adapter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel


def devices(spread: bool) -> list[torch.device]:
    """The devices to use: the first GPU, or all of them, or the CPU where there is none."""
    if not torch.cuda.is_available():
        return [torch.device("cpu")]
    count = torch.cuda.device_count() if spread else 1
    return [torch.device("cuda", number) for number in range(count)]


def place(model: PreTrainedModel, on: Sequence[torch.device]) -> None:
    """Put the decoder's layers on the devices, one after the other, and all else on the first.

    A layer on another device takes its inputs there and gives its output back on the first, so
    whatever is computed outside the layers is on one device.

    Args:
        model: an image-text-to-text model.
        on: at least one device.
    """
    if len(on) == 1:
        model.to(on[0])  # type: ignore[arg-type]
        return
    from accelerate.hooks import AlignDevicesHook, add_hook_to_module

    layers: Any = model.get_decoder().layers
    sizes = [_bytes(layer) for layer in layers]
    numbers = share_out(_bytes(model) - sum(sizes), sizes, len(on))
    inside = {module for layer in layers for module in layer.modules()}
    for module in model.modules():
        if module not in inside:
            _move_own_tensors(module, on[0])
    for layer, number in zip(layers, numbers, strict=True):
        layer.to(on[number])
        add_hook_to_module(layer, AlignDevicesHook(on[number], io_same_device=True))
    # Read by the trainer, which then leaves the model where it is.
    model.hf_device_map = {"": on[0], **dict(enumerate(on))}


def share_out(rest: int, layers: Sequence[int], devices: int) -> list[int]:
    """Number of the device of each layer, so that devices hold about equally many bytes.

    Args:
        rest: bytes outside the layers, which are on the first device.
        layers: bytes of each layer.
        devices: number of devices.

    Returns:
        Numbers in 0 … devices-1, in ascending order.
    """
    whole = rest + sum(layers)
    before = rest
    numbers = []
    for size in layers:
        numbers.append(min(int((before + size / 2) / whole * devices), devices - 1))
        before += size
    return numbers


def _bytes(module: nn.Module) -> int:
    return sum(parameter.nbytes for parameter in module.parameters())


def _move_own_tensors(module: nn.Module, device: torch.device) -> None:
    for parameter in module.parameters(recurse=False):
        parameter.data = parameter.data.to(device)
    for name, buffer in module.named_buffers(recurse=False):
        setattr(module, name, buffer.to(device))
