"""How the configuration reaches the pipelines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from selfscore.configuration.loader import (
    current,
    forget,
)
from selfscore.preference_optimization.settings import DPOSettings


@pytest.fixture(autouse=True)
def new_process(monkeypatch: pytest.MonkeyPatch, project: Path) -> Iterator[None]:
    monkeypatch.chdir(project)
    forget()
    bootstrap_project(project)
    yield
    bootstrap_project(project)


def rounds_in_pipeline() -> set[str]:
    return {
        node.namespace
        for node in pipelines["iteration"].nodes
        if node.namespace and node.namespace.startswith("iteration_")
    }


def test_without_a_session_the_project_decides() -> None:
    assert current().rounds == 2
    assert rounds_in_pipeline() == {"iteration_1", "iteration_2"}


def test_outside_a_project_nobody_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LookupError, match="is in no project"):
        current()


def test_environment_variable_chooses_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEDRO_ENV", "test")
    assert current().rounds == 1


@pytest.mark.parametrize(
    ("env", "runtime", "expected"), [(None, {}, 2), ("test", {}, 1), (None, {"rounds": 3}, 3)]
)
def test_session_decides(
    trial_conf: Path, env: str | None, runtime: dict[str, Any], expected: int
) -> None:
    with KedroSession.create(
        conf_source=str(trial_conf), env=env, runtime_params=runtime
    ) as session:
        session.load_context()
        assert rounds_in_pipeline() == {f"iteration_{number}" for number in range(1, expected + 1)}


def test_a_session_decides_on_the_experts(trial_conf: Path) -> None:
    runtime = {"rounds": 1, "experts": ["scoring", "grounding_free"]}
    with KedroSession.create(conf_source=str(trial_conf), runtime_params=runtime) as session:
        context = session.load_context()
        names = {node.name for node in pipelines["iteration"].nodes}
        policies = {"scoring", "grounding_free", "merged"}
        trained = {name for name in names if name.startswith("iteration_1.train_")}
        assert trained == {f"iteration_1.train_{expert}_expert" for expert in policies - {"merged"}}
        predicted = {name for name in names if name.startswith("iteration_1.predict_")}
        assert predicted == {f"iteration_1.predict_{policy}" for policy in policies}
        # Its texts are written because the expert is there, and for it alone.
        assert "iteration_1.explain_freely" in names
        settings = context.catalog.load("params:iteration_1.dpo_training.grounding_free")
        assert isinstance(settings, DPOSettings) and settings.epochs == 1


def test_next_session_of_a_process_may_have_another_number(trial_conf: Path) -> None:
    for expected in (3, 1, 2):
        runtime = {"rounds": expected}
        with KedroSession.create(conf_source=str(trial_conf), runtime_params=runtime) as session:
            pipelines.set_requested(["iteration"])  # what session.run does first
            session.load_context()
            assert len(rounds_in_pipeline()) == expected


def test_without_hooks_the_catalog_still_has_the_rounds(project: Path) -> None:
    """As in kedro-viz, which runs no hooks and builds the catalog before the pipelines."""
    from kedro_viz.integrations.kedro.data_loader import load_data

    catalog, registered, _ = load_data(
        project, extra_params={"rounds": 3, "iteration_3": {"dpo_training": {"lr": 7.0}}}
    )
    section = "params:iteration_{}.dpo_training.consistency"
    assert catalog.load(section.format(3)).lr == 7.0
    assert catalog.load(section.format(2)).lr != 7.0
    parameters = {name for name in registered["iteration"].inputs() if name.startswith("params:")}
    assert section.format(3) in parameters
    assert all(catalog.exists(name) for name in parameters)
