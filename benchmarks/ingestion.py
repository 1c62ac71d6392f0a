"""Time and peak memory of ingestion, over the number of images.

    python -m benchmarks.ingestion --counts 1000 20000

Makes that many JPEG files of 512 x 384 pixels and a table of scores, runs
`kedro run --pipelines=ingestion` on them in a process of its own, and writes what it took to
`--record`. The pictures are made by a seed, each with another content, and are removed again.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tqdm import tqdm

from benchmarks.runs import Run, commit, processor, write_configuration

PROJECT = Path(__file__).resolve().parents[1]
WIDTH, HEIGHT = 512, 384
MEBIBYTE = 1024 * 1024


def make_images(folder: Path, count: int) -> Path:
    """Write images and their scores.

    Args:
        folder: Where to: the images go into its folder `images`.
        count: Number of images.

    Returns:
        The table of scores, `scores.csv`.
    """
    random = np.random.default_rng(count)
    (folder / "images").mkdir(parents=True)
    # One grain for all keeps this quick, and the files about as large as those of photographs.
    grain = random.normal(0, 6, (2 * HEIGHT, 2 * WIDTH, 1))
    rows = ["image,score"]
    for number in tqdm(range(count), desc="Making images", unit="image"):
        colours = random.integers(0, 255, (6, 8, 3), dtype=np.uint8)
        large = Image.fromarray(colours).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
        top, left = random.integers(0, [HEIGHT, WIDTH])
        pixels = np.asarray(large) + grain[top : top + HEIGHT, left : left + WIDTH]
        name = f"{number // 1000:03d}/{number:06d}.jpg"
        (folder / "images" / name).parent.mkdir(exist_ok=True)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / "images" / name)
        rows.append(f"{name},{random.uniform(1, 10):.4f}")
    (folder / "scores.csv").write_text("\n".join(rows) + "\n")
    return folder / "scores.csv"


def measure(folder: Path, scores: Path, threads: int) -> dict[str, Any]:
    """Run ingestion and measure its process.

    Args:
        folder: As `make_images` filled it.
        scores: The table of scores.
        threads: `ingestion.threads`.

    Returns:
        Seconds from start to end of the command, and the peak of its resident memory in MiB.

    Raises:
        RuntimeError: If the run fails; the message has the end of its log.
    """
    source = write_configuration(Run("ingestion", seed=0, command=""), folder)
    settings = f"images.folder={folder / 'images'},images.scores={scores}"
    command = [sys.executable, "-m", "kedro", "run", "--pipelines=ingestion"]
    command += [f"--conf-source={source.resolve()}", "--env=own"]
    command += [f"--params={settings},ingestion.threads={threads}"]
    start = time.perf_counter()
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen(command, cwd=PROJECT, stdout=log, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        raise RuntimeError(f"Ingestion failed:\n{(folder / 'log.txt').read_text()[-2000:]}")
    # Linux counts in KiB, macOS in bytes.
    peak = usage.ru_maxrss / (MEBIBYTE if sys.platform == "darwin" else 1024)
    return {"seconds": round(seconds, 1), "peak_memory_mib": round(peak)}


def benchmark(count: int, work: Path, threads: int) -> dict[str, Any]:
    """Make images, ingest them, remove them.

    Returns:
        images, file_mib and pixel_mib (their size on disk and decoded), and what `measure` gives.
    """
    folder = work.resolve() / str(count)
    shutil.rmtree(folder, ignore_errors=True)
    scores = make_images(folder, count)
    size = sum(path.stat().st_size for path in (folder / "images").rglob("*.jpg"))
    measured = measure(folder, scores, threads)
    shutil.rmtree(folder)
    return {
        "images": count,
        "file_mib": round(size / MEBIBYTE),
        "pixel_mib": round(count * WIDTH * HEIGHT * 3 / MEBIBYTE),
        **measured,
    }


def main(arguments: list[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--counts", type=int, nargs="+", default=[1000, 20000])
    parser.add_argument("--threads", type=int, default=4, help="ingestion.threads")
    parser.add_argument("--work", type=Path, default=PROJECT / "data/ingestion_benchmark")
    parser.add_argument("--record", type=Path, default=PROJECT / "benchmarks/ingestion.json")
    options = parser.parse_args(arguments)
    record = {
        "command": "kedro run --pipelines=ingestion",
        "image": f"JPEG, {WIDTH} x {HEIGHT} pixels",
        "threads": options.threads,
        "runs": [benchmark(count, options.work, options.threads) for count in options.counts],
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "processor": processor(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("kedro", "pandas", "pillow")},
        "commit": commit(),
    }
    options.record.write_text(json.dumps(record, indent=1) + "\n")
    for run in record["runs"]:
        print(json.dumps(run))


if __name__ == "__main__":
    main()
