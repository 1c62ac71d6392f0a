"""What a manifest says about one run, and its form in JSON.

Knows records; does not know where they come from or where they are kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from selfscore.provenance.foreign_json import parse_json

FORMAT = 2
# Of format 1, `code` depended on Python's version: that code cannot be compared.
_READABLE = (1, FORMAT)
CODE_UNKNOWN = "made before code had the same fingerprint under every Python: it counts as changed"

_PLAIN_NAME = re.compile(r"[\w@#:+\-. ]+")

Status = Literal["running", "finished", "failed", "interrupted"]
NodeStatus = Literal["waiting", "running", "finished", "failed", "interrupted"]


class ManifestError(ValueError):
    """A manifest that cannot be read."""


@dataclass(frozen=True)
class Artifact:
    """One dataset as one run read or wrote it.

    Attributes:
        name: dataset in the catalog.
        kind: class of the dataset.
        path: where the file or folder is, with its protocol unless it is local.
        sha256: of the file; of a folder, of its list of files with their sha256.
        size: bytes, of all files together.
        files: how many files.
        stamp: what the file system says of it (sizes and times): while it stays the same, so does
            `sha256`.
        version: Kedro's version; None for a dataset without versions.
        node: the node that wrote it; None where it was only read.
        digest: of a policy, independent of how it is stored.
    """

    name: str
    kind: str
    path: str
    sha256: str
    size: int
    files: int
    stamp: str
    version: str | None = None
    node: str | None = None
    digest: str | None = None


@dataclass(frozen=True)
class NodeRun:
    """One node in one run.

    Attributes:
        name: node, with its namespace.
        namespace: its namespace.
        tags: its tags.
        function: module and name of the function, and what is bound to its arguments.
        modules: the project's modules that its code is in, keys of `Manifest.code`.
        inputs: its datasets and parameters, in the order of its arguments.
        outputs: its datasets.
        status: "waiting" also stands for a node that was left out because its outputs were there.
        started: time in UTC.
        seconds: that the function took; loading and saving are not counted.
        processor_seconds: that all threads of the process worked meanwhile; a machine that is busy
            with other things changes them little.
    """

    name: str
    namespace: str | None
    tags: list[str]
    function: str
    modules: list[str]
    inputs: list[str]
    outputs: list[str]
    status: NodeStatus = "waiting"
    started: str | None = None
    seconds: float | None = None
    processor_seconds: float | None = None


@dataclass(frozen=True)
class Manifest:
    """One `kedro run`: what it was asked for, what it found, what it did.

    Attributes:
        run_id: Kedro's id of the session, which is the save version of all it wrote.
        status: "interrupted" is a run that stopped without saying so, as a killed one does.
        started: time in UTC.
        command: what was asked for: pipelines, tags, nodes, versions, parameters.
        environment: name of the configuration environment, Python, machine, and the variables that
            results depend on.
        git: commit, and whether anything tracked differed from it; empty outside a repository.
        packages: every installed package and its version.
        parameters: all parameters of the run.
        seeds: the parameters that are seeds.
        code: the project's modules that the nodes' code is in, and a sha256 of each.
        nodes: in the order of the pipeline.
        artifacts: every dataset that was read or written, by name.
        base_model: name, sha256 and stamp of the folder of the model that `model.id` names; empty
            for one on a hub.
        mlflow: tracking server, run and child runs; empty for a run that was not tracked.
        ended: time in UTC.
        seconds: of the whole run.
        error: class and message of what stopped a failed run.
        failed_node: the node that it stopped.
        format: of this record.
    """

    run_id: str
    status: Status
    started: str
    command: dict[str, Any]
    environment: dict[str, Any]
    git: dict[str, Any]
    packages: dict[str, str]
    parameters: dict[str, Any]
    seeds: dict[str, int | None]
    code: dict[str, str]
    nodes: list[NodeRun]
    artifacts: dict[str, Artifact] = field(default_factory=dict)
    base_model: dict[str, Any] = field(default_factory=dict)
    mlflow: dict[str, Any] = field(default_factory=dict)
    ended: str | None = None
    seconds: float | None = None
    error: str | None = None
    failed_node: str | None = None
    format: int = FORMAT

    @property
    def made(self) -> dict[str, Artifact]:
        """The artifacts that the run wrote, by name."""
        return {name: found for name, found in self.artifacts.items() if found.node is not None}

    @property
    def tells_code(self) -> bool:
        """Whether `code` can be compared with what the same code gives now; see `FORMAT`."""
        return self.format >= 2

    def parameter(self, name: str) -> Any:
        """Value of a node's input such as `params:iteration_1.merging`, or `parameters`.

        Raises:
            KeyError: the run had no such parameter.
        """
        return parameter(self.parameters, name)


def parameter(parameters: Mapping[str, Any], name: str) -> Any:
    """Value of a node's input `params:a.b`, or of `parameters`, all of them.

    Raises:
        KeyError: there is no such parameter.
    """
    value: Any = parameters
    path = name.removeprefix("params:")
    for part in [] if path == "parameters" else path.split("."):
        if not isinstance(value, Mapping) or part not in value:
            raise KeyError(f"There is no parameter '{path}'.")
        value = value[part]
    return value


def to_record(manifest: Manifest) -> dict[str, Any]:
    """The manifest as JSON holds it."""
    return asdict(manifest)


def from_record(record: Any) -> Manifest:
    """Read a manifest, and check that it is one.

    Raises:
        ManifestError: it is not, or it is of a later format.
    """
    from pydantic import TypeAdapter, ValidationError

    found = record.get("format") if isinstance(record, Mapping) else None
    if found not in _READABLE:
        raise ManifestError(
            f"This is not a manifest of format 1 to {FORMAT} (`format` is {found!r}). Read it with "
            "the version of selfscore that wrote it."
        )
    try:
        manifest = TypeAdapter(Manifest).validate_python(record)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ManifestError(f"The manifest has no valid '{place}': {first['msg']}.") from error
    for name in _names(manifest):
        if not isinstance(name, str) or not _PLAIN_NAME.fullmatch(name) or ".." in name:
            raise ManifestError(
                f"The manifest has {name!r} for the name of a run, a dataset or a version."
            )
    return manifest


def parse_manifest(text: str | bytes) -> Manifest:
    """Read a manifest in JSON.

    Raises:
        ManifestError: it is none.
    """
    try:
        return from_record(parse_json(text))
    except ManifestError:
        raise
    except ValueError as error:
        raise ManifestError(f"The manifest is not JSON that can be read: {error}.") from error


def _names(manifest: Manifest) -> Iterator[Any]:
    """Whatever becomes a part of a path when it is looked for."""
    yield manifest.run_id
    if (resumed := manifest.command.get("resumes")) is not None:
        yield resumed
    asked = manifest.command.get("load_versions") or {}
    yield from (*asked, *asked.values()) if isinstance(asked, Mapping) else [asked]
    for name, artifact in manifest.artifacts.items():
        yield name if name == artifact.name else [name, artifact.name]
        if artifact.version is not None:
            yield artifact.version


def canonical(value: Any) -> str:
    """JSON that is the same for the same value, whatever the order of keys."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


def same(one: Any, other: Any) -> bool:
    """Whether two values are one in JSON, where 60 and 60.0 are the same number.

    A class of settings makes a float of what the configuration writes without a fraction.
    """
    return bool(json.loads(canonical(one)) == json.loads(canonical(other)))
