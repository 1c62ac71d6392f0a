"""Folders that a run made are held against its manifest, as tables are."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr
from pathlib import Path

import pytest
from kedro.io import DatasetError
from kedro.pipeline import Node, Pipeline
from safetensors.torch import load_file, save_file

from selfscore.datasets.directory import MARKER, _mark
from selfscore.provenance.commands.run import friendly_exit
from selfscore.provenance.outside_runs import load_sealed, newest_version
from selfscore.provenance.staleness import check

ADAPTER = "iteration_1.scoring_adapter"


def look(data) -> None:
    raise AssertionError("it was read")


def reading(name: str) -> Pipeline:
    return Pipeline([Node(look, name, None, name="look")])


def folder_of(tiny, name: str, run: str) -> Path:
    place = "06_models/it/scoring_adapter" if name == ADAPTER else name
    return tiny.root / "data" / place / run / Path(place).name


def test_weights_that_were_edited_with_a_new_marker_are_not_read(tiny) -> None:
    folder = folder_of(tiny, ADAPTER, tiny.run())
    file = folder / "adapter_model.safetensors"
    tensors = {name: tensor * 2 for name, tensor in load_file(file).items()}
    save_file(tensors, file, metadata={"format": "pt"})
    (folder / MARKER).unlink()
    _mark(folder)
    with pytest.raises(DatasetError, match=f"'{ADAPTER}' in '.*' is not what the run"):
        tiny.run(reading(ADAPTER))


def test_versions_that_changed_places_are_not_read(tiny) -> None:
    places = [folder_of(tiny, ADAPTER, run) for run in (tiny.run(), tiny.run(seed=9))]
    places[0].rename(tiny.root / "aside")
    places[1].rename(places[0])
    (tiny.root / "aside").rename(places[1])
    with pytest.raises(DatasetError, match="is not what the run"):
        tiny.run(reading(ADAPTER))


def test_a_file_that_was_put_into_a_folder_is_named(tiny) -> None:
    run = tiny.run()
    stolen = folder_of(tiny, "policy_1", run)
    policy = folder_of(tiny, "policy_0", run)
    for file in ("adapter_config.json", "adapter_model.safetensors"):
        (policy / file).write_bytes((stolen / file).read_bytes())
    with pytest.raises(DatasetError, match=r"'adapter_config.json' in '.*' was not saved with"):
        tiny.run(reading("policy_0"))
    [verdict] = (one for one in stale(tiny) if one.name == "policy_0")
    assert verdict.reasons == ["it was changed after it was written"]
    # What file managers and handoffs add is read by nobody.
    for file in ("adapter_config.json", "adapter_model.safetensors"):
        (policy / file).unlink()
    for file in (".DS_Store", "README.md"):
        (policy / file).touch()
    tiny.run(Pipeline([Node(lambda policy: None, "policy_0", None, name="look")]))


def stale(tiny):
    project = tiny.opened()
    return check(project, project.pipeline(), tiny.manifests())


@pytest.mark.parametrize("name", ["score_scale", "iteration_1.figures"])
def test_an_empty_folder_is_no_table(tiny, name: str) -> None:
    tiny.run()
    place = Path(tiny.opened().catalog[name]._get_load_path())
    place.unlink()
    place.mkdir()
    with pytest.raises(DatasetError, match=f"'{name}' in '.*' is not what the run"):
        tiny.run(reading(name))
    if name != "score_scale":
        with pytest.raises(DatasetError, match=f"'{name}' in '.*' is not what the run"):
            load_sealed(tiny.opened(), name)


@pytest.mark.parametrize("marker", ["[]", '{"sha256": []}', "{", ""])
def test_a_damaged_marker_is_one_sentence(tiny, marker: str) -> None:
    run = tiny.run()
    (folder_of(tiny, "policy_0", run) / MARKER).write_text(marker)
    with pytest.raises(DatasetError, match="'policy_0' in '.*' is not what the run"):
        tiny.run(reading("policy_0"))
    # Where no manifest knows of it, its dataset says so.
    with pytest.raises(DatasetError, match="list of files of the policy in '.*' is damaged") as own:
        tiny.opened().catalog.load("policy_0")
    assert said(own.value).count("\n") == 1


def test_a_folder_that_holds_something_else_is_one_sentence(tiny) -> None:
    folder = folder_of(tiny, "policy_0", tiny.run())
    card = json.loads((folder / "policy.json").read_text())
    del card["score_scale"]
    (folder / "policy.json").write_text(json.dumps(card))
    (folder / MARKER).unlink()
    _mark(folder)
    with pytest.raises(DatasetError, match="The policy in '.*' cannot be read.*score_scale") as own:
        tiny.opened().catalog.load("policy_0")
    assert "The policy in '" in said(own.value)


def said(error: Exception) -> str:
    """What the command `run` says of an error."""
    with pytest.raises(SystemExit), redirect_stderr(io.StringIO()) as words, friendly_exit():
        raise error
    return words.getvalue()


@pytest.mark.parametrize(
    ("store", "name"),
    # In a store, nothing is left of a file that was removed.
    [("tiny", ADAPTER), ("remote", ADAPTER), ("tiny", "iteration_1.figures")],
)
def test_the_version_before_never_stands_in_for_a_damaged_one(
    store: str, name: str, request, only, caplog
) -> None:
    tiny = request.getfixturevalue(store)
    first, second = tiny.run(), tiny.run(seed=9)
    dataset = tiny.opened().catalog[name]
    file_system, newest = dataset._fs, str(dataset._get_load_path())
    file_system.rm(f"{newest}/{MARKER}" if name == ADAPTER else newest)
    with pytest.raises(DatasetError, match=f"newest version of '{name}' is no longer whole") as at:
        tiny.run(reading(name))
    with pytest.raises(DatasetError, match="no longer whole"):
        newest_version(tiny.opened(), name)
    assert f"{first}, remove that folder" in str(at.value)
    file_system.rm(newest.rpartition("/")[0], recursive=True)
    tiny.run(Pipeline([Node(lambda data: None, name, None, name="look")]))
    assert f"{second}, was removed: {first} is used" in caplog.text
