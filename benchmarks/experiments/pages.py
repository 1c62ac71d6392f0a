"""Write the pages of the experiments from the records of their runs.

    python -m benchmarks.experiments.pages
    python -m benchmarks.experiments.pages --split validation --docs build/trial

The second shows one split on all pages: settings are chosen by the validation images.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from benchmarks.experiments.claims import Finding, judge_claim
from benchmarks.experiments.definitions import LOCKED, Definitions, of_split, variants_of
from benchmarks.experiments.fronts import merge_fronts_part
from benchmarks.experiments.head_to_head import head_to_head
from benchmarks.experiments.means import mean_interval
from benchmarks.experiments.page import command_of, render_index, render_page
from benchmarks.experiments.records import FIGURES, RECORDS, Records, read_records
from benchmarks.runs import PROJECT
from selfscore.metrics.figures import POOLED

if TYPE_CHECKING:
    from matplotlib.figure import Figure

logger = logging.getLogger(__name__)

FOLDER = "experiments"


def write_pages(
    on_demo: Records, definitions: Definitions, others: Mapping[str, Records]
) -> dict[str, str | Figure]:
    """The pages of the experiments whose runs are all recorded, and the list of them.

    Args:
        on_demo: records of all runs on the demo's images.
        definitions: all experiments.
        others: name → records of the runs on other images.

    Returns:
        File below `docs` → a page in Markdown, or a figure that a page shows. A page rests on the
        seeds that all of its variants have; a variant with seeds of its own on all of its own.

    Raises:
        ValueError: no experiment has its runs.
    """
    written: dict[str, str | Figure] = {}
    listed: dict[str, Sequence[Finding]] = {}
    for name, experiment in definitions.pages.items():
        split = experiment.get("split", definitions.split)
        found = others.get(experiment["data"]) if "data" in experiment else on_demo
        seeds = _seeds(found, split, variants_of(experiment), definitions) if found else {}
        if found is None or not all(seeds.values()):
            locked = f" --{LOCKED}" if split == LOCKED else ""
            logger.warning(
                "The page '%s' is not written: run `%s%s` first.",
                name,
                command_of(name, experiment),
                locked,
            )
            continue
        own = _of_seeds(found, seeds)
        findings = [
            judge_claim(claim, of_split(own.figures, claim.get("split", split)))
            for claim in experiment["claims"]
        ]
        examples = {
            run["variant"]: own.examples[key]
            for key, run in own.runs.items()
            if run["seed"] == seeds[run["variant"]][0] and key in own.examples
        }
        more, pictures = _other_parts(experiment, own, others, definitions)
        written[experiment.get("file", f"{FOLDER}/{name}.md")] = render_page(
            name, findings, own.figures, list(own.runs.values()), examples, more, definitions
        )
        written |= pictures
        if "figure" in experiment:
            drawn = experiment["figure"]
            written[drawn["file"]] = _draw(of_split(own.figures, split), drawn, split)
        if "file" not in experiment:
            listed[name] = findings
    if not written:
        raise ValueError(
            "No experiment has its runs yet: run `python -m benchmarks.experiments` first."
        )
    return written | {f"{FOLDER}/README.md": render_index(listed, definitions)}


def main(arguments: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--records", type=Path, default=RECORDS)
    parser.add_argument("--docs", type=Path, default=PROJECT / "docs")
    parser.add_argument("--split", help="shown on all pages, instead of each page's own")
    options = parser.parse_args(arguments)
    definitions = Definitions.load()
    if options.split:
        definitions = definitions.showing(options.split)
    # Records of other images lie beside those of the demo.
    others = {
        folder.name: read_records(folder)
        for folder in sorted(options.records.parent.iterdir())
        if folder != options.records and (folder / FIGURES).is_dir()
    }
    for name, content in write_pages(read_records(options.records), definitions, others).items():
        file = options.docs / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            file.write_text(content, encoding="utf-8")
        else:
            content.savefig(file)
        print(file)
    return 0


def _seeds(
    records: Records, split: str, variants: Sequence[str], definitions: Definitions
) -> dict[str, list[int]]:
    figures = records.figures[records.figures["split"] == split]
    recorded = {name: set(figures.loc[figures["variant"] == name, "seed"]) for name in variants}
    shared = [name for name in variants if "seeds" not in definitions.variants[name]]
    common = set.intersection(*(recorded[name] for name in shared)) if shared else set()
    return {name: sorted(common if name in shared else recorded[name]) for name in variants}


def _of_seeds(records: Records, seeds: Mapping[str, Sequence[int]]) -> Records:
    """What a page rests on: the figures and runs of these seeds of these variants."""
    looked_at = pd.MultiIndex.from_tuples(
        [(variant, seed) for variant, own in seeds.items() for seed in own]
    )
    rows = pd.MultiIndex.from_frame(records.figures[["variant", "seed"]]).isin(looked_at)
    runs = {
        name: run
        for name, run in records.runs.items()
        if run["seed"] in seeds.get(run["variant"], ())
    }
    return records._replace(figures=records.figures[rows], runs=runs)


def _other_parts(
    experiment: Mapping[str, Any],
    own: Records,
    others: Mapping[str, Records],
    definitions: Definitions,
) -> tuple[list[str], dict[str, Figure]]:
    """What a page has beside tables and claims."""
    if "compared" in experiment:
        return head_to_head(experiment["compared"], own, others, definitions)
    if "fronts" in experiment:
        split = experiment.get("split", definitions.split)
        return merge_fronts_part(experiment["fronts"], own.figures, split, definitions)
    return [], {}


def _draw(figures: pd.DataFrame, drawn: Mapping[str, Any], split: str) -> Figure:
    """The curves over rounds of a variant, means over its seeds with their intervals."""
    from selfscore.report.policy_charts import curves_chart

    own = figures[figures["variant"] == drawn["variant"]]
    rows = [
        {
            "round": number,
            "policy": policy,
            "metric": metric,
            **mean_interval(values)._asdict(),
        }
        for (number, policy, metric), values in own.groupby(
            ["round", "policy", "metric"], sort=False
        )["value"]
    ]
    table = pd.DataFrame(rows).assign(split=split, group=POOLED, of="")
    return curves_chart(table, split, drawn["metrics"]).figure


if __name__ == "__main__":
    sys.exit(main())
