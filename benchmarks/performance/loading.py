"""What it costs to load the base model again, as every node does that needs it.

    python -m benchmarks.performance.loading

A file of weights is mapped into memory, not read: its pages are the system's, shared by all that
loads them, and folding a policy in copies those of the layers that it changes. Where the file's
dtype is not the one in memory, weights are converted, which takes memory of their own each time.
"""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.performance.__main__ import random_adapter
from benchmarks.performance.jobs import base_of
from benchmarks.performance.machine import describe
from benchmarks.performance.shapes import PROJECT, SHAPES, model_folder
from selfscore.vlm.loading.folding import fold
from selfscore.vlm.loading.loader import load_vlm

RECORD = Path(__file__).with_name("loading.json")
SHAPE = "smolvlm-256m"
WORK = PROJECT / "data" / "benchmark" / "models"
_REPEATS = 5


def measure(folder: Path) -> dict[str, float]:
    """Processor seconds of loading, first and again, and MiB that folding a policy in takes.

    Args:
        folder: of a base model.
    """
    policy = base_of(folder)
    seconds = []
    for _ in range(_REPEATS + 1):
        start = time.process_time()
        vlm = load_vlm(policy)
        seconds.append(time.process_time() - start)
    before = _own_memory()
    fold(vlm.model, random_adapter(vlm, 0))
    return {
        "file_mib": (folder / "model.safetensors").stat().st_size / 2**20,
        "first": seconds[0],
        "again": statistics.median(seconds[1:]),
        "folded_mib": _own_memory() - before,
    }


def _own_memory() -> float:
    """MiB of this process that no file stands behind."""
    status = Path("/proc/self/status").read_text()
    return (
        int(dict(line.split(":", 1) for line in status.splitlines())["RssAnon"].split()[0]) / 1024
    )


def _as_bfloat16(folder: Path) -> Path:
    """The same model in the dtype in which it is published."""
    from transformers import AutoModelForImageTextToText, AutoProcessor

    other = folder.with_name(f"{folder.name}-bfloat16")
    if not (other / "config.json").is_file():
        model: Any = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.bfloat16)
        model.save_pretrained(other)
        AutoProcessor.from_pretrained(folder).save_pretrained(other)
    return other


def main() -> None:
    """Measure, and keep the record."""
    folder = model_folder(SHAPES[SHAPE], WORK)
    record = {
        "machine": describe(),
        "shape": SHAPE,
        "float32": measure(folder),
        "bfloat16": measure(_as_bfloat16(folder)),
    }
    RECORD.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
