"""What is taken from a manifest, which anybody may have written.

Nothing in it names code, a folder, an environment, a server or a variable of this machine. Names
are looked up in what this project has: its environments, Kedro's runners, the registered pipelines
and their nodes. A parameter is taken if the project has one of that name and kind. Which model,
server and registry are used says the configuration alone. Everything else is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfscore.configuration.layout import as_given, merged
from selfscore.configuration.loader import environments
from selfscore.provenance.manifest import Manifest, canonical, same
from selfscore.provenance.project import Project
from selfscore.provenance.resumption import refuse_other_version
from selfscore.provenance.run_parameters import run_parameters

if TYPE_CHECKING:
    from kedro.runner import AbstractRunner

# Opens the project with an environment and parameters.
Opens = Callable[[str | None, dict[str, Any]], Project]

# Sections that say which model is loaded, what is asked of which server with which key, and where
# it is computed; and single parameters that do.
_OWN = (
    "model",
    "openai",
    "registry",
    "base_url",
    "api_key_env",
    "engine",
    "ray",
    "training_processes",
)


class RefusedError(ValueError):
    """Something in a manifest that is not taken."""


@dataclass(frozen=True)
class Admitted:
    """A manifest as this project takes it.

    Attributes:
        manifest: with the inputs and outputs that the project's nodes of these names have.
        project: opened with the environment and the parameters.
        parameters: those that were taken, and those that were given.
        differing: what the configuration says otherwise than the manifest, and keeps, in words.
    """

    manifest: Manifest
    project: Project
    parameters: dict[str, Any]
    differing: list[str]


def admit(
    manifest: Manifest,
    opens: Opens,
    configuration: Path,
    conf_source: str | None = None,
    environment: str | None = None,
    given: Mapping[str, Any] | None = None,
) -> Admitted:
    """Look everything up that a manifest names.

    Args:
        manifest: of a run, from wherever.
        opens: the project.
        configuration: folder of the project's configuration.
        conf_source: that folder, where the user named it.
        environment: where the user named it.
        given: parameters by the user, which stand over the manifest's.

    Raises:
        RefusedError: it names something that the project does not have.
        ResumptionError: its nodes or datasets are those of another version of the project.
    """
    if manifest.command.get("conf_source") and conf_source is None:
        raise RefusedError(
            "The run took its configuration from a folder of its own, which a manifest cannot name "
            "here: give it with --conf-source."
        )
    runner_of(manifest)
    environment = environment or environment_of(manifest, configuration)
    given = dict(given or {})
    # Numbers and lists at the top say how many rounds and which experts there are.
    known = as_given(opens(environment, given).parameters)
    shape, _ = take({k: v for k, v in manifest.parameters.items() if not _is_section(v)}, known)
    shaped = opens(environment, merged(shape, given))
    manifest = _with_own_nodes(manifest, shaped)
    taken, differing = take(run_parameters(manifest, manifest.nodes), as_given(shaped.parameters))
    parameters = merged(taken, given)
    return Admitted(manifest, opens(environment, parameters), parameters, differing)


def environment_of(manifest: Manifest, configuration: Path) -> str | None:
    """The run's configuration environment; None for the default one.

    Raises:
        RefusedError: the project has no such environment.
    """
    name = manifest.environment.get("name")
    if name is None:
        return None
    there = environments(configuration)
    if name not in there:
        raise RefusedError(
            f"The run's configuration environment {name!r} is none of this project's: "
            f"{', '.join(there)}."
        )
    return str(name)


def runner_of(manifest: Manifest) -> type[AbstractRunner]:
    """The class of the run's runner.

    Raises:
        RefusedError: it is none of Kedro's own.
    """
    from kedro.runner import ParallelRunner, SequentialRunner, ThreadRunner

    name = manifest.command.get("runner")
    if name in (None, "None"):
        return SequentialRunner
    for one in (SequentialRunner, ThreadRunner, ParallelRunner):
        if name in (one.__name__, f"{one.__module__}.{one.__qualname__}"):
            return one
    raise RefusedError(f"The run's runner {name!r} is none of Kedro's own.")


def take(
    values: Mapping[str, Any], known: Mapping[str, Any], above: str = ""
) -> tuple[dict[str, Any], list[str]]:
    """The parameters that are taken, and what the configuration says otherwise, in words.

    Args:
        values: of a manifest.
        known: the project's own.
        above: path of both, with a dot at its end.

    Raises:
        RefusedError: one has no such name here, or is of another kind.
    """
    taken: dict[str, Any] = {}
    differing: list[str] = []
    for key, value in values.items():
        path = f"{above}{key}"
        if key not in known:
            raise RefusedError(
                f"The manifest sets the parameter '{path}', which this project does not have: if "
                "you know it, give it with --params."
            )
        own = known[key]
        if key == "experts" and _is_section(value) and _is_section(own):
            # Each of them may set whatever the section itself has.
            own = {expert: {**known, **own.get(expert, {})} for expert in value}
        if key in _OWN:
            differing += _differences(value, own, path)
        elif _is_section(value) and _is_section(own):
            taken[key], others = take(value, own, f"{path}.")
            differing += others
        elif _is_of_kind(value, own):
            taken[key] = value
        else:
            raise RefusedError(
                f"The manifest sets the parameter '{path}' to something that it cannot be here."
            )
    return taken, differing


def _is_section(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_of_kind(value: Any, own: Any) -> bool:
    """Whether a value may stand where the project has its own; the nodes check the rest."""
    if _is_section(own):
        return False
    if isinstance(value, list):
        return own is None or isinstance(own, list) and all(_is_plain(one) for one in value)
    if value is None or own is None:
        return _is_plain(value)
    if isinstance(value, bool) or isinstance(own, bool):
        return isinstance(value, bool) and isinstance(own, bool)
    if isinstance(value, (int, float)):
        return isinstance(own, (int, float))
    return isinstance(own, str) and _is_plain(value)


def _is_plain(value: Any) -> bool:
    """A number or a text; none that the configuration would look something up for."""
    return isinstance(value, (int, float, type(None))) or (
        isinstance(value, str) and "${" not in value
    )


def _differences(value: Any, own: Any, path: str) -> Iterator[str]:
    if _is_section(value) and _is_section(own):
        for key, below in value.items():
            yield from _differences(below, own.get(key), f"{path}.{key}")
    elif not same(value, own):
        yield f"'{path}' was {canonical(value)} and is {canonical(own)}"


def _with_own_nodes(manifest: Manifest, project: Project) -> Manifest:
    asked = manifest.command.get("pipeline_names") or ["__default__"]
    if not isinstance(asked, list) or not all(isinstance(name, str) for name in asked):
        raise RefusedError("The manifest names no pipelines that could be looked up.")
    refuse_other_version(project, manifest)
    own = {node.name: node for node in project.pipeline(asked).nodes}
    nodes = [
        replace(node, inputs=list(own[node.name].inputs), outputs=list(own[node.name].outputs))
        for node in manifest.nodes
    ]
    return replace(manifest, nodes=nodes)
