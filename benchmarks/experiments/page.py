"""The page of one experiment, and the list of all of them, in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import yaml

from benchmarks.experiments.claims import CONTRADICTED, HOLDS, Finding
from benchmarks.experiments.definitions import Definitions, FigureRef, of_split, variants_of
from benchmarks.experiments.markdown import (
    environment,
    markdown_table,
    runs_table,
    with_interval,
)
from benchmarks.experiments.means import mean_interval

_INTRODUCTION = """\
# {title}

Made by `python -m benchmarks.experiments.pages` from the records that
`{command}` keeps of its runs. Do not edit by hand.

{question}
"""

_READING = """\
A difference is taken seed by seed; its interval is Student's 95 % interval of the mean over the
seeds, which share {shared}. A claim *holds* or is *contradicted*
where the whole interval lies on one side of 0; that something *does not fall* holds where it
falls on no seed.
"""
_SHARED = "the images, the split and the base model"

_INDEX = """\
# Experiments on the demo

What the method is asked, one page each, with tables, intervals, and how and where it was measured.
Made by `python -m benchmarks.experiments.pages`; do not edit by hand.
`python -m benchmarks.experiments` makes all runs, with the name of an experiment its own. The model
and the raters are the demo's ([results](../results.md)): the pages show how the method behaves, and
say nothing about how well a large model scores.
"""


class _InFull(yaml.SafeDumper):
    """Writes what is the same in two places twice, not as an alias."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def render_page(
    name: str,
    findings: Sequence[Finding],
    figures: pd.DataFrame,
    runs: Sequence[dict[str, Any]],
    examples: Mapping[str, pd.DataFrame],
    more: Sequence[str],
    definitions: Definitions,
) -> str:
    """The page of one experiment.

    Its definition has title, question, tables and claims; `split`, where the figures are not those
    of `definitions.split`; `data`, the name of other records, where its runs are none on the demo's
    images; `images`, where the figures are about others; `shared`, where seeds have other things in
    common than images, split and base model; and `examples`, a variant whose texts are shown, where
    there are some to show. A table has a title, columns (metrics) and rows
    (label → figures); `shows`, where it is not both, `means` or `seeds`; `split`, where it is
    another than the page's; and `about`, what else is said of it. What `compared` and `fronts` are,
    say `benchmarks.experiments.head_to_head` and `benchmarks.experiments.fronts`.

    Args:
        name: of the experiment.
        findings: what the runs say of the claims.
        figures: variant, seed, round, policy, split, metric, value, low, high, of the seeds looked
            at.
        runs: how and where each run was made.
        examples: variant → texts with forced levels.
        more: parts of the page that other modules make.
        definitions: all experiments.
    """
    experiment = definitions.pages[name]
    own_split = experiment.get("split", definitions.split)
    parts = [
        _INTRODUCTION.format(
            title=experiment["title"],
            command=command_of(name, experiment),
            question=experiment["question"].strip(),
        ),
    ]
    if findings:
        reading = _READING.format(shared=experiment.get("shared", _SHARED))
        parts += ["## Answer\n", _answers(findings), *_explanations(findings), reading]
    parts += more
    for table in experiment["tables"]:
        split = table.get("split", own_split)
        images = experiment.get("images", f"{split} images").capitalize()
        parts += _table(table, of_split(figures, split), images, definitions.names)
    if "examples" in experiment:
        parts += ["## Examples\n", _examples(examples[experiment["examples"]])]
    parts += [
        "## Parameter sets\n",
        "What differs from `conf/base`:\n",
        _parameter_sets(experiment, definitions.variants),
        "## How and where\n",
        runs_table(runs),
        environment(runs),
    ]
    return "\n".join(parts)


def command_of(name: str, experiment: Mapping[str, Any]) -> str:
    """What makes the runs of an experiment."""
    data = experiment.get("data")
    elsewhere = f" --data {data} --images IMAGES --scores SCORES" if data else ""
    return f"python -m benchmarks.experiments {name}{elsewhere}"


def render_index(findings: Mapping[str, Sequence[Finding]], definitions: Definitions) -> str:
    """The list of some experiments with their claims.

    Args:
        findings: experiment → what the runs say of its claims.
        definitions: all experiments.
    """
    parts = [_INDEX]
    for name, found in findings.items():
        parts.append(f"## [{definitions.pages[name]['title']}]({name}.md)\n")
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
                ", ".join(_seeds_own(finding)),
                "–" if agree is None else f"{agree} of {len(finding.differences)}",
                f"**{_verdict(finding)}**",
            ]
        )
    return markdown_table(
        ["asked", "mean difference", "seed by seed", "seeds that agree", "answer"], rows
    )


def _seeds_own(finding: Finding) -> list[str]:
    """Each seed's difference, with its interval where that decides."""
    if finding.expected == "stays":
        return [with_interval(row) for row in finding.differences.to_dict("records")]
    return [f"{value:+.3f}" for value in finding.differences["value"]]


def _explanations(findings: Sequence[Finding]) -> list[str]:
    """A sentence on every claim that was not borne out, and on an answer that can be explained."""
    return [
        f"*{finding.says}* {_verdict(finding).capitalize()}: {_reason(finding)}\n"
        for finding in findings
        if (finding.expected and finding.verdict != HOLDS)
        or (not finding.expected and finding.direction and finding.because)
    ]


def _reason(finding: Finding) -> str:
    if finding.mean.n < 2 and finding.expected != "stays":
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


def _table(
    table: Mapping[str, Any], figures: pd.DataFrame, images: str, names: Mapping[str, str]
) -> list[str]:
    rows = {label: FigureRef.parse(text) for label, text in table["rows"].items()}
    variants = {row.variant for row in rows.values()}
    seeds = sorted(figures.loc[figures["variant"].isin(variants), "seed"].unique())
    rests_on = f"{images}, seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}.\n"
    shows = table.get("shows", ["means", "seeds"])
    over_scenes = "[95 % bootstrap interval over the scenes]"
    if "means" in shows:
        parts = [
            f"## {table['title']}, mean over the seeds [95 % interval of the mean]\n",
            rests_on,
            _means(rows, table["columns"], figures, names),
        ]
        if "seeds" in shows:
            parts.append(f"Seed by seed {over_scenes}:\n")
    else:
        parts = [f"## {table['title']} {over_scenes}\n", rests_on]
    if "seeds" in shows:
        parts.append(_seed_by_seed(rows, table["columns"], figures, names))
    return [*parts, table["about"]] if "about" in table else parts


def _means(
    rows: Mapping[str, FigureRef],
    columns: Sequence[str],
    figures: pd.DataFrame,
    names: Mapping[str, str],
) -> str:
    lines = [
        [
            label,
            *(
                with_interval(mean_interval(row.find(figures, metric)["value"])._asdict())
                for metric in columns
            ),
        ]
        for label, row in rows.items()
    ]
    return markdown_table(["", *(_name(metric, names) for metric in columns)], lines)


def _seed_by_seed(
    rows: Mapping[str, FigureRef],
    columns: Sequence[str],
    figures: pd.DataFrame,
    names: Mapping[str, str],
) -> str:
    lines = []
    for label, row in rows.items():
        found = [row.find(figures, metric) for metric in columns]
        for seed in sorted(figures.loc[figures["variant"] == row.variant, "seed"].unique()):
            cells = [
                with_interval(own.loc[seed].to_dict()) if seed in own.index else "–"
                for own in found
            ]
            lines.append([label, str(seed), *cells])
    return markdown_table(["", "seed", *(_name(metric, names) for metric in columns)], lines)


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
    return f"```yaml\n{yaml.dump(shown, Dumper=_InFull, sort_keys=False)}```\n"


def _name(metric: str, names: Mapping[str, str]) -> str:
    return names.get(metric, metric.replace("_", " "))
