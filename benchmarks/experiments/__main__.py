"""Make the runs that the experiments compare, and keep their figures.

    python -m benchmarks.experiments                    # the runs of all experiments
    python -m benchmarks.experiments exclusion_radius   # those of one
    python -m benchmarks.experiments.pages              # their pages from what was kept

The experiments stand in the YAML files of this folder. Every run is an ordinary `kedro run` of one
variant with one seed, with a storage folder and a tracking database of its own under `--work`;
experiments that compare the same variant share its runs. What is kept of a run, under `--records`,
are its figures and some of its texts (CSV), and how and where it ran (JSON). Runs whose record is
there are skipped, so an interrupted benchmark goes on where it stopped.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.experiments.definitions import Definitions, variants_of
from benchmarks.experiments.records import RECORDS, keep_record
from benchmarks.runs import PROJECT, Run, Setting, run_all


def runs_of(
    names: Sequence[str],
    definitions: Definitions,
    seeds: Sequence[int] | None = None,
    environment: str | None = None,
) -> list[Run]:
    """The runs that some experiments need, each once; all seeds of a variant before the next one.

    Args:
        names: of the experiments; none: all of them.
        definitions: all experiments.
        seeds: one run of each variant for each; None: those that the definitions have.
        environment: configuration environment to start from, None for `conf/base` alone.

    Raises:
        ValueError: there is no such experiment.
    """
    pages = definitions.pages
    for name in names:
        if name not in pages:
            raise ValueError(f"There is no experiment '{name}': there are {', '.join(pages)}.")
    runs: dict[str, Run] = {}
    for page in names or pages:
        for variant in variants_of(pages[page]):
            own = definitions.variants[variant]
            for seed in own.get("seeds", definitions.seeds) if seeds is None else seeds:
                run = Run(
                    name=f"{variant}_seed_{seed}",
                    seed=seed,
                    command=f"python -m benchmarks.experiments {page} --variants {variant} "
                    f"--seeds {seed}" + (f" --env {environment}" if environment else ""),
                    environments=(
                        *([environment] if environment else []),
                        *own.get("environments", []),
                    ),
                    parameters=own.get("parameters", {}),
                    pipelines=tuple(own.get("pipelines", ["iteration"])),
                    about={"variant": variant},
                )
                runs.setdefault(run.name, run)
    return list(runs.values())


def main(arguments: list[str] | None = None) -> int:
    """Command line: 0 if every run came to its end."""
    definitions = Definitions.load()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "experiments",
        nargs="*",
        help=f"all of them if not given: {', '.join(definitions.pages)}",
    )
    parser.add_argument("--variants", nargs="*", help="only the runs of these variants")
    parser.add_argument("--seeds", type=int, nargs="*", help="instead of each variant's own")
    parser.add_argument("--env", help="configuration environment to start from, e.g. test")
    parser.add_argument("--jobs", type=int, default=1, help="runs side by side")
    parser.add_argument("--threads", type=int, help="threads a run; all cores if not given")
    parser.add_argument("--work", type=Path, default=PROJECT / "data/experiments")
    parser.add_argument("--records", type=Path, default=RECORDS)
    parser.add_argument("--again", action="store_true", help="repeat runs that have a record")
    options = parser.parse_args(arguments)
    try:
        runs = runs_of(options.experiments, definitions, options.seeds, options.env)
    except ValueError as error:
        parser.error(str(error))
    if options.variants is not None:
        runs = [run for run in runs if run.about["variant"] in options.variants]
    setting = Setting(
        work=options.work,
        records=options.records,
        keep=partial(keep_record, folder=options.records, definitions=definitions),
        threads=options.threads,
        jobs=options.jobs,
        again=options.again,
    )
    return 0 if run_all(runs, setting) else 1


if __name__ == "__main__":
    sys.exit(main())
