"""What a benchmark ran on."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from benchmarks.runs import LIBRARIES, commit, processor


def describe() -> dict[str, Any]:
    """Date, commit, processor or accelerator, threads and library versions."""
    import torch

    found: dict[str, Any] = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": commit(),
        "processor": processor(),
        "threads": torch.get_num_threads(),
        "versions": {name: version(name) for name in LIBRARIES},
    }
    if torch.cuda.is_available():
        found["accelerator"] = torch.cuda.get_device_name()
    return found
