"""The cluster that this process works with: one that is there, or Ray on this machine alone.

Knows Ray; knows no work.
"""

from __future__ import annotations

import os
from concurrent.futures import Future
from threading import Event, Lock, Thread

from selfscore.cluster.settings import RayOptions

# Nodes may be run in threads.
_connecting = Lock()


def connect(options: RayOptions) -> None:
    """Join a cluster: that of RAY_ADDRESS, one that runs on this machine, or start one there.

    What is started here ends with this process. Joined is joined: further calls do nothing.

    Args:
        options: of each worker.

    Raises:
        ConnectionError: there is no cluster at RAY_ADDRESS.
        ValueError: workers ask for what this machine alone does not have.
    """
    import ray

    with _connecting:
        if not ray.is_initialized():
            begun: Future[None] = Future()
            Thread(target=_stay, args=(options, begun), name="ray", daemon=True).start()
            begun.result()


def _stay(options: RayOptions, begun: Future[None]) -> None:
    """Begin, in a thread that stays as long as the process.

    What Ray starts ends with the thread that started it, and nodes may be run in threads that do
    not stay. Nor does Ray, in a thread, put its own handlers of signals in the place of the run's.
    """
    try:
        _begin(options)
    except Exception as error:
        begun.set_exception(error)
    else:
        begun.set_result(None)
        Event().wait()


def _begin(options: RayOptions) -> None:
    import ray

    # Nothing is told to Ray's makers.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    address = os.environ.get("RAY_ADDRESS")
    try:
        ray.init(address or "auto", logging_level="ERROR")
    except ConnectionError as error:
        if address:
            raise ConnectionError(
                f"No cluster of Ray answers at RAY_ADDRESS={address}: start it (`ray start "
                "--head`), correct the variable, or set `machine.engine` to local."
            ) from error
        # By itself Ray hides no GPU from a worker that was given none.
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "1")
        ray.init("local", include_dashboard=False, logging_level="ERROR")
        _check(options, ray.cluster_resources())


def _check(options: RayOptions, there: dict[str, float]) -> None:
    """A cluster may grow; what this machine does not have, no worker ever gets."""
    for name, wanted in (("GPU", options.gpus), ("CPU", options.cpus)):
        if wanted > there.get(name, 0):
            raise ValueError(
                f"`machine.ray.{name.lower()}s` gives each worker {wanted:g} {name}s, and this "
                f"machine has {there.get(name, 0):g}: lower it, or name a cluster that has them "
                "in the variable RAY_ADDRESS."
            )
