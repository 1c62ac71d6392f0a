from __future__ import annotations

import shutil

import pytest
from kedro.runner import SequentialRunner

from selfscore.provenance.plan import plan
from selfscore.provenance.staleness import check


def running(nodes):
    return {node.name for node in nodes if node.runs}


def test_a_plain_run_runs_everything(tiny, whole):
    tiny.run()
    nodes = plan(tiny.opened(), whole, "all", tiny.manifests())
    assert len(running(nodes)) == 5
    loads = {name: version for node in nodes for name, version in node.loads.items()}
    assert loads == {
        "numbers": "",
        "score_scale": "this run",
        "policy_0": "this run",
        "iteration_1.scoring_adapter": "this run",
        "policy_1": "this run",
    }


@pytest.mark.parametrize(
    "lost",
    ["policy_0", "policy_1", "06_models/it/scoring_adapter", "08_reporting/it/figures.parquet"],
)
def test_missing_outputs_are_planned_as_kedro_runs_them(tiny, whole, lost, caplog):
    tiny.run()
    shutil.rmtree(tiny.root / "data" / lost)
    project = tiny.opened()
    nodes = plan(project, whole, "missing", [])
    caplog.set_level("INFO", logger="kedro")
    ran = SequentialRunner()
    ran.run(whole, tiny.opened().catalog, only_missing_outputs=True)
    done = {record.args[0] for record in caplog.records if record.msg.startswith("Completed node")}
    assert running(nodes) == done
    assert len(done) == 1
    [node] = [node for node in nodes if node.runs]
    assert node.reason.endswith("missing")
    for name, version in node.loads.items():
        assert version in ("2026-01-01T00.00.00.000Z", ""), name


def test_an_input_that_is_not_there_is_said(tiny, whole):
    (tiny.root / "data/numbers.json").unlink()
    first = plan(tiny.opened(), whole, "missing", [])[0]
    assert first.loads == {"numbers": None}


def test_a_run_of_what_is_stale_makes_all_up_to_date(tiny, whole):
    changed = {"iteration_1": {"merging": {"rank": 3}}}
    tiny.run()
    project = tiny.opened(**changed)
    nodes = plan(project, whole, "stale", [], check(project, whole, tiny.manifests()))
    assert running(nodes) == {"iteration_1.merge", "iteration_1.measure"}
    assert {node.reason for node in nodes if not node.runs} == {"up to date"}
    tiny.run(whole.filter(node_names=list(running(nodes))), **changed)
    project = tiny.opened(**changed)
    after = check(project, whole, tiny.manifests())
    assert running(plan(project, whole, "stale", [], after)) == set()


def test_nodes_without_outputs_follow_what_they_read(tiny, whole):
    from kedro.pipeline import Node, Pipeline

    def watch(policy, metrics):
        pass

    watcher = Node(watch, ["policy_0", "iteration_1.figures"], None, name="watch")
    pipeline = whole + Pipeline([watcher])
    tiny.run(pipeline)
    project = tiny.opened(iteration_1={"evaluation": {"confidence": 0.5}})
    verdicts = check(project, pipeline, tiny.manifests())
    assert running(plan(project, pipeline, "stale", [], verdicts)) == {
        "iteration_1.measure",
        "watch",
    }


def test_a_plan_tells_what_each_node_took_the_last_time(tiny, whole, only) -> None:
    tiny.run()
    before = {node.name: node.seconds for node in tiny.manifests()[0].nodes}
    tiny.run(only("iteration_1.measure"))
    now = {node.name: node.seconds for node in tiny.manifests()[0].nodes}
    planned = plan(tiny.opened(), whole, "all", tiny.manifests())
    assert {node.name: node.seconds for node in planned} == {**before, **now}
    assert {node.seconds for node in plan(tiny.opened(), whole, "all", [])} == {None}
