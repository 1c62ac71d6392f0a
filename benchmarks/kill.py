"""Kill runs at random moments, go on with them, and compare what they made with a run left alone.

    python -m benchmarks.kill --kills 24 --seed 0

A first run is left alone: it tells how long each node takes, and what must come out. Every further
run is killed several times (SIGKILL to its process group, so nothing can tidy up), each time at a
moment drawn over the seconds of its nodes, and gone on with by `kedro resume`. Of every six kills,
one each is aimed at training on pairs, training on levels, generation, evaluation and merging, and
one at any node; where that is faster than in the first run, the next node is hit, and the record
says which. Policies, adapters, generations, pairs, predictions, judgements and metrics must be the
same to the bit.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.runs import PROJECT, Run, describe, write_configuration
from selfscore.provenance.journal import NAME as JOURNAL
from selfscore.provenance.journal import fold
from selfscore.provenance.manifest import Manifest, NodeRun, from_record

# Where kills fall, one after the other; None: anywhere.
STAGES = ("dpo_training", "level_training", "data_generation", "evaluation", "merging", None)
COMPARED = re.compile(
    r"policy_\d+|.*(_adapter|_predictions|_pairs|_judge|_training_log|_over_rounds"
    r"|\.(generations|free_texts|judgements|readings|figures|reference_logps))|champion"
)
# Small steps, so that work in progress is stored several times in nodes that take seconds here.
SMALL_STEPS: dict[str, Any] = {
    "data_generation": {"decoding": {"batch_size": 16}},
    "evaluation": {"decoding": {"batch_size": 16}},
    "dpo_training": {"batch_size": 4, "checkpoint_steps": 5},
    "level_training": {"batch_size": 4, "checkpoint_steps": 5},
}
_MANIFESTS = "data/08_reporting/manifests/manifest.json"
_PARTS = "data/checkpoints/*/*/parts"
_LOOK = 0.05  # seconds between two looks at the journal


@dataclass(frozen=True)
class Moment:
    """When to kill.

    Attributes:
        node: that is to run.
        fraction: of the time that it took in the run left alone.
    """

    node: str
    fraction: float


@dataclass(frozen=True)
class Kill:
    """One kill.

    Attributes:
        run: which of the killed runs, from 1.
        stage: pipeline of the node that was hit; None between two nodes.
        node: that was hit.
        seconds: for which it had run.
        in_progress: parts of its work that it had stored by then.
    """

    run: int
    stage: str | None
    node: str | None
    seconds: float
    in_progress: int


class KillError(RuntimeError):
    """A run that came to no end by itself."""


def stage_of(node: NodeRun) -> str:
    """`merging` of `selfscore.pipelines.merging.nodes.merge_experts`."""
    return node.function.split(".")[2]


def draw(nodes: Sequence[NodeRun], kills: int, seed: int) -> list[list[Moment]]:
    """The moments of every run that is killed, each in the order of the nodes.

    Args:
        nodes: of the run left alone.
        kills: how many in all.
        seed: of the draw.
    """
    random = Random(seed)
    place = {node.name: number for number, node in enumerate(nodes)}
    runs = []
    for first in range(0, kills, len(STAGES)):
        moments = []
        for stage in STAGES[: kills - first]:
            some = [node for node in nodes if stage in (None, stage_of(node)) and node.seconds]
            [node] = random.choices(some, [node.seconds or 0 for node in some])
            # A node may be faster than in the run left alone, and is to be hit all the same.
            moments.append(Moment(node.name, random.uniform(0, 0.75 if stage else 1)))
        runs.append(sorted(moments, key=lambda moment: (place[moment.node], moment.fraction)))
    return runs


def manifests_in(folder: Path) -> Iterator[Manifest]:
    """The manifests below a run's folder, the oldest first, also of runs that were killed."""
    for place in sorted((folder / _MANIFESTS).glob("*")):
        if (place / "manifest.json").is_file():
            yield from_record(json.loads((place / "manifest.json").read_text()))
        elif (found := fold((place / JOURNAL).read_text().splitlines())) is not None:
            yield found


def results_in(folder: Path) -> dict[str, str]:
    """Dataset → sha256 of what was made last; of a policy, its digest."""
    return {
        name: artifact.digest or artifact.sha256
        for manifest in manifests_in(folder)
        for name, artifact in manifest.made.items()
        if COMPARED.fullmatch(name)
    }


class Runs:
    """`kedro run` and `kedro resume` in a folder of its own.

    Args:
        folder: for configuration, data and log.
        parameters: of the runs.
        threads: of each process.
    """

    def __init__(self, folder: Path, parameters: dict[str, Any], threads: int) -> None:
        folder.mkdir(parents=True)
        run = Run(folder.name, 0, "", environments=("test",), parameters=parameters)
        self._where = [f"--conf-source={write_configuration(run, folder).resolve()}", "--env=own"]
        self.folder = folder
        self._threads = threads

    def start(self) -> subprocess.Popen[bytes]:
        """Go on with what was killed; the first time, and if nothing was written yet, run."""
        begun = any(manifests_in(self.folder))
        command = ["resume"] if begun else ["run", "--pipelines=iteration"]
        with (self.folder / "log.txt").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "kedro", *command, *self._where],
                cwd=PROJECT,
                env=os.environ | {"OMP_NUM_THREADS": str(self._threads)},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def finish(self) -> None:
        """Run, or go on, to the end.

        Raises:
            KillError: it failed.
        """
        if self.start().wait():
            raise KillError(f"The run failed, see '{self.folder / 'log.txt'}'.")

    def kill_at(self, moment: Moment, seconds: Mapping[str, float]) -> tuple[str | None, float]:
        """Run, or go on, to a moment. If its node is done already, it is the next one that runs.

        Args:
            moment: when to kill.
            seconds: node → how long it takes.

        Returns:
            The node that was hit, and for how many seconds it had run.

        Raises:
            KillError: the run ended before.
        """
        done = {
            node.name
            for manifest in manifests_in(self.folder)
            for node in manifest.nodes
            if node.status == "finished"
        }
        earlier = set((self.folder / _MANIFESTS).glob("*"))
        process = self.start()
        began = ("", 0.0)
        while process.poll() is None:
            node, finished = self._progress(earlier)
            if node is not None and node != began[0]:
                began = (node, time.monotonic())
            reached = moment.node == node or moment.node in done | finished
            if node is not None and reached:
                left = moment.fraction * seconds[node] - (time.monotonic() - began[1])
                if left <= _LOOK:
                    time.sleep(max(left, 0))
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
                    hit, _ = self._progress(earlier)
                    return hit, time.monotonic() - began[1] if hit == node else 0.0
            time.sleep(_LOOK)
        raise KillError(f"The run ended before '{moment.node}', see '{self.folder / 'log.txt'}'.")

    def _progress(self, earlier: set[Path]) -> tuple[str | None, set[str]]:
        """The node that runs in a run that is none of the earlier ones, and those it finished."""
        running, finished = None, set()
        for place in set((self.folder / _MANIFESTS).glob("*")) - earlier:
            if (place / JOURNAL).is_file():
                for line in (place / JOURNAL).read_text(errors="replace").splitlines():
                    if line.startswith('{"event": "node"') and line.endswith("}"):
                        record = json.loads(line)["record"]
                        if record.get("status") == "running":
                            running = record["name"]
                        elif record.get("status") == "finished":
                            finished.add(record["name"])
        return None if running in finished else running, finished


def measure(
    kills: int, seed: int, parameters: dict[str, Any], work: Path, threads: int
) -> dict[str, Any]:
    """Kill and compare.

    Returns:
        seconds_alone: of the run left alone, from start to end; hits: a `Kill` each; compared: how
        many datasets; policies: digest of each, of the run left alone; differing: datasets of the
        killed runs that are not the same, as "<run>: <dataset>".
    """
    started = time.monotonic()
    alone = Runs(work / "alone", parameters, threads)
    alone.finish()
    seconds = time.monotonic() - started
    [manifest] = manifests_in(alone.folder)
    expected = results_in(alone.folder)
    stages = {node.name: stage_of(node) for node in manifest.nodes}
    took = {node.name: node.seconds or 0 for node in manifest.nodes}
    hits, differing = [], []
    for number, moments in enumerate(draw(manifest.nodes, kills, seed), start=1):
        killed = Runs(work / f"killed_{number}", parameters, threads)
        for moment in moments:
            node, since = killed.kill_at(moment, took)
            stored = sum(file.is_file() for file in killed.folder.glob(f"{_PARTS}/**/*"))
            hits.append(Kill(number, stages.get(node or ""), node, round(since, 2), stored))
            print(
                f"run {number}: killed at {node}, {since:.1f} s into it, {stored} parts stored",
                flush=True,
            )
        killed.finish()
        found = results_in(killed.folder)
        differing += [
            f"{number}: {name}"
            for name in sorted(expected.keys() | found.keys())
            if expected.get(name) != found.get(name)
        ]
        print(f"run {number}: {'DIFFERS' if differing else 'equal'}", flush=True)
    return {
        "seconds_alone": round(seconds),
        "kills": len(hits),
        "hits": [asdict(hit) for hit in hits],
        "compared": len(expected),
        "policies": {name: one for name, one in expected.items() if name.startswith("policy_")},
        "differing": differing,
    }


def main(arguments: list[str] | None = None) -> int:
    """Command line: 0 if everything was the same."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--kills", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--work", type=Path, default=PROJECT / "data/kill", help="a new folder")
    parser.add_argument("--record", type=Path, help="file; by default benchmarks/records/kill/…")
    options = parser.parse_args(arguments)
    if options.work.exists():
        parser.error(f"'{options.work}' is there already: remove it, or give another --work.")
    started = time.monotonic()
    parameters = {"rounds": options.rounds} | SMALL_STEPS
    found = measure(options.kills, options.seed, parameters, options.work, options.threads)
    command = f"python -m benchmarks.kill --kills {options.kills} --seed {options.seed}"
    run = Run("kill", options.seed, command, ("test",), parameters)
    about = describe(run, time.monotonic() - started, options.threads)
    record = options.record or PROJECT / f"benchmarks/records/kill/seed_{options.seed}.json"
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text(json.dumps(about | found, indent=1) + "\n")
    same = not found["differing"]
    print(
        f"{found['kills']} kills, {found['compared']} results: "
        + ("all the same" if same else f"DIFFERENT: {', '.join(found['differing'])}")
    )
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
