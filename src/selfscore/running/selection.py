"""What a run is asked for by name: pipelines, and of their nodes some.

Knows Kedro's pipelines; knows none of this project's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from itertools import accumulate
from typing import Any

import click
from kedro.pipeline import Pipeline

# More names than these are not read on a screen.
_FEW = 20
_NODES, _DATASETS = "kedro registry describe", "kedro catalog describe-datasets"


class SelectionError(click.ClickException, ValueError):
    """A run is asked for by a name that does not exist, or by names that have no node in common."""


def select(
    registered: Mapping[str, Pipeline], names: Iterable[str] | None, **selection: Any
) -> Pipeline:
    """The nodes that `kedro run` would take.

    Args:
        registered: all pipelines by name.
        names: of those to run; by default `__default__`.
        selection: names of nodes, tags and so on, as `Pipeline.filter` takes them.

    Raises:
        SelectionError: there is nothing of one of these names, or nothing of all of them.
    """
    asked = list(names or ["__default__"])
    for name in asked:
        if name not in registered:
            raise SelectionError(_unknown("pipeline", name, registered, "kedro registry list"))
    whole = sum((registered[name] for name in asked), Pipeline([]))
    given = {kind: list(values) for kind, values in selection.items() if values}
    for kind, values in given.items():
        what, known, command = _KINDS[kind]
        there = set(known(whole))
        for value in values:
            if value not in there:
                where = f" in the pipeline {' + '.join(asked)}" if names else ""
                raise SelectionError(_unknown(what, value, there, command, where))
    try:
        return whole.filter(**given)
    except ValueError as error:
        options = ", ".join(f"{_KINDS[kind][0]} {', '.join(given[kind])}" for kind in given)
        raise SelectionError(
            f"No node is of all that was asked for ({', '.join(asked)}; {options}): leave some of "
            "it out."
        ) from error


def _namespaces(pipeline: Pipeline) -> Iterator[str]:
    for node in pipeline.nodes:
        if node.namespace:
            yield from accumulate(node.namespace.split("."), "{}.{}".format)


def _tags(pipeline: Pipeline) -> Iterator[str]:
    for node in pipeline.nodes:
        yield from node.tags


def _nodes(pipeline: Pipeline) -> Iterator[str]:
    return (node.name for node in pipeline.nodes)


def _datasets(pipeline: Pipeline) -> Iterator[str]:
    return iter(pipeline.datasets())


# How `Pipeline.filter` calls it → what it is, all there are, and the command that lists them.
_KINDS: dict[str, tuple[str, Callable[[Pipeline], Iterable[str]], str]] = {
    "tags": ("tag", _tags, _NODES),
    "node_names": ("node", _nodes, _NODES),
    "from_nodes": ("node", _nodes, _NODES),
    "to_nodes": ("node", _nodes, _NODES),
    "from_inputs": ("dataset", _datasets, _DATASETS),
    "to_outputs": ("dataset", _datasets, _DATASETS),
    "node_namespaces": ("namespace", _namespaces, _NODES),
}


def _unknown(what: str, name: str, known: Iterable[str], command: str, where: str = "") -> str:
    names = sorted(known)
    # A node is often called by its name without the round's.
    ends = [one for one in names if one.endswith(f".{name}")]
    nearest = ends[:5] or get_close_matches(name, names, n=3, cutoff=0.6)
    if nearest:
        remedy = f"did you mean {' or '.join(nearest)}?"
    elif len(names) <= _FEW:
        remedy = f"there is {', '.join(names) or 'none'}."
    else:
        remedy = f"`{command}` lists them."
    return f"There is no {what} '{name}'{where}: {remedy}"
