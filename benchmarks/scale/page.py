"""docs/scale.md from the records, the operations and the assumptions.

python -m benchmarks.scale.page
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.runs import PROJECT
from benchmarks.scale import against, assumptions, models, prediction, rates, recipe
from benchmarks.scale.limits import Limit, limits
from benchmarks.scale.stages import Plan, Rates, Stage, stages
from benchmarks.scale.wording import duration, number, size

PAGE = PROJECT / "docs" / "scale.md"
INTRODUCTION = Path(__file__).with_name("introduction.md")
NAMES = {"smolvlm_256m": "SmolVLM-256M", "qwen2_5_vl_7b": "Qwen2.5-VL-7B"}
IMAGES = {10**4: "10⁴", 10**6: "10⁶", 10**8: "10⁸"}
GPUS = (1, 8, 512)

Tables = Mapping[str, Mapping[str, float]]


def write() -> str:
    """The page."""
    assumed, entries = assumptions.read()
    measured = json.loads(rates.RECORD.read_text())
    tables_rate = prediction.tables_rate(against.known_lines())
    summary: list[str] = []
    details: list[str] = []
    for name in NAMES:
        model, what = models.sizes(name), recipe.read(name)
        rate = Rates(
            prepare=measured["prepare_seconds"][name],
            store=measured["store_seconds"],
            figures=measured["figures_seconds"],
            tables=tables_rate,
        )
        plans = {
            (count, gpus): Plan(count, gpus, model, what, rate, assumed)
            for count in IMAGES
            for gpus in GPUS
        }
        summary += _summary(name, plans, measured["tables"])
        details += _details(name, plans)
    found = limits(
        measured["tables"],
        recipe.read("qwen2_5_vl_7b"),
        against.process_bytes(),
        measured["stock_texts_seconds"],
    )
    lines = [
        INTRODUCTION.read_text().rstrip(),
        "",
        *_summary_head(),
        *summary,
        "",
        *_reading(measured, found),
        *details,
        *against.sections(),
        *_limits(found),
        *_assumed(entries),
    ]
    return "\n".join(lines) + "\n"


def stored_bytes(plan: Plan, tables: Tables) -> float:
    """Bytes on the disk when a run has ended."""
    rows = sum(table["rows_an_image"] * table["disk"] for table in tables.values())
    # The merged LoRA has four times an expert's rank, and lies there as a policy again.
    adapters = (len(plan.recipe.pairs) + 1 + 2 * 4) * plan.model.adapter_bytes
    return (
        plan.images * (plan.assumed.picture_bytes + plan.recipe.rounds * rows)
        + plan.kept * plan.model.feature_bytes
        + plan.recipe.rounds * adapters
    )


def _summary_head() -> Iterator[str]:
    heads = ["model", "images", "GPUs", "on the clock", "GPU hours used", "GPU hours paid"]
    heads += ["money", "network", "stored", "a month"]
    yield "## A run of two rounds"
    yield ""
    yield (
        "*Used* is what the work takes, *paid* all GPUs from the first stage to the last; money is "
        "for what is paid. Stored are pictures, tables, features and adapters; for a month."
    )
    yield ""
    yield "| " + " | ".join(heads) + " |"
    yield "|" + " --- |" * len(heads)


def _summary(name: str, plans: Mapping[tuple[int, int], Plan], tables: Tables) -> Iterator[str]:
    for (count, gpus), plan in plans.items():
        found, assumed = stages(plan), plan.assumed
        clock = sum(stage.clock for stage in found)
        paid = clock * gpus / 3600
        stored = stored_bytes(plan, tables)
        cells = [
            NAMES[name],
            IMAGES[count],
            str(gpus),
            duration(clock),
            number(sum(stage.gpu for stage in found) / 3600),
            number(paid),
            f"${number(paid * assumed.gpu_price)}",
            size(sum(stage.read for stage in found)),
            size(stored),
            f"${number(stored / 1e9 * assumed.storage_price)}",
        ]
        yield "| " + " | ".join(cells) + " |"


def _reading(measured: Mapping[str, Any], found: Sequence[Limit]) -> Iterator[str]:
    prepare = ", ".join(
        f"{seconds * 1000:.0f} ms for {NAMES[name]}"
        for name, seconds in measured["prepare_seconds"].items()
    )
    memory = next(limit for limit in found if limit.unit == "GB" and not limit.mended)
    yield "What the numbers say:"
    yield ""
    yield (
        f"- **10⁸ images do not run as the project stands**: the run's process would take "
        f"{number(memory.at(1e8))} GB, and at 10⁶ {number(memory.at(1e6))} GB. The "
        "lines for 10⁸ say what the work would cost."
    )
    yield (
        "- **Preparing pictures** is what most GPUs wait for with a small model: a worker decodes "
        f"and tiles a picture on one core ({prepare}), every time its features are not kept. "
        "Raising `image_features.max_gb` pays before more GPUs do."
    )
    yield (
        "- **One process makes tables and figures**, while all GPUs wait: the intervals of one "
        f"policy alone take {measured['figures_seconds'] * 1000:.1f} ms an image, by 1,000 "
        "resamples. Fewer of them (`evaluation.n_resamples`), fewer evaluated images, or "
        "[a job of its own](cluster.md#each-stage-as-a-job-of-its-own) without GPUs."
    )
    yield (
        "- **Training** does not go beyond `batch_size` GPUs an expert, 16 by default: with 512 "
        "GPUs most stand still."
    )
    yield ""


def _details(name: str, plans: Mapping[tuple[int, int], Plan]) -> Iterator[str]:
    gpus = " | ".join(f"{one} GPU{'s' if one > 1 else ''}" for one in GPUS)
    yield f"## {NAMES[name]}, stage by stage"
    yield ""
    yield (
        "On the clock, both rounds together, and what the clock waits for: *GPUs*, *pictures* that "
        "are prepared, the *start* of workers, the *batch size* that bounds a training, the "
        "*network*, or the *driver*, which is the run's own process."
    )
    yield ""
    yield f"| images | stage | GPU hours used | {gpus} | network, {GPUS[-1]} GPUs |"
    yield "|" + " --- |" * (4 + len(GPUS))
    for count in IMAGES:
        columns = [stages(plans[count, one]) for one in GPUS]
        for row in zip(*columns, strict=True):
            yield _stage(count, row)
    yield ""


def _stage(count: int, row: Sequence[Stage]) -> str:
    clocks = " | ".join(f"{duration(stage.clock)} ({stage.limit})" for stage in row)
    first, last = row[0], row[-1]
    return (
        f"| {IMAGES[count]} | {first.name} | {number(first.gpu / 3600)} | {clocks} | "
        f"{size(last.read)} |"
    )


def _limits(found: Sequence[Limit]) -> Iterator[str]:
    early = [limit.what for limit in found if limit.ends < 10**6]
    left = [limit.what for limit in found if limit.ends < 10**6 and not limit.mended]
    yield "## What breaks first"
    yield ""
    yield (
        "Measured bytes times rows; files and points by count, with the batch sizes of "
        "Qwen2.5-VL-7B, the smallest. *Ends at* says at how many images the room is used up; where "
        f"something was mended, the numbers are those of before. {len(early)} of them ended below "
        f"10⁶ images, of which are left: **{'; '.join(left) or 'none'}**. No run beyond 10,000 "
        "images was made."
    )
    yield ""
    yield "| what grows | 10⁴ | 10⁶ | 10⁸ | room | ends at | |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for limit in found:
        sizes = " | ".join(f"{number(limit.at(count))} {limit.unit}" for count in IMAGES)
        ends = "-" if math.isinf(limit.ends) else number(limit.ends)
        mended = "**mended**: " if limit.mended else ""
        yield f"| {limit.what} | {sizes} | {limit.room_is} | {ends} | {mended}{limit.remedy} |"
    yield ""
    yield (
        "Memory of the process is the steepest stage's between 1,000 and 10,000 images in "
        "[performance.md](performance.md#from-100-to-10000-images), the demo's features taken off. "
        "Features themselves are one file and as much memory as `image_features.max_gb` allows."
    )
    yield ""
    yield (
        "What does not grow: the report and its galleries (60 images, 24 pairs), the figures, "
        "adapters and policies, and what else MLflow is sent. Not measured: how many batches Ray "
        "Data takes in one step (each is a block of its own), and how long a store takes to list "
        "10⁸ pictures; folders below `images.folder` are entered, so pictures need not lie in one."
    )
    yield ""


def _assumed(entries: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield "## Assumed, not measured"
    yield ""
    yield "| | value | unit | source |"
    yield "| --- | --- | --- | --- |"
    for name, entry in entries.items():
        yield f"| `{name}` | {entry['value']:g} | {entry['unit']} | {entry['source']} |"


if __name__ == "__main__":
    PAGE.write_text(write())
    print(f"Written: {PAGE}")
