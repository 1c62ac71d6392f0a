"""A cluster of two machines, both on this one, of which one is lost half-way."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import work_in_workers

from selfscore.cluster.batches import RayEngine
from selfscore.cluster.settings import RayOptions
from selfscore.vlm.batches import in_batches

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster

pytestmark = [pytest.mark.ray, pytest.mark.slow]
STORE = 100 * 2**20


@pytest.fixture
def cluster(importable: None) -> Iterator[Cluster]:
    import ray
    from ray.cluster_utils import Cluster

    found = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 1,
            "object_store_memory": STORE,
            "include_dashboard": False,
        },
    )
    ray.init(address=found.address, logging_level="WARNING")
    yield found
    ray.shutdown()
    found.shutdown()


def test_a_machine_that_is_lost_costs_batches_and_not_the_run(
    cluster: Cluster, tmp_path: Path
) -> None:
    other = cluster.add_node(num_cpus=1, object_store_memory=STORE)
    checkpoint: dict[str, bytes] = {}
    batches = in_batches(
        range(24),
        1,
        partial(work_in_workers.slow_thirds, str(tmp_path)),
        checkpoint,
        name="x",
        description="working",
        unit=" rows",
        engine=RayEngine(RayOptions(workers=2, cpus=1, gpus=0)),
    )
    found = list(next(batches))
    while len({file.name.partition("_")[2] for file in tmp_path.iterdir()}) < 2:
        found += next(batches)
    cluster.remove_node(other, allow_graceful=False)
    found += [result for batch in batches for result in batch]
    assert found == work_in_workers.thirds(range(24)) and len(checkpoint) == 24
