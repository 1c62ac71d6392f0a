"""Workers of Ray Train that see the GPUs that they were given, and no others.

By itself Ray shows each worker all GPUs of its machine that the training has. Models are put on the
first one that a process sees, so all workers of a machine would meet there.

Knows Ray Train's setting for it, and imports Ray; so it is imported where a training begins.
"""

from __future__ import annotations

from ray.train.torch import TorchConfig
from ray.train.torch.config import _TorchBackend


class _Apart(_TorchBackend):
    share_cuda_visible_devices = False


class OwnGpus(TorchConfig):
    """PyTorch's process group, of workers with GPUs of their own."""

    @property
    def backend_cls(self) -> type[_Apart]:
        """What sets the workers up."""
        return _Apart
