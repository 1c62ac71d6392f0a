"""The hook that writes a manifest of every run; no node knows of it.

While the run goes on, every event is a line in a journal; at the end the journal becomes the
manifest. A manifest that cannot be written costs a warning, never the run.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl
from kedro.io import DatasetError

from selfscore.lineage import surroundings, tracked_runs
from selfscore.lineage.base_model import describe_base_model
from selfscore.lineage.code import function_name, modules_of, sha256_module
from selfscore.lineage.fingerprint import fingerprint
from selfscore.lineage.journal import Journal
from selfscore.lineage.manifest import Artifact, Manifest, NodeRun, to_record
from selfscore.lineage.places import is_versioned, load_version, place_of
from selfscore.lineage.redaction import Redaction
from selfscore.lineage.store import DATASET, journal_of, read_manifests

if TYPE_CHECKING:
    from kedro.io import DataCatalog
    from kedro.pipeline import Pipeline
    from kedro.pipeline.node import Node

logger = logging.getLogger(__name__)


class ManifestHooks:
    """Writes the dataset `manifest`; without such a dataset in the catalog it does nothing."""

    def __init__(self) -> None:
        self._redact = Redaction()
        # Nodes may run in threads.
        self._lock = threading.Lock()
        self._forget()

    def _forget(self) -> None:
        """Kedro keeps a hook for the life of the process; nothing of one run is for the next."""
        self._journal: Journal | None = None
        self._catalog: DataCatalog | None = None
        self._project = Path()
        self._known: dict[str, dict[str, str]] = {}
        self._read: set[str] = set()
        self._started: dict[str, float] = {}

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

    @hook_impl(trylast=True)
    def before_node_run(self, node: Node, inputs: dict[str, Any]) -> None:
        """Write down what the node reads, and start its clock."""
        with self._warned():
            self._note(node.name, status="running", started=_now())
            for name in inputs:
                if not name.startswith("params:") and name != "parameters":
                    self._note_artifact(name, None, None)
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
        """Turn the journal into the manifest of a failed run."""
        self._end("failed", error)

    def _begin(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog) -> None:
        project = self._project = Path(run_params["project_path"])
        for earlier in reversed(read_manifests(catalog)):
            for artifact in earlier.artifacts.values():
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
            ),
            environment=self._redact(surroundings.environment(run_params.get("env"))),
            git=surroundings.git_state(project),
            packages=surroundings.packages(),
            parameters=parameters,
            seeds=_seeds(parameters),
            code={module: sha256_module(module) for module in modules},
            nodes=nodes,
            base_model=describe_base_model(parameters, project),
            mlflow=self._redact(tracked_runs.active()),
        )
        self._journal, self._catalog = journal_of(catalog, manifest.run_id), catalog
        self._journal.begin(manifest)

    def _note(self, node: str, **changes: Any) -> None:
        if self._journal is not None:
            with self._lock:
                self._journal.node(node, **changes)

    def _note_artifact(self, name: str, node: str | None, digest: str | None) -> None:
        if self._journal is None or self._catalog is None:
            return
        # What was read or written once in a run does not change in it.
        with self._lock:
            if name in self._read and node is None:
                return
            self._read.add(name)
        artifact = self._describe_artifact(self._catalog, name, node, digest)
        if artifact is not None:
            with self._lock:
                self._journal.artifact(artifact)

    def _describe_artifact(
        self, catalog: DataCatalog, name: str, node: str | None, digest: str | None
    ) -> Artifact | None:
        dataset = catalog[name]
        version = load_version(dataset)
        if node is not None and is_versioned(dataset):
            version = dataset.resolve_save_version()  # type: ignore[attr-defined]
        place = place_of(dataset, version)
        if place is None:
            return None
        path = self._redact(place.seen_from(self._project))
        try:
            found = fingerprint(place, self._known.get(path))
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
        journal, catalog = self._journal, self._catalog
        self._forget()
        if journal is None or catalog is None:
            return
        with self._warned():
            self._finish(journal, catalog, status, error)

    def _finish(
        self, journal: Journal, catalog: DataCatalog, status: str, error: Exception | None
    ) -> None:
        manifest = journal.read()
        if manifest is None:
            return
        failed = next((node.name for node in manifest.nodes if node.status == "failed"), None)
        journal.end(
            status=status,
            ended=_now(),
            seconds=round(time.time() - datetime.fromisoformat(manifest.started).timestamp(), 3),
            failed_node=failed if error is not None else None,
            error=None if error is None else self._redact(f"{type(error).__name__}: {error}"),
            environment={**manifest.environment, "accelerators": surroundings.accelerators()},
            mlflow=tracked_runs.with_children(manifest.mlflow),
        )
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


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
