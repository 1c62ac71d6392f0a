"""Configuration loader that spells out every round's parameters, and its own resolver."""

from __future__ import annotations

import os
from typing import Any

from kedro.config import OmegaConfigLoader


def environment_variable(name: str) -> str:
    """Value of an environment variable: `${variable:NAME}` in the configuration.

    Raises:
        ValueError: it is not set.
    """
    value = os.environ.get(name)
    if not value:
        raise ValueError(
            f"The environment variable {name} is not set, and this configuration environment needs "
            "it: see docs/team.md."
        )
    return value


class RoundsConfigLoader(OmegaConfigLoader):
    """Kedro's loader, with the parameters of each round filled in.

    `params:iteration_2.dpo_training` is the shared `dpo_training` section with what stands under
    `iteration_2: {dpo_training: …}` laid over it. A loader does it, and not a hook, because
    kedro-viz and the inspection commands read configuration without running hooks.
    """

    def __getitem__(self, key: str) -> dict[str, Any]:
        """Load one kind of configuration; `parameters` and `catalog` also set rounds and experts.

        Args:
            key: Kind of configuration, e.g. "parameters" or "catalog".

        Returns:
            The merged configuration.
        """
        loaded = super().__getitem__(key)
        if key == "catalog":
            # `kedro.inspection` reads it, builds the pipelines, and only then reads parameters.
            _ = self["parameters"]
        if key != "parameters":
            return loaded
        # Imported here: settings import this module, and must not need the pipelines for it.
        from selfscore.pipelines.iteration import rounds

        expanded = rounds.expand(loaded)
        rounds.configure(rounds.layout(loaded))
        return expanded
