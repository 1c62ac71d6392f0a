"""Make the runs that the experiments compare, and keep their figures.

    python -m benchmarks.experiments                    # the runs of all experiments
    python -m benchmarks.experiments exclusion_radius   # those of one
    python -m benchmarks.experiments results --locked   # with the images that no setting has seen
    python -m benchmarks.experiments head_to_head --data mine --images FOLDER --scores TABLE
    python -m benchmarks.experiments.pages              # their pages from what was kept

The experiments stand in the YAML files of this folder. Every run is an ordinary `kedro run` of one
variant with one seed, with a storage folder and a tracking database of its own under `--work`;
experiments that compare the same variant share its runs. What is kept of a run, under `--records`,
are figures, answers and some texts (CSV), and how and where it ran (JSON). Runs whose
record is there are skipped, so an interrupted benchmark goes on where it stopped.

With `--data`, the same runs are made on other images, and have work and records of their own.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.experiments.definitions import LOCKED, Definitions, variants_of
from benchmarks.experiments.records import RECORDS, keep_record
from benchmarks.runs import DESCRIPTIONS, PROJECT, Run, Setting, run_all
from selfscore.configuration.layout import merged

_AFTERWARDS = "benchmarks.experiments.afterwards"


@dataclass(frozen=True)
class Choice:
    """What differs for all runs alike.

    Attributes:
        seeds: one run of each variant for each; None: those that the definitions have.
        environment: configuration environment to start from, None for `conf/base` alone.
        locked: whether the images that no setting has ever seen are evaluated too.
        data: name, folder of the images and table of their scores, where it is not the demo.
    """

    seeds: Sequence[int] | None = None
    environment: str | None = None
    locked: bool = False
    data: tuple[str, str, str] | None = None

    @property
    def command(self) -> str:
        """Its part of a command; where images lie differs from machine to machine."""
        options = {
            f" --env {self.environment}": self.environment,
            " --locked": self.locked,
            f" --data {(self.data or [''])[0]} --images IMAGES --scores SCORES": self.data,
        }
        return "".join(option for option, chosen in options.items() if chosen)


def runs_of(
    names: Sequence[str], definitions: Definitions, choice: Choice | None = None
) -> list[Run]:
    """The runs that some experiments need, each once; all seeds of a variant before the next one.

    Args:
        names: of the experiments; none: all of them.
        definitions: all experiments.
        choice: what differs for all of them.

    Raises:
        ValueError: there is no such experiment.
    """
    choice = choice or Choice()
    pages = definitions.pages
    for name in names:
        if name not in pages:
            raise ValueError(f"There is no experiment '{name}': there are {', '.join(pages)}.")
    runs: dict[str, Run] = {}
    for page in names or pages:
        for variant in variants_of(pages[page]):
            own = definitions.variants[variant]
            seeds = own.get("seeds", definitions.seeds) if choice.seeds is None else choice.seeds
            for seed in seeds:
                command = f"python -m benchmarks.experiments {page} --variants {variant}"
                run = _run(variant, own, seed, f"{command} --seeds {seed}{choice.command}", choice)
                runs.setdefault(run.name, run)
    return list(runs.values())


def _run(variant: str, own: Mapping[str, Any], seed: int, command: str, choice: Choice) -> Run:
    """The run of a variant, which `own` defines, with a seed."""
    locked = {"evaluation": {"splits": ["validation", "test", LOCKED]}} if choice.locked else {}
    return Run(
        name=f"{variant}_seed_{seed}",
        seed=seed,
        command=command,
        environments=(
            *([choice.environment] if choice.environment else []),
            *own.get("environments", []),
        ),
        parameters=merged(own.get("parameters", {}), locked),
        places=dict(zip(("folder", "scores"), choice.data[1:], strict=True)) if choice.data else {},
        pipelines=tuple(own.get("pipelines", ["iteration"])),
        then=next(
            ((_AFTERWARDS, name, json.dumps(given)) for name, given in own.get("then", {}).items()),
            (),
        ),
        about={"variant": variant, LOCKED: choice.locked},
    )


def needed(run: Run, records: Path) -> bool:
    """Whether there is no record of the run, or one without the locked images that it asks for."""
    file = records / DESCRIPTIONS / f"{run.name}.json"
    if not file.is_file():
        return True
    return run.about[LOCKED] and not json.loads(file.read_text()).get(LOCKED, False)


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
    parser.add_argument(
        "--locked",
        action="store_true",
        help="evaluate the split `locked` too; after all settings are chosen, and not before",
    )
    parser.add_argument("--data", help="name of another data set, for its work and its records")
    parser.add_argument("--images", type=Path, help="folder of its images")
    parser.add_argument("--scores", type=Path, help="table of their scores")
    parser.add_argument("--jobs", type=int, default=1, help="runs side by side")
    parser.add_argument("--threads", type=int, help="threads a run; all cores if not given")
    parser.add_argument("--work", type=Path, help="by default data/experiments, or data/DATA")
    parser.add_argument("--records", type=Path, help=f"by default {RECORDS.parent}/…")
    parser.add_argument("--again", action="store_true", help="repeat runs that have a record")
    options = parser.parse_args(arguments)
    if len({options.data is None, options.images is None, options.scores is None}) > 1:
        parser.error("--data, --images and --scores belong together.")
    data = options.data and (options.data, *map(_place, (options.images, options.scores)))
    name = options.data or RECORDS.name
    work, records = (
        options.work or PROJECT / "data" / name,
        options.records or RECORDS.parent / name,
    )
    choice = Choice(options.seeds, options.env, options.locked, data)
    try:
        runs = runs_of(options.experiments, definitions, choice)
    except ValueError as error:
        parser.error(str(error))
    if options.variants is not None:
        runs = [run for run in runs if run.about["variant"] in options.variants]
    setting = Setting(
        work=work,
        records=records,
        keep=partial(keep_record, folder=records, definitions=definitions),
        threads=options.threads,
        jobs=options.jobs,
    )
    asked = [run for run in runs if options.again or needed(run, records)]
    return 0 if run_all(asked, setting) else 1


def _place(path: Path) -> str:
    return str(path.resolve())


if __name__ == "__main__":
    sys.exit(main())
