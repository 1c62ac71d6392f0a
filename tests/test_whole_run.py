"""Whole runs of the tiny configuration, as a user starts them, in a copy of the project."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import stock
import torch
from mlflow import MlflowClient
from peft import PeftModel
from PIL import Image
from project_copy import copy_project
from transformers import AutoModelForImageTextToText

from selfscore.datasets.policy import PolicyDataset
from selfscore.metrics.figures import among
from selfscore.vlm.loading.loader import load_vlm
from selfscore.vlm.loading.views import average_views
from selfscore.vlm.model import VLM

pytestmark = pytest.mark.slow

EXPERTS = {"scoring", "consistency", "grounding_contrast", "level"}


def run(folder: Path, *parameters: str, options: tuple[str, ...] = ()) -> str:
    """`kedro run` of the tiny configuration; its output."""
    command = [sys.executable, "-m", "kedro", "run", "--pipelines=iteration", "--env=test"]
    command += options
    command += [f"--params={','.join(parameters)}"] if parameters else []
    finished = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert finished.returncode == 0, finished.stdout[-4000:]
    return finished.stdout


def with_experts(folder: Path) -> Path:
    """The copy of a project, in which every round trains `EXPERTS`."""
    parameters = folder / "conf/test/parameters.yml"
    text = parameters.read_text(encoding="utf-8")
    parameters.write_text(f"experts: {sorted(EXPERTS)}\n{text}", encoding="utf-8")
    return folder


def newest(folder: Path, name: str) -> Path:
    """The newest version of a versioned artifact."""
    return max((folder / "data/test" / name).iterdir()) / Path(name).name


def policy(folder: Path, number: int):
    return PolicyDataset(filepath=str(newest(folder, f"06_models/policy_{number}"))).load()


@pytest.fixture(scope="module")
def two_rounds(project, tmp_path_factory):
    folder = with_experts(copy_project(project, tmp_path_factory.mktemp("two_rounds")))
    return folder, run(folder, "rounds=2")


def test_every_round_leaves_its_artifacts(two_rounds):
    folder, _ = two_rounds
    for number in (1, 2):
        name = f"iteration_{number}"
        pairs = pd.read_parquet(newest(folder, f"05_model_input/{name}/scoring_pairs.parquet"))
        assert len(pairs) > 20
        assert set(pairs["split"]) == {"train"}
        figures = pd.read_parquet(newest(folder, f"08_reporting/{name}/figures.parquet"))
        assert set(among(figures)["policy"]) == {*EXPERTS, "merged"}
        assert set(among(figures)["split"]) == {"validation", "test"}
        report = json.loads(newest(folder, f"08_reporting/{name}/merge_report.json").read_text())
        assert 0.5 < report["energy_kept"] <= 1
    table = pd.read_parquet(newest(folder, "08_reporting/over_rounds/figures.parquet"))
    assert set(table["round"]) == {0, 1, 2}
    figure = Image.open(newest(folder, "08_reporting/charts") / "curves.png")
    assert figure.width > 500


def test_the_chain_of_policies_is_recorded(two_rounds):
    folder, _ = two_rounds
    base, first, second = (policy(folder, number) for number in (0, 1, 2))
    assert base.adapter is None
    assert first.card.parent == base.digest
    assert second.card.parent == first.digest


def test_a_policy_loads_with_plain_peft_and_says_the_same(two_rounds, monkeypatch):
    folder, _ = two_rounds
    monkeypatch.chdir(folder)
    ours = load_vlm(policy(folder, 2))
    base = AutoModelForImageTextToText.from_pretrained("data/06_models/demo_model").float()
    average_views(base, policy(folder, 2).card.base_model.views)
    theirs = PeftModel.from_pretrained(base, "data/test/06_models/latest/policy").eval()
    image = Image.open(next((folder / "data/01_raw/demo_images/images").iterdir()))
    inputs = stock.encode(ours, image, "Rate it.", [])
    with torch.inference_mode():
        logits = [vlm.model(**inputs).logits for vlm in (ours, VLM(theirs, ours.processor))]
    log_probabilities = [rows.log_softmax(dim=-1) for rows in logits]
    torch.testing.assert_close(*log_probabilities, rtol=1e-4, atol=1e-4)
    untrained = load_vlm(policy(folder, 0))
    with torch.inference_mode():
        assert not torch.allclose(untrained.model(**inputs).logits, logits[0], atol=1e-2)


def test_mlflow_holds_one_run_with_a_child_per_round_and_one_per_expert_below(two_rounds):
    folder, _ = two_rounds
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    experiment = client.get_experiment_by_name("selfscore")
    runs = client.search_runs([experiment.experiment_id])

    def below(run_id):
        return {
            run.info.run_name: run
            for run in runs
            if run.data.tags.get("mlflow.parentRunId") == run_id
        }

    [parent] = below(None).values()
    children = below(parent.info.run_id)
    assert set(children) == {"baseline", "iteration_1", "iteration_2"}
    assert {run.info.status for run in runs} == {"FINISHED"}
    for name in ("iteration_1", "iteration_2"):
        assert "test/merged/srcc" in children[name].data.metrics
        assert children[name].data.params["dpo_training.scoring.beta"]
        experts = below(children[name].info.run_id)
        assert set(experts) == EXPERTS
        for expert in experts.values():
            assert "test/srcc" in expert.data.metrics
            own = "fidelity" if expert.info.run_name == "level" else "rewards/margins"
            assert client.get_metric_history(expert.info.run_id, own)
        level = experts.pop("level")
        assert level.data.params["level_training.text_every"]
        assert len(client.get_metric_history(experts["scoring"].info.run_id, "loss")) > 1
        betas = {name: run.data.params["dpo_training.beta"] for name, run in experts.items()}
        assert betas == {"scoring": "1.0", "consistency": "2.0", "grounding_contrast": "2.0"}
    assert {
        point.step for point in client.get_metric_history(parent.info.run_id, "test/merged/srcc")
    } == {1, 2}
    assert parent.data.params["iteration_1.dpo_training.scoring.beta"] == "1.0"
    files = {file.path for file in client.list_artifacts(parent.info.run_id)}
    expected = {"report.html", "champion.json", "manifest.json", "figures_over_rounds.csv"}
    assert files >= expected | {"curves_chart.png", "health_chart.png"}
    tags = "tags.base_model = 'data/06_models/demo_model' and tags.dataset = '{}'"
    images = "data/01_raw/demo_images/images"
    assert len(client.search_runs([experiment.experiment_id], tags.format(images))) == len(runs)


def test_the_champion_is_registered(two_rounds):
    folder, output = two_rounds
    assert "not in the model registry" not in output
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    version = client.get_model_version_by_alias("selfscore_test", "champion")
    chosen = json.loads(newest(folder, "08_reporting/champion.json").read_text())
    assert (version.tags["policy"], version.tags["digest"]) == (chosen["policy"], chosen["digest"])
    assert version.tags["validation_srcc"].startswith(f"{chosen['value']:.3f} [")


def test_the_log_tells_what_is_done_in_lines_that_can_be_read(two_rounds):
    folder, output = two_rounds
    assert "iteration_2" in output
    assert "Traceback" not in output
    # A bar writes its line again and again, and that is for a terminal.
    lines = output.splitlines()
    assert "\r" not in output and len(lines) < 150
    assert max(map(len, lines)) <= 200
    summary = json.loads(newest(folder, "08_reporting/run_summary.json").read_text())
    told = output.partition(summary["headline"])[2]
    assert "The report: data/test/08_reporting/latest/report.html" in told
    assert "kedro score --env=test image.jpg" in told
    latest = folder / "data/test/08_reporting/latest/report.html"
    assert latest.read_text() == newest(folder, "08_reporting/report.html").read_text()


WORKFLOW = """
import json
from pathlib import Path
from kedro.framework.startup import bootstrap_project
bootstrap_project(Path.cwd())
from kedro_viz.api.rest.responses.pipelines import get_pipeline_response
from kedro_viz.api.rest.responses.run_events import get_run_status_response
from kedro_viz.server import load_and_populate_data
load_and_populate_data(Path.cwd(), env="test", extra_params={"rounds": 2})
shown = [node.id for node in get_pipeline_response("__default__").nodes if node.type == "task"]
ran = {name: node.status for name, node in get_run_status_response().nodes.items()}
print(json.dumps([ran.get(name) for name in shown]))
"""


def test_the_workflow_view_of_kedro_viz_knows_how_every_node_ended(two_rounds):
    folder, _ = two_rounds
    asked = subprocess.run(
        [sys.executable, "-c", WORKFLOW], cwd=folder, capture_output=True, text=True, check=True
    )
    ended = json.loads(asked.stdout.splitlines()[-1])
    assert len(ended) > 80 and set(ended) == {"success"}


def test_one_seed_gives_one_policy_and_another_seed_another(two_rounds, project, tmp_path):
    folder, _ = two_rounds
    again = with_experts(copy_project(project, tmp_path))
    run(again, "rounds=1", options=("--to-outputs=policy_1",))
    assert policy(again, 1).digest == policy(folder, 1).digest
    run(again, "rounds=1", "seed=1", options=("--to-outputs=iteration_1.level_adapter",))
    name = "06_models/iteration_1/level_adapter"
    adapters = [newest(place, name) / "adapter_model.safetensors" for place in (again, folder)]
    assert adapters[0].read_bytes() != adapters[1].read_bytes()


def test_another_number_of_levels_and_an_expert_with_other_layers(project, tmp_path):
    """The six levels hold from prompt to report, and a layer that one expert lacks is no change."""
    folder = copy_project(project, tmp_path)
    own_targets = "iteration_1.dpo_training.experts.consistency.targets=whole_model"
    output = run(folder, "ingestion.levels=6", own_targets)
    figures = among(pd.read_parquet(newest(folder, "08_reporting/over_rounds/figures.parquet")))
    base = figures[(figures["policy"] == "base") & (figures["metric"] == "format_valid")]
    assert (base["value"] > 0.5).all()
    assert "So the base model answers before any training" in output
    pairs = pd.read_parquet(newest(folder, "05_model_input/iteration_1/consistency_pairs.parquet"))
    assert set(pairs["chosen_level"]) == set(range(6))
    adapted = " ".join(policy(folder, 1).adapter.tensors)
    assert "vision_model" in adapted and "text_model" in adapted
