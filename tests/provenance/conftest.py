"""A small project run with the real hook, and ingestion as real sessions run it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
from kedro.framework.project import settings
from kedro.framework.startup import bootstrap_project
from small_project import only, remote, tiny, whole  # noqa: F401

from selfscore.provenance.project import Project, open_project


@pytest.fixture
def images(image_folder: Callable[..., Path]) -> dict[str, str]:
    """Places of thirty small images and their scores, as parameters."""
    names = [f"{number:02d}.png" for number in range(30)]
    folder = image_folder(*names)
    scores = folder.parent / "scores.csv"
    pd.DataFrame({"image": names, "score": range(30)}).to_csv(scores, index=False)
    return {"folder": str(folder), "scores": str(scores)}


@pytest.fixture
def ingest(
    project: Path, trial_conf: Path, images: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Project]]:
    """Runs ingestion; gives the project as a run would find it afterwards."""
    monkeypatch.chdir(project)
    before = mlflow.get_tracking_uri()

    def opened(**parameters: Any) -> Project:
        runtime = {"images": images, "ingestion": {"levels": 4}, **parameters}
        return open_project(project, None, runtime, conf_source=str(trial_conf))

    def start(only_missing: bool = False, **parameters: Any) -> Project:
        bootstrap_project(project)
        runtime = {"images": images, "ingestion": {"levels": 4}, **parameters}
        try:
            with settings.SESSION_CLASS.create(
                conf_source=str(trial_conf), runtime_params=runtime
            ) as session:
                session.run(pipeline_names=["ingestion"], only_missing_outputs=only_missing)
        finally:
            found = opened(**parameters)
        return found

    start.opened, start.images = opened, images  # type: ignore[attr-defined]
    yield start
    mlflow.set_tracking_uri(before)
    bootstrap_project(project)
