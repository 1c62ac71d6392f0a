"""What one run reads and writes, event by event: a journal, and at its end the manifest.

A manifest that cannot be written costs a warning, never the run. An artifact that is not what its
run wrote is never read: that stops the run.
"""

from __future__ import annotations

import contextlib
import logging
import re
import threading
import time
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from kedro.io import DatasetError

from selfscore.configuration.settings_class import as_parameters
from selfscore.provenance import environment, tracked_runs
from selfscore.provenance.base_model import describe_base_model
from selfscore.provenance.code import function_name, modules_of, sha256_module
from selfscore.provenance.fingerprint import fingerprint
from selfscore.provenance.journal import Journal
from selfscore.provenance.manifest import Artifact, Manifest, NodeRun, Status, to_record
from selfscore.provenance.places import is_growing, is_versioned, load_version, place_of
from selfscore.provenance.seals import Seals, known_stamps, refuse_older
from selfscore.provenance.store import DATASET, journal_of, read_manifests

if TYPE_CHECKING:
    from kedro.io import DataCatalog
    from kedro.pipeline import Pipeline
    from kedro.pipeline.node import Node

logger = logging.getLogger(__name__)

# What the run was asked for, of all that Kedro tells.
_ASKED = (
    "pipeline_names",
    "namespaces",
    "tags",
    "node_names",
    "from_nodes",
    "to_nodes",
    "from_inputs",
    "to_outputs",
    "load_versions",
    "runtime_params",
    "only_missing_outputs",
)


class Recording:
    """The journal of a run that goes on, made by `begin`. Nodes may run in threads.

    Args:
        journal: that has begun.
        project: root of the project.
        catalog: of the run.
        earlier: the manifests of earlier runs, the newest first.
        redact: takes out what must not be written.
        asked_versions: the datasets of which a version was asked for.
    """

    def __init__(
        self,
        journal: Journal,
        project: Path,
        catalog: DataCatalog,
        earlier: list[Manifest],
        redact: Callable[[Any], Any],
        asked_versions: Collection[str] = (),
    ) -> None:
        self._journal = journal
        self._project = project
        self._catalog = catalog
        self._redact = redact
        self._seals = Seals(earlier)
        self._at_begin = Seals(earlier)
        self._asked_versions = asked_versions
        self._known = known_stamps(earlier)
        self._lock = threading.Lock()
        self._read: set[str] = set()
        self._begun: list[str] = []

    @classmethod
    def begin(
        cls,
        run_params: dict[str, Any],
        origin: dict[str, Any],
        pipeline: Pipeline,
        catalog: DataCatalog,
        redact: Callable[[Any], Any],
    ) -> Self | None:
        """Write down what a run starts from.

        Args:
            run_params: what Kedro tells of the run.
            origin: `conf_source` and `resumes` for the manifest's `command`.
            pipeline: its nodes.
            catalog: with a dataset `manifest`.
            redact: takes out what must not be written.

        Returns:
            None if it cannot be written.
        """
        recording: Self | None = None
        with _warned(redact):
            project = Path(run_params["project_path"])
            earlier = read_manifests(catalog)
            parameters = redact(as_parameters(catalog.load("parameters")))
            nodes = [_describe(node) for node in pipeline.nodes]
            command = {
                "runner": _class_name(run_params.get("runner")),
                **{key: run_params.get(key) for key in _ASKED},
                **origin,
            }
            manifest = Manifest(
                run_id=run_params["run_id"],
                status="running",
                started=_now(),
                command=redact(command),
                environment=redact(environment.describe_machine(run_params.get("env"))),
                git=environment.git_state(project),
                packages=environment.packages(),
                parameters=parameters,
                seeds=_seeds(parameters),
                code={
                    module: sha256_module(module)
                    for module in sorted({module for node in nodes for module in node.modules})
                },
                nodes=nodes,
                base_model=describe_base_model(parameters, project),
            )
            journal = journal_of(catalog, manifest.run_id)
            journal.begin(manifest)
            recording = cls(
                journal, project, catalog, earlier, redact, run_params.get("load_versions") or ()
            )
        return recording

    def begins(self, node: Node) -> None:
        """A node begins: its first input is about to be loaded, or it has none."""
        with self._lock:
            if node.name in self._begun:
                return
            self._begun.append(node.name)
        self.note(node, status="running", started=_now())

    def note(self, node: Node, **changes: Any) -> None:
        """Something is new of a node; `changes` are fields of `NodeRun`."""
        with _warned(self._redact), self._lock:
            self._journal.node(node.name, **changes)

    def reads(self, name: str) -> None:
        """A dataset is about to be loaded.

        Raises:
            DatasetError: it is not what the run that made it wrote.
        """
        if name.startswith("params:") or name == "parameters":
            return
        # What was read once in a run does not change in it.
        with self._lock:
            if name in self._read:
                return
            self._read.add(name)
        found = None
        with _warned(self._redact):
            found = self._describe_artifact(name, load_version(self._catalog[name]))
            if found is not None:
                with self._lock:
                    self._journal.artifact(found)
        self._refuse_older(name)
        if found is not None:
            self._refuse_changed(found)
        else:
            self._refuse_emptied(name)

    def wrote(self, name: str, data: Any, node: Node) -> None:
        """A node's output was stored."""
        if is_growing(name):
            return  # It was opened, and is written later.
        digest = getattr(data, "digest", None)
        # A table may have a column of that name.
        digest = digest if isinstance(digest, str) else None
        with _warned(self._redact):
            dataset: Any = self._catalog[name]
            version = dataset.resolve_save_version() if is_versioned(dataset) else None
            artifact = self._describe_artifact(name, version, node.name, digest)
            if artifact is not None:
                with self._lock:
                    self._journal.artifact(artifact)
                    self._seals.add(artifact)

    def ends(self, status: Status, error: Exception | None) -> None:
        """The run's steps ended; the journal says how, and is kept until `closes`.

        Args:
            status: of the run.
            error: what ended it; a note on how to go on is added to it.
        """
        with _warned(self._redact):
            manifest = self._journal.read()
            if manifest is None:
                return
            unfinished = {node.name for node in manifest.nodes if node.status != "finished"}
            stopped = next((name for name in reversed(self._begun) if name in unfinished), None)
            if error is not None:
                error.add_note(_how_to_go_on(manifest, stopped, status, error))
            if stopped is not None and status == "failed":
                self._journal.node(stopped, status="failed")
            self._journal.end(
                status=status,
                ended=_now(),
                seconds=round(_since(manifest.started), 3),
                failed_node=stopped if error is not None else None,
                error=None if error is None else self._redact(f"{type(error).__name__}: {error}"),
                environment={**manifest.environment, "accelerators": environment.accelerators()},
                mlflow=self._redact(tracked_runs.active()),
            )
            ended = self._journal.read()
            assert ended is not None
            tracked_runs.log_manifest(ended.mlflow, to_record(ended))

    def closes(self) -> None:
        """All that follows from the run is done, too: the journal becomes its manifest."""
        with _warned(self._redact):
            manifest = self._journal.read()
            if manifest is not None:
                self._catalog.save(DATASET, to_record(manifest))
                self._journal.remove()

    def _refuse_older(self, name: str) -> None:
        dataset = self._catalog[name]
        if is_versioned(dataset) and name not in self._asked_versions:
            refuse_older(name, dataset, load_version(dataset), self._at_begin.newest(name))

    def _refuse_changed(self, found: Artifact) -> None:
        try:
            self._seals.refuse_changed(found.name, found.path, found.sha256)
        except DatasetError:
            # A run beside this one may have written it in the meantime.
            self._seals = Seals(read_manifests(self._catalog))
            self._seals.refuse_changed(found.name, found.path, found.sha256)

    def _refuse_emptied(self, name: str) -> None:
        """Refuse an empty folder in place of what a run made: some libraries read one."""
        dataset = self._catalog[name]
        version = load_version(dataset)
        place = None if version is None and is_versioned(dataset) else place_of(dataset, version)
        if place is not None and place.file_system.exists(place.path):
            path = self._redact(place.seen_from(self._project))
            self._seals.refuse_changed(name, path, "")

    def _describe_artifact(
        self, name: str, version: str | None, node: str | None = None, digest: str | None = None
    ) -> Artifact | None:
        """What is there; None for what is not in files, or not there."""
        dataset = self._catalog[name]
        if version is None and is_versioned(dataset):
            return None  # Loading it will say that there is none.
        place = place_of(dataset, version)
        if place is None:
            return None
        path = self._redact(place.seen_from(self._project))
        # What a run made is looked at as a whole, as a flipped bit changes neither size nor time.
        known = None if self._seals.maker(name, path) else self._known.get(path)
        try:
            found = fingerprint(place, known)
        except FileNotFoundError:
            return None  # A log that nothing has been written to.
        return Artifact(
            name=name,
            kind=f"{type(dataset).__module__}.{type(dataset).__qualname__}",
            path=path,
            sha256=found.sha256,
            size=found.size,
            files=found.files,
            stamp=found.stamp,
            version=version,
            node=node,
            digest=digest,
        )


@contextlib.contextmanager
def _warned(redact: Callable[[Any], Any]) -> Iterator[None]:
    """What goes wrong with the manifest is said, and the run goes on."""
    try:
        yield
    except (OSError, DatasetError, ValueError) as error:
        logger.warning("Not written to the manifest: %s", redact(str(error)))


def _describe(node: Node) -> NodeRun:
    return NodeRun(
        name=node.name,
        namespace=node.namespace,
        tags=sorted(node.tags),
        function=function_name(node),
        modules=modules_of(node),
        inputs=list(node.inputs),
        outputs=list(node.outputs),
    )


def _class_name(described: Any) -> str:
    """`kedro.runner.….SequentialRunner` of `<… object at 0x…>`, which is all that Kedro tells."""
    return str(described).partition(" object at ")[0].removeprefix("<")


def _seeds(parameters: dict[str, Any], prefix: str = "") -> dict[str, int | None]:
    """Every parameter that is called `seed`, by its path."""
    found: dict[str, int | None] = {}
    for key, value in parameters.items():
        if key == "seed":
            found[prefix + key] = value
        elif isinstance(value, dict):
            found |= _seeds(value, f"{prefix}{key}.")
    return found


def _how_to_go_on(
    manifest: Manifest, node: str | None, status: Status, error: BaseException
) -> str:
    where = f" at the node '{node}'" if node else ""
    # A run goes on with the values that it had, so it would come to the same end.
    if status == "failed" and (parameter := _named_parameter(manifest, str(error))):
        return (
            f"It stopped{where}. When `{parameter}` is right, give the same command again; "
            "`kedro resume` would go on with the value it had."
        )
    command = "kedro resume"
    if manifest.environment.get("name"):
        command += f" --env={manifest.environment['name']}"
    if manifest.command.get("conf_source"):
        command += f" --conf-source={manifest.command['conf_source']}"
    when = "go on" if status == "interrupted" else "when the cause is gone, go on"
    return f"It stopped{where}. What was finished is kept; {when} with: {command}"


def _named_parameter(manifest: Manifest, words: str) -> str | None:
    """The first parameter that a message names as ours do: `section.name`."""
    sections = {*manifest.parameters, "images"}
    named = re.findall(r"`(\w+)((?:\.\w+)*)[^`]*`", words)
    return next((top + below for top, below in named if top in sections), None)


def _since(started: str) -> float:
    return time.time() - datetime.fromisoformat(started).timestamp()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
