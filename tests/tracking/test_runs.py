"""One MLflow run per round and per expert, in a real sqlite store."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import mlflow
import pandas as pd
import pytest
from matplotlib.figure import Figure
from mlflow.entities import Run

from selfscore.tracking.runs import RoundRuns
from selfscore.tracking.words import Label

FIGURES = pd.DataFrame(
    {
        "policy": ["merged", "merged", "merged", "scoring"],
        "split": ["test", "test", "validation", "test"],
        "group": ["all", "a scene", "all", "all"],
        "of": "",
        "metric": ["srcc", "srcc", "srcc", "srcc"],
        "value": [0.5, 0.1, 0.4, float("nan")],
    }
)
LOG = pd.DataFrame({"step": [5, 10], "loss": [0.69, 0.5], "rewards/margins": [0.0, 1.5]})


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


def below(parent_id: str, client: mlflow.MlflowClient | None = None, **options: Any) -> RoundRuns:
    experiment = mlflow.MlflowClient().get_run(parent_id).info.experiment_id
    experts = ("scoring", "consistency")
    client = client or mlflow.MlflowClient()
    return RoundRuns(client, parent_id, experiment, experts, **options)


def children(parent_id: str) -> dict[str, Run]:
    client = mlflow.MlflowClient()
    experiment = client.get_run(parent_id).info.experiment_id
    found = client.search_runs([experiment], f"tags.mlflow.parentRunId = '{parent_id}'")
    return {run.info.run_name: run for run in found}


def artifacts(run_id: str) -> set[str]:
    return {file.path for file in mlflow.MlflowClient().list_artifacts(run_id)}


def test_each_round_has_a_child_with_metrics_named_alike(parent: str) -> None:
    runs = below(parent)
    for number in (1, 2):
        name = f"iteration_{number}"
        table = FIGURES.assign(value=FIGURES["value"] * number)
        runs.log_outputs(name, {f"{name}.figures": table, f"{name}.scoring_training_log": LOG})
    runs.log_outputs("baseline.evaluation", {"baseline.figures": FIGURES})
    runs.end("FINISHED")

    found = children(parent)
    assert found.keys() == {"baseline", "iteration_1", "iteration_2"}
    assert {run.info.status for run in found.values()} == {"FINISHED"}
    assert found["iteration_2"].data.metrics == {
        "headline/srcc": 1.0,
        "headline/srcc_on_validation": 0.8,
        "test/merged/srcc": 1.0,
        "validation/merged/srcc": 0.8,
    }
    assert found["iteration_1"].data.metrics.keys() == found["iteration_2"].data.metrics.keys()
    assert "figures.csv" in artifacts(found["iteration_1"].info.run_id)


def test_figures_of_judges_controls_and_health_stand_beside_the_metrics(parent: str) -> None:
    of = ["", "tfidf", "tfidf/self", "shuffled_images", "health"]
    facts = {"policy": "merged", "split": "test", "group": "all", "metric": "srcc", "value": 0.5}
    runs = below(parent)
    tables = {
        "figures": pd.DataFrame({"of": of}).assign(**facts),
        "reliability": pd.DataFrame({"policy": ["merged"], "frequency": [0.5]}),
    }
    runs.log_outputs("iteration_1", {f"iteration_1.{name}": one for name, one in tables.items()})
    child = children(parent)["iteration_1"]
    assert child.data.metrics == {
        "headline/srcc": 0.5,
        "test/merged/srcc": 0.5,
        "test/merged/tfidf/srcc": 0.5,
        "test/merged/tfidf/self/srcc": 0.5,
        "test/merged/shuffled_images/srcc": 0.5,
        "test/merged/health/srcc": 0.5,
    }
    assert mlflow.MlflowClient().get_run(parent).data.metrics == child.data.metrics
    assert artifacts(child.info.run_id) == {"figures.csv"}


def test_each_expert_has_a_run_of_its_own(parent: str) -> None:
    runs = below(parent)
    for expert, beta in (("scoring", 1.0), ("consistency", 2.0)):
        section = f"params:iteration_2.dpo_training.{expert}"
        parameters = {section: {"lr": 1e-3, "beta": beta}, "params:seed": 7}
        log = f"iteration_2.{expert}_training_log"
        runs.log_parameters("iteration_2", parameters, [f"iteration_2.{expert}_adapter", log])
        runs.log_outputs("iteration_2", {log: LOG})
    expert = FIGURES.assign(policy="consistency", value=0.3)
    judged = expert[:1].assign(of="tfidf", value=0.9)
    runs.log_outputs("iteration_2", {"iteration_2.figures": pd.concat([FIGURES, expert, judged])})
    runs.end("FINISHED")

    round_run = children(parent)["iteration_2"]
    experts = children(round_run.info.run_id)
    assert experts.keys() == {"scoring", "consistency"}
    run = experts["consistency"]
    assert run.info.status == "FINISHED"
    assert run.data.params == {"dpo_training.lr": "0.001", "dpo_training.beta": "2.0", "seed": "7"}
    assert experts["scoring"].data.params["dpo_training.beta"] == "1.0"
    assert (run.data.tags["round"], run.data.tags["expert"]) == ("2", "consistency")
    history = mlflow.MlflowClient().get_metric_history(run.info.run_id, "rewards/margins")
    assert [(point.step, point.value) for point in history] == [(5, 0.0), (10, 1.5)]
    assert run.data.metrics == {
        "loss": 0.5,
        "rewards/margins": 1.5,
        "test/srcc": 0.3,
        "validation/srcc": 0.3,
        "test/tfidf/srcc": 0.9,
    }
    # What the round has of its experts stays there.
    assert round_run.data.metrics["test/consistency/srcc"] == 0.3
    assert round_run.data.params["dpo_training.consistency.beta"] == "2.0"


def test_runs_are_found_by_their_tags(parent: str) -> None:
    runs = below(parent)
    runs.tag(git_commit="abc", base_model="demo")
    runs.log_outputs("iteration_1", {"iteration_1.scoring_training_log": LOG})
    runs.tag(dataset="data/images", dataset_sha256="123")
    client = mlflow.MlflowClient()
    experiment = client.get_run(parent).info.experiment_id
    asked = (
        "tags.git_commit = 'abc' and tags.base_model = 'demo' and tags.dataset = 'data/images' "
        "and tags.dataset_sha256 = '123'"
    )
    found = client.search_runs([experiment], asked)
    assert {run.info.run_name for run in found} >= {"iteration_1", "scoring"}
    assert parent in {run.info.run_id for run in found}
    assert len(found) == 3
    assert not client.search_runs([experiment], asked.replace("123", "124"))


def test_the_parent_has_a_curve_over_rounds(parent: str) -> None:
    runs = below(parent)
    for number in (1, 2, 3):
        table = FIGURES.assign(value=number / 10)
        runs.log_outputs(f"iteration_{number}", {f"iteration_{number}.figures": table})
    history = mlflow.MlflowClient().get_metric_history(parent, "test/merged/srcc")
    assert [(point.step, point.value) for point in history] == [(1, 0.1), (2, 0.2), (3, 0.3)]


def test_parameters_compare_side_by_side(parent: str) -> None:
    runs = below(parent)
    for number in (1, 2):
        inputs = {
            f"params:iteration_{number}.dpo_training.a": {"lr": number, "b": 1},
            "params:seed": 0,
            f"iteration_{number}.scoring_pairs": FIGURES,
        }
        runs.log_parameters(f"iteration_{number}", inputs)
        runs.log_parameters(f"iteration_{number}", inputs)  # another node, the same parameters
    runs.log_parameters("ingestion", {"params:ingestion": {"levels": 10}})

    assert children(parent)["iteration_2"].data.params == {
        "dpo_training.a.lr": "2",
        "dpo_training.a.b": "1",
        "seed": "0",
    }


def test_reports_and_figures(parent: str) -> None:
    runs = below(parent)
    report = {"energy_kept": 0.9, "layers": {"a b@c": 0.8}, "method": "ties", "missing": None}
    figure = Figure()
    runs.log_outputs("iteration_1", {"iteration_1.merge_report": report})
    runs.log_outputs(
        "reporting", {"charts": {"curves.png": figure}, "figures_over_rounds": FIGURES}
    )

    child = children(parent)["iteration_1"]
    # The figures have it, under one name.
    assert child.data.metrics == {}
    assert artifacts(child.info.run_id) == {"merge_report.json"}
    assert artifacts(parent) == {"curves_chart.png", "figures_over_rounds.csv"}


def test_the_report_and_the_champion_belong_to_the_whole_run(parent: str) -> None:
    runs = below(parent)
    runs.log_outputs("reporting", {"champion": {"policy": "policy_1"}, "report": "<!doctype html>"})
    assert {"champion.json", "report.html"} <= artifacts(parent)
    assert mlflow.MlflowClient().get_run(parent).data.tags["champion"] == "policy_1"


def test_a_report_outside_rounds_has_its_numbers_as_metrics(parent: str) -> None:
    report = {"steps": 9, "taste": {"a b@c": 0.8}, "name": "demo", "missing": None}
    below(parent).log_outputs("demo_model", {"demo_model_report": report})
    metrics = mlflow.MlflowClient().get_run(parent).data.metrics
    assert metrics == {"demo_model/steps": 9, "demo_model/taste/a b_c": 0.8}


def test_a_run_is_named_and_described_by_what_came_of_it(parent: str) -> None:
    label = Label.of("data/01_raw/holiday/images", "2026-01-31T09.05.00.000Z")
    runs, client = below(parent, label=label), mlflow.MlflowClient()
    runs.tag(dataset="data/01_raw/holiday/images", git_commit="abc")
    runs.name("iteration")
    runs.describe()
    runs.log_images("data/scored_images.parquet", "f" * 64)
    before = client.get_run(parent)
    assert before.info.run_name == "iteration on holiday, 2026-01-31 09:05"
    assert "has not come to its report" in before.data.tags["mlflow.note.content"]
    [images] = before.inputs.dataset_inputs
    assert (images.dataset.name, images.dataset.digest) == ("holiday", "f" * 36)
    assert "data/scored_images.parquet" in images.dataset.source

    runs.log_outputs("reporting", {"run_summary": {"headline": "All is well."}})
    runs.log_outputs("reporting", {"champion": {"policy": "policy_2"}})
    after = client.get_run(parent)
    assert after.info.run_name == "policy_2 on holiday, 2026-01-31 09:05"
    note = after.data.tags["mlflow.note.content"]
    assert note.startswith("All is well.")
    assert f"/runs/{parent}/artifacts/report.html" in note and "`abc`" in note


def test_an_experiment_opens_on_its_runs_unless_somebody_chose_otherwise(parent: str) -> None:
    runs, client = below(parent), mlflow.MlflowClient()
    experiment = client.get_run(parent).info.experiment_id
    runs.open_on_runs()
    assert client.get_experiment(experiment).tags["mlflow.experimentKind"].startswith("custom")
    client.set_experiment_tag(experiment, "mlflow.experimentKind", "genai_development")
    runs.open_on_runs()
    assert client.get_experiment(experiment).tags["mlflow.experimentKind"] == "genai_development"


def test_long_values_are_cut_and_many_metrics_fit(parent: str) -> None:
    runs = below(parent)
    runs.log_parameters("iteration_1", {"params:prompts": {"rating": "x" * 5000}})
    # A request takes 1,000 of them.
    log = pd.DataFrame({"step": range(900), "loss": 0.5, "accuracy": 0.5, "margin": 0.5})
    runs.log_outputs("iteration_1", {"iteration_1.scoring_training_log": log})

    child = children(parent)["iteration_1"]
    assert len(child.data.params["prompts.rating"]) == 500
    expert = children(child.info.run_id)["scoring"].info.run_id
    for name in ("loss", "accuracy", "margin"):
        assert len(mlflow.MlflowClient().get_metric_history(expert, name)) == 900


def test_a_failing_round_is_marked_with_the_expert_that_failed(parent: str) -> None:
    runs = below(parent)
    for number in (1, 2):
        name = f"iteration_{number}"
        runs.log_outputs(name, {f"{name}.scoring_training_log": LOG})
    runs.end("FAILED")
    found = children(parent)
    assert {name: run.info.status for name, run in found.items()} == {
        "iteration_1": "FINISHED",
        "iteration_2": "FAILED",
    }


def test_secrets_are_no_parameters(parent: str) -> None:
    from selfscore.provenance.redaction import Redaction

    runs = below(parent, redact=Redaction())
    judge = {"api_key": "sk-1234567890", "server": "https://user:pw@host/v1"}
    runs.log_parameters("iteration_1", {"params:iteration_1.evaluation": {"judge": judge}})
    logged = children(parent)["iteration_1"].data.params
    assert logged == {
        "evaluation.judge.api_key": "<redacted>",
        "evaluation.judge.server": "https://<redacted>@host/v1",
    }
