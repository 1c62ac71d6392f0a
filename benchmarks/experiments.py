"""Make the runs that the experiments compare, and keep their figures.

    python -m benchmarks.experiments                    # the runs of all experiments
    python -m benchmarks.experiments exclusion_radius   # those of one
    kedro run --pipelines=experiments                   # docs/experiments from what was kept

The experiments stand in conf/base/experiments/parameters.yml. Every run is an ordinary `kedro run`
of one variant with one seed, with a storage folder and a tracking database of its own under
`--work`; experiments that compare the same variant share its runs. What is kept of a run, under
`--records`, are its figures and some of its texts (CSV), and how and where it ran (JSON). Runs
whose record is there are skipped, so an interrupted benchmark goes on where it stopped.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from benchmarks.runs import PROJECT, Run, Setting, run_all
from selfscore.pipelines.experiments.comparison import variants_of

DEFINITIONS = PROJECT / "conf/base/experiments/parameters.yml"
KEEP = {"figures": "08_reporting/run_figures.csv", "examples": "08_reporting/run_examples.csv"}


def runs_of(
    names: Sequence[str],
    experiments: Mapping[str, Any],
    seeds: Sequence[int],
    environment: str | None,
) -> list[Run]:
    """The runs that some experiments need, each once; all seeds of a variant before the next one.

    Args:
        names: of the experiments; none: all of them.
        experiments: their definitions: `pages` and `variants`.
        seeds: one run of each variant for each.
        environment: configuration environment to start from, None for `conf/base` alone.

    Raises:
        ValueError: there is no such experiment.
    """
    pages = experiments["pages"]
    for name in names:
        if name not in pages:
            raise ValueError(f"There is no experiment '{name}': there are {', '.join(pages)}.")
    wanted = [variant for name in names or pages for variant in variants_of(pages[name])]
    runs = []
    for variant in dict.fromkeys(wanted):
        definition = experiments["variants"][variant]
        page = next(name for name in names or pages if variant in variants_of(pages[name]))
        runs += [
            Run(
                name=f"{variant}_seed_{seed}",
                seed=seed,
                command=f"python -m benchmarks.experiments {page} --variants {variant} "
                f"--seeds {seed}" + (f" --env {environment}" if environment else ""),
                environments=(environment,) if environment else (),
                parameters=definition["parameters"],
                pipelines=tuple(definition["pipelines"]),
                about={"variant": variant},
            )
            for seed in seeds
        ]
    return runs


def main(arguments: list[str] | None = None) -> int:
    """Command line: 0 if every run came to its end."""
    experiments = yaml.safe_load(DEFINITIONS.read_text())["experiments"]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "experiments",
        nargs="*",
        help=f"all of them if not given: {', '.join(experiments['pages'])}",
    )
    parser.add_argument("--variants", nargs="*", help="only the runs of these variants")
    parser.add_argument("--seeds", type=int, nargs="*", default=experiments["seeds"])
    parser.add_argument("--env", help="configuration environment to start from, e.g. test")
    parser.add_argument("--jobs", type=int, default=1, help="runs side by side")
    parser.add_argument("--threads", type=int, help="threads a run; all cores if not given")
    parser.add_argument("--work", type=Path, default=PROJECT / "data/experiments")
    parser.add_argument("--records", type=Path, default=PROJECT / "benchmarks/records/experiments")
    parser.add_argument("--again", action="store_true", help="repeat runs that have a record")
    options = parser.parse_args(arguments)
    try:
        runs = runs_of(options.experiments, experiments, options.seeds, options.env)
    except ValueError as error:
        parser.error(str(error))
    if options.variants is not None:
        runs = [run for run in runs if run.about["variant"] in options.variants]
    setting = Setting(
        work=options.work,
        records=options.records,
        keep=KEEP,
        descriptions="runs",
        threads=options.threads,
        jobs=options.jobs,
        again=options.again,
    )
    return 0 if run_all(runs, setting) else 1


if __name__ == "__main__":
    sys.exit(main())
