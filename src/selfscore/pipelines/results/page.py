"""The page of results: what was asked, what was measured, how and where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from selfscore.pipelines.results.markdown import (
    environment,
    markdown_table,
    runs_table,
    with_interval,
)

NAMES = {
    "srcc": "SRCC",
    "srcc_emitted": "SRCC, written score",
    "srcc_gain": "SRCC gain over base",
    "plcc": "PLCC",
    "mae": "MAE",
    "consistency": "consistency",
    "faithfulness": "faithfulness",
    "format_valid": "valid format",
}
POLICIES = {
    "base": "base model",
    "merged": "**merged**",
}

_INTRODUCTION = """\
# Results on the demo

Made by `kedro run --pipelines=results` from the records in `benchmarks/records`, which
`python -m benchmarks.seeds` keeps of its runs. Do not edit by hand.

The demo's photographs are real. Their faults are rendered, so that their severity is known, and
their scores come from simulated raters; the model is a small one made for the demo. The figures
show whether the method works, end to end and on every seed; they say nothing about how well a
large model scores.

![Curves over rounds](figures/results.png)

*Means over the seeds on the {split} images; bars are 95 % intervals of the mean over seeds. Dotted:
the base model. An expert's line starts at the policy it was trained on.*

All seeds share the images, the split and the base model; a seed changes the texts written, the
wrong scores drawn, the training and the judge. So the interval over seeds says how much the method
scatters, and the one over scenes, further down, how well these images can tell.
"""

_TERMS = """\
**SRCC** rank correlation of the expected score with the raters' mean score; *written score*: of the
score in the answer's text. **PLCC** the same, linear. **MAE** in the raters' unit.
**Consistency** rank correlation of the stated score with the one that a judge infers from the
explanation alone; the judge is fitted once, on the base model's texts, and reads no numbers.
**Faithfulness** share of the explanation's statements that are true of the picture, by the
rendered severities. **Valid format** share of answers that can be read at all. *… only*
is one of a round's experts before merging; *merged* is what the round hands on.
"""


@dataclass(frozen=True)
class Check:
    """Something the method is held to, seed by seed.

    Attributes:
        asked: in words, with the bound.
        measured: each seed's figure.
        reached: whether each seed keeps to it.
    """

    asked: str
    measured: list[str]
    reached: list[bool]


def render_page(
    figures: pd.DataFrame,
    summary: pd.DataFrame,
    runs: Sequence[dict[str, Any]],
    parameters: dict[str, Any],
) -> str:
    """The whole page in Markdown.

    Args:
        figures: seed, control, round, policy, split, group, metric, value, low, high, n.
        summary: means over the seeds with low, high, smallest, largest, n.
        runs: how and where each run was made.
        parameters: `split`, `metrics`, `targets`.
    """
    split = parameters["split"]
    pooled = figures[(figures["split"] == split) & (figures["group"] == "all")]
    real = pooled[~pooled["control"].astype(bool)]
    control = pooled[pooled["control"].astype(bool)]
    means = summary[(summary["split"] == split) & (summary["group"] == "all")]
    seeds = sorted(real["seed"].unique())
    checks = list(_checks(real, control, parameters["targets"]))
    parts = [
        _INTRODUCTION.format(split=split),
        f"## What the method is held to, on seeds {', '.join(map(str, seeds))}\n",
        _check_table(checks),
        f"## Every round, mean over {len(seeds)} seeds [95 % interval of the mean]\n",
        _means_table(means[~means["control"].astype(bool)], parameters["metrics"]),
        _TERMS,
        "## Every seed, last round [95 % bootstrap interval over the scenes]\n",
        _seed_table(real),
    ]
    if len(control):
        parts += [
            "## Control: shuffled labels\n",
            "The training labels are shuffled and everything else is left as it is. What the "
            "method gains here does not come from the labels. [95 % bootstrap interval over the "
            "scenes]\n",
            _seed_table(control),
        ]
    parts += ["## How and where\n", runs_table(runs), environment(runs)]
    return "\n".join(parts)


def _checks(
    real: pd.DataFrame, control: pd.DataFrame, targets: dict[str, float]
) -> Iterator[Check]:
    last = int(real["round"].max())
    gain = _by_seed(real, last, "merged", "srcc_gain")
    asked = targets["min_srcc_gain"]
    yield _check(f"SRCC exceeds the base's by ≥ {asked}", gain, gain >= asked)
    valid = _by_seed(real, last, "merged", "format_valid")
    asked = targets["min_format_valid"]
    yield _check(f"answers in the valid format ≥ {asked:.0%}", valid, valid >= asked)
    more = _by_seed(real, last, "merged", "consistency") - _by_seed(real, 0, "base", "consistency")
    yield _check("consistency above the base's (difference)", more, more > 0)
    if "faithfulness" in set(real["metric"]):
        faith = _by_seed(real, last, "merged", "faithfulness")
        faith = faith - _by_seed(real, 0, "base", "faithfulness")
        asked = targets["max_faithfulness_loss"]
        yield _check(
            f"faithfulness at most {asked} below the base's (difference)", faith, faith >= -asked
        )
    scoring = _by_seed(real, 1, "scoring", "srcc_gain")
    yield _check("round 1, scoring only: SRCC above the base's (difference)", scoring, scoring > 0)
    behind = _by_seed(real, 1, "scoring", "consistency") - _by_seed(
        real, 1, "merged", "consistency"
    )
    yield _check(
        "round 1, scoring only: consistency below the merged policy's (difference)",
        behind,
        behind < 0,
    )
    if len(control):
        rows = control[
            (control["round"] == control["round"].max())
            & (control["policy"] == "merged")
            & (control["metric"] == "srcc_gain")
        ]
        yield Check(
            "shuffled labels: no SRCC gain beyond its interval",
            [with_interval(row) for row in _records(rows)],
            (rows["low"] <= 0).tolist(),
        )


def _check(asked: str, measured: pd.Series, reached: pd.Series) -> Check:
    return Check(asked, [f"{value:.3f}" for value in measured], [bool(flag) for flag in reached])


def _by_seed(table: pd.DataFrame, number: int, policy: str, metric: str) -> pd.Series:
    rows = table[
        (table["round"] == number) & (table["policy"] == policy) & (table["metric"] == metric)
    ]
    return rows.set_index("seed")["value"].sort_index()


def _check_table(checks: Sequence[Check]) -> str:
    rows = []
    for check in checks:
        kept = sum(check.reached)
        verdict = "yes" if kept == len(check.reached) else f"**{kept} of {len(check.reached)}**"
        rows.append([check.asked, ", ".join(check.measured), verdict])
    return markdown_table(["asked", "measured, seed by seed", "reached"], rows)


def _means_table(means: pd.DataFrame, metrics: Sequence[str]) -> str:
    shown = [metric for metric in metrics if metric in set(means["metric"])]
    rows = []
    for number, policy in _in_reading_order(means):
        own = means[(means["round"] == number) & (means["policy"] == policy)].set_index("metric")
        figures = [with_interval(own.loc[m].to_dict()) if m in own.index else "–" for m in shown]
        rows.append([str(number), _policy(policy), *figures])
    return markdown_table(["round", "policy", *map(_metric, shown)], rows)


def _seed_table(table: pd.DataFrame) -> str:
    metrics = ["srcc", "srcc_gain", "consistency", "faithfulness", "format_valid"]
    shown = [metric for metric in metrics if metric in set(table["metric"])]
    rows = []
    last = int(table["round"].max())
    for seed in sorted(table["seed"].unique()):
        for number, policy in ((0, "base"), (last, "merged")):
            own = table[
                (table["seed"] == seed) & (table["round"] == number) & (table["policy"] == policy)
            ].set_index("metric")
            figures = [
                with_interval(own.loc[m].to_dict()) if m in own.index else "–" for m in shown
            ]
            rows.append([str(seed), str(number), _policy(policy), *figures])
    return markdown_table(["seed", "round", "policy", *map(_metric, shown)], rows)


def _in_reading_order(table: pd.DataFrame) -> list[tuple[int, str]]:
    """Rounds in order; in each the experts as they were measured, the merged policy last."""
    measured = table["policy"].drop_duplicates().tolist()
    pairs = {(int(row["round"]), str(row["policy"])) for row in _records(table)}
    return sorted(pairs, key=lambda pair: (pair[0], pair[1] == "merged", measured.index(pair[1])))


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for _, row in table.iterrows()]


def _metric(metric: str) -> str:
    return NAMES.get(metric, metric.replace("_", " "))


def _policy(policy: str) -> str:
    return POLICIES.get(policy, f"{policy.replace('_', ' ')} only")
