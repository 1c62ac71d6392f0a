"""Runs at the same time, each a process of its own: in one store, and in one folder."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from selfscore.provenance.one_run import LOCK, ScratchInUseError, scratch_folder, take
from selfscore.settings import HOOKS

# A run as Kedro's session makes it: wait for a file, write a version, read it.
RUN = """
import sys, time
from pathlib import Path
from types import SimpleNamespace
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog
from kedro.io.core import generate_timestamp
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner
from selfscore.provenance.hook import ProvenanceHooks

name, store, clone, awaited = sys.argv[1], *map(Path, sys.argv[2:])

def wait():
    (clone / "runs").touch()
    while not awaited.exists():
        time.sleep(0.01)
    return True

def write(go):
    return {"by": name}

def read(policy):
    return {"read": policy["by"]}

nodes = [
    Node(wait, None, "go"),
    Node(write, "go", "policy"),
    Node(read, "policy", "result"),
]
manager = _create_hook_manager()
manager.register(ProvenanceHooks())

class Loader(dict):
    conf_source = str(clone / "conf")

loader = Loader(globals={"storage": {"scratch": "data"}})
manager.hook.after_context_created(
    context=SimpleNamespace(config_loader=loader, project_path=clone)
)
version = generate_timestamp()
entry = {"type": "json.JSONDataset", "versioned": True}
catalog = DataCatalog.from_config(
    {
        "policy": {**entry, "filepath": f"{store}/policy.json"},
        "result": {"type": "json.JSONDataset", "filepath": f"{clone}/result.json"},
    },
    save_version=version,
)
pipeline = Pipeline(nodes)
asked = {"run_id": version}
manager.hook.before_pipeline_run(run_params=asked, pipeline=pipeline, catalog=catalog)
SequentialRunner().run(pipeline, catalog, manager, version)
manager.hook.after_pipeline_run(
    run_params=asked, run_result={}, pipeline=pipeline, catalog=catalog
)
"""


@contextmanager
def started(name: str, store: Path, clone: Path, awaited: Path) -> Iterator[subprocess.Popen[str]]:
    clone.mkdir(exist_ok=True)
    with (clone / f"{name}.txt").open("w") as said:
        process = subprocess.Popen(
            [sys.executable, "-c", RUN, name, str(store), str(clone), str(awaited)], stderr=said
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def until_it_runs(clone: Path, process: subprocess.Popen[str]) -> None:
    while not (clone / "runs").exists():
        assert process.poll() is None
        time.sleep(0.01)


def read_by(clone: Path) -> str:
    return json.loads((clone / "result.json").read_text())["read"]


def test_each_run_reads_its_own_version_while_another_writes(tmp_path: Path) -> None:
    store, ann, bob, go = (tmp_path / name for name in ("store", "ann", "bob", "go"))
    with started("ann", store, ann, go) as first:
        until_it_runs(ann, first)
        # Later versions than the first run's are there before it stores its own.
        with started("bob", store, bob, tmp_path) as second:
            assert second.wait() == 0
        go.touch()
        assert first.wait() == 0
    assert len(list((store / "policy.json").iterdir())) == 2
    assert (read_by(ann), read_by(bob)) == ("ann", "bob")
    assert "did not match load version" not in (ann / "ann.txt").read_text()


def test_one_run_at_a_time_in_a_clone_and_a_killed_one_blocks_nobody(tmp_path: Path) -> None:
    clone, go = tmp_path / "clone", tmp_path / "go"
    with started("ann", tmp_path, clone, go) as first:
        until_it_runs(clone, first)
        with started("bob", tmp_path, clone, go) as second:
            assert second.wait() == 1
        said = (clone / "bob.txt").read_text()
        assert f"Another run is writing to '{clone}/data' (process {first.pid} on " in said
        assert not (tmp_path / "policy.json").exists()
        first.send_signal(signal.SIGKILL)
        first.wait()
        assert f"process {first.pid} " in (clone / "data" / LOCK).read_text()
    go.touch()
    with started("cleo", tmp_path, clone, go) as third:
        assert third.wait() == 0
    assert read_by(clone) == "cleo"


def test_a_lock_that_was_given_back_can_be_taken(tmp_path: Path) -> None:
    lock = take(tmp_path)
    with pytest.raises(ScratchInUseError):
        take(tmp_path)
    lock.release()
    take(tmp_path).release()


def test_scratch_is_on_a_disk(tmp_path: Path) -> None:
    assert scratch_folder({"storage": {"scratch": "data"}}, tmp_path) == tmp_path / "data"
    assert scratch_folder({}, tmp_path) is None
    with pytest.raises(ValueError, match=r"'s3://bucket/x'.*set it to a folder"):
        scratch_folder({"storage": {"scratch": "s3://bucket/x"}}, tmp_path)


def test_hooks_are_called_in_the_order_of_their_work() -> None:
    names = [type(hook).__name__ for hook in reversed(HOOKS)]
    assert names == ["ProvenanceHooks", "RegistryHooks", "TrackingHooks", "EndingHooks"]
