"""Workers see the GPUs that they were given. Ray takes our word for it that there are two."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from selfscore.cluster.connection import connect
from selfscore.cluster.settings import RayOptions

STORE = 100 * 2**20
pytestmark = [pytest.mark.ray, pytest.mark.slow]


@pytest.fixture
def two_gpus(importable: None) -> Iterator[None]:
    import ray

    ray.init("local", num_cpus=2, num_gpus=2, include_dashboard=False, object_store_memory=STORE)
    yield
    ray.shutdown()


def test_a_worker_without_a_gpu_sees_none(
    importable: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    connect(RayOptions(workers=1, cpus=1, gpus=0))
    try:
        assert ray.get(ray.remote(os.getenv).remote("CUDA_VISIBLE_DEVICES")) == ""
    finally:
        ray.shutdown()


def tell(given: dict[str, Any]) -> None:
    """Write down which GPUs a worker sees, one file a worker."""
    import ray.train

    number = ray.train.get_context().get_world_rank()
    Path(given["folder"], str(number)).write_text(os.environ["CUDA_VISIBLE_DEVICES"])


def test_two_workers_of_a_machine_see_a_gpu_each(two_gpus: None, tmp_path: Path) -> None:
    from ray.train import RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer

    from selfscore.cluster.own_gpus import OwnGpus

    seen = tmp_path / "seen"
    seen.mkdir()
    TorchTrainer(
        tell,
        train_loop_config={"folder": str(seen)},
        # There is no GPU for NCCL.
        torch_config=OwnGpus(backend="gloo"),
        scaling_config=ScalingConfig(num_workers=2, use_gpu=True),
        run_config=RunConfig(storage_path=str(tmp_path / "run")),
    ).fit()
    assert sorted(file.read_text() for file in seen.iterdir()) == ["0", "1"]
