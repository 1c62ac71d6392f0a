"""The hooks that track a run: kedro-mlflow's, made to survive its server, and the runs below.

Knows the order of a run and where its tags come from; what is logged of it stands in `runs`. The
configuration must be right, but a server that is away never stops a run: from the start it is
replaced by a local store, and once a write fails, the rest of the run is not tracked.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.config import MissingConfigException
from kedro.framework.hooks import hook_impl

from selfscore.configuration.domain import Domain
from selfscore.configuration.settings_class import as_parameters
from selfscore.provenance.environment import git_state
from selfscore.provenance.fingerprint import fingerprint
from selfscore.provenance.places import Place, is_versioned, load_version, place_of
from selfscore.provenance.project import credentials_of
from selfscore.provenance.redaction import Redaction
from selfscore.running.stopping import resumed_run
from selfscore.tracking import server
from selfscore.tracking.runs import RoundRuns
from selfscore.tracking.words import Label, way_to

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from kedro.io import DataCatalog
    from kedro.pipeline import Pipeline
    from kedro.pipeline.node import Node

logger = logging.getLogger(__name__)

# Where runs are tracked while the server is away: what `make mlflow` looks at.
LOCAL_STORE = "mlflow.db"
_IMAGES, _SCORED = "raw_images", "scored_images"


class TrackingHooks:
    """One MLflow run per `kedro run`, and the runs of rounds and experts below it."""

    def __init__(self) -> None:
        self._context: KedroContext | None = None
        # Nodes may run in threads, and write one at a time.
        self._lock = threading.Lock()
        self._forget()

    def _forget(self) -> None:
        """Kedro keeps a hook for the life of the process; nothing of one run is for the next."""
        self._redact = Redaction()
        self._kedro_mlflow: Any = None
        self._away: Exception | None = None
        self._runs: RoundRuns | None = None
        self._logged: set[str] = set()
        self._catalog: DataCatalog | None = None
        self._project = Path()
        self._knows_data = False

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Read `mlflow.yml`, and reach the server; whether it answers matters when a run begins.

        Raises:
            ValueError: `mlflow.yml` is not valid, a key in the environment cannot be one, or the
                server refuses what it asks for.
        """
        from mlflow.exceptions import MlflowException
        from pydantic import ValidationError

        from selfscore.tracking.batching import BatchingMlflowHook

        self._forget()
        server.shorten_timeouts()
        server.check_keys()
        self._context = context
        self._redact = Redaction(credentials_of(context.config_loader))
        self._kedro_mlflow = BatchingMlflowHook()
        try:
            with server.prepared(self._configuration(), Path(context.project_path)):
                self._kedro_mlflow.after_context_created(context)
        except ValidationError as error:
            # Without the values, which may be secret.
            wrong = "; ".join(
                f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()
            )
            raise ValueError(f"mlflow.yml is not valid: {wrong}.") from None
        except Exception as error:
            if server.is_away(error):
                self._away = error
            elif isinstance(error, MlflowException):
                raise ValueError(
                    f"{self._server()} cannot be used "
                    f"({server.reason(error, self._redact)}). Correct mlflow.yml."
                ) from None
            else:
                raise

    @hook_impl
    def after_catalog_created(
        self,
        catalog: DataCatalog,
        conf_catalog: dict[str, Any],
        conf_creds: dict[str, Any],
        parameters: dict[str, Any],
        save_version: str,
        load_versions: dict[str, str],
    ) -> None:
        """Let kedro-mlflow complete its datasets."""
        if self._kedro_mlflow is not None:
            self._kedro_mlflow.after_catalog_created(
                catalog, conf_catalog, conf_creds, parameters, save_version, load_versions
            )

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Open the run of the whole, in a local store if the server is away."""
        if self._kedro_mlflow is None or not self._begin(run_params, pipeline, catalog):
            return
        if self._kedro_mlflow.run_id is None:
            return  # `mlflow.yml` leaves this pipeline out.
        import mlflow

        run = mlflow.active_run()
        assert run is not None
        parameters = as_parameters(catalog.load("parameters")) if "parameters" in catalog else {}
        self._catalog = catalog
        self._project = Path(run_params["project_path"])
        images = _images_of(pipeline, catalog)
        self._runs = RoundRuns(
            mlflow.MlflowClient(),
            run.info.run_id,
            run.info.experiment_id,
            experts=parameters.get("experts", ()),
            redact=self._redact,
            label=Label.of(images.path if images else None, str(run_params["run_id"])),
        )
        tags = self._tags(run_params, parameters, pipeline, catalog)
        what = ", ".join(run_params.get("pipeline_names") or ["everything"])

        def begin(runs: RoundRuns) -> None:
            runs.tag(**tags)
            runs.name(what)
            runs.describe()
            runs.open_on_runs()

        self._write(begin)
        if (before := resumed_run()) is not None:
            self._write(lambda runs: runs.close_killed(before))

    @hook_impl
    def before_node_run(
        self, node: Node, catalog: DataCatalog, inputs: dict[str, Any], is_async: bool
    ) -> None:
        """Log the parameters of the node."""
        parameters = {
            name: self._redact(as_parameters(value))
            for name, value in inputs.items()
            if name.startswith("params:") or name == "parameters"
        }
        # A parameter has one value in a run, and most have several readers.
        new = {name: value for name, value in parameters.items() if name not in self._logged}
        self._logged.update(new)

        def log(runs: RoundRuns) -> None:
            self._kedro_mlflow.before_node_run(node, catalog, new, is_async)
            runs.log_parameters(node.namespace, parameters, node.outputs)

        self._write(log)

    @hook_impl
    def after_node_run(self, node: Node, outputs: dict[str, Any]) -> None:
        """Log metrics, training curves, reports and figures among the outputs."""
        self._write(lambda runs: runs.log_outputs(node.namespace, outputs))

    @hook_impl
    def after_dataset_loaded(self, dataset_name: str) -> None:
        """Tag the run with the images it learns from."""
        if dataset_name == _SCORED and self._catalog is not None and not self._knows_data:
            self._tag_data(load_version(self._catalog[_SCORED]))

    @hook_impl
    def after_dataset_saved(self, dataset_name: str) -> None:
        """Tag the run with the images it learns from."""
        if dataset_name == _SCORED and self._catalog is not None:
            dataset: Any = self._catalog[_SCORED]
            self._tag_data(dataset.resolve_save_version() if is_versioned(dataset) else None)

    @hook_impl
    def after_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Close the runs, and say where they are looked at."""
        import mlflow

        self._write(lambda runs: runs.end("FINISHED"))
        if self._runs is not None:
            place = self._redact(mlflow.get_tracking_uri())
            way = way_to(place, self._runs.page, self._project / LOCAL_STORE)
            logger.info("What was measured: %s", way)
        self._close("after_pipeline_run", run_params, pipeline, catalog)

    @hook_impl
    def on_pipeline_error(
        self, error: Exception, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Close the runs; the unfinished ones show as failed."""
        self._write(lambda runs: runs.end("FAILED"))
        self._close("on_pipeline_error", error, run_params, pipeline, catalog)

    def _begin(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog) -> bool:
        """Whether there is a run to log to."""
        asked = self._redact(run_params)
        if self._away is None:
            try:
                self._kedro_mlflow.before_pipeline_run(asked, pipeline, catalog)
                return True
            except Exception as error:
                self._leave()
                if not server.is_away(error):
                    raise
                self._away = error
        why, uri = server.reason(self._away, self._redact), self._uri()
        if not server.is_remote(uri):
            logger.warning(
                "%s cannot be used (%s). This run is not tracked; its manifest and its datasets "
                "have all of it.",
                self._server(),
                why,
            )
            return False
        assert self._context is not None
        store = f"sqlite:///{Path(self._context.project_path) / LOCAL_STORE}"
        logger.warning(
            "%s does not answer (%s). This run is tracked in %s instead, and its champion is "
            "registered there: look at it with `mlflow ui --backend-store-uri %s`. The server will "
            "know nothing of this run; `kedro run --pipelines=reporting` registers the champion at "
            "the server when it is back.",
            self._server(),
            why,
            store,
            store,
        )
        try:
            server.move_to(store, self._kedro_mlflow, self._context, self._configuration())
            self._kedro_mlflow.before_pipeline_run(asked, pipeline, catalog)
        except Exception as error:
            if not server.is_away(error):
                raise
            self._leave()
            logger.warning(
                "Nor can this run be tracked there (%s).", server.reason(error, self._redact)
            )
            return False
        return True

    def _tags(
        self,
        run_params: Mapping[str, Any],
        parameters: Mapping[str, Any],
        pipeline: Pipeline,
        catalog: DataCatalog,
    ) -> dict[str, str]:
        """What runs are searched by."""
        project = Path(run_params["project_path"])
        tags = {"kedro_run_id": str(run_params["run_id"])}
        if (before := resumed_run()) is not None:
            tags["resumes"] = before
        git = git_state(project)
        if git:
            tags |= {"git_commit": git["commit"], "git_dirty": str(git["dirty"]).lower()}
        if "model" in parameters:
            tags["base_model"] = str(parameters["model"]["id"])
        if "domain" in parameters:
            tags["domain"] = str(Domain(**parameters["domain"]))
        if (folder := _images_of(pipeline, catalog)) is not None:
            tags["dataset"] = folder.seen_from(project)
        redacted: dict[str, str] = self._redact(tags)
        return redacted

    def _tag_data(self, version: str | None) -> None:
        if self._catalog is None:
            return
        self._knows_data = True
        place = place_of(self._catalog[_SCORED], version)
        if place is not None:
            sha256 = fingerprint(place).sha256
            path = place.seen_from(self._project)
            self._write(lambda runs: runs.tag(dataset_sha256=sha256))
            self._write(lambda runs: runs.log_images(path, sha256))

    def _write(self, write: Callable[[RoundRuns], object]) -> None:
        """Write to the runs; the first write that fails is the last one."""
        with self._lock:
            if self._runs is None:
                return
            try:
                write(self._runs)
            # Every kind of store fails in its own way.
            except Exception as error:
                logger.warning(
                    "%s did not take what was written (%s). The run goes on, and from here on it "
                    "is not tracked; its manifest and its datasets have all of it.",
                    self._server(),
                    server.reason(error, self._redact),
                )
                self._runs = None
                self._leave()

    def _close(self, hook: str, *arguments: Any) -> None:
        """Let kedro-mlflow close the run of the whole, if it is still open."""
        import mlflow

        try:
            if self._kedro_mlflow is not None and mlflow.active_run() is not None:
                getattr(self._kedro_mlflow, hook)(*arguments)
        except Exception as error:
            logger.warning("The run is not closed: %s", server.reason(error, self._redact))
        self._runs, self._catalog = None, None

    def _leave(self) -> None:
        """Take the run off MLflow's stack of active ones, whether its server answers or not."""
        import mlflow

        while mlflow.active_run() is not None:
            try:
                mlflow.end_run("FAILED")
            except Exception as error:
                logger.debug("The run is left open: %s", server.reason(error, self._redact))

    def _configuration(self) -> dict[str, Any]:
        """What `mlflow.yml` says; kedro-mlflow has defaults where there is none."""
        assert self._context is not None
        try:
            found: dict[str, Any] = self._context.config_loader["mlflow"]
        except MissingConfigException:
            return {}
        return found

    def _uri(self) -> str:
        return server.uri_of(self._configuration())

    def _server(self) -> str:
        return f"The tracking server {self._redact(self._uri())}"


def _images_of(pipeline: Pipeline, catalog: DataCatalog) -> Place | None:
    """Where the images of a run are; None if it looks at none."""
    if not {_IMAGES, _SCORED} & pipeline.datasets() or _IMAGES not in catalog:
        return None
    return place_of(catalog[_IMAGES])
