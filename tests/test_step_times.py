"""How long each step took is kept, for the report and for the next run."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner, ThreadRunner
from kedro_datasets.json import JSONDataset

from selfscore.hooks import StepTimesHooks
from selfscore.pipelines.evaluation.health import watch_health


def work(value: int) -> int:
    return value + 1


def fail(value: int) -> int:
    raise RuntimeError("no")


def catalog_in(folder: Path) -> DataCatalog:
    record = JSONDataset(filepath=str(folder / "step_times.json"))
    start = {"a": MemoryDataset(1), "iteration_1.a": MemoryDataset(1)}
    return DataCatalog({**start, "step_times": record})


def run(pipeline: Pipeline, catalog: DataCatalog, runner: Any = None) -> dict[str, Any]:
    manager = _create_hook_manager()
    manager.register(StepTimesHooks())
    manager.hook.before_pipeline_run(run_params={}, pipeline=pipeline, catalog=catalog)
    (runner or SequentialRunner()).run(pipeline, catalog, manager)
    times: dict[str, Any] = catalog["step_times"].load()
    return times


def nodes(count: int, name: str = "step", function: Callable[[int], int] = work) -> list[Node]:
    return [Node(function, "a", f"{name}_{n}", name=f"{name}_{n}") for n in range(count)]


def test_a_step_is_kept_with_its_stage_and_round(tmp_path: Path) -> None:
    times = run(Pipeline(nodes(1), namespace="iteration_1"), catalog_in(tmp_path))
    step = times["iteration_1.step_0"]
    assert step["round"] == "iteration_1" and step["seconds"] >= 0
    assert step["finished"].endswith("+00:00")
    # A function of a pipeline's own tells the stage.
    hooks, catalog = StepTimesHooks(), catalog_in(tmp_path)
    node = Node(watch_health, ["health", "parameters"], None, name="watch_health")
    hooks.before_node_run(node=node)
    hooks.after_node_run(node=node, catalog=catalog)
    assert catalog["step_times"].load()["watch_health"]["stage"] == "evaluation"


def test_the_next_run_adds_to_the_record(tmp_path: Path) -> None:
    run(Pipeline(nodes(1, "first")), catalog_in(tmp_path))
    times = run(Pipeline(nodes(2, "second")), catalog_in(tmp_path))
    assert set(times) == {"first_0", "second_0", "second_1"}


def test_a_failed_run_keeps_what_it_did(tmp_path: Path) -> None:
    catalog = catalog_in(tmp_path)
    with pytest.raises(RuntimeError):
        run(Pipeline([*nodes(1), Node(fail, "step_0", "end", name="end")]), catalog)
    assert set(catalog["step_times"].load()) == {"step_0"}


def test_there_is_a_record_before_the_first_step_ends(tmp_path: Path) -> None:
    """A report alone can be made of a run that left no times."""
    catalog = catalog_in(tmp_path)
    StepTimesHooks().before_pipeline_run(catalog=catalog)
    assert catalog["step_times"].load() == {}


def test_threads_lose_no_step(tmp_path: Path) -> None:
    times = run(Pipeline(nodes(20)), catalog_in(tmp_path), ThreadRunner(max_workers=8))
    assert len(times) == 20


def test_a_store_that_fails_costs_no_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "blocked").write_text("a file, not a folder")
    with caplog.at_level(logging.WARNING):
        StepTimesHooks().before_pipeline_run(catalog=catalog_in(tmp_path / "blocked"))
    assert "times of the steps are not kept" in caplog.text


def test_a_catalog_without_the_record_is_left_alone() -> None:
    catalog = DataCatalog({"a": MemoryDataset(1)})
    StepTimesHooks().before_pipeline_run(catalog=catalog)
    assert "step_times" not in catalog
