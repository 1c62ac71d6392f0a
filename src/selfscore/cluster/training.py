"""One training in several workers of Ray Train, which may be on several machines.

Knows Ray Train, functions and named bytes; knows nothing of what is trained.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeVar

from selfscore.cluster.connection import connect
from selfscore.cluster.failure import Failure
from selfscore.cluster.parcel import receive, send
from selfscore.cluster.settings import RayOptions

if TYPE_CHECKING:
    from ray.actor import ActorHandle

Result = TypeVar("Result")

# Of all workers, after one was lost; they go on from the training's last checkpoint.
RESTARTS = 3


def in_workers(
    count: int,
    options: RayOptions,
    train: Callable[..., Result],
    checkpoint: MutableMapping[str, bytes],
    *arguments: Any,
) -> Result:
    """What the first of several workers returns that train one expert together.

    Where one is lost all are started again, at most `RESTARTS` times.

    Args:
        count: number of workers.
        options: of each.
        train: is given `checkpoint` and the other arguments, and called by every worker.
        checkpoint: of the training. It stays where this process is: workers read and write it
            through an actor on this machine.
        arguments: further ones; every worker is given a copy.

    Raises:
        Exception: what a worker's training raised.
    """
    connect(options)
    import ray
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    from selfscore.cluster.own_gpus import OwnGpus

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    keeper = (
        ray.remote(_Keeper)
        .options(num_cpus=0, scheduling_strategy=here)
        .remote(ray.cloudpickle.dumps(checkpoint))
    )
    sent = send(train, arguments)
    try:
        with TemporaryDirectory(prefix="ray_train_") as folder:
            TorchTrainer(
                _train,
                train_loop_config={"keeper": keeper, "sent": sent},
                torch_config=OwnGpus(),
                scaling_config=ScalingConfig(
                    num_workers=count,
                    use_gpu=options.gpus > 0,
                    resources_per_worker={"CPU": options.cpus}
                    | ({"GPU": options.gpus} if options.gpus else {}),
                ),
                run_config=RunConfig(
                    storage_path=folder, failure_config=FailureConfig(max_failures=RESTARTS)
                ),
            ).fit()
        ended = ray.get(keeper.ended.remote())
    finally:
        ray.kill(keeper)
    result = ray.cloudpickle.loads(ended)
    if isinstance(result, Failure):
        result.reraise()
    return result  # type: ignore[no-any-return]


def _train(given: dict[str, Any]) -> None:
    """What every worker does."""
    import ray
    import ray.train

    keeper = given["keeper"]
    if ray.get(keeper.ended.remote()) is not None:
        # All were started again because one ended with an error, and would come to it again.
        return
    try:
        train, arguments = receive(given["sent"])
        result = train(_Kept(keeper), *arguments)
    except ConnectionError:
        # Another one was lost: that is no error of the training, which goes on with a new one.
        raise
    except Exception as error:
        ray.get(keeper.end.remote(ray.cloudpickle.dumps(Failure.of(error))))
        raise
    if ray.train.get_context().get_world_rank() == 0:
        ray.get(keeper.end.remote(ray.cloudpickle.dumps(result)))


class _Keeper:
    """An actor beside the process that asked for the training: has its checkpoint and its result.

    Args:
        checkpoint: as it is sent.
    """

    def __init__(self, checkpoint: bytes) -> None:
        import ray

        self._parts: MutableMapping[str, bytes] = ray.cloudpickle.loads(checkpoint)
        self._ended: bytes | None = None

    def names(self) -> list[str]:
        """Of the parts."""
        return list(self._parts)

    def part(self, name: str) -> bytes | None:
        """The part of a name, None where it is not there."""
        return self._parts.get(name)

    def put(self, name: str, part: bytes) -> None:
        """Store a part."""
        self._parts[name] = part

    def remove(self, name: str) -> None:
        """Remove a part."""
        self._parts.pop(name, None)

    def end(self, result: bytes) -> None:
        """Note what the training ended with; the first word stands."""
        self._ended = self._ended or result

    def ended(self) -> bytes | None:
        """What the training ended with."""
        return self._ended


class _Kept(MutableMapping[str, bytes]):
    """The checkpoint as a worker sees it.

    Args:
        keeper: who has it.
    """

    def __init__(self, keeper: ActorHandle) -> None:
        self._keeper = keeper

    def _ask(self, name: str, *arguments: Any) -> Any:
        import ray

        return ray.get(getattr(self._keeper, name).remote(*arguments))

    def __getitem__(self, name: str) -> bytes:
        part: bytes | None = self._ask("part", name)
        if part is None:
            raise KeyError(name)
        return part

    def __setitem__(self, name: str, part: bytes) -> None:
        self._ask("put", name, part)

    def __delitem__(self, name: str) -> None:
        self._ask("remove", name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._ask("names"))

    def __len__(self) -> int:
        return len(self._ask("names"))
