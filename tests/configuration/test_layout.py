"""Rounds and experts: their names, and the parameters of each."""

from __future__ import annotations

from typing import Any

import pytest

from selfscore.configuration.layout import (
    as_given,
    expand,
    namespace,
    policy_name,
    round_of,
    round_of_policy,
)

PARAMETERS: dict[str, Any] = {
    "seed": 0,
    "rounds": 2,
    "experts": ["scoring", "mixed"],
    "dpo_training": {"lr": 1.0, "beta": 0.2, "experts": {"scoring": {"beta": 0.3}}},
    "merging": {"density": 0.5, "weights": {"scoring": 1.0, "mixed": 1.0}},
}


@pytest.mark.parametrize("number", [0, 1, 12])
def test_names_lead_back_to_the_round(number: int) -> None:
    assert round_of(namespace(number)) == number
    assert round_of(f"{namespace(number)}.metrics") == number
    assert round_of_policy(policy_name(number)) == number


@pytest.mark.parametrize("name", ["metrics", "iteration_x", "policy_1", "", "iteration_1x"])
def test_other_names_are_of_no_round(name: str) -> None:
    assert round_of(name) is None
    assert round_of_policy(name.replace("policy", "champion")) is None


def test_every_round_and_the_baseline_get_every_stage() -> None:
    expanded = expand(PARAMETERS)
    for name in ("baseline", "iteration_1", "iteration_2"):
        assert expanded[name] == {
            "dpo_training": {
                "scoring": {"lr": 1.0, "beta": 0.3},
                "mixed": {"lr": 1.0, "beta": 0.2},
            },
            "merging": PARAMETERS["merging"],
        }
    assert "iteration_3" not in expanded


def test_one_round_may_differ_in_one_parameter_of_one_expert() -> None:
    over = {"dpo_training": {"experts": {"scoring": {"beta": 0.1}}}, "merging": {"density": 1.0}}
    expanded = expand(PARAMETERS | {"iteration_2": over})
    training = {name: expanded[name]["dpo_training"] for name in ("iteration_1", "iteration_2")}
    assert training["iteration_1"]["scoring"] == {"lr": 1.0, "beta": 0.3}
    assert training["iteration_2"]["scoring"] == {"lr": 1.0, "beta": 0.1}
    assert training["iteration_2"]["mixed"] == {"lr": 1.0, "beta": 0.2}
    assert expanded["iteration_2"]["merging"] == PARAMETERS["merging"] | {"density": 1.0}
    assert PARAMETERS["dpo_training"]["experts"]["scoring"]["beta"] == 0.3


def test_the_expert_without_pairs_has_no_settings_of_dpo() -> None:
    experts = ["level", "scoring"]
    expanded = expand(PARAMETERS | {"experts": experts, "level_training": {"lr": 2.0}})
    assert list(expanded["iteration_2"]["dpo_training"]) == ["scoring"]
    assert expanded["iteration_2"]["level_training"] == {"lr": 2.0}
    alone = expand(PARAMETERS | {"experts": ["level"]})
    assert expand(as_given(alone)) == alone


def test_expanded_parameters_can_be_given_again() -> None:
    over = {"dpo_training": {"lr": 3.0, "experts": {"scoring": {"beta": 0.1}}}}
    expanded = expand(PARAMETERS | {"iteration_2": over})
    again = as_given(expanded)
    assert again["iteration_2"]["dpo_training"]["experts"]["scoring"] == {"lr": 3.0, "beta": 0.1}
    assert expand(again) == expanded
    assert as_given(PARAMETERS) == PARAMETERS


def test_what_was_given_in_the_first_place_stays() -> None:
    given = {namespace(1): {"dpo_training": {"lr": None, "experts": {"mixed": {}}}}}
    assert as_given(given) == given
