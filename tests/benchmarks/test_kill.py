"""Runs that are killed end as if they had been left alone; the long version is one command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import kill
from selfscore.provenance.manifest import NodeRun


def node(name: str, stage: str, seconds: float) -> NodeRun:
    function = f"selfscore.pipelines.{stage}.nodes.work"
    return NodeRun(name, None, [], function, [], [], [], "finished", "", seconds)


NODES = [
    node("read", "ingestion", 0.5),
    node("explain", "data_generation", 20.0),
    node("train", "dpo_training", 30.0),
    node("levels", "level_training", 20.0),
    node("merge", "merging", 0.1),
    node("predict", "evaluation", 10.0),
    node("compare", "evaluation", 0.0),
]


def test_every_stage_is_hit_in_every_run() -> None:
    runs = kill.draw(NODES, 24, seed=0)
    assert [len(moments) for moments in runs] == [6, 6, 6, 6]
    places = {one.name: place for place, one in enumerate(NODES)}
    for moments in runs:
        assert {"explain", "train", "levels", "merge", "predict"} <= {
            moment.node for moment in moments
        }
        order = [places[moment.node] for moment in moments]
        assert order == sorted(order)
        assert all(0 <= moment.fraction < 1 for moment in moments)


def test_a_seed_gives_the_same_moments_and_another_seed_others() -> None:
    assert kill.draw(NODES, 7, seed=1) == kill.draw(NODES, 7, seed=1)
    assert kill.draw(NODES, 7, seed=1) != kill.draw(NODES, 7, seed=2)
    assert [len(moments) for moments in kill.draw(NODES, 7, seed=1)] == [6, 1]


def test_what_must_be_the_same_is_compared() -> None:
    for name in (
        "policy_2",
        "iteration_1.merged_adapter",
        "iteration_1.scoring_pairs",
        "iteration_1.generations",
        "baseline.base_predictions",
        "iteration_1.figures",
        "figures_over_rounds",
    ):
        assert kill.COMPARED.fullmatch(name), name
    # It tells when the run was.
    assert not kill.COMPARED.fullmatch("report")


@pytest.mark.slow
def test_killed_runs_make_what_a_run_left_alone_makes(tmp_path: Path) -> None:
    parameters = {
        "rounds": 1,
        "experts": ["level", "consistency"],
        "ingestion": {"max_images_per_split": 16, "levels": 4},
    }
    found = kill.measure(2, 0, parameters, tmp_path / "work", threads=1)
    assert found["kills"] == len(found["hits"]) == 2
    assert found["differing"] == []
    assert found["compared"] > 20
    assert set(found["policies"]) == {"policy_0", "policy_1"}
    # Work in progress is tidied up by the node that finishes it.
    left = [path for path in (tmp_path / "work").rglob("checkpoints/*/*") if path.is_dir()]
    assert left == []
    json.dumps(found)
