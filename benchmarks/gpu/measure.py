"""Rates and memory of one shape: the stock way, ours with either mask, and what else a round does.

Every training has a model of its own, made anew. A way that fails is written down with its reason,
and the next one goes on: a machine with a GPU is often lent for minutes. Operations are counted,
not measured (`benchmarks.performance.flops`), so FLOP/s are those that the way cannot do without.
"""

from __future__ import annotations

import gc
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.gpu.models import build
from benchmarks.performance import flops, stock
from benchmarks.performance.jobs import INSTRUCTION, LEVELS, base_of, job_of
from benchmarks.performance.shapes import Shape
from benchmarks.performance.steps import Job, levels, packed, step_of
from selfscore.vlm.loading.flex import FLEX
from selfscore.vlm.model import VLM
from selfscore.vlm.options import Decoding
from selfscore.vlm.reading.features import (
    ImageEncoder,
    compute_features,
    image_inputs,
    run_tower,
)
from selfscore.vlm.reading.log_probabilities import pack_texts
from selfscore.vlm.reading.packed_mask import block_mask
from selfscore.vlm.reading.tokens import answer_ids, prompt_ids
from selfscore.vlm.response import response_prefix
from selfscore.vlm.writing.generation import Request, generate
from selfscore.vlm.writing.prediction import level_probabilities

Found = dict[str, Any]


@dataclass(frozen=True)
class Bench:
    """What all ways of one shape are given.

    Attributes:
        shape: of the model.
        device: where it computes.
        pairs: pairs, and images, a training step.
        images: images a batch of everything else.
        repeats: timed turns, after one to warm up; the median counts.
        parameters: of the model.
        limit: operations a second that the device reaches at best.
        costs: of the model.
        prompt: tokens of image and instruction.
        answer: tokens of an answer, the mean of both of a pair.
        folder: for the trainers' own files.
    """

    shape: Shape
    device: torch.device
    pairs: int
    images: int
    repeats: int
    parameters: int
    limit: float
    costs: flops.Costs
    prompt: int
    answer: int
    folder: Path


# Of a model of its own, and of one that is left as it is.
Training = Callable[[Bench], Found]
Reading = Callable[[Bench, VLM, Job], Found]


def measure(
    shape: Shape,
    device: torch.device,
    pairs: int,
    images: int,
    repeats: int,
    until: float,
    keep: Callable[[Found], None],
) -> None:
    """All ways of one shape: those of `READING`, then those of `TRAINING`.

    Args:
        shape: of the model.
        device: where it computes.
        pairs: see `Bench`.
        images: see `Bench`.
        repeats: see `Bench`.
        until: no way begins after this reading of `time.monotonic`.
        keep: is given what was found so far after every way.
    """
    with tempfile.TemporaryDirectory(prefix="gpu_") as folder:
        bench = _bench(shape, device, pairs, images, repeats, Path(folder))
        found: Found = {
            "parameters": bench.parameters,
            "pairs_a_step": pairs,
            "images_a_batch": images,
            "prompt_tokens": bench.prompt,
            "answer_tokens": bench.answer,
            "limit_flop_per_second": bench.limit,
            "gflop": {
                "tower_an_image": bench.costs.tower / 1e9,
                "decoder_a_token": bench.costs.token / 1e9,
            },
            "ways": {},
        }
        for name, way in _ways(bench):
            print(f"{shape.name}: {name} …", flush=True)
            found["ways"][name] = _one(way, device, until)
            print(f"  {found['ways'][name]}", flush=True)
            keep(found)


def _ways(bench: Bench) -> Iterator[tuple[str, Callable[[], Found]]]:
    """All ways; the model of the reading ones is gone before the first training begins."""
    vlm = build(bench.shape, bench.device)
    job = _job(vlm, bench.shape, bench.images, bench.folder)
    for name, read in READING.items():
        yield name, partial(read, bench, vlm, job)
    del vlm, job
    for name, train in TRAINING.items():
        yield name, partial(train, bench)


def _one(way: Callable[[], Found], device: torch.device, until: float) -> Found:
    if time.monotonic() > until:
        return {"left_out": "no time left"}
    _forget(device)
    try:
        return way()
    except Exception as error:
        return {"failed": f"{type(error).__name__}: {error}"}


def _bench(
    shape: Shape, device: torch.device, pairs: int, images: int, repeats: int, folder: Path
) -> Bench:
    vlm = build(shape, device)
    job = _job(vlm, shape, 1, folder, prepared=False)
    features = compute_features(vlm, job.images, list(job.images))
    sides = [answer_ids(vlm, INSTRUCTION, job.pairs[side][0]) for side in ("chosen", "rejected")]
    return Bench(
        shape=shape,
        device=device,
        pairs=pairs,
        images=images,
        repeats=repeats,
        parameters=vlm.model.num_parameters(),
        limit=flops.machine_rate(device, vlm.model.dtype, 8192 if device.type == "cuda" else 512),
        costs=flops.costs_behind(_tower_operations(vlm, job.images), vlm.model),
        prompt=len(prompt_ids(vlm, features[0].placeholder, INSTRUCTION)),
        answer=round(statistics.mean(map(len, sides))),
        folder=folder,
    )


def _tower_operations(vlm: VLM, images: Mapping[str, Image.Image]) -> float:
    """Operations of one image through tower and connector, as torch counts them."""
    inputs, _ = image_inputs(vlm, images, list(images)[:1])
    # The counter knows no fused attention of the CPU.
    vlm.model.set_attn_implementation("eager")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        run_tower(vlm.model, inputs)
    return float(counter.get_total_flops())


def _job(vlm: VLM, shape: Shape, count: int, folder: Path, prepared: bool = True) -> Job:
    return job_of(vlm, base_of(shape.name), shape, folder, count, prepared)


def _trained(bench: Bench, step: Callable[[], float], operations: float, **about: Any) -> Found:
    """Seconds, FLOP/s and peak memory of a step, and its loss."""
    seconds, loss = _median(step, bench)
    return _rate(bench, seconds, operations * bench.pairs, bench.pairs) | {"loss": loss} | about


def _stock_dpo(bench: Bench, checkpointing: bool) -> Found:
    vlm = build(bench.shape, bench.device)
    job = _job(vlm, bench.shape, bench.pairs, bench.folder, prepared=False)
    trainer = stock.trainer(vlm, job.pairs, job.images, INSTRUCTION, bench.folder, checkpointing)
    operations = flops.stock_pair(
        bench.costs, bench.prompt, bench.answer, bench.answer, checkpointing
    )
    return _trained(bench, step_of(trainer), operations)


def _our_dpo(bench: Bench, flex: bool) -> Found:
    vlm = build(bench.shape, bench.device)
    # Features and reference as a run has them, by the dense mask.
    job = _job(vlm, bench.shape, bench.pairs, bench.folder)
    if flex:
        vlm.model.set_attn_implementation({"text_config": FLEX})
    _forget(bench.device)
    operations = flops.packed_pair(bench.costs, bench.prompt, bench.answer, bench.answer)
    return _trained(bench, step_of(packed(job, vlm)), operations) | _blocks(vlm, job)


def _blocks(vlm: VLM, job: Job) -> Found:
    """Places of a row, and the share of its blocks that are computed, padding's among them."""
    pairs = job.pairs[["chosen", "rejected"]].to_numpy().tolist()
    features = ImageEncoder(vlm, job.images, job.features)(list(job.images))
    segments = pack_texts(vlm, features, pairs, INSTRUCTION).segments
    computed = block_mask(segments).to_dense().float().mean()
    return {"row_places": segments.shape[1], "blocks_computed": float(computed)}


def _level(bench: Bench, with_texts: bool) -> Found:
    vlm = build(bench.shape, bench.device)
    job = _job(vlm, bench.shape, bench.pairs, bench.folder)
    _forget(bench.device)
    # With texts the policy before reads the row too.
    text = bench.answer if with_texts else 0
    operations = (3 if with_texts else 2) * bench.costs.row(bench.prompt + text, 1 + text)
    return _trained(bench, step_of(levels(job, vlm, with_texts)), operations)


def _texts(bench: Bench, vlm: VLM, job: Job, ours: bool) -> Found:
    """Two explanations an image, as a round asks for them."""
    starts = [response_prefix(3), response_prefix(8)]
    keys, length = list(job.images), bench.shape.answer_tokens
    requests = [Request(key, INSTRUCTION, start, seed=7) for key in keys for start in starts]
    rows = [(row.image, row.instruction, row.response_start) for row in requests]
    encoder = ImageEncoder(vlm, job.images)

    def write() -> Any:
        if ours:
            return generate(encoder, requests, Decoding(1.0, length, len(rows)), "ours")
        return stock.generate(vlm, job.images, rows, length, len(rows))

    seconds, _ = _median(write, bench)
    costs = bench.costs
    a_token = costs.token + costs.head + bench.prompt * costs.pair
    prompts = len(keys) if ours else len(rows)
    operations = prompts * (costs.tower + costs.row(bench.prompt, 1)) + len(rows) * length * a_token
    return _rate(bench, seconds, operations, len(rows)) | {
        "tokens_per_second": len(rows) * length / seconds
    }


def _scores(bench: Bench, vlm: VLM, job: Job, stored: bool) -> Found:
    encoder = ImageEncoder(vlm, job.images, job.features if stored else None)
    keys = list(job.images)
    seconds, _ = _median(
        lambda: level_probabilities(encoder, keys, INSTRUCTION, LEVELS, len(keys)), bench
    )
    operations = bench.costs.row(bench.prompt, 1) + (0 if stored else bench.costs.tower)
    return _rate(bench, seconds, operations * len(keys), len(keys))


def _tower(bench: Bench, vlm: VLM, job: Job) -> Found:
    keys = list(job.images)
    seconds, _ = _median(lambda: compute_features(vlm, job.images, keys), bench)
    return _rate(bench, seconds, bench.costs.tower * len(keys), len(keys))


READING: Mapping[str, Reading] = {
    "tower": _tower,
    "scores, features stored": partial(_scores, stored=True),
    "scores, from pixels": partial(_scores, stored=False),
    "texts, transformers": partial(_texts, ours=False),
    "texts, ours": partial(_texts, ours=True),
}
TRAINING: Mapping[str, Training] = {
    "DPO, TRL as it comes": partial(_stock_dpo, checkpointing=True),
    "DPO, TRL without checkpointing": partial(_stock_dpo, checkpointing=False),
    "DPO, ours": partial(_our_dpo, flex=False),
    "DPO, ours with FlexAttention": partial(_our_dpo, flex=True),
    "level, without texts": partial(_level, with_texts=False),
    "level, with texts": partial(_level, with_texts=True),
}


def _rate(bench: Bench, seconds: float, operations: float, rows: int) -> Found:
    return {
        "seconds": seconds,
        "rows_per_second": rows / seconds,
        "flop_per_second": operations / seconds,
        "of_limit": operations / seconds / bench.limit,
        "peak_mib": _peak_mib(bench.device),
    }


def _median(work: Callable[[], Any], bench: Bench) -> tuple[float, Any]:
    """Seconds of the median turn, and what the first one, to warm up, gave."""
    first = work()
    _wait(bench.device)
    times = []
    for _ in range(bench.repeats):
        start = time.perf_counter()
        work()
        _wait(bench.device)
        times.append(time.perf_counter() - start)
    return statistics.median(times), first


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def _forget(device: torch.device) -> None:
    """Let go of the way before, so that the peak is the next one's own."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def _peak_mib(device: torch.device) -> int | None:
    """Peak of what was allocated; None on a CPU, where a process keeps the peak of all ways."""
    return round(torch.cuda.max_memory_allocated() / 2**20) if device.type == "cuda" else None
