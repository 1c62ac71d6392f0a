"""docs/performance.md from the records of the benchmarks.

python -m benchmarks.performance.page
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from benchmarks.experiments.markdown import markdown_table
from benchmarks.performance import loading, one_image, scaling
from benchmarks.performance.__main__ import RECORD
from benchmarks.performance.shapes import PROJECT
from benchmarks.performance.startup import RECORD as STARTUP
from benchmarks.performance.steps import CAUSES

PAGE = PROJECT / "docs" / "performance.md"
INTRODUCTION = Path(__file__).with_name("introduction.md")
# A round as the demo's configuration runs it, to weigh the stages against each other.
TRAINED, EVALUATED, POLICIES = 600, 400, 3
# Passes over the pairs: two epochs of the scoring expert, one of the consistency expert.
PASSES = 3
# And of the default: one epoch of either expert of texts; of the expert of levels two cycles, as
# most rounds of the demo take, of two epochs each, and the texts in one step of five.
TEXT_PASSES, LEVEL_PASSES, WITH_TEXTS = 2, 4, 0.2
DEFAULT_POLICIES = 4

# What the project set out to reach, per shape: figure → ratio to the stock way.
TARGETS: dict[str, dict[str, float]] = {
    "demo": {"DPO, both experts": 2.5, "whole iteration": 2.0},
    "smolvlm-256m": {
        "DPO, both experts": 5.0,
        "score alone": 15.0,
        "merge": 20.0,
        "peak memory of training": 1 / 0.7,
        "whole iteration": 6.0,
    },
}


def stages(found: dict[str, Any]) -> dict[str, tuple[float, float]]:
    """Seconds of a round's stages, stock and ours, from the measured rates.

    The features are computed once and counted in full where they are first used: those of the
    training images with DPO, those of the evaluated ones with evaluation.
    """
    images, pair = found["images"], found["dpo"]["seconds_per_pair"]
    pairs = TRAINED * PASSES
    looks = EVALUATED * POLICIES
    once = images["features"]
    return {
        "writing explanations": (
            2 * TRAINED * images["stock_generate"],
            2 * TRAINED * images["generate"],
        ),
        "DPO, both experts": (
            pairs * pair["stock"],
            TRAINED * (once + images["reference"]) + pairs * pair["ours"],
        ),
        "merge": (found["merge"]["stock"], found["merge"]["ours"]),
        "score alone": (
            looks * images["stock_explain"],
            EVALUATED * once + looks * images["score"],
        ),
        "score and explanation": (
            looks * images["stock_explain"],
            EVALUATED * once + looks * images["explain"],
        ),
    }


def ratios(found: dict[str, Any]) -> dict[str, float]:
    """Stock over ours, per figure."""
    rows = stages(found)
    made = {name: stock / ours for name, (stock, ours) in rows.items()}
    parts = [rows[name] for name in rows if name != "score alone"]
    made["whole iteration"] = sum(row[0] for row in parts) / sum(row[1] for row in parts)
    memory = found["memory_mib"]
    made["peak memory of training"] = memory["stock"] / memory["ours"]
    return made


def _shape(name: str, found: dict[str, Any]) -> list[str]:
    machine, flops = found["machine"], found["flops"]
    where = machine.get("accelerator") or f"{machine['processor']}, {machine['threads']} threads"
    lines = [
        f"## {name}",
        "",
        f"{flops['image_tokens']} image tokens, {flops['prompt_tokens']} prompt tokens with them, "
        f"{flops['answer_tokens']:.0f} tokens an answer; {found['pairs_a_step']} pairs a step, "
        f"{found['images_a_batch']} images a batch; medians over {found['repeats']} turns. "
        f"{where}, {machine['date']}, {found['seconds']} s in all; the part that was measured last "
        f"ran at commit {machine['commit']}.",
        "",
        "| | stock | selfscore | ratio | target |",
        "| --- | --- | --- | --- | --- |",
    ]
    rows, made, targets = stages(found), ratios(found), TARGETS.get(name, {})
    for row, (stock, ours) in rows.items():
        lines.append(
            f"| {row} | {stock:,.1f} s | {ours:,.1f} s | {_times(made[row])} | "
            f"{_target(targets.get(row), made[row])} |"
        )
    memory = found["memory_mib"]
    lines += [
        f"| **whole iteration** | | | **{_times(made['whole iteration'])}** | "
        f"{_target(targets.get('whole iteration'), made['whole iteration'])} |",
        f"| peak memory of training | {memory['stock']:,} MiB | {memory['ours']:,} MiB | "
        f"{_times(made['peak memory of training'])} | "
        f"{_target(targets.get('peak memory of training'), made['peak memory of training'])} |",
        "",
        f"Seconds are of a round over {TRAINED} training and {EVALUATED} evaluated images, from "
        f"the measured rates; the iteration leaves out *score alone*. Loading the model alone "
        f"takes {memory['load']:,} MiB.",
        "",
        *_rates(found),
        "",
        *_causes(found),
        "",
        *_default(found),
        "",
        *_limit(found),
        "",
        *_why(name, found),
    ]
    return lines


def _rates(found: dict[str, Any]) -> list[str]:
    images, pair = found["images"], found["dpo"]["seconds_per_pair"]
    tokens = found["flops"]["answer_tokens"]
    rows = [
        ("DPO step, pairs a second", 1 / pair["stock"], 1 / pair["ours"]),
        (
            "generation, tokens a second",
            tokens / images["stock_generate"],
            tokens / images["generate"],
        ),
        (
            "score alone, images a second, features stored",
            1 / images["stock_explain"],
            1 / images["score"],
        ),
        (
            "score alone, images a second, from pixels",
            1 / images["stock_explain"],
            1 / images["score_from_pixels"],
        ),
        (
            "score and explanation, images a second, features stored",
            1 / images["stock_explain"],
            1 / images["explain"],
        ),
    ]
    return [
        "| rate | stock | selfscore | ratio |",
        "| --- | --- | --- | --- |",
        *(f"| {name} | {a:,.2f} | {b:,.2f} | {_times(b / a)} |" for name, a, b in rows),
    ]


def _causes(found: dict[str, Any]) -> list[str]:
    pair, loss = found["dpo"]["seconds_per_pair"], found["dpo"]["loss"]
    lines = [
        "What each speed-up gives a training step when it is switched on alone, on TRL's own "
        "trainer (the shared prefix brings the answer-only projection with it):",
        "",
        "| | seconds a pair | ratio | loss on the same pairs |",
        "| --- | --- | --- | --- |",
    ]
    for name in ("stock", *CAUSES, "ours"):
        shown = "all together" if name == "ours" else name
        lines.append(
            f"| {shown} | {pair[name]:.3f} | {_times(pair['stock'] / pair[name])} | "
            f"{loss[name]:.5f} |"
        )
    return lines


def default_round(found: dict[str, Any]) -> dict[str, float]:
    """Seconds of a round's stages as the default runs it, from the measured rates."""
    images, step = found["images"], found["default"]
    once = images["features"]
    level = WITH_TEXTS * step["levels with texts"] + (1 - WITH_TEXTS) * step["levels"]
    texts = images["reference"] + TEXT_PASSES * step["packed pair, score and texts held"]
    return {
        "writing explanations": 2 * TRAINED * images["generate"],
        "expert of levels": TRAINED * (once + LEVEL_PASSES * level),
        "both experts of texts": TRAINED * texts,
        "score and explanation": EVALUATED * (once + DEFAULT_POLICIES * images["explain"]),
    }


def _default(found: dict[str, Any]) -> list[str]:
    step, seconds = found["default"], default_round(found)
    plain = step["packed pair"]
    return [
        "What the default trains instead of the paper's two experts, seconds a pair or, of levels, "
        "an image:",
        "",
        markdown_table(
            ["a step with", "seconds", "of a packed pair"],
            [[name, f"{value:.3f}", f"{value / plain:.2f}"] for name, value in step.items()],
        ),
        f"A round of the default, with {LEVEL_PASSES} passes of the expert of levels and "
        f"{DEFAULT_POLICIES} policies to evaluate: "
        + ", ".join(f"{name} {value:,.1f} s" for name, value in seconds.items())
        + f", {sum(seconds.values()):,.1f} s in all. There is no stock way to hold it against.",
    ]


def _limit(found: dict[str, Any]) -> list[str]:
    flops, pair = found["flops"], found["dpo"]["seconds_per_pair"]
    rates = {
        "stock": flops["stock_pair"] / pair["stock"],
        "selfscore": flops["packed_pair"] / pair["ours"],
    }
    lines = [
        f"By count, a pair costs {flops['stock_pair'] / 1e9:,.1f} GFLOP the stock way and "
        f"{flops['packed_pair'] / 1e9:,.1f} GFLOP here: at the same rate that would be "
        f"{_times(flops['stock_pair'] / flops['packed_pair'])}. A large matrix product runs at "
        f"{flops['machine'] / 1e9:,.0f} GFLOP/s on this machine; a training step reaches",
        "",
        "| | GFLOP/s | of the limit |",
        "| --- | --- | --- |",
    ]
    for name, rate in rates.items():
        lines.append(f"| {name} | {rate / 1e9:,.1f} | {rate / flops['machine']:.0%} |")
    return lines


def _scaling(record: dict[str, Any]) -> list[str]:
    counts = sorted(int(count) for count in record["images"])
    machine = record["machine"]
    lines = [
        "## From 100 to 10,000 images",
        "",
        f"One round with the demo model over generated images, every stage a process of its own: "
        f"{machine['processor']}, {machine['threads']} threads, {machine['date']}, commit "
        f"{machine['commit']}. Seconds of processor time, and peak memory in MiB. The seconds "
        f"hold a process's start, in the first row; the exponent, without it, is that between the "
        f"two largest numbers of images: 1 is linear.",
        "",
        "| stage | " + " | ".join(f"{count:,} images" for count in counts) + " | exponent |",
        "| --- |" + " --- |" * (len(counts) + 1),
    ]
    for stage in (scaling.START, *scaling.STAGES):
        cells = [record["images"][str(count)][stage] for count in counts]
        shown = [f"{cell['seconds']:.1f} s, {cell['peak_mib']:,}" for cell in cells]
        lines.append(f"| {stage} | {' | '.join(shown)} | {_exponent(record, stage, counts)} |")
    return [*lines, ""]


def _exponent(record: dict[str, Any], stage: str, counts: list[int]) -> str:
    if stage == scaling.START or len(counts) < 2:
        return ""
    few, many = counts[-2:]
    times = []
    for count in (few, many):
        row = record["images"][str(count)]
        times.append(row[stage]["seconds"] - row[scaling.START]["seconds"])
    if min(times) <= 0:
        return "–"
    return f"{math.log(times[1] / times[0]) / math.log(many / few):.2f}"


def _startup(record: dict[str, Any]) -> list[str]:
    machine = record["machine"]
    return [
        "## Start-up",
        "",
        f"`kedro registry list`, median of {record['repeats']} starts: "
        f"**{record['lazy']:.1f} s**; with {', '.join(record['libraries'])} imported at the start "
        f"as well, {record['eager']:.1f} s. They are imported by the nodes that need them. "
        f"({machine['processor']}, {machine['date']}, commit {machine['commit']}.)",
        "",
    ]


def _one_image(record: dict[str, Any]) -> list[str]:
    machine, command = record["machine"], record["command"]
    imported = sum(command["imports"].values())
    rows = [
        [
            shape,
            size,
            f"{found['forward']:,.0f}",
            f"{found['scorer']:,.0f}",
            f"{found['scorer'] / found['forward']:.2f} ×",
        ]
        for shape, sizes in record["loaded"].items()
        for size, found in sizes.items()
    ]
    return [
        "## Scoring one image",
        "",
        "`kedro score` of one image with the demo's model, text included, takes "
        f"**{command['seconds']:.1f} s** of the processor, as a process of its own. Imports are "
        f"most of it ({imported:.1f} s while they are written down, which takes time itself), by "
        "the library that asks for them:",
        "",
        markdown_table(
            ["asked for by", "seconds"],
            [[name, f"{seconds:.2f}"] for name, seconds in command["imports"].items()],
        ),
        "A scorer that is loaded, without texts, against the bare forward pass over inputs that "
        "are ready, in milliseconds of the processor. The rest is reading the file and the "
        "processor's work on the picture, which weighs where the model is as small as the demo's.",
        "",
        markdown_table(["shape", "images together", "forward pass", "scorer", "ratio"], rows),
        f"({machine['processor']}, {machine['date']}, commit {machine['commit']}.)",
        "",
    ]


def _loading(record: dict[str, Any]) -> list[str]:
    same, other, machine = record["float32"], record["bfloat16"], record["machine"]
    return [
        "## Loading the base model again",
        "",
        "Every node that needs the model loads it anew, and nothing is kept between nodes: a file "
        "of weights is mapped, not read, so its pages are shared and stay in the system's memory, "
        f"and folding a policy in copies only the layers that it changes. {record['shape']} with "
        f"random weights, processor seconds: float32, {same['file_mib']:,.0f} MiB: "
        f"{same['first']:.2f} s first, **{same['again']:.2f} s** again, {same['folded_mib']:,.0f} "
        f"MiB of its own with a policy folded in; published in bfloat16 and converted: "
        f"{other['again']:.2f} s again. A copy kept in the process would save less than that, some "
        "ten times a round, and cost its memory throughout. "
        f"({machine['processor']}, {machine['date']}, commit {machine['commit']}.)",
        "",
    ]


def _why(name: str, found: dict[str, Any]) -> list[str]:
    """What keeps the figures of the targets that were missed."""
    made, images, merge = ratios(found), found["images"], found["merge"]
    flops, lines = found["flops"], []
    targets = TARGETS.get(name, {})
    if made["score alone"] < targets.get("score alone", 0):
        again = images["stock_explain"] / images["score"]
        lines.append(
            f"**Why *score alone* misses its target:** in one round an image is scored by "
            f"{POLICIES} policies, so its one trip through the tower "
            f"({images['features']:.2f} s) weighs more than the {POLICIES} scores "
            f"({images['score']:.2f} s each). From the second use on, the ratio is "
            f"{_times(again)}; a prefill of {flops['prompt_tokens']} tokens is then all that is "
            f"left."
        )
    if made["merge"] < targets.get("merge", 0):
        itself = merge["merge itself"]
        lines.append(
            f"**Why *merge* misses its target:** of {merge['ours']:.1f} s, the merge itself takes "
            f"{itself:.1f} s ({_times(merge['stock'] / itself)}), in mergekit's arithmetic; the "
            "rest writes its result as a LoRA again (the best directions of each layer's dense "
            "ΔW), which the stock way does not do, as it leaves checkpoints."
        )
    if "added up" in merge:
        lines.append(
            f"Added up, as by default, two experts are merged and written as a LoRA in "
            f"{merge['added up']:.1f} s ({_times(merge['stock'] / merge['added up'])})."
        )
    for row, target in targets.items():
        if made[row] < target and row not in ("score alone", "merge"):
            lines.append(f"***{row}* misses its target of {_times(target)}: {made[row]:.2f} ×.**")
    return [part for line in lines for part in (line, "")]


def _times(ratio: float) -> str:
    return f"{ratio:,.1f} ×"


def _target(target: float | None, reached: float) -> str:
    if target is None:
        return ""
    verdict = "reached" if reached >= target else f"missed by {1 - reached / target:.0%}"
    return f"{target:.1f} ×: {verdict}"


def write_page() -> str:
    """The page, from the records that are there."""
    record = json.loads(RECORD.read_text())
    lines = INTRODUCTION.read_text().rstrip().splitlines() + [""]
    for name, found in record["shapes"].items():
        lines += _shape(name, found)
    if scaling.RECORD.is_file():
        lines += _scaling(json.loads(scaling.RECORD.read_text()))
    if loading.RECORD.is_file():
        lines += _loading(json.loads(loading.RECORD.read_text()))
    if STARTUP.is_file():
        lines += _startup(json.loads(STARTUP.read_text()))
    if one_image.RECORD.is_file():
        lines += _one_image(json.loads(one_image.RECORD.read_text()))
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(write_page())
