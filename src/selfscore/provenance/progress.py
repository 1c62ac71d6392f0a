"""How far a run is, on the screen."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from selfscore.configuration.layout import GPU

if TYPE_CHECKING:
    from kedro.pipeline import Pipeline
    from kedro.pipeline.node import Node

logger = logging.getLogger(__name__)


class Progress:
    """Says which long node begins, and at the end how long all of it took.

    Nodes that load a model take most of the time. The others are over soon, or say themselves
    what they do.

    Args:
        pipeline: that is run.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._places = {node.name: place for place, node in enumerate(pipeline.nodes, start=1)}
        self._started = time.perf_counter()

    def begins(self, node: Node) -> None:
        """Say that a node begins, if it is one of those that load a model."""
        if GPU not in node.tags:
            return
        logger.info("[%d/%d] %s", self._places.get(node.name, 0), len(self._places), node.name)

    def ends(self) -> None:
        """Say that all of them are done."""
        seconds = time.perf_counter() - self._started
        logger.info("All %d steps done in %s.", len(self._places), duration(seconds))


def duration(seconds: float) -> str:
    """Seconds in words: "0.4 s", "12 s", "3.4 min", "1.5 h"."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
