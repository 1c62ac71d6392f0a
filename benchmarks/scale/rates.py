"""What a CPU tells: seconds of pictures, stored batches and figures, and bytes of tables' rows.

    python -m benchmarks.scale.rates --run data

`--run` is the storage folder of a finished run. Results go to
`benchmarks/records/scale/rates.json`.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from benchmarks.performance.machine import describe
from benchmarks.runs import PROJECT
from benchmarks.scale.measure import RECORDS
from benchmarks.scale.pictures import DEMO
from selfscore.datasets.checkpoint import Checkpoint
from selfscore.datasets.pixels import MAX_PIXELS, decode
from selfscore.metrics.calibration import calibration_metrics
from selfscore.metrics.controls import shuffled_metrics
from selfscore.metrics.policy_metrics import policy_metrics
from selfscore.metrics.resampling import Resampling
from selfscore.metrics.text_variety import generic_share

RECORD = RECORDS / "rates.json"
# One megapixel, as in assumptions.yml.
_SIDE = (1152, 864)
_PART = bytes(20_000)  # About 64 answers with their probabilities.


def least_seconds(call: Callable[[], object], times: int) -> float:
    """Processor seconds of a call, the least of several: what else a machine does adds to them."""
    found = []
    for _ in range(times):
        start = time.process_time()
        call()
        found.append(time.process_time() - start)
    return min(found)


def prepare_seconds(times: int = 7) -> dict[str, float]:
    """Decode a picture of one megapixel and make tensors of it, by recipe."""
    from transformers.models.idefics3.image_processing_pil_idefics3 import (
        Idefics3ImageProcessorPil,
    )
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import (
        Qwen2VLImageProcessorPil,
    )

    content = _picture()
    processors: dict[str, Any] = {
        "smolvlm_256m": Idefics3ImageProcessorPil(
            size={"longest_edge": 1024}, max_image_size={"longest_edge": 512}
        ),
        "qwen2_5_vl_7b": Qwen2VLImageProcessorPil(
            size={"shortest_edge": 3136, "longest_edge": 501760}
        ),
    }

    def prepare(processor: Any) -> object:
        return processor(images=[decode(content, MAX_PIXELS)], return_tensors="pt")

    return {
        name: round(least_seconds(partial(prepare, one), times), 4)
        for name, one in processors.items()
    }


def store_seconds(times: int = 50) -> float:
    """On the clock, because a batch counts as stored when the disk says so."""
    with tempfile.TemporaryDirectory(dir=PROJECT / "data") as folder:
        checkpoint = Checkpoint(Path(folder))
        checkpoint.claim("scale", "recipe")
        found = []
        for number in range(times):
            start = time.perf_counter()
            checkpoint[f"predictions/{number}"] = _PART
            found.append(time.perf_counter() - start)
    return round(statistics.median(found), 5)


def figures_seconds(data: Path, rows: int = 4000, levels: int = 10) -> float:
    """Of all figures of one policy with their intervals, an image.

    The judgements are those of a run, repeated with other expected scores, every row on its own.
    """
    judgements = pd.read_parquet(_tables(data, "judgements")[-1])
    table = pd.concat([judgements] * -(-rows // len(judgements)), ignore_index=True).iloc[:rows]
    rng = np.random.default_rng(0)
    table = table.assign(expected_score=table["expected_score"] + rng.normal(0, 0.01, len(table)))
    draws = Resampling(n=1000, confidence=0.95, seed=0)

    def measure() -> None:
        policy_metrics(table, levels, draws)
        calibration_metrics(table, 10, draws)
        shuffled_metrics(table, draws)

    return round(least_seconds(measure, 2) / len(table), 5)


def stock_texts_seconds(texts: int = 4000) -> float:
    """To look for texts that are said of many images, in so many different ones, a pair of them."""
    rng = np.random.default_rng(0)
    words = [f"word{number}" for number in range(200)]
    made = [" ".join(rng.choice(words, 25)) for _ in range(texts)]
    return least_seconds(lambda: generic_share(made), 2) / texts**2


def row_bytes(data: Path) -> dict[str, dict[str, float]]:
    """Rows of a run's tables, with bytes a row on the disk and in pandas.

    Where a name comes once a round, that of the last one counts. Tables of pictures and of
    figures, whose rows do not grow with the images, are left out.
    """
    scored = _tables(data, "scored_images")[-1]
    images = len(pd.read_parquet(scored))
    found: dict[str, dict[str, float]] = {}
    for file in sorted(data.glob("0[2-7]*/**/*.parquet")):
        if not file.is_file():
            continue
        table = pd.read_parquet(file)
        if len(table) < images / 4:
            continue
        found[file.stem] = {
            "rows_an_image": round(len(table) / images, 3),
            "disk": round(file.stat().st_size / len(table), 1),
            "memory": round(float(table.memory_usage(deep=True).sum()) / len(table), 1),
        }
    return found


def _tables(data: Path, name: str) -> list[Path]:
    return sorted(file for file in data.glob(f"0*/**/{name}.parquet") if file.is_file()) or sorted(
        file for file in data.glob(f"0*/**/{name}.parquet/*/*") if file.is_file()
    )


def _picture() -> bytes:
    source = next(iter(sorted((DEMO / "images").iterdir())))
    with Image.open(source) as small:
        large = small.convert("RGB").resize(_SIDE, Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    large.save(stream, "JPEG", quality=90)
    return stream.getvalue()


def main() -> None:
    """Measure, and write the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    arguments = parser.parse_args()
    record = {
        "machine": describe(),
        "prepare_seconds": prepare_seconds(),
        "store_seconds": store_seconds(),
        "figures_seconds": figures_seconds(arguments.run),
        "stock_texts_seconds": stock_texts_seconds(),
        "tables": row_bytes(arguments.run),
    }
    RECORD.parent.mkdir(parents=True, exist_ok=True)
    RECORD.write_text(json.dumps(record, indent=1) + "\n")
    print(f"Written: {RECORD}")


if __name__ == "__main__":
    main()
