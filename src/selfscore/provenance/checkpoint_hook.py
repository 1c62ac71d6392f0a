"""The hook that ties a node's work in progress to what the node is about to do.

Work that was begun by other code, with other parameters or from other data is never gone on with.
What the hook cannot see is the versions of the libraries, and the base model's files.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl

from selfscore.datasets.checkpoint import Checkpoint
from selfscore.provenance.code import function_name, modules_of, sha256_module
from selfscore.provenance.fingerprint import stamp
from selfscore.provenance.manifest import canonical
from selfscore.provenance.places import is_growing, load_version, place_of

if TYPE_CHECKING:
    from kedro.io import DataCatalog
    from kedro.pipeline.node import Node


class CheckpointHooks:
    """Claims the checkpoints among a node's inputs; empties them when its outputs are stored."""

    def __init__(self) -> None:
        self._open: dict[str, list[Checkpoint]] = {}
        self._unsaved: dict[str, set[str]] = {}

    @hook_impl
    def before_node_run(self, node: Node, catalog: DataCatalog, inputs: dict[str, Any]) -> None:
        """Claim the node's checkpoints for its code, parameters and data."""
        found = [value for value in inputs.values() if isinstance(value, Checkpoint)]
        if not found:
            return
        recipe = recipe_of(node, catalog, inputs)
        for checkpoint in found:
            checkpoint.claim(recipe)
        self._open[node.name] = found
        self._unsaved[node.name] = set(node.outputs)

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, node: Node) -> None:
        """Empty the node's checkpoints with its last output."""
        if node.name not in self._open:
            return
        self._unsaved[node.name].discard(dataset_name)
        if not self._unsaved[node.name]:
            for checkpoint in self._open.pop(node.name):
                checkpoint.discard()


def recipe_of(node: Node, catalog: DataCatalog, inputs: dict[str, Any]) -> str:
    """sha256 of the node's function and code, its parameters, and place and stamp of its data."""
    data: dict[str, Any] = {}
    for name, value in inputs.items():
        if name.startswith("params:") or name == "parameters":
            data[name] = value
        elif not is_growing(name):
            dataset = catalog[name]
            place = place_of(dataset, load_version(dataset))
            data[name] = None if place is None else [place.url, stamp(place)]
    code = {module: sha256_module(module) for module in modules_of(node)}
    recipe = {"node": node.name, "function": function_name(node), "code": code, "inputs": data}
    return hashlib.sha256(canonical(recipe).encode()).hexdigest()
