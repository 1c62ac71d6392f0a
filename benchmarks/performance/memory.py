"""Peak memory of training steps, in MiB, as the last line of the output.

    python -m benchmarks.performance.memory demo stock 16

Run once per way in a process of its own, because a process never gives back its peak: on a CPU the
peak resident size, on a GPU the peak that was allocated. `load` only loads the model.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import torch

from benchmarks.performance.jobs import make_job
from benchmarks.performance.shapes import PROJECT, SHAPES
from benchmarks.performance.steps import all_together, stock_step

WORK = PROJECT / "data" / "benchmark" / "models"


def main(shape: str, way: str, pairs: int, work: Path = WORK) -> int:
    """Two steps of one way; the peak afterwards."""
    job = make_job(SHAPES[shape], work, pairs, prepared=way == "ours")
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    if way != "load":
        step = {"stock": stock_step, "ours": all_together}[way](job)
        for _ in range(2):
            step()
    if torch.cuda.is_available():
        return round(torch.cuda.max_memory_allocated() / 2**20)
    return peak_resident()


def peak_resident() -> int:
    """Peak resident size of this process, MiB.

    Not `ru_maxrss` where the kernel has a better figure: that one begins with the peak of the
    process that started this one.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) // 2**10
    # macOS counts in bytes.
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)


if __name__ == "__main__":
    print(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
