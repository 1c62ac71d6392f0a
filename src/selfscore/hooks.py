"""What happens around the nodes: rounds, stage lines and times."""

from __future__ import annotations

import logging
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kedro.framework import project
from kedro.framework.hooks import hook_impl
from kedro.io import DatasetError

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from kedro.io import DataCatalog
    from kedro.pipeline import Pipeline
    from kedro.pipeline.node import Node

logger = logging.getLogger(__name__)


class RoundsHooks:
    """Makes the pipelines follow the configured rounds and experts."""

    @hook_impl(tryfirst=True)
    def after_context_created(self, context: KedroContext) -> None:
        """Read the parameters before Kedro first builds the pipelines.

        Kedro keeps the pipelines it has built for the life of the process, so they are built
        anew when this session asks for other rounds or experts than the one before it.
        """
        from selfscore.pipelines.iteration import rounds

        before = rounds.set_by_session()
        _ = context.config_loader["parameters"]
        if rounds.set_by_session() != before:
            project.pipelines.configure(f"{project.PACKAGE_NAME}.pipeline_registry")


class StageLogHooks:
    """Says at the start of each longer step what it does and about how long it takes.

    The words and the demo's seconds stand in `conf/base/stages.yml`. Once a step has run in one
    round, its own time is the estimate for the next.
    """

    def __init__(self) -> None:
        self._stages: dict[str, Any] = {}
        self._nodes: dict[str, int] = {}
        self._started: dict[str, float] = {}
        self._measured: dict[str, float] = {}

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Read the stage lines."""
        self._stages = context.config_loader["stages"]

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline) -> None:
        """Count the nodes."""
        self._nodes = {node.name: place for place, node in enumerate(pipeline.nodes, start=1)}
        self._started = {"": time.perf_counter()}
        self._measured = {}

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        """Announce the node when it is one of the longer steps."""
        self._started[node.name] = time.perf_counter()
        stage = self._stages.get(_short(node))
        if stage is None:
            return
        if _short(node) in self._measured:
            about = f"about {_duration(self._measured[_short(node)])}, as the last time"
        else:
            about = f"about {_duration(stage['seconds'])} with the demo on 2 cores"
        place = f"[{self._nodes.get(node.name, 0)}/{len(self._nodes)}]"
        where = f"{node.namespace}: " if node.namespace else ""
        logger.info("%s %s%s (%s)", place, where, stage["does"], about)

    @hook_impl
    def after_node_run(self, node: Node) -> None:
        """Remember how long the node took."""
        self._measured[_short(node)] = time.perf_counter() - self._started[node.name]

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Say how long all of it took."""
        seconds = time.perf_counter() - self._started[""]
        logger.info("All %d steps done in %s.", len(self._nodes), _duration(seconds))


class StepTimesHooks:
    """Keeps how long each step took when it last ran, for the report.

    The record is written after every step, so a run that fails keeps the times of what it did, and
    one that goes on from it adds the rest. Loading and saving are not counted.
    """

    DATASET = "step_times"

    def __init__(self) -> None:
        self._times: dict[str, dict[str, Any]] = {}
        self._started: dict[str, float] = {}
        # Steps may run in threads.
        self._lock = threading.Lock()

    @hook_impl
    def before_pipeline_run(self, catalog: DataCatalog) -> None:
        """Take up the times of earlier runs; there is a record from here on, empty or not."""
        self._times = {}
        if self.DATASET in catalog and catalog.exists(self.DATASET):
            self._times = catalog[self.DATASET].load()
        self._keep(catalog)

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        """Start the clock."""
        self._started[node.name] = time.perf_counter()

    @hook_impl
    def after_node_run(self, node: Node, catalog: DataCatalog) -> None:
        """Add the step's time to the record."""
        # `selfscore.pipelines.<stage>.…`: where the function is defined tells the stage.
        home = node.func.__module__.split(".")
        self._times[node.name] = {
            "stage": home[2] if home[:2] == ["selfscore", "pipelines"] else home[-1],
            "round": (node.namespace or "").split(".")[0],
            "seconds": round(time.perf_counter() - self._started[node.name], 3),
            "finished": datetime.now(UTC).isoformat(sep=" ", timespec="seconds"),
        }
        self._keep(catalog)

    def _keep(self, catalog: DataCatalog) -> None:
        """Write the record; one that cannot be written must not cost a trained round."""
        if self.DATASET not in catalog:
            return
        with self._lock:
            try:
                catalog[self.DATASET].save(dict(self._times))
            except DatasetError as error:
                logger.warning("The times of the steps are not kept: %s", error)


def _short(node: Node) -> str:
    """Name of the node without its namespace: the same in every round."""
    return node.name.rsplit(".", 1)[-1]


def _duration(seconds: float) -> str:
    """Seconds in words: "40 s" or "3 min"."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
