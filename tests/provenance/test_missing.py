"""What `--only-missing-outputs` makes: also what was made with something else."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from selfscore.provenance.missing import made_otherwise, to_make
from selfscore.provenance.plan import plan
from selfscore.provenance.store import read_manifests

OTHER_RANK = {"iteration_1": {"merging": {"rank": 3}}}


def made(tiny, **parameters) -> tuple[dict[str, str], list[str]]:
    """What was made otherwise, and the nodes that would run."""
    project = tiny.opened(**parameters)
    otherwise = made_otherwise(project, project.pipeline(), tiny.manifests())
    running = to_make(project, project.pipeline(), otherwise)
    planned = plan(project, project.pipeline(), "missing", tiny.manifests())
    names = [node.name for node in running.nodes]
    assert names == [node.name for node in planned if node.runs]
    return otherwise, names


def test_what_other_parameters_made_is_not_there(tiny) -> None:
    tiny.run()
    assert made(tiny) == ({}, [])
    otherwise, names = made(tiny, **OTHER_RANK)
    assert names == ["iteration_1.merge", "iteration_1.measure"]
    assert "iteration_1.merging.rank: 2 → 3" in otherwise["iteration_1.merge"]
    assert "policy_1" in otherwise["iteration_1.measure"]


def test_what_was_made_of_other_data_is_not_there(tiny) -> None:
    tiny.run()
    (tiny.root / "data/numbers.json").write_text(json.dumps({"scores": [7, 8, 9]}))
    otherwise, names = made(tiny)
    assert len(names) == 5
    assert "numbers changed" in otherwise["fit_scale"]
    # What was taken away cannot be read again.
    (tiny.root / "data/numbers.json").unlink()
    assert made(tiny) == ({}, [])


def test_the_recipe_for_a_run_that_failed_keeps_what_the_change_does_not_touch(tiny) -> None:
    with pytest.raises(TypeError):
        tiny.run(iteration_1={"dpo_training": {"lr": None}})
    left = ["iteration_1.train", "iteration_1.merge", "iteration_1.measure"]
    assert made(tiny, iteration_1={"dpo_training": {"lr": 0.2}}) == ({}, left)


def test_code_and_what_nobody_knows_of_make_nothing_anew(tiny) -> None:
    tiny.run()
    project = tiny.opened()
    [manifest] = tiny.manifests()
    for known in (
        [],
        [replace(manifest, code=dict.fromkeys(manifest.code, "0" * 64))],
        # Of an earlier release, whose parameters had other names.
        [replace(manifest, parameters={"seed": 3}, format=1)],
    ):
        assert made_otherwise(project, project.pipeline(), known) == {}


def test_a_run_makes_it(ingest, caplog) -> None:
    ingest()
    found = ingest(only_missing=True, ingestion={"levels": 5})
    assert found.catalog.load("score_scale").get("levels") == 5
    newest, _ = read_manifests(found.catalog)
    assert {node.status for node in newest.nodes} == {"finished"}
    assert "ingestion.levels: 4 → 5" in caplog.text
    again = ingest(only_missing=True, ingestion={"levels": 5})
    assert {node.status for node in read_manifests(again.catalog)[0].nodes} == {"waiting"}
