"""The hook around a run that keeps what was made of what; no node knows of it.

The file reads in the order in which things happen: the lock on the folder of what has no versions,
the journal that becomes the manifest, the run's own versions, and each node's work in progress.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl
from kedro.framework.project import settings

from selfscore.provenance import begun_here, checkpoint_owner, one_run, run_facts
from selfscore.provenance.asked_versions import refuse_missing
from selfscore.provenance.clearing import clear
from selfscore.provenance.places import load_what_is_saved
from selfscore.provenance.progress import Progress
from selfscore.provenance.recording import Recording
from selfscore.provenance.redaction import Redaction
from selfscore.provenance.store import DATASET
from selfscore.running.own_source import refuse_other_source
from selfscore.running.stopping import RunStoppedError, resumed_run
from selfscore.running.storage_faults import explain

if TYPE_CHECKING:
    from filelock import BaseFileLock
    from kedro.framework.context import KedroContext
    from kedro.io import DataCatalog
    from kedro.pipeline import Pipeline
    from kedro.pipeline.node import Node

    from selfscore.datasets.checkpoint import Checkpoint


class ProvenanceHooks:
    """Lets one run at a time write, writes its manifest, and ties work in progress to its node.

    Without a dataset `manifest` in the catalog there is no manifest, and without `storage.scratch`
    no lock.
    """

    def __init__(self) -> None:
        self._redact = Redaction()
        self._conf_source: str | None = None
        self._scratch: Path | None = None
        self._lock: BaseFileLock | None = None
        self._forget()

    def _forget(self) -> None:
        """Kedro keeps a hook for the life of the process; nothing of one run is for the next."""
        if self._lock is not None:
            self._lock.release()
        self._lock = None
        self._catalog: DataCatalog | None = None
        self._progress: Progress | None = None
        self._recording: Recording | None = None
        self._started: dict[str, tuple[float, float]] = {}
        self._unsaved: dict[str, set[str]] = {}
        self._checkpoints: dict[str, list[Checkpoint]] = {}

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Learn where the configuration is, unless it is where it always is, and what is locked.

        Raises:
            ValueError: `storage.scratch` is not on a disk of this machine.
            OtherSourceError: the code that runs is not the project's.
        """
        project = Path(context.project_path)
        refuse_other_source(project)
        source = Path(context.config_loader.conf_source)
        self._conf_source = None if source == project / settings.CONF_SOURCE else str(source)
        self._scratch = one_run.scratch_folder(context.config_loader["globals"], project)

    @hook_impl
    def after_catalog_created(self, conf_creds: dict[str, Any]) -> None:
        """Learn what must not be written."""
        self._redact = Redaction(conf_creds)

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Take the lock, then write down what the run starts from.

        Raises:
            ScratchInUseError: another run writes to the same folder.
            DatasetError: a version that is to be loaded is not there.
        """
        self._forget()
        refuse_missing(run_params.get("load_versions") or {}, catalog)
        if self._scratch is not None:
            self._lock = one_run.take(self._scratch)
            begun_here.keep(self._scratch, run_params["run_id"], run_params.get("runtime_params"))
        clear(pipeline, catalog)
        if DATASET in catalog:
            origin = {"conf_source": self._conf_source, "resumes": resumed_run()}
            self._recording = Recording.begin(run_params, origin, pipeline, catalog, self._redact)
        if run_facts.DATASET in catalog:
            told = run_facts.describe_run(run_params, resumed_run(), catalog, self._redact)
            catalog.save(run_facts.DATASET, told)
        self._catalog = catalog
        self._progress = Progress(pipeline)

    @hook_impl
    def before_dataset_loaded(self, dataset_name: str, node: Node) -> None:
        """Write down what the node reads.

        Raises:
            DatasetError: it is not what the run that made it wrote.
        """
        if self._recording is not None:
            self._recording.begins(node)
            self._recording.reads(dataset_name)

    # The last before the function, so that the clock counts nothing else.
    @hook_impl(trylast=True)
    def before_node_run(self, node: Node, catalog: DataCatalog, inputs: dict[str, Any]) -> None:
        """Claim the node's work in progress, and start its clock."""
        if self._progress is not None:
            self._progress.begins(node)
        if self._recording is not None:
            self._recording.begins(node)
        self._unsaved[node.name] = set(node.outputs)
        self._checkpoints[node.name] = checkpoint_owner.claim(node, catalog, inputs)
        self._started[node.name] = (time.perf_counter(), time.process_time())

    @hook_impl
    def after_node_run(self, node: Node) -> None:
        """Stop the clock. The node's outputs are not stored yet."""
        started, worked = self._started[node.name]
        took = {
            "seconds": round(time.perf_counter() - started, 3),
            "processor_seconds": round(time.process_time() - worked, 3),
        }
        if self._recording is not None:
            done = {} if node.outputs else {"status": "finished"}
            self._recording.note(node, **took, **done)

    # Before it is stored, because Kedro looks for the newest version right after that, too.
    @hook_impl
    def before_dataset_saved(self, dataset_name: str) -> None:
        """From now on the run reads the version that it writes.

        While another run writes into the same store, the newest version may be the other's. What
        the run reads and does not write is fixed by Kedro with the first load; a version that was
        asked for with `--load-versions` stays.
        """
        if self._catalog is not None:
            load_what_is_saved(self._catalog[dataset_name])

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any, node: Node) -> None:
        """Write down what was stored; with its last output the node is finished."""
        if self._recording is not None:
            self._recording.wrote(dataset_name, data, node)
        unsaved = self._unsaved.get(node.name, set())
        unsaved.discard(dataset_name)
        if unsaved:
            return
        if self._recording is not None:
            self._recording.note(node, status="finished")
        for checkpoint in self._checkpoints.pop(node.name, ()):
            checkpoint.discard()

    @hook_impl
    def on_node_error(self, node: Node) -> None:
        """Write down which node failed."""
        if self._recording is not None:
            self._recording.note(node, status="failed")

    @hook_impl(wrapper=True)
    def after_pipeline_run(self) -> Generator[None, Any, Any]:
        """Say in the journal that the run finished; turn it into the manifest after all others.

        What comes in between, such as registering the champion, reads how the run ended. If it is
        killed there, the journal is still there and tells that something of its end is missing.
        """
        if self._recording is not None:
            self._recording.ends("finished", None)
        if self._progress is not None:
            self._progress.ends()
        try:
            results = yield
            if self._recording is not None:
                self._recording.closes()
        finally:
            self._forget()
        return results

    @hook_impl
    def on_pipeline_error(self, error: Exception) -> None:
        """Turn the journal into the manifest of a failed run, and give the lock back."""
        try:
            if self._recording is not None:
                stopped = isinstance(error, RunStoppedError)
                self._recording.ends("interrupted" if stopped else "failed", error)
                self._recording.closes()
        except Exception as failure:
            if explain(failure) is None:
                raise
            # The journal is in a store that is away; what it has is enough to go on.
            error.add_note(
                "What was finished is kept; when the store can be used again, go on with `kedro "
                "resume` and the same --env."
            )
        finally:
            self._forget()
