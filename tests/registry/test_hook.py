"""A champion is registered once, whatever stopped the run that chose it."""

from __future__ import annotations

import pytest
from kedro.pipeline import Node, Pipeline
from mlflow import MlflowClient

from selfscore.running.stopping import going_on_from


class Killed(BaseException):
    """Stands for the end of a process."""


def stop(champion: dict[str, str]) -> None:
    raise RuntimeError("stopped")


def report(champion: dict[str, str]) -> None:
    """Nothing; what is left of the run."""


def last(function) -> Pipeline:
    return Pipeline([Node(function, "champion", None, name="write_report")])


def registered(home) -> list[str]:
    return [one.tags["policy"] for one in home.client.search_model_versions("name='selfscore'")]


def test_what_was_chosen_before_the_run_stopped_is_registered(home) -> None:
    with pytest.raises(RuntimeError):
        home.run(more=last(stop))
    assert registered(home) == []
    # The rest fails once more before it is done.
    with pytest.raises(RuntimeError), going_on_from(home.last):
        home.run(only=last(stop))
    with going_on_from(home.last):
        home.run(only=last(report))
    assert registered(home) == ["policy_1"]


def test_a_registration_that_was_killed_is_done_again(home, monkeypatch) -> None:
    def die(*arguments: object) -> None:
        raise Killed

    monkeypatch.setattr(MlflowClient, "set_registered_model_alias", die)
    with pytest.raises(Killed):
        home.run()
    monkeypatch.undo()
    with going_on_from(home.last):
        home.run(only=Pipeline([]))
    assert registered(home) == ["policy_1"]
    model = home.client.get_registered_model("selfscore")
    assert sorted(model.aliases) == ["candidate", "champion"]


def test_what_an_untracked_run_chose_is_registered_as_its_warning_says(home, caplog) -> None:
    home.run(tracked=False)
    assert registered(home) == []
    assert "`kedro run --pipelines=reporting` registers it" in caplog.text
    home.run(only=home.reporting())
    assert registered(home) == ["policy_1"]
