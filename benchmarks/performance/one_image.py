"""What it takes to score one image: a command from its start, and a scorer that is loaded.

    python -m benchmarks.performance.one_image

The command is `kedro score` with the demo's model; where its processor time goes is read off the
interpreter's own record of imports. A loaded scorer is held against the bare forward pass of tower
and language model over inputs that are ready: what is left for files, pictures and prompts.
"""

from __future__ import annotations

import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.performance.jobs import base_of
from benchmarks.performance.machine import describe
from benchmarks.performance.shapes import DEMO_MODEL, PROJECT, SHAPES, Shape, model_folder, pictures
from selfscore.datasets.policy import PolicyDataset
from selfscore.scoring.scorer import Scorer
from selfscore.vlm.loading.loader import load_vlm
from selfscore.vlm.reading.tokens import render

RECORD = Path(__file__).with_name("one_image.json")
WORK = PROJECT / "data" / "benchmark" / "models"
# Of a shape: images together, and repeats.
BATCHES = {"demo": ((1, 16), 20), "smolvlm-256m": ((1, 4), 2)}
# Who asked for an import: the first of these, from the outside in, that stands above it.
ASKED_BY = {name: name for name in ("torch", "transformers", "mlflow", "kedro", "pandas")} | {
    "kedro_mlflow": "mlflow"
}
_IMPORT = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|(\s+)(\S+)")
_CODE = "from kedro.framework.cli.cli import main; import sys; sys.argv = {}; main()"


def command(repeats: int) -> dict[str, Any]:
    """Processor seconds of `kedro score` of one image, and of what it imports."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        PolicyDataset(filepath=str(place / "policy")).save(base_of(DEMO_MODEL))
        for name, picture in pictures(1, SHAPES["demo"].side).items():
            picture.save(place / name)
            image = str(place / name)
        arguments = ["kedro", "score", image, f"--policy={place / 'policy'}", "--format=json"]
        code = _CODE.format(arguments)
        seconds = [_children_seconds([sys.executable, "-c", code]) for _ in range(repeats + 1)]
        told = subprocess.run(
            [sys.executable, "-X", "importtime", "-c", code],
            cwd=PROJECT,
            check=True,
            capture_output=True,
            text=True,
        ).stderr
    return {"seconds": statistics.median(seconds[1:]), "imports": imports(told)}


def _children_seconds(arguments: Sequence[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(arguments, cwd=PROJECT, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def imports(told: str) -> dict[str, float]:
    """Seconds of importing, by the library that asked for it.

    Args:
        told: what `python -X importtime` writes: one line a module, behind those that it imported,
            indented by two blanks for each module above it.
    """
    found: Counter[str] = Counter()
    above: dict[int, str] = {}
    for line in reversed(told.splitlines()):
        if not (read := _IMPORT.match(line)):
            continue
        depth, name = len(read[2]), read[3].partition(".")[0]
        outer = above.get(depth - 2, "")
        above[depth] = outer or ASKED_BY.get(name, "")
        found[above[depth] or "others"] += int(read[1])
    return {name: value / 1e6 for name, value in found.most_common()}


def loaded(shape: Shape, folder: Path) -> dict[str, dict[str, float]]:
    """Milliseconds of the processor a batch: a loaded scorer without texts, and the forward pass.

    Args:
        shape: of the model.
        folder: of the model.
    """
    sizes, repeats = BATCHES[shape.name]
    policy = base_of(folder)
    vlm = load_vlm(policy)
    scorer = Scorer(policy, "base", load=lambda _: vlm)
    found = {}
    with tempfile.TemporaryDirectory() as place:
        by_name = pictures(max(sizes), shape.side)
        files, images = [Path(place) / name for name in by_name], [*by_name.values()]
        for file, image in zip(files, images, strict=True):
            image.save(file)
        for size in sizes:
            inputs = vlm.processor(
                images=[[image] for image in images[:size]],
                text=[render(vlm, policy.card.prompts.rating)] * size,
                add_special_tokens=False,
                return_tensors="pt",
            )

            def forward(inputs: Any = inputs) -> None:
                with torch.inference_mode():
                    vlm.model(**inputs, logits_to_keep=1)

            def score(some: Sequence[Path] = files[:size]) -> None:
                scorer.score(some, explain=False)

            bare, whole = _taking_turns([forward, score], repeats)
            found[str(size)] = {"forward": bare, "scorer": whole}
    return found


def _taking_turns(calls: Sequence[Callable[[], None]], repeats: int) -> list[float]:
    """Median milliseconds of the processor of each."""
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(repeats + 1):
        for call, own in zip(calls, times, strict=True):
            start = time.process_time()
            call()
            own.append(1000 * (time.process_time() - start))
    return [statistics.median(own[1:]) for own in times]


def main() -> None:
    """Measure on one thread, and keep the record."""
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    record = {
        "machine": describe(),
        "command": command(repeats=3),
        "loaded": {
            name: loaded(SHAPES[name], model_folder(SHAPES[name], WORK)) for name in BATCHES
        },
    }
    RECORD.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
