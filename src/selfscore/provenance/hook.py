"""The hook that writes a manifest of every run; no node knows of it.

While the run goes on, every event is a line in a journal; at the end the journal becomes the
manifest. A manifest that cannot be written costs a warning, never the run. An artifact that is not
what its run wrote is never read: that stops the run.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl
from kedro.framework.project import settings
from kedro.io import DatasetError

from selfscore.datasets.directory import DirectoryDataset
from selfscore.provenance import environment, tracked_runs
from selfscore.provenance.base_model import describe_base_model
from selfscore.provenance.code import function_name, modules_of, sha256_module
from selfscore.provenance.fingerprint import fingerprint
from selfscore.provenance.journal import Journal
from selfscore.provenance.manifest import Artifact, Manifest, NodeRun, to_record
from selfscore.provenance.places import is_versioned, load_version, place_of
from selfscore.provenance.redaction import Redaction
from selfscore.provenance.seals import Seals
from selfscore.provenance.store import DATASET, journal_of, read_manifests
from selfscore.stopping import RunStoppedError

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from kedro.io import DataCatalog
    from kedro.pipeline import Pipeline
    from kedro.pipeline.node import Node

logger = logging.getLogger(__name__)

# The run that the present one goes on from: Kedro hands nothing of the kind to its hooks.
RESUMES: ContextVar[str | None] = ContextVar("RESUMES", default=None)


class ManifestHooks:
    """Writes the dataset `manifest`; without such a dataset in the catalog it does nothing."""

    def __init__(self) -> None:
        self._redact = Redaction()
        self._conf_source: str | None = None
        # Nodes may run in threads.
        self._lock = threading.Lock()
        self._forget()

    def _forget(self) -> None:
        """Kedro keeps a hook for the life of the process; nothing of one run is for the next."""
        self._journal: Journal | None = None
        self._catalog: DataCatalog | None = None
        self._project = Path()
        self._known: dict[str, dict[str, str]] = {}
        self._seals = Seals()
        self._read: set[str] = set()
        self._begun: list[str] = []
        self._started: dict[str, float] = {}

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Learn where the configuration is, unless it is where it always is."""
        source = Path(context.config_loader.conf_source)
        usual = Path(context.project_path) / settings.CONF_SOURCE
        self._conf_source = None if source == usual else str(source)

    @hook_impl
    def after_catalog_created(self, conf_creds: dict[str, Any]) -> None:
        """Learn what must not be written."""
        self._redact = Redaction(conf_creds)

    # After kedro-mlflow has started its run.
    @hook_impl(trylast=True)
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Write down what the run starts from."""
        self._forget()
        if DATASET not in catalog:
            return
        with self._warned():
            self._begin(run_params, pipeline, catalog)

    @hook_impl(tryfirst=True)
    def before_dataset_loaded(self, dataset_name: str, node: Node) -> None:
        """Write down what the node reads, after a look whether it is what was written.

        Raises:
            DatasetError: it is not.
        """
        found = None
        with self._warned():
            self._begin_node(node)
            if not dataset_name.startswith("params:") and dataset_name != "parameters":
                found = self._note_artifact(dataset_name, None, None)
        if found is not None:
            self._check(found)

    @hook_impl(trylast=True)
    def before_node_run(self, node: Node) -> None:
        """Start the node's clock."""
        with self._warned():
            self._begin_node(node)
        self._started[node.name] = time.perf_counter()

    @hook_impl(tryfirst=True)
    def after_node_run(self, node: Node) -> None:
        """Stop the node's clock. Its outputs are not stored yet."""
        seconds = round(time.perf_counter() - self._started[node.name], 3)
        with self._warned():
            self._note(node.name, seconds=seconds)
            if not node.outputs:
                self._note(node.name, status="finished")

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any, node: Node) -> None:
        """Write down what was stored; with the last output the node is finished."""
        with self._warned():
            digest = getattr(data, "digest", None)
            # A table may have a column of that name.
            digest = digest if isinstance(digest, str) else None
            self._note_artifact(dataset_name, node.name, digest)
            if dataset_name == node.outputs[-1]:
                self._note(node.name, status="finished")

    @hook_impl
    def on_node_error(self, node: Node) -> None:
        """Write down which node failed."""
        with self._warned():
            self._note(node.name, status="failed")

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Turn the journal into the manifest of a finished run."""
        self._end("finished", None)

    @hook_impl
    def on_pipeline_error(self, error: Exception) -> None:
        """Turn the journal into the manifest of a failed run; say with the error how to go on."""
        self._end("interrupted" if isinstance(error, RunStoppedError) else "failed", error)

    def _begin(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog) -> None:
        project = self._project = Path(run_params["project_path"])
        earlier = read_manifests(catalog)
        self._seals = Seals(earlier)
        for one in reversed(earlier):
            for artifact in one.artifacts.values():
                self._known.setdefault(artifact.path, {})[artifact.stamp] = artifact.sha256
        parameters = self._redact(catalog.load("parameters"))
        nodes = [_describe(node) for node in pipeline.nodes]
        modules = sorted({module for node in nodes for module in node.modules})
        manifest = Manifest(
            run_id=run_params["run_id"],
            status="running",
            started=_now(),
            command=self._redact(
                {"runner": _class_name(run_params.get("runner"))}
                | {
                    key: run_params.get(key)
                    for key in (
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
                }
                | {"conf_source": self._conf_source, "resumes": RESUMES.get()}
            ),
            environment=self._redact(environment.describe_machine(run_params.get("env"))),
            git=environment.git_state(project),
            packages=environment.packages(),
            parameters=parameters,
            seeds=_seeds(parameters),
            code={module: sha256_module(module) for module in modules},
            nodes=nodes,
            base_model=describe_base_model(parameters, project),
            mlflow=self._redact(tracked_runs.active()),
        )
        journal = journal_of(catalog, manifest.run_id)
        journal.begin(manifest)
        self._journal, self._catalog = journal, catalog

    def _begin_node(self, node: Node) -> None:
        with self._lock:
            if node.name in self._begun:
                return
            self._begun.append(node.name)
        self._note(node.name, status="running", started=_now())

    def _note(self, node: str, **changes: Any) -> None:
        if self._journal is not None:
            with self._lock:
                self._journal.node(node, **changes)

    def _note_artifact(self, name: str, node: str | None, digest: str | None) -> Artifact | None:
        if self._journal is None or self._catalog is None:
            return None
        # What was read once in a run does not change in it.
        with self._lock:
            if node is None and name in self._read:
                return None
            if node is None:
                self._read.add(name)
        artifact = self._describe_artifact(self._catalog, name, node, digest)
        if artifact is not None:
            with self._lock:
                self._journal.artifact(artifact)
        if artifact is not None and node is not None:
            self._seals.add(artifact)
        return artifact

    def _check(self, found: Artifact) -> None:
        """Refuse what is not what a run wrote."""
        assert self._catalog is not None
        # Those check their own files when they are loaded.
        if isinstance(self._catalog[found.name], DirectoryDataset):
            return
        if not self._seals.is_broken(found):
            return
        # A run beside this one may have written it in the meantime.
        self._seals = Seals(read_manifests(self._catalog))
        if self._seals.is_broken(found):
            raise DatasetError(
                f"'{found.name}' in '{found.path}' is not what the run that made it wrote: the "
                "file is damaged, or was changed. Put it back from a copy, or make it again: run "
                f"the node '{self._seals.maker(found.name, found.path)}'."
            )

    def _describe_artifact(
        self, catalog: DataCatalog, name: str, node: str | None, digest: str | None
    ) -> Artifact | None:
        dataset = catalog[name]
        version = load_version(dataset)
        if node is not None and is_versioned(dataset):
            version = dataset.resolve_save_version()  # type: ignore[attr-defined]
        elif version is None and is_versioned(dataset):
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

    def _end(self, status: str, error: Exception | None) -> None:
        journal, catalog, begun = self._journal, self._catalog, self._begun
        self._forget()
        if journal is None or catalog is None:
            return
        with self._warned():
            manifest = journal.read()
            if manifest is None:
                return
            unfinished = {node.name for node in manifest.nodes if node.status != "finished"}
            stopped = next((name for name in reversed(begun) if name in unfinished), None)
            if error is not None:
                error.add_note(_how_to_go_on(manifest, stopped, isinstance(error, RunStoppedError)))
            if stopped is not None and status == "failed":
                journal.node(stopped, status="failed")
            journal.end(
                status=status,
                ended=_now(),
                seconds=round(_since(manifest.started), 3),
                failed_node=stopped if error is not None else None,
                error=None if error is None else self._redact(f"{type(error).__name__}: {error}"),
                environment={**manifest.environment, "accelerators": environment.accelerators()},
                mlflow=tracked_runs.with_children(manifest.mlflow),
            )
            self._become_manifest(journal, catalog)

    def _become_manifest(self, journal: Journal, catalog: DataCatalog) -> None:
        manifest = journal.read()
        assert manifest is not None
        record = to_record(manifest)
        catalog.save(DATASET, record)
        journal.remove()
        tracked_runs.log_manifest(manifest.mlflow, record)

    @contextlib.contextmanager
    def _warned(self) -> Iterator[None]:
        """What goes wrong with the manifest is said, and the run goes on."""
        try:
            yield
        except (OSError, DatasetError, ValueError) as error:
            logger.warning("Not written to the manifest: %s", self._redact(str(error)))


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


def _how_to_go_on(manifest: Manifest, node: str | None, stopped: bool) -> str:
    command = "kedro resume"
    if manifest.environment.get("name"):
        command += f" --env={manifest.environment['name']}"
    if manifest.command.get("conf_source"):
        command += f" --conf-source={manifest.command['conf_source']}"
    where = f" at the node '{node}'" if node else ""
    when = "go on" if stopped else "when the cause is gone, go on"
    return f"It stopped{where}. What was finished is kept; {when} with: {command}"


def _since(started: str) -> float:
    return time.time() - datetime.fromisoformat(started).timestamp()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
