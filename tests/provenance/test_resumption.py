"""What is left of a run that did not finish."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import fsspec
import pytest
from kedro.io import DatasetError
from kedro.pipeline import Node, Pipeline

from selfscore.handoff.create import create
from selfscore.handoff.verify import verify
from selfscore.provenance.journal import Journal
from selfscore.provenance.places import Place
from selfscore.provenance.resumption import (
    ResumptionError,
    last_run,
    refuse_other_version,
    rest_of,
    run_arguments,
    whole_run,
)
from selfscore.provenance.run_parameters import run_parameters
from selfscore.running.stopping import going_on_from

LEFT = ["iteration_1.train", "iteration_1.merge", "iteration_1.measure"]
BROKEN = {"iteration_1": {"dpo_training": {"lr": None}}}


def fail(tiny) -> str:
    """A run that stops at the training; its id."""
    with pytest.raises(TypeError):
        tiny.run(**BROKEN)
    return tiny.manifests()[0].run_id


def rest(tiny):
    manifests = tiny.manifests()
    return rest_of(tiny.opened(), whole_run(last_run(manifests), manifests))


def test_what_did_not_finish_is_left(tiny) -> None:
    fail(tiny)
    found = rest(tiny)
    assert list(found.reasons) == LEFT
    assert "failed" in found.reasons["iteration_1.train"]
    assert found.changed == []


def test_the_versions_are_those_of_the_run_although_there_are_newer_ones(tiny, only) -> None:
    first = fail(tiny)
    tiny.run(only("describe"))
    manifests = tiny.manifests()
    found = rest_of(tiny.opened(), whole_run(last_run(manifests, first), manifests))
    assert found.loads == {"policy_0": first}


def test_of_what_was_not_read_yet_the_version_is_that_when_the_run_began(tiny) -> None:
    first = tiny.run()
    tiny.run()
    [_, manifest] = tiny.manifests()
    nodes = [
        replace(node, status="waiting") if node.name == "iteration_1.measure" else node
        for node in manifest.nodes
    ]
    artifacts = {k: v for k, v in manifest.artifacts.items() if k != "policy_1"}
    # As a run of `measure` alone, which did not come to read anything.
    measure = [node for node in nodes if node.name == "iteration_1.measure"]
    found = rest_of(tiny.opened(), replace(manifest, nodes=measure, artifacts=artifacts))
    assert found.loads == {"policy_1": first}


def test_parameters_are_those_of_the_run(tiny) -> None:
    fail(tiny)
    [manifest] = tiny.manifests()
    taken = run_parameters(manifest, manifest.nodes)
    assert taken["iteration_1"]["dpo_training"] == {"lr": None}
    assert run_arguments(rest(tiny))["node_names"] == tuple(LEFT)


@pytest.mark.parametrize(
    ("file", "node"),
    [
        ("03_primary/score_scale.json", "fit_scale"),
        ("policy_0/*/policy_0/policy.json", "describe"),
        ("policy_0/*/policy_0/_complete.json", "describe"),
    ],
)
def test_a_flipped_bit_is_found_and_named(tiny, file: str, node: str) -> None:
    fail(tiny)
    [place] = (tiny.root / "data").glob(file)
    content = bytearray(place.read_bytes())
    content[len(content) // 2] ^= 1
    place.write_bytes(content)
    name = file.removeprefix("03_primary/").split("/")[0].removesuffix(".json")
    assert rest(tiny).reasons[node] == f"'{name}' is no longer what was written"


def test_what_is_gone_is_made_again(tiny) -> None:
    fail(tiny)
    (tiny.root / "data/03_primary/score_scale.json").unlink()
    assert rest(tiny).reasons["fit_scale"] == "'score_scale' is no longer there"


def test_a_run_that_went_on_and_was_stopped_again_counts_as_one(tiny, only) -> None:
    first = fail(tiny)
    with going_on_from(first):
        second = tiny.run(only("iteration_1.train"))
    manifests = tiny.manifests()
    assert manifests[0].command["resumes"] == first
    # The second did more than was left, as if it had been killed after the training.
    assert last_run(manifests, first).run_id == second
    whole = whole_run(manifests[0], manifests)
    assert whole.command["runtime_params"] == BROKEN
    found = rest_of(tiny.opened(), whole)
    assert list(found.reasons) == LEFT[1:]
    assert found.loads == {"policy_0": first, "iteration_1.scoring_adapter": second}
    with pytest.raises(ResumptionError, match="whose manifest is gone"):
        whole_run(manifests[0], manifests[:1])


def test_what_several_runs_made_is_handed_on_as_one(tiny, only, tmp_path: Path) -> None:
    first = fail(tiny)
    with going_on_from(first):
        second = tiny.run(only(*LEFT))
    output = tmp_path / "handoff"
    create(tiny.opened(), tiny.manifests(), "iteration_1", output, with_data=True)
    assert all(one.passed for one in verify(output))
    assert {path.stem for path in (output / "manifests").iterdir()} == {first, second}


def test_changed_code_is_told(tiny) -> None:
    fail(tiny)
    manifests = tiny.manifests()
    code = dict.fromkeys(manifests[0].code, "0" * 64)
    whole = replace(manifests[0], code=code)
    [changed] = rest_of(tiny.opened(), whole).changed
    assert changed.startswith("the code of fit_scale, describe changed since")
    [old] = rest_of(tiny.opened(), replace(whole, format=1)).changed
    assert old.startswith("made before code had the same fingerprint")


@pytest.mark.parametrize("unfinished", [True, False])
def test_what_came_in_and_changed_is_read_again(tiny, unfinished: bool) -> None:
    fail(tiny) if unfinished else tiny.run()
    (tiny.root / "data/numbers.json").write_text(json.dumps({"scores": [9, 8]}))
    found = rest(tiny)
    assert list(found.reasons) == ["fit_scale", "describe", *LEFT]
    assert found.reasons["fit_scale"] == "'numbers' changed"
    assert found.loads == {}
    [said] = found.changed
    assert said.startswith("'numbers' changed since the run read it: what was made of it is made")
    assert "describe" not in found.remarkable
    # What is no longer there is told of if it is still to be read.
    (tiny.root / "data/numbers.json").unlink()
    assert "fit_scale" not in rest(tiny).reasons


def test_what_is_made_anew_is_not_made_twice(tiny, only) -> None:
    first = fail(tiny)
    (tiny.root / "data/numbers.json").write_text(json.dumps({"scores": [9, 8]}))
    with going_on_from(first), pytest.raises(TypeError):
        tiny.run(**BROKEN)
    found = rest(tiny)
    assert (list(found.reasons), found.changed) == (LEFT, [])


def test_a_base_model_that_was_replaced_is_used(tiny) -> None:
    fail(tiny)
    (tiny.root / "models/base/config.json").write_text('{"other": 1}')
    found = rest(tiny)
    assert list(found.reasons) == ["describe", *LEFT]
    assert "the files of the base model 'models/base' changed" in found.changed[0]


def test_without_a_run_there_is_nothing(tiny) -> None:
    with pytest.raises(ResumptionError, match="no run yet"):
        last_run([])
    tiny.run()
    with pytest.raises(ResumptionError, match="no manifest of a run '2020'"):
        last_run(tiny.manifests(), "2020")


def test_the_newest_run_that_did_not_finish_is_taken(tiny) -> None:
    failed = fail(tiny)
    assert last_run(tiny.manifests()).run_id == failed
    tiny.run()
    assert last_run(tiny.manifests()).run_id == failed
    # One that finished, and whose end is missing, counts as one that did not.
    newest = tiny.run()
    assert last_run(tiny.manifests(), unended={newest}).run_id == newest
    with going_on_from(failed):
        tiny.run()
    assert last_run(tiny.manifests()).status == "finished"


def test_another_clones_run_is_not_taken_before_ones_own(tiny) -> None:
    own, other = fail(tiny), fail(tiny)
    assert last_run(tiny.manifests(), own={own}).run_id == own
    assert last_run(tiny.manifests(), own={"of another environment"}).run_id == other
    assert last_run(tiny.manifests(), other, own={own}).run_id == other


def test_the_error_of_a_run_tells_how_to_go_on(tiny) -> None:
    with pytest.raises(TypeError) as caught:
        tiny.run(**BROKEN)
    [note] = caught.value.__notes__
    assert "'iteration_1.train'" in note
    assert note.endswith("kedro resume")


@pytest.mark.parametrize(
    "file", ["03_primary/score_scale.json", "08_reporting/it/figures.parquet/*/figures.parquet"]
)
def test_what_is_damaged_is_never_read(tiny, only, file: str) -> None:
    def look(table) -> None:
        raise AssertionError("it was read")

    tiny.run()
    [place] = (tiny.root / "data").glob(file)
    before = place.stat()
    content = bytearray(place.read_bytes())
    content[len(content) // 2] ^= 1
    place.write_bytes(content)
    # As a disk does it: neither size nor time tell.
    os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))
    name = "score_scale" if "scale" in file else "iteration_1.figures"
    with pytest.raises(DatasetError, match=f"'{name}' in '.*' is not what the run") as caught:
        tiny.run(Pipeline([Node(look, name, None, name="look")]))
    assert "run the node" in str(caught.value)
    assert tiny.manifests()[0].failed_node == "look"


def test_what_was_put_back_is_read(tiny, only) -> None:
    tiny.run()
    scale = tiny.root / "data/03_primary/score_scale.json"
    first = scale.read_bytes()
    (tiny.root / "data/numbers.json").write_text(json.dumps({"scores": [9, 8]}))
    tiny.run()
    scale.write_bytes(first)
    tiny.run(only("describe"))


def test_a_run_that_goes_on_is_known(tiny, tmp_path: Path) -> None:
    tiny.run()
    [manifest] = tiny.manifests()
    folder = tmp_path / "data/manifests/manifest.json/2026-02-01T00.00.00.000Z"
    place = Place(fsspec.filesystem("file"), str(folder / "journal.jsonl"))
    journal = Journal(place)
    journal.begin(replace(manifest, run_id=folder.name, status="running"))
    assert tiny.manifests()[0].status == "running"
    del journal
    assert tiny.manifests()[0].status == "interrupted"


def test_half_a_line_does_not_take_the_next_one_along(tiny, tmp_path: Path) -> None:
    tiny.run()
    [manifest] = tiny.manifests()
    place = Place(fsspec.filesystem("file"), str(tmp_path / "journal.jsonl"))
    journal = Journal(place)
    waiting = [replace(node, status="waiting") for node in manifest.nodes]
    journal.begin(replace(manifest, nodes=waiting))
    with open(place.path, "ab") as stream:
        stream.write(b'\n{"event": "node", "rec')
    journal.node("fit_scale", status="finished")
    found = journal.read()
    assert found is not None
    assert found.nodes[0].status == "finished"


def test_a_run_of_another_version_of_the_project_is_refused(tiny) -> None:
    fail(tiny)
    whole = tiny.manifests()[0]
    refuse_other_version(tiny.opened(), whole)
    for nodes in (
        [replace(whole.nodes[0], name="draw_times")],
        [replace(whole.nodes[0], inputs=["step_times"])],
    ):
        with pytest.raises(ResumptionError, match=r"had '\w+_times'.*only-missing-outputs"):
            refuse_other_version(tiny.opened(), replace(whole, nodes=nodes))
