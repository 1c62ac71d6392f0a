"""What a worker of Ray takes of a machine.

Knows numbers only; imports no Ray.
"""

from __future__ import annotations

from selfscore.configuration.settings_class import Count, NotNegative, settings_class


@settings_class
class RayOptions:
    """The section `machine.ray` of the parameters; read where `machine.engine` is `ray`.

    Attributes:
        workers: how many there are at most; as many work as the cluster has room for.
        cpus: processor cores that each is given.
        gpus: GPUs that each is given; a share, such as 0.5, puts two on one, which several
            processes of one training cannot do.
    """

    workers: Count
    cpus: NotNegative
    gpus: NotNegative
