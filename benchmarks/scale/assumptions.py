"""What was not measured, read from `assumptions.yml`, each value with its unit and its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).with_name("assumptions.yml")


@dataclass(frozen=True)
class Assumptions:
    """The values; `assumptions.yml` has the units and the sources."""

    gpu_flops: float
    gpu_share: float
    gpu_bandwidth: float
    bandwidth_share: float
    kernel_seconds: float
    kernels_a_layer: float
    gpu_price: float
    gpus_a_machine: float
    network: float
    disk: float
    start_seconds: float
    storage_price: float
    picture_bytes: float
    answer_tokens: float
    level_cycles: float


def read(file: Path = FILE) -> tuple[Assumptions, Mapping[str, Mapping[str, Any]]]:
    """The assumptions, and their entries with unit and source.

    Raises:
        ValueError: an entry is missing, unknown, not above 0, or has no unit or source.
    """
    entries: dict[str, dict[str, Any]] = yaml.safe_load(file.read_text())
    names = {field.name for field in fields(Assumptions)}
    if names != set(entries):
        raise ValueError(
            f"'{file.name}' must have {sorted(names)}; {sorted(names ^ set(entries))} differ."
        )
    for name, entry in entries.items():
        if not (entry.get("unit") and entry.get("source") and entry["value"] > 0):
            raise ValueError(f"'{name}' in '{file.name}' needs a value above 0, unit and source.")
    return Assumptions(**{name: float(entry["value"]) for name, entry in entries.items()}), entries
