"""The page of one experiment, and the list of all of them, in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import yaml

from selfscore.metrics.means import mean_interval
from selfscore.pipelines.experiments.comparison import (
    CONTRADICTED,
    HOLDS,
    Finding,
    Place,
    variants_of,
)
from selfscore.pipelines.results.markdown import (
    environment,
    markdown_table,
    runs_table,
    with_interval,
)

_INTRODUCTION = """\
# {title}

Made by `kedro run --pipelines=experiments` from the records that
`python -m benchmarks.experiments {name}` keeps of its runs. Do not edit by hand.

{question}
"""

_READING = """\
A difference is taken seed by seed; its interval is Student's 95 % interval of the mean over the
seeds, which share the images, the split and the base model. A claim *holds* or is *contradicted*
where the whole interval lies on one side of 0; that something *does not fall* holds where it
falls on no seed.
"""

_INDEX = """\
# Experiments on the demo

What the method is asked, one page each, with tables, intervals, and how and where it was measured.
Made by `kedro run --pipelines=experiments`; do not edit by hand. `python -m benchmarks.experiments`
makes all runs, with the name of an experiment its own. The model and the raters are the demo's
([results](../results.md)): the pages show how the method behaves, and say nothing about how well a
large model scores.
"""


def render_page(
    name: str,
    experiment: Mapping[str, Any],
    findings: Sequence[Finding],
    figures: pd.DataFrame,
    runs: Sequence[dict[str, Any]],
    examples: Mapping[str, pd.DataFrame],
    parameters: Mapping[str, Any],
) -> str:
    """The page of one experiment.

    Args:
        name: of the experiment.
        experiment: title, question, tables, claims; `images`, where the figures are about others
            than those of the split; and `examples`, a variant whose texts are shown, where there
            are some to show.
        findings: what the runs say of the claims.
        figures: variant, seed, round, policy, metric, value, low, high, of the seeds looked at.
        runs: how and where each run was made.
        examples: variant → texts with forced levels.
        parameters: `split`, `names` of metrics, `variants`.
    """
    seeds = sorted(figures["seed"].unique())
    images = experiment.get("images", f"{parameters['split']} images")
    rests_on = f"{images.capitalize()}, seeds {', '.join(map(str, seeds))}.\n"
    parts = [
        _INTRODUCTION.format(
            name=name, title=experiment["title"], question=experiment["question"].strip()
        ),
        "## Answer\n",
        _answers(findings),
        *_explanations(findings),
        _READING,
    ]
    for table in experiment["tables"]:
        parts += [
            f"## {table['title']}, mean over the seeds [95 % interval of the mean]\n",
            rests_on,
            _means(table, figures, parameters["names"]),
            "Seed by seed [95 % bootstrap interval over the scenes]:\n",
            _seed_by_seed(table, figures, parameters["names"]),
        ]
    if "examples" in experiment:
        parts += ["## Examples\n", _examples(examples[experiment["examples"]])]
    parts += [
        "## Parameter sets\n",
        "What differs from `conf/base`:\n",
        _parameter_sets(experiment, parameters["variants"]),
        "## How and where\n",
        runs_table(runs),
        environment(runs),
    ]
    return "\n".join(parts)


def render_index(findings: Mapping[str, Sequence[Finding]], parameters: Mapping[str, Any]) -> str:
    """The list of all experiments with their claims.

    Args:
        findings: experiment → what the runs say of its claims.
        parameters: `pages`.
    """
    parts = [_INDEX]
    for name, found in findings.items():
        title = parameters["pages"][name]["title"]
        parts.append(f"## [{title}]({name}.md)\n")
        parts.append(
            "\n".join(f"- {finding.says} **{_verdict(finding)}.**" for finding in found) + "\n"
        )
    return "\n".join(parts)


def _answers(findings: Sequence[Finding]) -> str:
    rows = []
    for finding in findings:
        agree = finding.agreeing
        rows.append(
            [
                finding.says,
                with_interval(finding.mean._asdict()),
                ", ".join(f"{value:+.3f}" for value in finding.differences),
                "–" if agree is None else f"{agree} of {len(finding.differences)}",
                f"**{_verdict(finding)}**",
            ]
        )
    return markdown_table(
        ["asked", "mean difference", "seed by seed", "seeds that agree", "answer"], rows
    )


def _explanations(findings: Sequence[Finding]) -> list[str]:
    """A sentence on every claim that was not borne out, and on an answer that can be explained."""
    return [
        f"*{finding.says}* {_verdict(finding).capitalize()}: {_reason(finding)}\n"
        for finding in findings
        if (finding.expected and finding.verdict != HOLDS)
        or (not finding.expected and finding.direction and finding.because)
    ]


def _reason(finding: Finding) -> str:
    if finding.mean.n < 2:
        return "one seed does not tell how much seeds scatter."
    if finding.because:
        return finding.because
    if finding.verdict == CONTRADICTED:
        return "the runs do not tell why."
    return "the seeds scatter too much for a difference of this size."


def _verdict(finding: Finding) -> str:
    if finding.paper and finding.verdict == CONTRADICTED:
        return "contradicts the paper"
    if finding.paper and finding.verdict == HOLDS:
        return "holds, as in the paper"
    return finding.verdict


def _means(table: Mapping[str, Any], figures: pd.DataFrame, names: Mapping[str, str]) -> str:
    rows = []
    for label, text in table["rows"].items():
        place = Place.parse(text)
        cells = [
            mean_interval(place.find(figures, metric)["value"])._asdict()
            for metric in table["columns"]
        ]
        rows.append([label, *map(with_interval, cells)])
    return markdown_table(["", *(_name(metric, names) for metric in table["columns"])], rows)


def _seed_by_seed(table: Mapping[str, Any], figures: pd.DataFrame, names: Mapping[str, str]) -> str:
    rows = []
    for label, text in table["rows"].items():
        found = {metric: Place.parse(text).find(figures, metric) for metric in table["columns"]}
        for seed in sorted(figures["seed"].unique()):
            cells = [
                with_interval(rows_.loc[seed].to_dict()) if seed in rows_.index else "–"
                for rows_ in found.values()
            ]
            rows.append([label, str(seed), *cells])
    columns = [_name(metric, names) for metric in table["columns"]]
    return markdown_table(["", "seed", *columns], rows)


def _examples(texts: pd.DataFrame) -> str:
    """Both texts of some images."""
    readings = [name for name in texts.columns if name.startswith("inferred_level_")]
    rows = [
        [
            str(row["image_id"]),
            f"{row['level']} ({'right' if row['side'] == 'chosen' else 'wrong'})",
            str(row["explanation"]).replace("|", "\\|"),
            *("–" if pd.isna(row[name]) else f"{row[name]:.1f}" for name in readings),
        ]
        for row in texts.to_dict("records")
    ]
    judges = [f"read by {name.removeprefix('inferred_level_')}" for name in readings]
    return markdown_table(["image", "forced level", "text", *judges], rows)


def _parameter_sets(experiment: Mapping[str, Any], variants: Mapping[str, Any]) -> str:
    shown = {name: variants[name] for name in variants_of(experiment)}
    return f"```yaml\n{yaml.safe_dump(shown, sort_keys=False)}```\n"


def _name(metric: str, names: Mapping[str, str]) -> str:
    return names.get(metric, metric.replace("_", " "))
