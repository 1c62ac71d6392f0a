"""Whatever the rounds and experts: all that a round has from another is the policy before it."""

from __future__ import annotations

from graphlib import TopologicalSorter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selfscore.configuration.layout import (
    BASELINE,
    LEVEL,
    STAGES,
    TRAINING,
    WRITING,
    Layout,
    expand,
    namespace,
)
from selfscore.pipelines import iteration
from selfscore.preference_data.builders import PAIR_BUILDERS

# Of the machine or of the method as a whole, the same in all rounds.
SHARED = {"params:reporting", "params:seed", "params:machine"}
PARAMETERS: dict[str, Any] = {stage: {"one": 1, "two": {"three": 3}} for stage in STAGES}
EXPERTS = ["scoring", "mixed"]

layouts = st.builds(
    Layout,
    rounds=st.integers(1, 5),
    experts=st.lists(st.sampled_from(sorted([*PAIR_BUILDERS, LEVEL])), min_size=1, unique=True).map(
        tuple
    ),
    base_texts=st.booleans(),
)
differences = st.dictionaries(
    st.sampled_from([*map(namespace, range(1, 6)), BASELINE]),
    st.dictionaries(
        st.sampled_from(STAGES),
        st.fixed_dictionaries({}, optional={"one": st.integers(), "two": st.just({"three": 0})}),
    ),
)


@settings(max_examples=25, deadline=None)
@given(layout=layouts)
def test_a_round_takes_nothing_from_another_but_the_policy_before_it(layout: Layout) -> None:
    nodes = iteration.create_pipeline(layout).nodes
    maker = {output: node for node in nodes for output in node.outputs}
    names = [namespace(number) for number in range(1, layout.rounds + 1)]
    assert {node.namespace for node in nodes} == {"ingestion", BASELINE, *names, "reporting"}

    for number, name in enumerate(names, start=1):
        inside = [node for node in nodes if node.namespace == name]
        inputs = {item for node in inside for item in node.inputs}
        outputs = {item for node in inside for item in node.outputs}
        before, after = f"policy_{number - 1}", f"policy_{number}"
        elsewhere = {
            item for item in inputs - outputs if item in maker and maker[item].namespace in names
        }
        assert before in inputs
        own = f"{name}.generations" in outputs
        assert own == (number > 1 or not layout.base_texts)
        assert (f"{BASELINE}.generations" in inputs) != own
        assert elsewhere == ({before} if number > 1 else set())
        assert {item for item in outputs if not item.startswith(f"{name}.")} == {after}
        parameters = {item for item in inputs if item.startswith("params:")} - SHARED
        assert parameters and all(item.startswith(f"params:{name}.") for item in parameters)

    baseline = {item for node in nodes if node.namespace == BASELINE for item in node.inputs}
    assert not {item for item in baseline if item in maker and maker[item].namespace in names}
    makes = {node: {maker[item] for item in node.inputs if item in maker} for node in nodes}
    assert list(TopologicalSorter(makes).static_order())  # raises CycleError on a circle


@pytest.mark.parametrize(
    ("differing", "same"),
    [
        ({}, True),
        ({BASELINE: {WRITING: {"one": 1}}, "iteration_1": {WRITING: {"one": 1}}}, True),
        ({"iteration_1": {WRITING: {"one": 2}}}, False),
        ({BASELINE: {WRITING: {"two": {"three": 4}}}}, False),
        ({"iteration_2": {WRITING: {"one": 2}}}, True),
    ],
)
def test_the_base_model_is_not_asked_the_same_twice(differing: dict[str, Any], same: bool) -> None:
    given_ = PARAMETERS | {"rounds": 2, "experts": EXPERTS} | differing
    assert Layout.of(given_) == Layout.of(expand(given_)) == Layout(2, tuple(EXPERTS), same)


@settings(max_examples=100, deadline=None)
@given(differing=differences)
def test_what_one_round_does_differently_stays_in_that_round(differing: dict[str, Any]) -> None:
    expanded = expand(PARAMETERS | {"rounds": 5, "experts": EXPERTS} | differing)
    for name in [*map(namespace, range(1, 6)), BASELINE]:
        for stage, shared in PARAMETERS.items():
            full = shared | differing.get(name, {}).get(stage, {})
            of_experts = dict.fromkeys(EXPERTS, full)
            assert expanded[name][stage] == (of_experts if stage == TRAINING else full)
            assert expanded[stage] == shared
