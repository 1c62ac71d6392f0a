"""What a team shares, and what stays in each clone."""

from __future__ import annotations

from pathlib import Path

import pytest
from kedro.framework.project import pipelines
from kedro.framework.startup import bootstrap_project
from kedro.io import DatasetError

from selfscore.provenance.places import is_growing, is_versioned, place_of
from selfscore.provenance.project import open_project


@pytest.fixture
def here(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(project)
    monkeypatch.setenv("SELFSCORE_STORE", "memory:///store")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    bootstrap_project(project)
    return project


def test_what_has_versions_is_shared_and_nothing_else_that_is_written(here: Path) -> None:
    """Without versions, two runs would write over each other's."""
    catalog = open_project(here, "team").catalog
    written = {"manifest"}.union(*(one.all_outputs() for one in pipelines.values()))
    shared = set()
    # Work in progress is in the clone, and no one's result.
    for name in (name for name in written if not is_growing(name)):
        place = place_of(catalog[name], "any" if is_versioned(catalog[name]) else None)
        assert place is not None, name
        assert place.is_local != is_versioned(catalog[name]), (name, place.url)
        if not place.is_local:
            assert place.url.startswith("memory:///store/"), place.url
            shared.add(name)
    assert {"scored_images", "score_scale", "policy_1", "champion", "report", "manifest"} <= shared
    assert {"iteration_1.consistency_pairs", "iteration_1.figures", "scores"} <= shared


def test_a_store_that_is_away_is_not_taken_for_an_empty_one(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SELFSCORE_STORE", "s3://our-bucket/demo")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIASOMEBODY")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3-secret")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(DatasetError, match="the store does not answer: Could not connect"):
        open_project(here, "team").catalog.exists("policy_1")


@pytest.mark.parametrize("name", ["SELFSCORE_STORE", "MLFLOW_TRACKING_URI"])
def test_a_place_that_is_not_given_is_asked_for(
    here: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(name)
    with pytest.raises(Exception, match=rf"{name} is not set.*docs/team\.md"):
        open_project(here, "team")
