"""All of it with the data in a store that is no disk, through fsspec."""

from __future__ import annotations

from selfscore.handoff.create import create
from selfscore.handoff.replay import changed_inputs, part_of
from selfscore.handoff.verify import verify
from selfscore.provenance.retention import removals, remove
from selfscore.provenance.staleness import check


def states(project, whole, manifests):
    return {one.name: one.state for one in check(project, whole, manifests)}


def test_manifests_staleness_and_handing_on(remote, whole):
    remote.run()
    [manifest] = remote.manifests()
    assert manifest.status == "finished"
    assert manifest.artifacts["numbers"].path == "memory:///store/numbers.json"
    assert set(states(remote.opened(), whole, [manifest]).values()) == {"up to date"}
    assert "stale" in states(remote.opened(seed=4), whole, [manifest]).values()
    create(remote.opened(), [manifest], "iteration_1", remote.root / "out", with_data=True)
    assert all(one.passed for one in verify(remote.root / "out"))
    assert changed_inputs(remote.opened(), part_of(manifest)) == []


def test_old_versions_go(remote):
    runs = [remote.run(seed=seed) for seed in range(3)]
    going = removals(remote.opened(), remote.manifests(), keep_last=1, keep_runs=1)
    assert {one.version for one in going} == set(runs[:2])
    for one in going:
        remove(one)
    assert [one.run_id for one in remote.manifests()] == runs[2:]
    assert remote.opened().catalog.load("policy_1").adapter is not None
