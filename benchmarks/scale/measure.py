"""Processor seconds of every node of one round with the demo model, over so many images.

The model sees each picture once.

    python -m benchmarks.scale.measure --images 100 400

Each number of images is a whole run of its own, in a folder and a tracking database of its own.
What is measured goes to `benchmarks/records/scale/`, and from there to docs/scale.md
(`python -m benchmarks.scale.page`).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.pipeline.node import Node

from benchmarks.performance.machine import describe
from benchmarks.runs import PROJECT, Run, write_configuration
from benchmarks.scale.pictures import write_pictures

RECORDS = PROJECT / "benchmarks" / "records" / "scale"
SEED = 1
_MIB = 2**20 if sys.platform == "darwin" else 2**10  # Linux counts memory in KiB, macOS in bytes.


class NodeSeconds:
    """A hook that keeps the processor time of each node, all of the process's threads together.

    Processor time, because what else a machine does adds to the time on the clock. Reading and
    writing of a node's data is left out.
    """

    def __init__(self) -> None:
        self.found: dict[str, float] = {}
        self._start = 0.0

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        """Start the watch."""
        self._start = time.process_time()

    @hook_impl
    def after_node_run(self, node: Node) -> None:
        """Stop it."""
        self.found[node.name] = round(time.process_time() - self._start, 3)


def run_once(configuration: Path) -> dict[str, Any]:
    """The pipeline `iteration` in this process.

    Returns:
        `nodes` (name → processor seconds), `seconds` of the process's processor time by its end,
        and `peak_mib`, its largest resident memory.
    """
    from kedro.framework.project import configure_project
    from kedro.framework.session import KedroSession
    from kedro.framework.startup import bootstrap_project

    bootstrap_project(PROJECT)
    configure_project("selfscore")
    watch = NodeSeconds()
    opened: Any = KedroSession.create(PROJECT, env="own", conf_source=str(configuration))
    with opened as session:
        # Kedro takes hooks from settings.py alone, and those are the project's.
        session._hook_manager.register(watch)
        session.run(pipeline_names=["iteration"])
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "nodes": watch.found,
        "seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_mib": round(usage.ru_maxrss / _MIB),
    }


def measure(count: int, work: Path) -> dict[str, Any]:
    """One round over `count` images, in a process of its own; see `run_once`."""
    folder = work / str(count)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    run = Run(
        name=str(count),
        seed=SEED,
        command=f"python -m benchmarks.scale.measure --images {count}",
        # Pictures seen once, as the recipes of the models that the prediction is about see them.
        parameters={"rounds": 1, "model": {"views": 1}},
        places=write_pictures(count, folder),
    )
    source = write_configuration(run, folder)
    result = folder / "seconds.json"
    with (folder / "log.txt").open("w") as log:
        subprocess.run(
            [sys.executable, "-m", __spec__.name, "--run", str(source), "--record", str(result)],
            cwd=PROJECT,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            stdout=log,
            stderr=subprocess.STDOUT,
            check=True,
        )
    found: dict[str, Any] = json.loads(result.read_text())
    files = sum(1 for path in (folder / "data").rglob("*") if path.is_file())
    size = sum(path.stat().st_size for path in (folder / "data").rglob("*") if path.is_file())
    return {"command": run.command, **found, "files": files, "bytes": size}


def main() -> None:
    """Measure, and write one record a number of images."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, nargs="+", default=[100, 400, 1000, 10000])
    parser.add_argument("--work", type=Path, default=PROJECT / "data" / "benchmark" / "scale")
    parser.add_argument("--record", type=Path, default=RECORDS, help="folder of the records")
    parser.add_argument("--run", type=Path, help="for this command itself: run one configuration")
    arguments = parser.parse_args()
    if arguments.run:
        arguments.record.write_text(json.dumps(run_once(arguments.run)) + "\n")
        return
    arguments.record.mkdir(parents=True, exist_ok=True)
    for count in arguments.images:
        record = {"images": count, "machine": describe(), **measure(count, arguments.work)}
        place = arguments.record / f"images_{count}.json"
        place.write_text(json.dumps(record, indent=1) + "\n")
        print(f"{count} images: {record['seconds']} s of processor time, in {place}", flush=True)


if __name__ == "__main__":
    main()
