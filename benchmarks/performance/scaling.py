"""Time and peak memory of every stage over more and more images, with the demo model.

    python -m benchmarks.performance.scaling --images 100 1000 10000

Every stage is an ordinary `kedro run` in a process of its own, in a copy of the configuration's
storage. Results go to `benchmarks/performance/scaling.json`, and from there to docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.performance.machine import describe
from benchmarks.performance.shapes import PROJECT, pictures

RECORD = Path(__file__).with_name("scaling.json")
STAGES = (
    "ingestion",
    "baseline",
    "data_generation",
    "preference_building",
    "dpo_training",
    "merging",
    "evaluation",
    "reporting",
)
# Kedro's own start, with nothing to do.
START = "registry"


def measure(count: int, work: Path) -> dict[str, Any]:
    """One round over `count` generated images: seconds and peak memory of every stage."""
    folder = work / str(count)
    shutil.rmtree(folder, ignore_errors=True)
    project = _project(count, folder)
    found = {START: _run([sys.executable, "-m", "kedro", "registry", "list"], project)}
    for stage in STAGES:
        found[stage] = _run(
            [sys.executable, "-m", "kedro", "run", f"--pipelines={stage}", "--params=rounds=1"],
            project,
        )
        print(f"{count:>6} images  {stage:<20} {found[stage]}", flush=True)
    shutil.rmtree(folder)
    return found


def _project(count: int, folder: Path) -> Path:
    """A copy of the project, in which only images and scores are others."""
    folder.mkdir(parents=True)
    for name in ("pyproject.toml", ".telemetry"):
        shutil.copy(PROJECT / name, folder)
    for name in ("src", "conf", "data/06_models/demo_model", "data/01_raw/demo_images"):
        shutil.copytree(PROJECT / name, folder / name)
    images = folder / "images"
    images.mkdir()
    rng = np.random.default_rng(1)
    lines = ["image,score"]
    for name, picture in pictures(count, 80).items():
        picture.save(images / name)
        lines.append(f"{name},{rng.uniform():.6f}")
    (folder / "scores.csv").write_text("\n".join(lines) + "\n")
    (folder / "conf" / "local").mkdir(exist_ok=True)
    (folder / "conf" / "local" / "globals.yml").write_text(
        "images:\n  folder: images\n  scores: scores.csv\n  max_pixels: 89478485\n"
    )
    return folder


def _run(command: list[str], project: Path) -> dict[str, float]:
    """Seconds of processor time and peak resident memory (MiB) of one process.

    Processor time, because what else a machine does adds to the time on the clock.
    """
    with open(project / "output.log", "ab") as output:
        process = subprocess.Popen(
            command,
            cwd=project,
            env={**os.environ, "PYTHONPATH": str(project / "src")},
            stdout=output,
            stderr=output,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        tail = (project / "output.log").read_text(errors="replace")[-3000:]
        raise RuntimeError(f"{' '.join(command)} failed with {process.returncode}:\n{tail}")
    # Linux counts in KiB, macOS in bytes.
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return {
        "seconds": round(usage.ru_utime + usage.ru_stime, 2),
        "peak_mib": round(_max_rss(usage) / unit),
    }


def _max_rss(usage: resource.struct_rusage) -> float:
    return float(usage.ru_maxrss)


def main() -> None:
    """Measure, and write the record after each number of images."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, nargs="+", default=[100, 1000, 10000])
    parser.add_argument("--work", type=Path, default=PROJECT / "data" / "benchmark" / "scaling")
    parser.add_argument("--record", type=Path, default=RECORD)
    arguments = parser.parse_args()
    record: dict[str, Any] = {"machine": describe(), "images": {}}
    for count in arguments.images:
        record["images"][str(count)] = measure(count, arguments.work)
        arguments.record.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
