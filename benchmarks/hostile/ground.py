"""What is made once, and copied for every input: an empty store of tracked runs, a finished run."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.hostile.harness import Ended, in_child, kedro, warm
from benchmarks.hostile.ingestion import COMMAND, LEVELS, table, write_images
from benchmarks.runs import Run, write_configuration

# A round as small as one can be that has everything a round has.
PARAMETERS: Mapping[str, Any] = {
    "rounds": 1,
    "experts": ["scoring", "consistency"],
    "ingestion": {"max_images_per_split": 24, "levels": 6},
    "evaluation": {
        "n_resamples": 20,
        "faithfulness": {"counterfactual": {"pictures": 0}, "reader": {"pictures": 0}},
    },
    "reporting": {"n_resamples": 20},
}
# What is imported to ask a judge's server, which this run does not.
_LATER = ("openai.resources.chat",)
_DATABASE = "mlflow.db"
_LIMIT = 600.0


class GroundError(RuntimeError):
    """What is to be made once could not be made."""


@dataclass(frozen=True)
class Ground:
    """Folders to copy from.

    Attributes:
        empty: of a project in which nothing is kept; its `mlflow.db` has tables.
        finished: of a project with a finished run, and with the handoff that was made of it; None
            where no input needs them.
    """

    empty: Path
    finished: Path | None

    def copy_to(self, folder: Path, finished: bool) -> None:
        """Give an input its store, and the results of the finished run if it needs them."""
        if not finished:
            shutil.copy(self.empty / _DATABASE, folder / _DATABASE)
            return
        if self.finished is None:
            raise GroundError("There is no finished run.")
        shutil.copytree(self.finished, folder, dirs_exist_ok=True)
        # As if it had been made there: manifests name places of this machine.
        for file in folder.glob("data/08_reporting/manifests/manifest.json/*/manifest.json"):
            file.write_text(file.read_text().replace(str(self.finished), str(folder)))


def prepare(work: Path, finished: bool) -> Ground:
    """Make what is copied, and import what commands import.

    Args:
        work: a folder for it.
        finished: whether a finished run is needed, which takes a minute.

    Raises:
        GroundError: a command failed.
    """
    empty = work / "empty"
    write_images(empty)
    (empty / "scores.csv").write_text(table())
    source = write_configuration(
        Run("own", 0, "", parameters={"ingestion": {"levels": LEVELS}}), empty
    )
    command = [part.replace("{folder}", str(empty)) for part in COMMAND]
    where = [f"--conf-source={source}", "--env=own"]
    _check(warm([*command, *where], empty))
    if not finished:
        return Ground(empty, None)
    done = work / "finished"
    done.mkdir()
    source = write_configuration(Run("own", 0, "", ("test",), PARAMETERS), done)
    where = [f"--conf-source={source}", "--env=own"]
    _check(warm(["run", "--pipelines=iteration", *where], done, _LATER))
    pack = ["handoff", "create", "policy_1", f"--output={done / 'handoff'}", *where]
    _check(in_child(kedro(pack, {}), done / "screen.txt", _LIMIT))
    for file in done.glob("*.txt"):
        file.unlink()
    return Ground(empty, done)


def _check(ended: Ended) -> None:
    if ended.code:
        raise GroundError(f"What is made once failed:\n{ended.screen[-3000:]}")
