"""What is known of the run that is under way, for people who read of its results.

Nodes know nothing of runs: the hook puts this into the catalog, and the report takes it from there.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfscore.provenance.environment import git_state
from selfscore.provenance.places import place_of

if TYPE_CHECKING:
    from kedro.io import DataCatalog

DATASET = "run_facts"
# What a run can be asked for, and how, in the order of `kedro run --help`.
_OPTIONS = {
    "pipeline_names": "pipelines",
    "env": "env",
    "namespaces": "namespaces",
    "tags": "tags",
    "node_names": "nodes",
    "from_nodes": "from-nodes",
    "to_nodes": "to-nodes",
    "from_inputs": "from-inputs",
    "to_outputs": "to-outputs",
    "load_versions": "load-versions",
}
_DATA = {"raw_images": "images", "raw_scores": "scores"}


def describe_run(
    run_params: Mapping[str, Any],
    resumes: str | None,
    catalog: DataCatalog,
    redact: Callable[[Any], Any],
) -> dict[str, str]:
    """The run in a few words.

    Args:
        run_params: what Kedro tells of the run.
        resumes: id of the run that it goes on from; None for a new one.
        catalog: of the run, in which the images and their scores are.
        redact: takes out what must not be written.

    Returns:
        Any of run, resumes, command, parameters (those given to this run), commit, images, scores.
    """
    project = Path(run_params["project_path"])
    given = dict(_flat(run_params.get("runtime_params") or {}))
    git = git_state(project)
    found = {
        "run": str(run_params["run_id"]),
        "resumes": resumes or "",
        "command": " ".join(_words(run_params, given)),
        "parameters": ", ".join(f"{name}={value}" for name, value in given.items()),
        "commit": git.get("commit", "") + (", with changes since" if git.get("dirty") else ""),
        **{
            label: place.seen_from(project)
            for name, label in _DATA.items()
            if name in catalog and (place := place_of(catalog[name])) is not None
        },
    }
    return {name: redact(value) for name, value in found.items() if value}


def _words(run_params: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[str]:
    yield from ("kedro", "run")
    for key, option in _OPTIONS.items():
        value = run_params.get(key)
        if isinstance(value, Mapping):
            value = [f"{name}:{version}" for name, version in value.items()]
        if value:
            text = value if isinstance(value, str) else ",".join(value)
            yield f"--{option}={shlex.quote(text)}"
    if run_params.get("only_missing_outputs"):
        yield "--only-missing-outputs"
    if given:
        text = ",".join(f"{name}={value}" for name, value in given.items())
        yield f"--params={shlex.quote(text)}"


def _flat(section: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in section.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
