"""How many rounds there are, which experts each trains, and the parameters of each.

Kedro builds pipelines without showing them the configuration, so what shapes them is handed over
here: the configuration loader calls `configure` whenever it reads the parameters. Where nothing
has read them yet (`kedro registry list`), `configured` reads them itself.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BASELINE = "baseline"
# Stages that run once per round; each has a shared section of this name in the parameters.
STAGES = ("data_generation", "preference_building", "dpo_training", "merging", "evaluation")

# Names that the evaluation gives to policies that are no expert's.
_TAKEN = ("base", "merged", "incoming")


@dataclass(frozen=True)
class Layout:
    """What the configuration decides about the shape of the pipelines.

    Attributes:
        rounds: number of rounds, at least 1.
        experts: the experts of each round by name, at least one.
    """

    rounds: int = 1
    experts: tuple[str, ...] = ("scoring", "consistency")


_configured: Layout | None = None


def namespace(number: int) -> str:
    """Name of round `number`, counted from 1: its namespace in the pipeline and the catalog."""
    return f"iteration_{number}"


def configure(layout: Layout) -> None:
    """Set the rounds and experts that `create_pipeline` lays out."""
    global _configured
    _configured = layout


def set_by_session() -> Layout | None:
    """What a session of this process has set, None before the first."""
    return _configured


def configured() -> Layout:
    """What the session has set, else what the project's configuration says."""
    if _configured is None:
        return _from_configuration()
    return _configured


def layout(parameters: Mapping[str, Any]) -> Layout:
    """The rounds and experts that the parameters ask for.

    Args:
        parameters: The project's parameters; `rounds` and `experts` have the defaults of `Layout`.

    Raises:
        ValueError: If `rounds` is not a whole number of at least 1, or `experts` is not a list of
            different names in snake_case.
    """
    default = Layout()
    return Layout(
        rounds=_checked_rounds(parameters.get("rounds", default.rounds)),
        experts=_checked_experts(parameters.get("experts", default.experts)),
    )


def expand(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in the stage sections of the baseline and of every round.

    Args:
        parameters: Shared sections per stage at the top level, and under `iteration_k` (or
            `baseline`) only what differs there.

    Returns:
        A copy in which `iteration_1 … iteration_N` and `baseline` hold every stage in full.

    Raises:
        ValueError: If an override names a round, a stage or a parameter that does not exist.
    """
    expanded = deepcopy(dict(parameters))
    names = [namespace(number) for number in range(1, layout(parameters).rounds + 1)]
    for key in expanded:
        if key.startswith("iteration_") and key not in names:
            raise ValueError(
                f"Parameters are given for '{key}', but there are rounds {names[0]} to "
                f"{names[-1]} only. Raise `rounds` (now {len(names)}) or remove '{key}'."
            )
    shared = {stage: expanded[stage] for stage in STAGES if stage in expanded}
    for name in [*names, BASELINE]:
        overrides = expanded.get(name) or {}
        if name != BASELINE:
            _check_overrides(name, overrides, shared)
        expanded[name] = _merge(shared, overrides)
    return expanded


def _check_overrides(name: str, overrides: Any, shared: Mapping[str, Mapping[str, Any]]) -> None:
    if not isinstance(overrides, Mapping):
        raise ValueError(f"'{name}' must be a section with stages in it, not {overrides!r}.")
    for stage, values in overrides.items():
        if stage not in shared:
            raise ValueError(
                f"'{name}.{stage}' is not a stage of a round. Stages: {', '.join(shared)}."
            )
        if not isinstance(values, Mapping):
            raise ValueError(f"'{name}.{stage}' must be a section, not {values!r}.")
        unknown = sorted(set(values) - set(shared[stage]))
        if unknown:
            raise ValueError(
                f"'{name}.{stage}' has no parameter {', '.join(map(repr, unknown))}. "
                f"It has: {', '.join(sorted(shared[stage]))}."
            )


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = deepcopy(dict(base))
    for key, value in over.items():
        if isinstance(value, Mapping) and isinstance(merged.get(key), Mapping):
            merged[key] = _merge(merged[key], value)
        else:
            merged[key] = deepcopy(value)
    return merged


def _checked_rounds(rounds: Any) -> int:
    if isinstance(rounds, bool) or not isinstance(rounds, int) or rounds < 1:
        raise ValueError(f"`rounds` must be a whole number of at least 1, not {rounds!r}.")
    return rounds


def _checked_experts(experts: Any) -> tuple[str, ...]:
    if isinstance(experts, str) or not experts or len(set(experts)) < len(experts):
        raise ValueError(f"`experts` must be a list of different names, not {experts!r}.")
    for name in experts:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", str(name)) or name in _TAKEN:
            raise ValueError(
                f"`experts` has {name!r}: an expert's name is in snake_case and none of "
                f"{', '.join(_TAKEN)}."
            )
    return tuple(experts)


def _from_configuration() -> Layout:
    """Read `rounds` and `experts` from the project's parameter files.

    Not through a second configuration loader: making one redirects the `globals` of the first.
    """
    import yaml
    from kedro.framework.project import settings
    from kedro.utils import find_kedro_project

    project = find_kedro_project(Path.cwd())
    if project is None:
        return Layout()
    found: dict[str, Any] = {}
    for env in ("base", os.getenv("KEDRO_ENV", "local")):
        file = project / settings.CONF_SOURCE / env / "parameters.yml"
        if file.is_file():
            found |= yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    return layout(found)
