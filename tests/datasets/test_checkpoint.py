import pytest
from kedro.io import DatasetError

from selfscore.datasets.checkpoint import Checkpoint, CheckpointDataset


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "iteration_1" / "explain_forced_levels"


def claimed(folder, recipe="a"):
    checkpoint = CheckpointDataset(filepath=str(folder.parent)).load()
    checkpoint.claim(folder.name, recipe)
    return checkpoint


def test_parts_are_there_for_the_next_run_of_the_same_recipe(folder):
    first = claimed(folder)
    first["attempt_0/000000"] = b"texts"
    first["attempt_0/000001"] = b""
    again = claimed(folder)
    assert dict(again) == {"attempt_0/000000": b"texts", "attempt_0/000001": b""}
    assert "attempt_0/000002" not in again


def test_work_for_another_recipe_is_removed(folder):
    claimed(folder)["0"] = b"texts"
    assert dict(claimed(folder, "b")) == {}
    assert dict(claimed(folder, "a")) == {}


def test_unclaimed_it_neither_shows_nor_keeps_anything(folder):
    claimed(folder)["0"] = b"texts"
    unclaimed = Checkpoint(folder.parent)
    assert dict(unclaimed) == {}
    unclaimed["1"] = b"more"
    assert unclaimed["1"] == b"more"
    assert dict(claimed(folder)) == {"0": b"texts"}


@pytest.mark.parametrize("harm", ["flip", "cut"])
def test_a_damaged_part_is_not_there_and_is_named(folder, harm, caplog):
    claimed(folder)["0"] = b"texts"
    file = folder / "parts" / "0"
    stored = file.read_bytes()
    file.write_bytes(stored[:-1] + b"S" if harm == "flip" else stored[:-1])
    with pytest.raises(KeyError):
        claimed(folder)["0"]
    assert str(file) in caplog.text


def test_what_a_killed_process_was_writing_does_not_count(folder):
    claimed(folder)["0"] = b"texts"
    (folder / "parts" / ".half").write_bytes(b"hal")
    assert dict(claimed(folder)) == {"0": b"texts"}


def test_parts_are_replaced_and_removed(folder):
    checkpoint = claimed(folder)
    checkpoint["0"] = b"one"
    checkpoint["0"] = b"two"
    assert dict(checkpoint) == {"0": b"two"}
    del checkpoint["0"]
    assert dict(checkpoint) == {}
    with pytest.raises(KeyError):
        del checkpoint["0"]


def test_discarded_it_leaves_nothing(folder):
    checkpoint = claimed(folder)
    checkpoint["0"] = b"texts"
    checkpoint.discard()
    assert not folder.exists()


def test_what_other_nodes_of_the_group_keep_stays(folder):
    other = folder.with_name("predict_merged")
    claimed(other)["0"] = b"scores"
    claimed(folder, "b")["0"] = b"texts"
    claimed(folder).discard()
    assert dict(claimed(other)) == {"0": b"scores"}


def test_opened_again_it_keeps_what_is_there(folder):
    dataset = CheckpointDataset(filepath=str(folder.parent))
    assert not dataset.exists()
    dataset.save({})
    assert dataset.exists()
    claimed(folder)["0"] = b"texts"
    dataset.save({})
    assert dict(claimed(folder)) == {"0": b"texts"}


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../outside", ".hidden"])
def test_a_part_cannot_be_outside(folder, name):
    with pytest.raises(ValueError, match="no name for a part"):
        claimed(folder)[name] = b""


def test_the_dataset_is_local_and_takes_no_parts_as_an_output(folder):
    with pytest.raises(DatasetError, match=r"storage\.scratch"):
        CheckpointDataset(filepath="s3://bucket/folder")
    with pytest.raises(DatasetError, match="takes no parts"):
        CheckpointDataset(filepath=str(folder)).save({"0": b"texts"})
