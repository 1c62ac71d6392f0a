"""Parameters that say where something is computed, and not what.

A result changes by rounding at most. So what was made is up to date, and what was begun is gone on
with, whatever they are now.
"""

from __future__ import annotations

from typing import Any

from selfscore.configuration.settings_class import as_parameters

_WITHOUT = {"params:machine": ("engine", "ray", "training_processes")}


def with_effect(name: str, value: Any) -> Any:
    """A node's parameter as it stands in the configuration, without what changes no result.

    Args:
        name: of the node's input.
        value: what it is.
    """
    found = as_parameters(value)
    if name not in _WITHOUT:
        return found
    return {key: below for key, below in found.items() if key not in _WITHOUT[name]}
