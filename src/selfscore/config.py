"""Configuration loader that spells out every round's parameters."""

from __future__ import annotations

from typing import Any

from kedro.config import OmegaConfigLoader


class RoundsConfigLoader(OmegaConfigLoader):
    """Kedro's loader, with the parameters of each round filled in.

    `params:iteration_2.dpo_training` is the shared `dpo_training` section with what stands under
    `iteration_2: {dpo_training: …}` laid over it. A loader does it, and not a hook, because
    kedro-viz and the inspection commands read configuration without running hooks.
    """

    def __getitem__(self, key: str) -> dict[str, Any]:
        """Load one kind of configuration; reading `parameters` also sets rounds and experts.

        Args:
            key: Kind of configuration, e.g. "parameters" or "catalog".

        Returns:
            The merged configuration.
        """
        loaded = super().__getitem__(key)
        if key != "parameters":
            return loaded
        # Imported here: settings import this module, and must not need the pipelines for it.
        from selfscore.pipelines.iteration import rounds

        expanded = rounds.expand(loaded)
        rounds.configure(rounds.layout(loaded))
        return expanded
