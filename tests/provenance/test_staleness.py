from __future__ import annotations

import json

import pytest

from selfscore.provenance import staleness
from selfscore.provenance.staleness import check


def verdicts(tiny, whole, **parameters):
    found = check(tiny.opened(**parameters), whole, tiny.manifests())
    return {one.name: one for one in found}


def states(tiny, whole, **parameters):
    return {name: one.state for name, one in verdicts(tiny, whole, **parameters).items()}


def test_after_a_run_all_is_up_to_date(tiny, whole):
    assert set(states(tiny, whole).values()) == {"missing"}
    tiny.run()
    assert set(states(tiny, whole).values()) == {"up to date"}


def test_a_parameter_makes_stale_what_follows_from_it_alone(tiny, whole):
    tiny.run()
    found = verdicts(tiny, whole, iteration_1={"merging": {"rank": 3}})
    assert {name for name, one in found.items() if one.state == "stale"} == {
        "policy_1",
        "iteration_1.figures",
    }
    assert found["policy_1"].reasons == ["parameters changed: iteration_1.merging.rank: 2 → 3"]
    assert found["iteration_1.figures"].reasons == ["not up to date: policy_1"]


def test_a_number_that_is_written_with_a_fraction_is_the_same_number(tiny, whole):
    tiny.run(iteration_1={"merging": {"rank": 2.0, "range": [1.0, 5.0]}})
    now = {"merging": {"rank": 2, "range": [1, 5]}}
    assert set(states(tiny, whole, iteration_1=now).values()) == {"up to date"}


def test_new_and_lost_parameters_are_named(tiny, whole):
    tiny.run()
    found = verdicts(tiny, whole, iteration_1={"merging": {"method": "ties"}})
    assert found["policy_1"].reasons == ["parameters changed: iteration_1.merging.method is new"]
    tiny.run(iteration_1={"merging": {"method": "ties"}})
    found = verdicts(tiny, whole)
    assert found["policy_1"].reasons == ["parameters changed: iteration_1.merging.method is gone"]


def test_an_input_that_changed_makes_everything_stale(tiny, whole):
    tiny.run()
    (tiny.root / "data/numbers.json").write_text(json.dumps({"scores": [4, 5]}))
    found = verdicts(tiny, whole)
    assert {one.state for one in found.values()} == {"stale"}
    assert found["score_scale"].reasons == ["numbers changed"]


def test_an_input_that_was_only_touched_does_not(tiny, whole):
    tiny.run()
    file = tiny.root / "data/numbers.json"
    text = file.read_text()
    file.unlink()
    file.write_text(text)
    assert set(states(tiny, whole).values()) == {"up to date"}


def test_the_files_of_the_base_model_are_data(tiny, whole):
    tiny.run()
    (tiny.root / "models/base/config.json").write_text('{"other": 1}')
    found = verdicts(tiny, whole)
    assert found["policy_0"].reasons == ["the files of the base model 'models/base' changed"]
    assert found["iteration_1.figures"].state == "stale"
    assert found["score_scale"].state == "up to date"


def test_an_artifact_that_was_changed_by_hand_is_stale(tiny, whole):
    tiny.run()
    (tiny.root / "data/03_primary/score_scale.json").write_text('{"levels": 1}')
    found = verdicts(tiny, whole)
    assert found["score_scale"].reasons == ["it was changed after it was written"]
    assert found["policy_0"].state == "stale"


def test_an_artifact_made_again_with_the_same_result_makes_nothing_stale(tiny, whole, only):
    tiny.run()
    tiny.run(only("describe", "iteration_1.train"))
    found = verdicts(tiny, whole)
    assert {one.state for one in found.values()} == {"up to date"}
    assert found["policy_0"].version == "2026-01-02T00.00.00.000Z"
    assert found["policy_1"].version == "2026-01-01T00.00.00.000Z"


def test_an_artifact_made_again_with_another_result_says_its_versions(tiny, whole, only):
    tiny.run()
    tiny.run(only("iteration_1.train"), seed=4)
    found = verdicts(tiny, whole, seed=4)
    assert found["iteration_1.scoring_adapter"].state == "up to date"
    assert found["policy_1"].reasons == [
        "iteration_1.scoring_adapter changed (2026-01-01T00.00.00.000Z → 2026-01-02T00.00.00.000Z)"
    ]


def test_code_that_changed_is_named(tiny, whole, monkeypatch):
    tiny.run()
    monkeypatch.setattr(staleness, "sha256_module", lambda name: "other")
    found = verdicts(tiny, whole)
    assert {one.state for one in found.values()} == {"stale"}
    assert found["score_scale"].reasons[0].startswith("code changed: ")


def test_code_of_a_manifest_of_format_1_counts_as_changed(tiny, whole):
    run_id = tiny.run()
    [file] = (tiny.root / "data/manifests").rglob(f"{run_id}/manifest.json")
    file.write_text(json.dumps({**json.loads(file.read_text()), "format": 1}))
    [manifest] = tiny.manifests()
    assert manifest.run_id == run_id
    found = verdicts(tiny, whole)
    assert {one.state for one in found.values()} == {"stale"}
    assert found["score_scale"].reasons == [
        "made before code had the same fingerprint under every Python: it counts as changed"
    ]


def test_what_no_manifest_names_is_unknown(tiny, whole):
    tiny.run()
    for file in (tiny.root / "data/manifests").rglob("*.json"):
        if file.is_file():
            file.unlink()
    assert set(states(tiny, whole).values()) == {"unknown"}


@pytest.mark.parametrize("name", ["policy_1", "score_scale"])
def test_what_is_gone_is_missing(tiny, whole, name):
    import shutil

    tiny.run()
    place = (
        tiny.root / "data" / ("policy_1" if name == "policy_1" else "03_primary/score_scale.json")
    )
    shutil.rmtree(place) if place.is_dir() else place.unlink()
    assert states(tiny, whole)[name] == "missing"
