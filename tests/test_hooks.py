"""The hooks around a real session: ingestion of a small folder."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
from kedro.framework.project import configure_logging
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

Maker = Callable[..., Path]


@pytest.fixture
def run(
    project: Path, trial_conf: Path, image_folder: Maker, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Path]]:
    """Runs ingestion on thirty small images; returns the folder with its results."""
    monkeypatch.chdir(project)
    before = mlflow.get_tracking_uri()
    names = [f"{number:02d}.png" for number in range(30)]
    folder = image_folder(*names)
    scores = folder.parent / "scores.csv"
    pd.DataFrame({"image": names, "score": range(30)}).to_csv(scores, index=False)

    def start(**parameters: Any) -> Path:
        bootstrap_project(project)
        images = {"folder": str(folder), "scores": str(scores)}
        runtime = {"images": images, "ingestion": {"levels": 4}, **parameters}
        with KedroSession.create(conf_source=str(trial_conf), runtime_params=runtime) as session:
            session.run(pipeline_names=["ingestion"])
        return trial_conf.parent / "data"

    yield start
    mlflow.set_tracking_uri(before)


def test_a_session_ingests_and_is_tracked(run: Callable[..., Path]) -> None:
    data = run()
    [scored] = (data / "03_primary").glob("scored_images.parquet/*/scored_images.parquet")
    [scale] = (data / "03_primary").glob("score_scale.json/*/score_scale.json")
    scored, scale = pd.read_parquet(scored), json.loads(scale.read_text())
    assert len(scored) == 30
    assert scale["levels"] == 4

    assert mlflow.active_run() is None
    runs = mlflow.search_runs(experiment_names=["selfscore"], output_format="list")
    assert runs[0].data.params["ingestion.levels"] == "4"
    assert runs[0].data.params["ingestion.columns.image"] == "image"
    assert runs[0].info.status == "FINISHED"


def test_a_failed_session_leaves_no_run_open(run: Callable[..., Path]) -> None:
    with pytest.raises(ValueError, match="no column 'MOS'"):
        run(ingestion={"levels": 4, "columns": {"score": "MOS"}})
    assert mlflow.active_run() is None
    runs = mlflow.search_runs(experiment_names=["selfscore"], output_format="list")
    assert runs[0].info.status == "FAILED"


def test_contract_stops_a_bad_table(run: Callable[..., Path], trial_conf: Path) -> None:
    """The catalog's validator is active: an image that is not what its name says is not saved."""
    catalog = trial_conf / "base" / "ingestion" / "catalog.yml"
    catalog.write_text(catalog.read_text().replace(".ScoredImages", ".Pairs"))
    with pytest.raises(Exception, match="chosen"):
        run()


LIGHT = """
import sys
from kedro.framework.project import configure_project, pipelines
configure_project("selfscore")
import selfscore.settings
assert len(pipelines["iteration"].nodes) > 20
heavy = ["torch", "transformers", "trl", "peft", "mergekit", "sklearn", "matplotlib", "plotly"]
print([name for name in heavy if name in sys.modules])
"""


def test_pipelines_are_listed_without_heavy_libraries(project: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIGHT],
        cwd=project,
        env={"PYTHONPATH": str(project / "src"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1] == "[]"


NOISY = """
import warnings
import selfscore.quiet
selfscore.quiet.quiet()
warnings.warn("register_new_resolver() is deprecated and will be removed")
warnings.warn("something that matters")
"""


def test_only_known_notices_are_silenced(project: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", NOISY],
        env={"PYTHONPATH": str(project / "src"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "something that matters" in done.stderr
    assert "register_new_resolver" not in done.stderr


def test_plugins_load_quietly(project: Path) -> None:
    code = "from selfscore.quiet import quiet; quiet(); import kedro_mlflow"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(project / "src"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""


def test_describing_the_catalog_warns_of_no_contract(project: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kedro", "catalog", "describe-datasets"],
        cwd=project,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "scored_images" in done.stdout
    assert "WARNING" not in done.stdout + done.stderr


def test_logging_configuration_is_taken_by_kedro(project: Path) -> None:
    import yaml

    configure_logging(yaml.safe_load((project / "conf" / "logging.yml").read_text()))
