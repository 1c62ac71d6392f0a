"""One MLflow run per round, in a real sqlite store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mlflow
import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner
from matplotlib.figure import Figure
from mlflow.entities import Run
from pluggy import PluginManager

from selfscore.hooks import IterationRunsHooks
from selfscore.tracking import RoundRuns

METRICS = pd.DataFrame(
    {
        "policy": ["merged", "merged", "merged", "scoring"],
        "split": ["test", "test", "validation", "test"],
        "group": ["all", "a scene", "all", "all"],
        "metric": ["srcc", "srcc", "srcc", "srcc"],
        "value": [0.5, 0.1, 0.4, float("nan")],
    }
)
LOG = pd.DataFrame({"step": [5, 10], "loss": [0.69, 0.5], "rewards_margins": [0.0, 1.5]})


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    place = tmp_path_factory.mktemp("mlflow")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{place / 'mlflow.db'}")
    experiment: str = mlflow.create_experiment("tests", artifact_location=str(place / "artifacts"))
    yield experiment
    mlflow.set_tracking_uri(before)


@pytest.fixture
def parent(store: str) -> Iterator[str]:
    with mlflow.start_run(experiment_id=store) as run:
        yield run.info.run_id


def children(parent_id: str) -> dict[str, Run]:
    client = mlflow.MlflowClient()
    experiment = client.get_run(parent_id).info.experiment_id
    found = client.search_runs([experiment], f"tags.mlflow.parentRunId = '{parent_id}'")
    return {run.info.run_name: run for run in found}


def artifacts(run_id: str) -> set[str]:
    return {file.path for file in mlflow.MlflowClient().list_artifacts(run_id)}


def test_without_a_run_nothing_is_tracked() -> None:
    assert mlflow.active_run() is None
    assert RoundRuns.below_active_run() is None


def test_each_round_has_a_child_with_metrics_named_alike(parent: str) -> None:
    runs = RoundRuns.below_active_run()
    assert runs is not None
    for number in (1, 2):
        name = f"iteration_{number}"
        table = METRICS.assign(value=METRICS["value"] * number)
        runs.log_outputs(name, {f"{name}.metrics": table, f"{name}.scoring_training_log": LOG})
    runs.log_outputs("baseline.evaluation", {"baseline.metrics": METRICS})
    runs.end("FINISHED")

    found = children(parent)
    assert found.keys() == {"baseline", "iteration_1", "iteration_2"}
    assert {run.info.status for run in found.values()} == {"FINISHED"}
    assert found["iteration_2"].data.metrics == {
        "test/merged/srcc": 1.0,
        "validation/merged/srcc": 0.8,
        "scoring/loss": 0.5,
        "scoring/rewards_margins": 1.5,
    }
    assert found["iteration_1"].data.metrics.keys() == found["iteration_2"].data.metrics.keys()
    assert "metrics.csv" in artifacts(found["iteration_1"].info.run_id)


def test_figures_of_judges_controls_and_health_stand_beside_the_metrics(parent: str) -> None:
    one = {"policy": ["merged"], "split": ["test"], "metric": ["srcc"], "value": [0.5]}
    runs = RoundRuns.below_active_run()
    assert runs is not None
    tables = {
        "metrics": pd.DataFrame(one | {"group": ["all"]}),
        "consistency": pd.DataFrame(one | {"judge": ["tfidf"]}),
        "judge_agreement": pd.DataFrame(one | {"judge": ["tfidf"], "other_judge": ["self"]}),
        "controls": pd.DataFrame(one | {"control": ["shuffled_images"]}),
        "health": pd.DataFrame(one | {"breach": [""]}),
        "reliability": pd.DataFrame({"policy": ["merged"], "frequency": [0.5]}),
    }
    runs.log_outputs("iteration_1", {f"iteration_1.{name}": one for name, one in tables.items()})
    child = children(parent)["iteration_1"]
    assert child.data.metrics == {
        "test/merged/srcc": 0.5,
        "test/merged/tfidf/srcc": 0.5,
        "test/merged/tfidf/self/srcc": 0.5,
        "test/merged/shuffled_images/srcc": 0.5,
        "test/merged/health/srcc": 0.5,
    }
    assert mlflow.MlflowClient().get_run(parent).data.metrics == child.data.metrics
    assert artifacts(child.info.run_id) == {
        "metrics.csv", "consistency.csv", "judge_agreement.csv", "controls.csv", "health.csv",
    }  # fmt: skip


def test_one_judge_leaves_no_trace_of_agreement(parent: str) -> None:
    columns = ["policy", "split", "judge", "other_judge", "metric", "value"]
    runs = RoundRuns.below_active_run()
    assert runs is not None
    none = pd.DataFrame(columns=columns)
    runs.log_outputs("iteration_1", {"iteration_1.judge_agreement": none})
    assert not artifacts(children(parent)["iteration_1"].info.run_id)


def test_training_curves_keep_their_steps(parent: str) -> None:
    runs = RoundRuns.below_active_run()
    assert runs is not None
    runs.log_outputs("iteration_1", {"iteration_1.consistency_training_log": LOG})
    child = children(parent)["iteration_1"].info.run_id
    history = mlflow.MlflowClient().get_metric_history(child, "consistency/loss")
    assert [(point.step, point.value) for point in history] == [(5, 0.69), (10, 0.5)]


def test_the_parent_has_a_curve_over_rounds(parent: str) -> None:
    runs = RoundRuns.below_active_run()
    assert runs is not None
    for number in (1, 2, 3):
        table = METRICS.assign(value=number / 10)
        runs.log_outputs(f"iteration_{number}", {f"iteration_{number}.metrics": table})
    history = mlflow.MlflowClient().get_metric_history(parent, "test/merged/srcc")
    assert [(point.step, point.value) for point in history] == [(1, 0.1), (2, 0.2), (3, 0.3)]


def test_parameters_compare_side_by_side(parent: str) -> None:
    runs = RoundRuns.below_active_run()
    assert runs is not None
    for number in (1, 2):
        inputs = {
            f"params:iteration_{number}.dpo_training": {"lr": number, "experts": {"a": {"b": 1}}},
            "params:seed": 0,
            f"iteration_{number}.scoring_pairs": METRICS,
        }
        runs.log_parameters(f"iteration_{number}", inputs)
        runs.log_parameters(f"iteration_{number}", inputs)  # another node, the same parameters
    runs.log_parameters(None, {"params:ingestion": {"levels": 10}})

    assert children(parent)["iteration_2"].data.params == {
        "dpo_training.lr": "2",
        "dpo_training.experts.a.b": "1",
        "seed": "0",
    }


def test_reports_and_figures(parent: str) -> None:
    runs = RoundRuns.below_active_run()
    assert runs is not None
    report = {"energy_kept": 0.9, "layers": {"a b@c": 0.8}, "method": "ties", "missing": None}
    figure = Figure()
    runs.log_outputs("iteration_1", {"iteration_1.merge_report": report})
    runs.log_outputs(None, {"iteration_figure": figure, "iteration_table": METRICS})

    child = children(parent)["iteration_1"]
    assert child.data.metrics == {"merge/energy_kept": 0.9, "merge/layers/a b_c": 0.8}
    assert artifacts(child.info.run_id) == {"merge_report.json"}
    assert artifacts(parent) == {"iteration_figure.png", "iteration_table.csv"}


def test_the_report_and_the_champion_belong_to_the_whole_run(parent: str) -> None:
    runs = RoundRuns.below_active_run()
    assert runs is not None
    runs.log_outputs(None, {"champion": {"policy": "policy_1"}, "report": "<!doctype html>"})
    assert {"champion.json", "report.html"} <= artifacts(parent)
    assert mlflow.MlflowClient().get_run(parent).data.tags["champion"] == "policy_1"


def test_long_values_are_cut_and_many_metrics_fit(parent: str) -> None:
    runs = RoundRuns.below_active_run()
    assert runs is not None
    runs.log_parameters("iteration_1", {"params:prompts": {"rating": "x" * 5000}})
    log = pd.DataFrame({"step": range(2500), "loss": 0.5})
    runs.log_outputs("iteration_1", {"iteration_1.scoring_training_log": log})

    child = children(parent)["iteration_1"]
    assert len(child.data.params["prompts.rating"]) == 500
    history = mlflow.MlflowClient().get_metric_history(child.info.run_id, "scoring/loss")
    assert len(history) == 2500


def test_a_lost_store_costs_a_warning_only(
    parent: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lost = tmp_path / "lost.db"
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{lost}")
    runs = RoundRuns(client, parent, "0")
    lost.write_bytes(b"not a database")
    runs.log_outputs("iteration_1", {"iteration_1.metrics": METRICS})
    runs.end("FINISHED")
    assert "Not written to MLflow" in caplog.text


# The hooks, called by Kedro's own runner.


def run_rounds(work: Callable[[int], Any], hooks: IterationRunsHooks) -> None:
    from kedro.framework.hooks.manager import _create_hook_manager

    manager: PluginManager = _create_hook_manager()
    manager.register(hooks)
    template = Pipeline([Node(work, "params:dpo_training.lr", "metrics", name="measure")])
    pipeline = sum(
        (Pipeline(template, namespace=f"iteration_{number}") for number in (1, 2)), Pipeline([])
    )
    names = [f"params:iteration_{number}.dpo_training.lr" for number in (1, 2)]
    catalog = DataCatalog(
        {name: MemoryDataset(number) for number, name in enumerate(names, start=1)}
        | {f"iteration_{number}.metrics": MemoryDataset() for number in (1, 2)}
    )
    arguments = {"run_params": {}, "pipeline": pipeline, "catalog": catalog}
    manager.hook.before_pipeline_run(**arguments)
    try:
        result = SequentialRunner().run(pipeline, catalog, manager)
    except ValueError as error:
        manager.hook.on_pipeline_error(error=error, **arguments)
        raise
    manager.hook.after_pipeline_run(run_result=result, **arguments)


def test_hooks_track_a_run(parent: str) -> None:
    run_rounds(lambda lr: METRICS.assign(value=lr), IterationRunsHooks())

    found = children(parent)
    assert {name: run.info.status for name, run in found.items()} == {
        "iteration_1": "FINISHED",
        "iteration_2": "FINISHED",
    }
    assert found["iteration_2"].data.metrics["test/merged/srcc"] == 2
    assert found["iteration_2"].data.params == {"dpo_training.lr": "2"}
    active = mlflow.active_run()
    assert active is not None and active.info.run_id == parent


def test_a_failing_round_is_marked(parent: str) -> None:
    def work(lr: int) -> pd.DataFrame:
        if lr == 2:
            raise ValueError("round 2 fails")
        return METRICS

    with pytest.raises(ValueError, match="round 2 fails"):
        run_rounds(work, IterationRunsHooks())

    assert {name: run.info.status for name, run in children(parent).items()} == {
        "iteration_1": "FINISHED",
        "iteration_2": "FAILED",
    }


def test_hooks_without_mlflow_do_nothing() -> None:
    hooks = IterationRunsHooks()
    hooks.before_pipeline_run()
    node = SimpleNamespace(namespace="iteration_1")
    hooks.before_node_run(node=node, inputs={})
    hooks.after_node_run(node=node, outputs={"iteration_1.metrics": METRICS})
    hooks.after_pipeline_run()
