"""What the configuration decides about the shape of the pipelines: rounds, experts, their names.

Knows names and nested mappings; imports nothing else of the project.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

BASELINE = "baseline"
# Stages that run once per round; each has a shared section of this name in the parameters.
STAGES = (
    "data_generation",
    "preference_building",
    "dpo_training",
    "level_training",
    "merging",
    "evaluation",
)
# The stage that writes what a round learns from.
WRITING = "data_generation"
# The stage that has settings of its own for each expert.
TRAINING = "dpo_training"
# Tags of the nodes that load a model, and of all others.
GPU = "gpu"
CPU = "cpu"
# The expert that learns from the true scores and from no pairs.
LEVEL = "level"

_ROUND = re.compile(r"iteration_(\d+)")
_POLICY = re.compile(r"policy_(\d+)")


def namespace(number: int) -> str:
    """Namespace of a round in the pipeline and the catalog; round 0 is the baseline."""
    return f"iteration_{number}" if number else BASELINE


def round_of(name: str) -> int | None:
    """Number of the round that a namespace, or a name below it, is of; None outside rounds."""
    top = name.split(".")[0]
    found = _ROUND.fullmatch(top)
    return int(found[1]) if found else 0 if top == BASELINE else None


def policy_name(number: int) -> str:
    """Dataset of the policy that a round hands on; 0 is the base model."""
    return f"policy_{number}"


def round_of_policy(name: str) -> int | None:
    """Number of the round that made a policy; None if the name is not a policy's."""
    found = _POLICY.fullmatch(name)
    return int(found[1]) if found else None


@dataclass(frozen=True)
class Layout:
    """What the configuration decides about the shape of the pipelines.

    Attributes:
        rounds: number of rounds, at least 1.
        experts: the experts of each round by name, at least one: `LEVEL`, and those that learn
            from pairs.
        base_texts: whether the first round learns from the texts that the baseline has: in both the
            base model writes them, and here it is asked in the same way.
    """

    rounds: int
    experts: tuple[str, ...]
    base_texts: bool

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> Layout:
        """What the parameters, as they are given or expanded, ask for."""
        shared = parameters.get(WRITING) or {}
        asked = [
            merged(shared, (parameters.get(name) or {}).get(WRITING) or {})
            for name in (BASELINE, namespace(1))
        ]
        return cls(parameters["rounds"], tuple(parameters["experts"]), asked[0] == asked[1])


def of_pairs(experts: Sequence[str]) -> list[str]:
    """Those of the experts that learn from preference pairs."""
    return [name for name in experts if name != LEVEL]


def expand(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in the stage sections of the baseline and of every round.

    Args:
        parameters: Shared sections per stage at the top level, and under `iteration_k` (or
            `baseline`) only what differs there.

    Returns:
        A copy in which `baseline` and `iteration_1 … iteration_N` hold every stage in full, the
        training that of each expert that learns from pairs.
    """
    expanded = deepcopy(dict(parameters))
    layout = Layout.of(parameters)
    shared = {stage: expanded[stage] for stage in STAGES if stage in expanded}
    for name in map(namespace, range(layout.rounds + 1)):
        sections = merged(shared, expanded.get(name) or {})
        if TRAINING in sections:
            sections[TRAINING] = per_expert(sections[TRAINING], of_pairs(layout.experts))
        expanded[name] = sections
    return expanded


def as_given(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Expanded parameters as they may be given again: `expand` makes the same of them."""
    given = dict(parameters)
    for name, section in given.items():
        training = section.get(TRAINING) if isinstance(section, Mapping) else None
        if round_of(name) is None or not isinstance(training, Mapping):
            continue
        own = {
            expert: values
            for expert, values in training.items()
            if isinstance(values, Mapping) and expert != "experts"
        }
        if own:
            shared = {key: value for key, value in training.items() if key not in own}
            given[name] = {**section, TRAINING: {**shared, "experts": own}}
    return given


def per_expert(section: Mapping[str, Any], experts: Sequence[str]) -> dict[str, Any]:
    """Each expert's settings in full: what differs for it, laid over what all share."""
    own = section.get("experts") or {}
    shared = {name: value for name, value in section.items() if name != "experts"}
    return {expert: merged(shared, own.get(expert) or {}) for expert in experts}


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of `base` with `over` laid over it, section by section."""
    result = deepcopy(dict(base))
    for key, value in over.items():
        if isinstance(value, Mapping) and isinstance(result.get(key), Mapping):
            result[key] = merged(result[key], value)
        else:
            result[key] = deepcopy(value)
    return result
