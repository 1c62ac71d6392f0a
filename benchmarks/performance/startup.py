"""How long `kedro registry list` takes, with the heavy libraries imported late, and early.

python -m benchmarks.performance.startup
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.performance.machine import describe
from benchmarks.performance.shapes import PROJECT

RECORD = Path(__file__).with_name("startup.json")
LIBRARIES = ("torch", "transformers", "trl", "peft", "mergekit")
_START = (
    "from kedro.framework.cli.cli import main; import sys; "
    "sys.argv = ['kedro', 'registry', 'list']; main()"
)
# What the nodes import when they run.
_EAGER = (
    "import torch, peft, mergekit.merge, trl.trainer.dpo_trainer; "
    "from transformers import AutoModelForImageTextToText, AutoProcessor; "
)


def main(repeats: int = 5) -> None:
    """Measure both, taking turns, and keep the record."""
    times: dict[str, list[float]] = {"lazy": [], "eager": []}
    for turn in range(repeats + 1):
        for name, code in (("lazy", _START), ("eager", _EAGER + _START)):
            start = time.perf_counter()
            subprocess.run(
                [sys.executable, "-c", code], cwd=PROJECT, check=True, capture_output=True
            )
            if turn:
                times[name].append(time.perf_counter() - start)
    record = {
        "machine": describe(),
        "repeats": repeats,
        "libraries": LIBRARIES,
        **{name: statistics.median(found) for name, found in times.items()},
    }
    RECORD.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
