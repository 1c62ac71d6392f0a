"""The last lines of a run, and the places that they name."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import fsspec
import pytest
import torch
from cards import policy_over
from kedro.io import DataCatalog

from selfscore.ending import EndingHooks
from selfscore.vlm.policy import LoraAdapter

HEADLINE = "The champion, policy_1, changes nothing."
LAST = "What was made of what: make viz"


def catalog_in(root: str, run_id: str) -> DataCatalog:
    def entry(kind: str, path: str) -> dict[str, Any]:
        return {"type": kind, "filepath": f"{root}/{path}", "versioned": True}

    entries = {
        "report": entry("text.TextDataset", "08_reporting/report.html"),
        "run_summary": entry("json.JSONDataset", "08_reporting/run_summary.json"),
        "champion": entry("json.JSONDataset", "08_reporting/champion.json"),
        "scored_images": entry("json.JSONDataset", "03_primary/scored_images.json"),
        "policy_{number}": entry(
            "selfscore.datasets.policy.PolicyDataset", "06_models/policy_{number}"
        ),
    }
    return DataCatalog.from_config(entries, save_version=run_id)


def adapter() -> LoraAdapter:
    name = "base_model.model.q.lora_{}.weight"
    tensors = {name.format("A"): torch.ones(1, 4), name.format("B"): torch.ones(4, 1)}
    return LoraAdapter({"r": 1, "lora_alpha": 1, "target_modules": ["q"]}, tensors)


def end(root: str, project: Path, run_id: str, env: str | None = None, **made: Any) -> list[str]:
    """A run that makes these datasets; its last lines."""
    hooks, catalog = EndingHooks(), catalog_in(root, run_id)
    hooks.before_pipeline_run()
    for name, data in made.items():
        catalog.save(name, data)
        hooks.after_dataset_saved(name, data)
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("selfscore.ending")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        hooks.after_pipeline_run({"project_path": str(project), "env": env}, catalog)
    finally:
        logger.removeHandler(handler)
    return lines


def a_round(number: int, page: str = "<html>") -> dict[str, Any]:
    policies = {
        f"policy_{each}": policy_over(adapter=adapter() if each else None, iteration=each)
        for each in range(number + 1)
    }
    return {**policies, "run_summary": {"headline": HEADLINE}, "report": page}


def test_the_end_says_what_came_of_it_and_where_it_is(tmp_path: Path) -> None:
    lines = end(f"{tmp_path}/data", tmp_path, "1", **a_round(2, "first"))
    assert lines == [
        HEADLINE,
        "The report: data/08_reporting/latest/report.html",
        "The last round's policy: data/06_models/latest/policy. To score a picture: "
        "kedro score image.jpg",
        LAST,
    ]
    page, policy = (tmp_path / "data" / path for path in ("08_reporting", "06_models"))
    assert (page / "latest/report.html").read_text() == "first"
    assert json.loads((policy / "latest/policy/policy.json").read_text())["iteration"] == 2
    end(f"{tmp_path}/data", tmp_path, "2", **a_round(1, "second"))
    assert (page / "latest/report.html").read_text() == "second"
    assert json.loads((policy / "latest/policy/policy.json").read_text())["iteration"] == 1


def test_pictures_are_scored_with_the_champion_whichever_is_the_last(tmp_path: Path) -> None:
    lines = end(f"{tmp_path}/data", tmp_path, "1", **a_round(1), champion={"policy": "policy_0"})
    assert "To score a picture with the champion: kedro score image.jpg" in lines[2]


def test_an_environment_is_named_where_a_command_needs_it(tmp_path: Path) -> None:
    lines = end(f"{tmp_path}/data", tmp_path, "1", env="test", **a_round(1))
    assert "kedro score --env=test image.jpg" in lines[2]
    assert lines[3].endswith("kedro viz run --env=test")


def test_the_base_model_alone_is_no_policy_that_peft_loads(tmp_path: Path) -> None:
    lines = end(f"{tmp_path}/data", tmp_path, "1", **a_round(0))
    assert "latest/policy" not in " ".join(lines)
    assert not (tmp_path / "data/06_models/latest").exists()


def test_ingestion_alone_says_where_its_tables_are(tmp_path: Path) -> None:
    lines = end(f"{tmp_path}/data", tmp_path, "1", scored_images=[1])
    [line] = lines
    assert line.endswith("data/03_primary/scored_images.json/1/scored_images.json")


def test_in_a_store_the_version_is_named(tmp_path: Path) -> None:
    fsspec.filesystem("memory").store.clear()
    lines = end("memory:///store", tmp_path, "1", **a_round(1))
    assert lines[1] == "The report: memory:///store/08_reporting/report.html/1/report.html"
    place = "memory:///store/06_models/policy_1/1/policy_1"
    assert lines[2].startswith(f"The last round's policy: {place}. ")
    fsspec.filesystem("memory").store.clear()


def test_a_disk_that_takes_no_more_costs_the_place_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "data/08_reporting").mkdir(parents=True)
    (tmp_path / "data/08_reporting/latest").write_text("in the way")
    lines = end(
        f"{tmp_path}/data", tmp_path, "1", report="page", run_summary={"headline": HEADLINE}
    )
    assert lines[-2].startswith("The report: data/08_reporting/report.html/1/report.html")
    assert "is not renewed" in caplog.text
