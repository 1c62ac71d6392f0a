"""How the number of rounds and each round's parameters reach the pipelines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from selfscore.pipelines.iteration import rounds

PARAMETERS: dict[str, Any] = {
    "seed": 0,
    "rounds": 2,
    "dpo_training": {"lr": 1.0, "experts": {"scoring": {"beta": 0.3}}},
    "merging": {"density": 0.5},
}


@pytest.fixture(autouse=True)
def _forget_rounds(monkeypatch: pytest.MonkeyPatch, project: Path) -> Iterator[None]:
    """Every test starts like a new process, and leaves no trace."""
    monkeypatch.chdir(project)
    monkeypatch.setattr(rounds, "_configured", None)
    bootstrap_project(project)
    yield
    bootstrap_project(project)


def rounds_in_pipeline() -> set[str]:
    return {
        node.namespace
        for node in pipelines["iteration"].nodes
        if node.namespace and node.namespace.startswith("iteration_")
    }


def test_every_round_and_the_baseline_get_every_stage() -> None:
    expanded = rounds.expand(PARAMETERS)
    for name in ("baseline", "iteration_1", "iteration_2"):
        assert expanded[name] == {
            "dpo_training": PARAMETERS["dpo_training"],
            "merging": PARAMETERS["merging"],
        }
    assert "iteration_3" not in expanded


def test_override_changes_one_parameter_of_one_round() -> None:
    over = {"dpo_training": {"experts": {"scoring": {"beta": 0.1}}}}
    expanded = rounds.expand(PARAMETERS | {"iteration_2": over})
    assert expanded["iteration_2"]["dpo_training"] == {
        "lr": 1.0,
        "experts": {"scoring": {"beta": 0.1}},
    }
    assert expanded["iteration_2"]["merging"] == {"density": 0.5}
    assert expanded["iteration_1"]["dpo_training"]["experts"]["scoring"]["beta"] == 0.3
    assert PARAMETERS["dpo_training"]["experts"]["scoring"]["beta"] == 0.3


@pytest.mark.parametrize(
    ("over", "message"),
    [
        ({"iteration_3": {}}, r"'iteration_3'.*iteration_1 to iteration_2.*Raise `rounds`"),
        ({"iteration_1": {"dpo": {}}}, r"'iteration_1\.dpo' is not a stage.*dpo_training, merging"),
        ({"iteration_1": {"merging": {"densty": 1}}}, r"no parameter 'densty'.*density"),
        ({"iteration_1": {"merging": 3}}, r"'iteration_1\.merging' must be a section"),
        ({"iteration_1": 3}, r"'iteration_1' must be a section"),
        ({"rounds": 0}, "at least 1, not 0"),
        ({"rounds": "two"}, "at least 1, not 'two'"),
        ({"rounds": True}, "at least 1, not True"),
        ({"experts": []}, r"`experts` must be a list of different names, not \[\]"),
        ({"experts": "scoring"}, "list of different names, not 'scoring'"),
        ({"experts": ["scoring", "scoring"]}, "list of different names"),
        ({"experts": ["merged"]}, "`experts` has 'merged'.*none of base, merged"),
        ({"experts": ["Humour me"]}, "`experts` has 'Humour me'.*snake_case"),
    ],
)
def test_mistakes_are_named(over: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rounds.expand(PARAMETERS | over)


def test_without_a_session_the_configuration_decides() -> None:
    assert rounds.configured().rounds == 2
    assert rounds_in_pipeline() == {"iteration_1", "iteration_2"}


def test_outside_a_project_there_is_one_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert rounds.configured().rounds == 1


def test_environment_variable_chooses_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEDRO_ENV", "test")
    assert rounds.configured().rounds == 1


def test_asking_for_rounds_leaves_the_session_its_globals(
    trial_conf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second configuration loader would have taken over `${globals:…}` of this one."""
    with KedroSession.create(conf_source=str(trial_conf)) as session:
        context = session.load_context()
        monkeypatch.setattr(rounds, "_configured", None)
        assert rounds.configured().rounds == 2
        path = context.config_loader["catalog"]["score_scale"]["filepath"]
    assert path.startswith(str(trial_conf.parent))


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
        parameters = context.catalog.load("params:iteration_1.dpo_training")
        assert parameters["experts"]["grounding_free"]["epochs"] == 1


def test_an_expert_without_pairs_is_named_before_anything_runs(trial_conf: Path) -> None:
    runtime = {"experts": ["humour"]}
    with KedroSession.create(conf_source=str(trial_conf), runtime_params=runtime) as session:
        session.load_context()
        with pytest.raises(ValueError, match="No pair builder for expert 'humour'"):
            _ = pipelines["iteration"]


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
    assert catalog.load("params:iteration_3.dpo_training")["lr"] == 7.0
    assert catalog.load("params:iteration_2.dpo_training")["lr"] != 7.0
    parameters = {name for name in registered["iteration"].inputs() if name.startswith("params:")}
    assert "params:iteration_3.dpo_training" in parameters
    assert all(catalog.exists(name) for name in parameters)
