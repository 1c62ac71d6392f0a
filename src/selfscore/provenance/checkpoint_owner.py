"""Whose work in progress a checkpoint is: that of a node with its code, parameters and data.

Work that was begun by other code, with other parameters or from other data is never gone on with.
What is not seen here is the versions of the libraries, and the base model's files.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from selfscore.datasets.checkpoint import Checkpoint
from selfscore.provenance.code import function_name, modules_of, sha256_module
from selfscore.provenance.effects import with_effect
from selfscore.provenance.fingerprint import stamp
from selfscore.provenance.manifest import canonical
from selfscore.provenance.places import is_growing, load_version, place_of

if TYPE_CHECKING:
    from kedro.io import DataCatalog
    from kedro.pipeline.node import Node


def claim(node: Node, catalog: DataCatalog, inputs: dict[str, Any]) -> list[Checkpoint]:
    """Claim the checkpoints among a node's inputs for what it is about to do.

    Returns:
        The checkpoints, to be discarded when the node's outputs are stored.
    """
    found = [value for value in inputs.values() if isinstance(value, Checkpoint)]
    if found:
        recipe = recipe_of(node, catalog, inputs)
        for checkpoint in found:
            checkpoint.claim(node.name.rpartition(".")[2], recipe)
    return found


def recipe_of(node: Node, catalog: DataCatalog, inputs: dict[str, Any]) -> str:
    """sha256 of the node's function and code, its parameters, and place and stamp of its data."""
    data: dict[str, Any] = {}
    for name, value in inputs.items():
        if name.startswith("params:") or name == "parameters":
            data[name] = with_effect(name, value)
        elif not is_growing(name):
            dataset = catalog[name]
            place = place_of(dataset, load_version(dataset))
            data[name] = None if place is None else [place.url, stamp(place)]
    code = {module: sha256_module(module) for module in modules_of(node)}
    recipe = {"node": node.name, "function": function_name(node), "code": code, "inputs": data}
    return hashlib.sha256(canonical(recipe).encode()).hexdigest()
