"""What a record was measured on; needs no package that a bare machine lacks."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import torch


def describe(device: torch.device) -> dict[str, Any]:
    """Date, accelerator and library versions; the accelerator is None on a CPU."""
    found: dict[str, Any] = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("torch", "transformers", "trl", "peft")},
        "accelerator": None,
    }
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        found["accelerator"] = properties.name
        found["accelerator_mib"] = round(properties.total_memory / 2**20)
        found["cuda"] = torch.version.cuda
    return found
