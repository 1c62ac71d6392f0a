"""What a report is told of its run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from kedro.io import DataCatalog, MemoryDataset

from selfscore.datasets.images import ImageFolderDataset
from selfscore.provenance.run_facts import describe_run


def told(project: Path, resumes: str | None = None, **asked: Any) -> dict[str, str]:
    images = ImageFolderDataset(filepath=str(project / "my/images"), max_pixels=100)
    catalog = DataCatalog({"raw_images": images, "raw_scores": MemoryDataset()})
    run_params = {"project_path": str(project), "run_id": "2026-01-01T00.00.00.000Z", **asked}
    return describe_run(run_params, resumes, catalog, lambda text: text.replace("hunter2", "***"))


def test_the_command_can_be_typed_again(tmp_path: Path) -> None:
    found = told(
        tmp_path,
        pipeline_names=["iteration"],
        env="test",
        namespaces=["iteration_1", "reporting"],
        runtime_params={"rounds": 3, "ingestion": {"unit": "stars 1-5", "columns": {"image": "a"}}},
        load_versions={"policy_1": "2026"},
        only_missing_outputs=True,
    )
    assert found["command"] == (
        "kedro run --pipelines=iteration --env=test --namespaces=iteration_1,reporting "
        "--load-versions=policy_1:2026 --only-missing-outputs "
        "--params='rounds=3,ingestion.unit=stars 1-5,ingestion.columns.image=a'"
    )
    assert found["parameters"].startswith("rounds=3, ingestion.unit=stars 1-5")
    assert found["images"] == "my/images" and "scores" not in found


def test_secrets_are_taken_out_and_what_is_not_known_is_left_out(tmp_path: Path) -> None:
    found = told(tmp_path, "earlier", runtime_params={"server": {"password": "hunter2"}})
    assert "hunter2" not in str(found) and "***" in found["command"]
    assert found["resumes"] == "earlier"
    assert "commit" not in found
    assert set(told(tmp_path)) == {"run", "command", "images"}


def test_the_commit_is_told(project: Path) -> None:
    if not (project / ".git").exists():
        pytest.skip("this copy is no repository")
    assert len(told(project)["commit"].split(",")[0]) == 40
