"""What a worker is sent once: functions and their data, and where they are at home.

Knows Ray's object store. What is unpickled here, and in the modules beside this one, was pickled by
a process of the same run and went through Ray, which runs whatever code it is sent; nothing is
unpickled that comes from a file, a manifest or a handoff.
"""

from __future__ import annotations

import os
import platform
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ray


def send(*contents: Any) -> list[ray.ObjectRef]:
    """Put something where workers find it.

    Returns:
        For `receive`. A list, because Ray itself would open what it is given alone.
    """
    import ray

    return [ray.put((os.getcwd(), ray.cloudpickle.dumps(contents)))]


def receive(sent: list[ray.ObjectRef]) -> tuple[Any, ...]:
    """What was sent; this process goes to the folder it was sent from, for paths relative to it.

    Raises:
        FileNotFoundError: there is no such folder on this machine.
    """
    import ray

    (where,) = sent
    folder, packed = ray.get(where)
    if not os.path.isdir(folder):
        raise FileNotFoundError(
            f"There is no folder '{folder}' on the machine {platform.node()}: workers need the "
            "project under the same path as the run (docs/cluster.md)."
        )
    os.chdir(folder)
    contents: tuple[Any, ...] = ray.cloudpickle.loads(packed)
    return contents
