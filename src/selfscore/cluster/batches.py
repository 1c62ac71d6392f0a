"""Batches of rows computed by workers of Ray, each of which loads what it takes once.

Knows Ray Data; knows functions and bytes, and neither models nor rows.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from selfscore.cluster.connection import connect
from selfscore.cluster.failure import Failure
from selfscore.cluster.parcel import receive, send
from selfscore.cluster.settings import RayOptions

if TYPE_CHECKING:
    import ray

Batch = Sequence[Any]
Work = Callable[[Batch], bytes]

# A batch that ends so many workers is not given to another one.
_TRIES = 10


@dataclass(frozen=True)
class RayEngine:
    """An engine of `in_batches` whose batches are computed beside each other.

    A batch whose worker or machine is lost is computed by another worker. As many workers work as
    there is room for, fewer than asked for if need be.

    Attributes:
        options: of each worker.
    """

    options: RayOptions

    def __call__(
        self, work: Work, batches: Sequence[Batch]
    ) -> Generator[tuple[int, bytes], None, None]:
        """What `work` makes of each batch, and the number of the batch, as they are done.

        Args:
            work: goes to every worker once. What it refers to is pickled, and a model by how it is
                loaded, see `selfscore.vlm.loading.elsewhere`.
            batches: none of them empty.

        Raises:
            Exception: what `work` raised in a worker.
            RuntimeError: a batch ends every worker that computes it.
        """
        if not batches:
            return
        connect(self.options)
        import pandas as pd
        import ray
        from ray.data import ActorPoolStrategy, DataContext, from_blocks

        DataContext.get_current().enable_progress_bars = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        sent = send(work, list(batches))
        numbers = from_blocks([pd.DataFrame({"number": [n]}) for n in range(len(batches))])
        done = numbers.map_batches(
            _Worker,
            fn_constructor_args=(sent,),
            batch_size=1,
            compute=ActorPoolStrategy(size=min(self.options.workers, len(batches))),
            num_cpus=self.options.cpus,
            num_gpus=self.options.gpus,
            ray_remote_args_fn=lambda: {"max_task_retries": _TRIES},
        )
        for row in _named_if_lost(done.iter_rows()):
            if not row["ok"]:
                failure: Failure = ray.cloudpickle.loads(row["content"])
                failure.reraise()
            yield int(row["number"]), row["content"]


def _named_if_lost(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    from ray.exceptions import RayActorError

    try:
        yield from rows
    except RayActorError as error:
        raise RuntimeError(
            f"A batch has ended {_TRIES + 1} workers, most likely for want of memory: lower "
            "`machine.ray.workers` or the step's `batch_size`, or give Ray machines with more. "
            "What was stored stays."
        ) from error


class _Worker:
    """An actor of Ray Data: takes the number of a batch, and computes it.

    Args:
        sent: the work and its batches.
    """

    def __init__(self, sent: list[ray.ObjectRef]) -> None:
        self._sent = sent
        self._work: Work | None = None

    def __call__(self, block: dict[str, Any]) -> dict[str, list[Any]]:
        """What the work makes of one batch, or the error that it ended with."""
        import ray

        (number,) = block["number"]
        try:
            # Not before there is a place to put its errors.
            if self._work is None:
                self._work, self._batches = receive(self._sent)
            content, ok = self._work(self._batches[number]), True
        except Exception as error:
            content, ok = ray.cloudpickle.dumps(Failure.of(error)), False
        return {"number": [number], "ok": [ok], "content": [content]}
