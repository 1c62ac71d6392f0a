"""Several processes that train one expert together: each computes a part of every step's rows.

All go through the same steps with the same rows. Each runs its own share of the rows through the
model, is told what the others found of theirs, and computes the whole loss, of which its own share
has gradients; so the sum of all gradients is that of one process, whatever the loss compares. All
change their weights alike.

Knows torch.distributed; knows no row, no loss and no trainer. transformers and TRL know nothing of
it: for them every process trains alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from accelerate.utils.memory import should_reduce_batch_size
from torch import Tensor

Result = TypeVar("Result")

# What launchers tell a process; libraries that read it would share the rows out once more.
_TOLD = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
# For the slowest step, and for loading the model.
_PATIENCE = timedelta(minutes=30)
# Holds something inside `joined`; a process group alone may be another library's.
_joined: set[str] = set()


@contextmanager
def joined() -> Iterator[None]:
    """Train together with the processes that a launcher (torchrun, Ray Train) started beside this.

    On a machine with GPUs each has its own: the one of its number, among those it may see.
    """
    # Before torch looks for them: a trainer that trains alone takes the first it sees.
    number = int(os.environ["LOCAL_RANK"])
    seen = os.environ.get("CUDA_VISIBLE_DEVICES")
    mine = [str(number)] if seen is None else seen.split(",")
    os.environ["CUDA_VISIBLE_DEVICES"] = mine[number % len(mine)]
    started = not dist.is_initialized()
    if started:
        backend = "nccl" if torch.cuda.is_available() else "gloo"
        dist.init_process_group(backend, timeout=_PATIENCE, **_meeting())
    _joined.add("them")
    told = {name: os.environ.pop(name) for name in _TOLD if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(told)
        _joined.clear()
        if started:
            dist.destroy_process_group()


def _meeting() -> dict[str, Any]:
    """Where the processes find each other: store, rank and world_size.

    After a restart torchrun's agent still has in its store where the lost processes were to be
    found, and torch 2.13 looks there again: a process that is sooner than its neighbour would wait
    for one that is gone. So every attempt has a place of its own.
    """
    store, rank, size = next(dist.rendezvous("env://", timeout=_PATIENCE))
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    found = dist.PrefixStore(f"attempt_{attempt}", store)
    return {"store": found, "rank": rank, "world_size": size}


def is_first() -> bool:
    """Whether this process is the one that stores and tells what all have made."""
    return _number() == 0


@dataclass(frozen=True)
class Share:
    """The rows of a step that this process runs through the model.

    Attributes:
        rows: which of them, at least one.
        count: how many of these count; none where there are fewer rows than processes.
        total: number of rows of the step.
    """

    rows: slice
    count: int
    total: int


def share_of(total: int) -> Share:
    """This process's share of so many rows; all of them where it trains alone."""
    number, size = _number(), _size()
    start, stop = number * total // size, (number + 1) * total // size
    if start == stop:
        return Share(slice(0, 1), 0, total)
    return Share(slice(start, stop), stop - start, total)


def gather(values: Tensor, share: Share) -> Tensor:
    """What all processes found of the rows of a step; gradients are those of this one's.

    Args:
        values: [n, ...], of the rows of this process's share.
        share: which they are.

    Returns:
        [total, ...].
    """
    if _size() == 1:
        return values
    start = share.rows.start if share.count else 0
    mine = values[: share.count]
    whole = torch.zeros(share.total, *values.shape[1:], dtype=torch.float64, device=values.device)
    whole[start : start + share.count] = mine.detach()
    _add_up(whole)
    others = whole.to(values.dtype)
    return torch.cat([others[:start], mine, others[start + share.count :]])


def total_of(value: Tensor) -> Tensor:
    """The sum of a number over all processes; its gradient is that of this one's."""
    if _size() == 1:
        return value
    whole = value.detach().clone()
    _add_up(whole)
    return value + (whole - value.detach())


def mean_of_all(total: Tensor, count: int, share: Share) -> Tensor:
    """The mean over what all processes found; its gradient is that of this one's.

    Args:
        total: the sum over what this process found of its share.
        count: how much that is.
        share: which it is; what does not count is left out.
    """
    counts = float(share.count > 0)
    # Where the model is: processes that have GPUs add up nothing that is elsewhere.
    everything = total_of(torch.tensor(count * counts, device=total.device))
    return total_of(total * counts) / everything.clamp(min=1)


def sum_gradients(parameters: Iterable[torch.nn.Parameter]) -> None:
    """Add up what the processes found: all have the gradients of all rows then."""
    if _size() == 1:
        return
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    for parameter in trained:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    together = torch.cat([_grad(parameter).flatten() for parameter in trained])
    _add_up(together)
    parts = together.split([parameter.numel() for parameter in trained])
    for parameter, part in zip(trained, parts, strict=True):
        _grad(parameter).copy_(part.view_as(parameter))


def ending_alike(compute: Callable[[], Result]) -> Result:
    """`compute()`; where memory runs out in one process, it has run out in all.

    Raises:
        RuntimeError: memory ran out, here or in another process; `should_reduce_batch_size` of it.
    """
    if _size() == 1:
        return compute()
    try:
        result = compute()
    except RuntimeError as error:
        if should_reduce_batch_size(error):
            _any(True)
        raise
    if _any(False):
        raise torch.OutOfMemoryError("CUDA out of memory. (In another process.)")
    return result


def _add_up(values: Tensor) -> None:
    """Put the sums over all processes in the place of the values.

    Raises:
        ConnectionError: another process was lost.
    """
    try:
        dist.all_reduce(values)
    except RuntimeError as error:
        raise ConnectionError("Another process of this training was lost.") from error


def _any(here: bool) -> bool:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    flag = torch.tensor(float(here), device=device)
    _add_up(flag)
    return bool(flag > 0)


def _grad(parameter: torch.nn.Parameter) -> Tensor:
    gradient = parameter.grad
    assert gradient is not None
    return gradient


def _number() -> int:
    return dist.get_rank() if _joined else 0


def _size() -> int:
    return dist.get_world_size() if _joined else 1
