"""What goes wrong around a run, for real: a message that helps, and `kedro resume` finishes it.

That it does is tried once for errors and once for each signal; every try is two more processes.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

pytestmark = pytest.mark.slow

Started = Callable[..., "subprocess.CompletedProcess[str]"]

_DROP_CAPABILITY, _DAC_OVERRIDE, _DAC_READ_SEARCH = 24, 1, 2


@pytest.fixture
def data(trial_conf: Path) -> Path:
    """Where the runs of a test store everything."""
    return trial_conf.parent / "data"


@pytest.fixture
def ingest(image_folder: Callable[..., Path]) -> list[str]:
    """Arguments of a run of ingestion over thirty small images."""
    names = [f"{number:02d}.png" for number in range(30)]
    folder = image_folder(*names)
    scores = folder.parent / "scores.csv"
    pd.DataFrame({"image": names, "score": range(30)}).to_csv(scores, index=False)
    params = f"--params=images.folder={folder},images.scores={scores},ingestion.levels=4"
    return ["run", "--pipelines=ingestion", params]


@pytest.fixture
def kedro(project: Path, trial_conf: Path) -> Started:
    """`kedro …` with the test's own configuration; with `code`, that runs in the process first."""

    def start(*arguments: str, code: str = "", **options: Any) -> subprocess.CompletedProcess[str]:
        given = [*arguments, f"--conf-source={trial_conf}"]
        lines = [code, "from kedro.framework.cli import main", "main()"]
        return subprocess.run(
            [sys.executable, "-c", "\n".join(lines), *given],
            cwd=project,
            env={**os.environ, "PYTHONPATH": str(project / "src"), "COLUMNS": "200"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            **options,
        )

    return start


def manifests(data: Path) -> list[dict[str, Any]]:
    """Manifests of all runs, the oldest first."""
    files = sorted((data / "08_reporting/manifests/manifest.json").glob("*/manifest.json"))
    return [json.loads(file.read_text()) for file in files]


def states(manifest: dict[str, Any]) -> dict[str, str]:
    return {node["name"]: node["status"] for node in manifest["nodes"]}


def check_the_end(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """One message with these words, how to go on, and no traceback."""
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stdout
    message, how = done.stdout.splitlines()[-2:]
    for word in words:
        assert word in message
    assert "kedro resume --conf-source=" in how
    assert "What was finished is kept" in how


def check_it_goes_on(kedro: Started, data: Path) -> None:
    """`kedro resume` runs what did not finish, and only that."""
    done = kedro("resume")
    assert done.returncode == 0, done.stdout
    before, after = manifests(data)
    assert after["status"] == "finished"
    assert after["command"]["resumes"] == before["run_id"]
    finished = {name for name, state in states(before).items() if state == "finished"}
    assert finished and not finished & set(states(after))
    assert states(before).keys() - finished == states(after).keys()
    assert len(list((data / "03_primary/scored_images.parquet").iterdir())) == 1


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """A file system of its own, in memory, at a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", *options, "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("Mounting a file system takes root's rights, which are not there.")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk(kedro: Started, ingest: list[str], data: Path) -> None:
    with mounted(data / "03_primary", "-o", "size=64k"):
        filler = data / "03_primary/filler"
        with pytest.raises(OSError, match="No space"), filler.open("wb", buffering=0) as stream:
            while True:
                stream.write(bytes(4096))
        done = kedro(*ingest)
        check_the_end(done, "The disk is full", "/data/03_primary/s", "Make room there")
        assert not list((data / "03_primary").rglob("*.parquet"))
        filler.unlink()
        check_it_goes_on(kedro, data)


def test_a_read_only_disk(kedro: Started, ingest: list[str], data: Path) -> None:
    with mounted(data / "03_primary"):
        subprocess.run(["mount", "-o", "remount,ro", str(data / "03_primary")], check=True)
        check_the_end(kedro(*ingest), "The disk can only be read", "/data/03_primary/s", "mounted")


def _as_anybody() -> None:
    """Take away what lets root write everywhere."""
    if os.getuid() == 0:
        for capability in (_DAC_OVERRIDE, _DAC_READ_SEARCH):
            assert ctypes.CDLL(None).prctl(_DROP_CAPABILITY, capability) == 0


def test_no_permission(kedro: Started, ingest: list[str], data: Path) -> None:
    (data / "03_primary").mkdir(parents=True)
    (data / "03_primary").chmod(0o555)
    done = kedro(*ingest, preexec_fn=_as_anybody)
    check_the_end(done, "Permission denied", "/data/03_primary/s", "chmod")


# In place of a node's work: a signal to its own process, as a terminal or a scheduler sends it.
SIGNALLED = """
from kedro.framework.startup import bootstrap_project
import os
bootstrap_project(os.getcwd())
from selfscore.pipelines.ingestion import pipeline
def stopped(split_images, score_source, settings):
    import os, time
    os.kill(os.getpid(), {number})
    {more}
pipeline.fit_score_scale.__code__ = stopped.__code__
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped(
    number: signal.Signals, kedro: Started, ingest: list[str], data: Path
) -> None:
    done = kedro(*ingest, code=SIGNALLED.format(number=int(number), more="time.sleep(60)"))
    assert done.returncode == 128 + number, done.stdout
    assert "Traceback" not in done.stdout
    message, how = done.stdout.splitlines()[-2:]
    assert message.startswith("The run was stopped by")
    assert "'ingestion.fit_score_scale'" in how and "go on with: kedro resume" in how
    [manifest] = manifests(data)
    assert manifest["status"] == "interrupted"
    assert states(manifest)["ingestion.fit_score_scale"] == "interrupted"
    check_it_goes_on(kedro, data)


STOPPED_AT_ITS_END = """
from kedro.framework.startup import bootstrap_project
import os
bootstrap_project(os.getcwd())
from selfscore.registry.hook import RegistryHooks
def stopped(self, run_params, catalog):
    import os, time
    os.kill(os.getpid(), 15)
    time.sleep(60)
RegistryHooks.after_pipeline_run.__code__ = stopped.__code__
"""


def test_a_run_that_is_stopped_while_its_champion_is_registered(
    kedro: Started, ingest: list[str], trial_conf: Path
) -> None:
    done = kedro(*ingest, code=STOPPED_AT_ITS_END)
    assert done.returncode == 128 + signal.SIGTERM, done.stdout
    assert "Traceback" not in done.stdout
    message, how = done.stdout.splitlines()[-2:]
    assert message.startswith("The run was stopped by")
    assert how.startswith("All its steps are done.")
    assert how.endswith(f"kedro resume --conf-source={trial_conf}")
    resumed = kedro("resume")
    assert resumed.returncode == 0, resumed.stdout
    assert "Its end is left" in resumed.stdout
    assert "finished: nothing is left" in kedro("resume").stdout


def test_a_second_signal_ends_the_process_at_once(
    kedro: Started, ingest: list[str], data: Path
) -> None:
    again = "try: time.sleep(60)\n    finally: os.kill(os.getpid(), 2); time.sleep(60)"
    code = SIGNALLED.format(number=2, more=again).replace(
        "    os.kill(os.getpid(), 2)\n    try:", "    try: os.kill(os.getpid(), 2);"
    )
    done = kedro(*ingest, code=code)
    assert done.returncode == -signal.SIGINT, done.stdout
    # There is the journal alone.
    assert manifests(data) == []
    left = kedro("resume", "--dry-run")
    assert "ingestion.fit_score_scale  did not finish (interrupted)" in left.stdout
    assert "draw_splits" not in left.stdout


def test_a_damaged_table_is_named_and_made_again(
    kedro: Started, ingest: list[str], data: Path
) -> None:
    code = SIGNALLED.format(number=int(signal.SIGKILL), more="pass")
    assert kedro(*ingest, code=code).returncode == -signal.SIGKILL
    place = data / "02_intermediate/split_images.parquet"
    content = bytearray(place.read_bytes())
    content[len(content) // 2] ^= 1
    place.write_bytes(content)
    one = kedro("run", "--nodes=ingestion.fit_score_scale")
    check_the_end(
        one, "'split_images'", "is damaged, or was changed", "node 'ingestion.draw_splits'"
    )
    killed = sorted((data / "08_reporting/manifests/manifest.json").iterdir())[0].name
    done = kedro("resume", f"--run={killed}")
    assert done.returncode == 0, done.stdout
    assert "'split_images' is no longer what was written" in done.stdout
    assert set(states(manifests(data)[-1])) == {
        f"ingestion.{name}"
        for name in ("draw_splits", "fit_score_scale", "check_data", "assign_levels")
    }


def test_python_m_selfscore_ends_in_the_same_words(project: Path, trial_conf: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "selfscore", f"--conf-source={trial_conf}", "--nodes=no_such"],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project / "src")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "no_such" in done.stderr
