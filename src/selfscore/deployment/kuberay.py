"""A RayJob of KubeRay (https://docs.ray.io/en/latest/cluster/kubernetes): the run and its workers.

One job for the whole run: the run hands batches and trainings to the workers, and Ray gives each
what it needs. Knows the fields of `ray.io/v1`.
"""

from __future__ import annotations

import shlex
from typing import Any

# Where the volume is that all machines share: pictures, base model, `storage.scratch`.
PLACE = "/project"
_VOLUME = "project"


def ray_job(
    name: str, command: str, image: str, claim: str, workers: int, gpus: int, cpus: int
) -> dict[str, Any]:
    """The RayJob, as the content of a YAML file.

    Args:
        name: of the job.
        command: `kedro run` with all its options.
        image: with the package and the extra `ray`, of the same version everywhere.
        claim: name of the persistent volume claim with the project in it, read and written by many.
        workers: machines with workers.
        gpus: of each.
        cpus: of each, and of the run's own.
    """
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayJob",
        "metadata": {"name": name},
        "spec": {
            "entrypoint": shlex.join(["bash", "-c", f"cd {PLACE} && {command}"]),
            # A run that failed is looked at, and gone on with by `kedro resume`.
            "backoffLimit": 0,
            "shutdownAfterJobFinishes": True,
            "rayClusterSpec": {
                "headGroupSpec": {
                    # No worker beside the run itself.
                    "rayStartParams": {"num-gpus": "0"},
                    "template": _pod("ray-head", image, claim, {"cpu": cpus}),
                },
                "workerGroupSpecs": [
                    {
                        "groupName": "workers",
                        "replicas": workers,
                        "minReplicas": 0,
                        "maxReplicas": workers,
                        "rayStartParams": {},
                        "template": _pod(
                            "ray-worker", image, claim, {"cpu": cpus, "nvidia.com/gpu": gpus}
                        ),
                    }
                ],
            },
        },
    }


def _pod(name: str, image: str, claim: str, resources: dict[str, int]) -> dict[str, Any]:
    return {
        "spec": {
            "containers": [
                {
                    "name": name,
                    "image": image,
                    "resources": {"limits": resources, "requests": resources},
                    "volumeMounts": [{"name": _VOLUME, "mountPath": PLACE}],
                }
            ],
            "volumes": [{"name": _VOLUME, "persistentVolumeClaim": {"claimName": claim}}],
        }
    }
