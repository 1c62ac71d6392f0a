"""The cluster that this process works with: one that is there, or Ray on this machine alone.

Knows Ray; knows no work.
"""

from __future__ import annotations

import os
from threading import Lock

from selfscore.cluster.settings import RayOptions
from selfscore.own_handlers import own_handlers

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
            _begin(options)


def _begin(options: RayOptions) -> None:
    import ray

    # Nothing is told to Ray's makers.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    address = os.environ.get("RAY_ADDRESS")
    # Ray's own handler of SIGTERM ends the process before a run's hooks close it.
    with own_handlers():
        try:
            ray.init(address or "auto", logging_level="ERROR")
        except ConnectionError as error:
            if address:
                raise ConnectionError(
                    f"No cluster of Ray answers at RAY_ADDRESS={address}: start it (`ray start "
                    "--head`), correct the variable, or set `machine.engine` to local."
                ) from error
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
