"""One training in several processes of this machine, as torchrun starts them.

Knows torch's launcher; knows nothing of what is trained.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import uuid4

from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from selfscore.expert_training.together import joined
from selfscore.running.own_handlers import own_handlers

Result = TypeVar("Result")

# Of all processes, after one was lost; each goes on from the training's last checkpoint.
RESTARTS = 3


def in_processes(count: int, train: Callable[..., Result], *arguments: Any) -> Result:
    """What the first of several processes returns that train one expert together.

    Where one is lost all are started again, at most `RESTARTS` times.

    Args:
        count: number of processes; each has a GPU of its own where there are any.
        train: a function of a module; every process calls it.
        arguments: its arguments, which every process is given a copy of.

    Raises:
        RuntimeError: it ended with an error, or was lost too often.
    """
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=count,
        run_id=uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=RESTARTS,
        monitor_interval=1.0,
        start_method="spawn",
        # What is stored is stored as a whole, so nobody has to be waited for.
        shutdown_timeout=2,
    )
    try:
        with own_handlers():
            found: dict[int, Result] = elastic_launch(config, train_together)(train, *arguments)
    except ChildFailedError as error:
        _, failure = error.get_first_failure()
        raise RuntimeError(
            f"The training in {count} processes ended {RESTARTS + 1} times, the last time with: "
            f"{failure.message}. What it had stored stays; look at the messages above, or set "
            "`machine.training_processes` to 1."
        ) from error
    return found[0]


def train_together(train: Callable[..., Result], *arguments: Any) -> Result:
    """`train`, in a process that a launcher started."""
    with joined():
        return train(*arguments)
