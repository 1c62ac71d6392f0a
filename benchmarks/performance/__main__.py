"""This project's way against the stock way: same run, same model, same pairs, same dtype.

    python -m benchmarks.performance                         # demo and SmolVLM-256M shapes
    python -m benchmarks.performance --shapes smolvlm-2.2b --pairs 16 --images 32     # on a GPU

Both ways take turns, and what is kept are medians over the turns and their ratio. Results go to
`benchmarks/performance/speed.json`; `python -m benchmarks.performance.page` writes
docs/performance.md from it. What stands behind "stock" is in `stock.py`.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from benchmarks.performance import flops, stock
from benchmarks.performance.jobs import INSTRUCTION, LEVELS, make_job
from benchmarks.performance.machine import describe
from benchmarks.performance.shapes import PROJECT, SHAPES, Shape
from benchmarks.performance.steps import CAUSES, DEFAULT, Job, all_together, stock_step
from selfscore.merging.delta import low_rank
from selfscore.merging.experts import merge_adapters
from selfscore.merging.methods import MERGE_METHODS
from selfscore.merging.settings import MergeSettings, StrengthSettings
from selfscore.vlm.loading.loader import load_vlm
from selfscore.vlm.options import Decoding
from selfscore.vlm.policy import LoraAdapter
from selfscore.vlm.reading.features import ImageEncoder, compute_features
from selfscore.vlm.reading.log_probabilities import answer_log_probabilities
from selfscore.vlm.reading.tokens import answer_ids, prompt_ids
from selfscore.vlm.response import Prompts, response_prefix
from selfscore.vlm.writing.generation import Request, generate
from selfscore.vlm.writing.prediction import level_probabilities, predict_images

RECORD = Path(__file__).with_name("speed.json")
EXPERTS = ("scoring", "consistency")
PARTS = ("flops", "images", "dpo", "default", "merge", "memory_mib")


def taking_turns(
    ways: dict[str, Callable[[], Any]], repeats: int
) -> tuple[dict[str, float], dict[str, Any]]:
    """Median seconds of each way, and what each gave in a first turn to warm up."""
    first = {name: way() for name, way in ways.items()}
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(found) for name, found in times.items()}, first


def measure_dpo(job: Job, repeats: int) -> dict[str, Any]:
    """Seconds a pair of a training step, stock and ours, and of each speed-up alone.

    Also each way's loss on these pairs, with the same LoRA: it must be the same.
    """
    ways = {"stock": stock_step(job), "ours": all_together(job)}
    found, losses = taking_turns(ways, repeats)
    del ways
    gc.collect()
    for cause, make in CAUSES.items():
        # One at a time: each holds a model of its own.
        seconds, loss = taking_turns({cause: make(job)}, repeats)
        found |= seconds
        losses |= loss
        gc.collect()
    pairs = len(job.pairs)
    return {"seconds_per_pair": {k: v / pairs for k, v in found.items()}, "loss": losses}


def measure_default(job: Job, repeats: int) -> dict[str, float]:
    """Seconds a pair, or an image, of a step of each kind that the default trains."""
    found, _ = taking_turns({name: make(job) for name, make in DEFAULT.items()}, repeats)
    return {name: seconds / len(job.pairs) for name, seconds in found.items()}


def measure_images(job: Job, shape: Shape, repeats: int) -> dict[str, Any]:
    """Tower, generation and scoring: seconds an image or text, stock and ours."""
    vlm = load_vlm(job.policy)
    # A random model hardly ever ends an answer by itself, and then all have the same length.
    vlm.model.generation_config.eos_token_id = None
    keys = list(job.images)
    fresh, stored = ImageEncoder(vlm, job.images), ImageEncoder(vlm, job.images, job.features)
    starts = [response_prefix(3), response_prefix(8)]
    requests = [Request(key, INSTRUCTION, start, seed=7) for key in keys for start in starts]
    decoding = Decoding(1.0, shape.answer_tokens, len(requests))
    rows = [(row.image, row.instruction, row.response_start) for row in requests]
    free = [(key, INSTRUCTION, "") for key in keys]
    whole = shape.answer_tokens + len(answer_ids(vlm, INSTRUCTION, "#Score: 3\n#Explanation:")) - 1
    found, _ = taking_turns(
        {
            "features": lambda: compute_features(vlm, job.images, keys),
            "stock_generate": lambda: stock.generate(
                vlm, job.images, rows, shape.answer_tokens, len(rows)
            ),
            "generate": lambda: generate(stored, requests, decoding, "ours"),
            "stock_explain": lambda: stock.generate(vlm, job.images, free, whole, len(free)),
            "score": lambda: level_probabilities(stored, keys, INSTRUCTION, LEVELS, len(keys)),
            "score_from_pixels": lambda: level_probabilities(
                fresh, keys, INSTRUCTION, LEVELS, len(keys)
            ),
            "explain": lambda: predict_images(
                stored,
                keys,
                Prompts(INSTRUCTION, "{level}"),
                LEVELS,
                Decoding(1.0, whole, len(keys)),
                seed=7,
            ),
            "reference": lambda: answer_log_probabilities(
                stored, keys, [[answer] for answer in job.pairs["rejected"]], INSTRUCTION, len(keys)
            ),
        },
        repeats,
    )
    per_text = {"stock_generate", "generate"}
    return {
        name: value / (len(requests) if name in per_text else len(keys))
        for name, value in found.items()
    }


def measure_merge(job: Job, work: Path, repeats: int) -> dict[str, float]:
    """Seconds of TIES over two experts: on whole checkpoints, and on the LoRA factors.

    And of adding them up on the factors.
    """
    vlm = load_vlm(job.policy)
    experts = {name: random_adapter(vlm, seed) for seed, name in enumerate(EXPERTS)}
    settings = MergeSettings(
        method="ties",
        weights=dict.fromkeys(EXPERTS, 1.0),
        lambda_=1.0,
        strength=StrengthSettings([1.0], 2, 2, 1, 1, 1),
        rank=64,
        density=0.5,
        gamma=0.01,
        epsilon=0.1,
    )
    added_up = replace(settings, method="task_arithmetic")
    with tempfile.TemporaryDirectory(dir=work) as place:
        folder = Path(place)
        base = folder / "base"
        vlm.model.save_pretrained(base, save_original_format=False)
        del vlm
        paths = []
        for name, adapter in experts.items():
            expert = load_vlm(job.policy, [adapter]).model
            expert.save_pretrained(folder / name, save_original_format=False)
            paths.append(folder / name)
            del expert
            gc.collect()
        found, _ = taking_turns(
            {
                "stock": lambda: stock.merge(paths, base, folder / "merged", 0.5),
                "ours": lambda: merge_adapters(experts, settings, seed=0),
                "added up": lambda: merge_adapters(experts, added_up, seed=0),
            },
            repeats,
        )
    # Where our own time goes: the merge itself, and writing its result as a LoRA again.
    found["merge itself"] = _timed(
        lambda: [
            MERGE_METHODS["ties"](
                [low_rank(expert, module) for expert in experts.values()], [1.0, 1.0], settings
            )
            for module in next(iter(experts.values())).config["target_modules"]
        ]
    )
    return found


def measure_memory(shape: Shape, pairs: int) -> dict[str, int]:
    """Peak memory of training steps in a process of its own each, MiB."""
    found = {}
    for way in ("load", "stock", "ours"):
        command = [sys.executable, "-m", "benchmarks.performance.memory", shape.name, way]
        output = subprocess.run(
            [*command, str(pairs)], cwd=PROJECT, capture_output=True, text=True, check=True
        )
        found[way] = int(output.stdout.strip().splitlines()[-1])
    return found


def measure_flops(job: Job) -> dict[str, float]:
    """Operations of a pair by count, and what the machine does of them in a second at best."""
    vlm = load_vlm(job.policy)
    features = next(iter(job.features.images.values()))
    prompt = len(prompt_ids(vlm, features.placeholder, INSTRUCTION))
    chosen, rejected = (
        len(answer_ids(vlm, INSTRUCTION, job.pairs[side].iloc[0]))
        for side in ("chosen", "rejected")
    )
    costs = flops.costs(vlm.model)
    return {
        "prompt_tokens": prompt,
        "image_tokens": len(features.tokens),
        "answer_tokens": (chosen + rejected) / 2,
        "tower": costs.tower,
        "stock_pair": flops.stock_pair(costs, prompt, chosen, rejected, checkpointing=True),
        "packed_pair": flops.packed_pair(costs, prompt, chosen, rejected),
        "machine": flops.machine_rate(vlm.device, vlm.model.dtype),
    }


def measure(
    shape: Shape, work: Path, pairs: int, images: int, repeats: int, parts: Sequence[str]
) -> dict[str, Any]:
    """The figures of one shape, those of `parts`."""
    job = make_job(shape, work, pairs)
    ways: dict[str, Callable[[], dict[str, Any]]] = {
        "flops": lambda: measure_flops(job),
        "images": lambda: measure_images(make_job(shape, work, images), shape, repeats),
        "dpo": lambda: measure_dpo(job, repeats),
        "default": lambda: measure_default(job, repeats),
        "merge": lambda: measure_merge(job, work, repeats),
        "memory_mib": lambda: measure_memory(shape, pairs),
    }
    found: dict[str, Any] = {"pairs_a_step": pairs, "images_a_batch": images, "repeats": repeats}
    for name in parts:
        print(f"{shape.name}: {name} …", flush=True)
        found[name] = ways[name]()
        print(json.dumps(found[name], indent=1), flush=True)
        gc.collect()
    return found


def random_adapter(vlm: Any, seed: int) -> LoraAdapter:
    """An adapter of the trained layers and rank, with random factors."""
    generator = torch.Generator().manual_seed(seed)
    config = stock.lora(vlm)
    tensors = {}
    for module in sorted(config.target_modules or ()):
        out, into = vlm.model.get_submodule(module).weight.shape
        for name, shape in (("A", (config.r, into)), ("B", (out, config.r))):
            key = f"base_model.model.{module}.lora_{name}.weight"
            tensors[key] = 0.02 * torch.randn(shape, generator=generator)
    described = {
        "peft_type": "LORA",
        "base_model_name_or_path": vlm.model.name_or_path,
        "r": config.r,
        "lora_alpha": config.lora_alpha,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": sorted(config.target_modules or ()),
    }
    return LoraAdapter(described, tensors)


def _timed(way: Callable[[], Any]) -> float:
    start = time.perf_counter()
    way()
    return time.perf_counter() - start


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line: measure the shapes asked for and keep the record, shape by shape."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=["demo", "smolvlm-256m"])
    parser.add_argument("--pairs", type=int, help="a step; 16 for the demo, else 2")
    parser.add_argument("--images", type=int, help="a batch; 32 for the demo, else 16")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--work", type=Path, default=PROJECT / "data" / "benchmark" / "models")
    parser.add_argument("--record", type=Path, default=RECORD)
    options = parser.parse_args(arguments)
    options.work.mkdir(parents=True, exist_ok=True)
    record: dict[str, Any] = (
        json.loads(options.record.read_text()) if options.record.is_file() else {"shapes": {}}
    )
    for name in options.shapes:
        small = name == "demo"
        start = time.perf_counter()
        found = measure(
            SHAPES[name],
            options.work,
            options.pairs or (16 if small else 2),
            options.images or (32 if small else 16),
            options.repeats,
            options.parts,
        )
        before = record["shapes"].get(name, {}) if options.parts != PARTS else {}
        found["seconds"] = round(time.perf_counter() - start) + before.get("seconds", 0)
        record["shapes"][name] = {**before, "machine": describe(), **found}
        options.record.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
