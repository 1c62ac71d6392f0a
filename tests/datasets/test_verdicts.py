import json

import pytest
from kedro.io import DatasetError

from selfscore.datasets.verdicts import VerdictsDataset


def test_a_verdict_is_stored_as_soon_as_it_is_put_in(tmp_path) -> None:
    path = tmp_path / "new" / "verdicts.jsonl"
    dataset = VerdictsDataset(filepath=str(path))
    assert not dataset.exists()
    verdicts = dataset.load()
    assert len(verdicts) == 0 and not path.exists()

    verdicts["a"] = {"level": 3, "answer": '{"level": 3}'}
    assert dict(dataset.load()) == {"a": {"level": 3, "answer": '{"level": 3}'}}
    verdicts["b"] = {"level": None, "answer": "nämlich\n7\u2028"}
    verdicts["a"] = {"level": 4}
    assert dataset.exists()
    # The last word on a key counts; nothing is overwritten.
    assert dict(dataset.load()) == dict(verdicts)
    assert dataset.load()["a"] == {"level": 4}
    assert len(path.read_text().rstrip("\n").split("\n")) == 3


def test_a_line_that_was_cut_off_is_passed_over(tmp_path, caplog) -> None:
    path = tmp_path / "verdicts.jsonl"
    dataset = VerdictsDataset(filepath=str(path))
    verdicts = dataset.load()
    for key in "abc":
        verdicts[key] = {"level": 1}
    path.write_bytes(path.read_bytes()[:-9])

    rest = dataset.load()
    assert set(rest) == {"a", "b"} and "1 lines" in caplog.text
    rest["c"] = {"level": 2}
    assert dict(dataset.load())["c"] == {"level": 2}
    whole = [line for line in path.read_text().split("\n") if line.endswith("}}")]
    assert [json.loads(line)["key"] for line in whole] == ["a", "b", "c"]


@pytest.mark.parametrize(
    "line", ["7", "null", '{"key": "b"}', '{"key": "b", "verdict": null}', "[" * 100_000]
)
def test_a_line_that_is_no_verdict_is_passed_over(tmp_path, caplog, line) -> None:
    path = tmp_path / "verdicts.jsonl"
    dataset = VerdictsDataset(filepath=str(path))
    dataset.load()["a"] = {"level": 1}
    with path.open("a") as file:
        file.write(line + "\n")
    assert dict(dataset.load()) == {"a": {"level": 1}} and "1 lines" in caplog.text


def test_nothing_is_taken_out_and_nothing_saved_as_a_whole(tmp_path) -> None:
    dataset = VerdictsDataset(filepath=str(tmp_path / "verdicts.jsonl"))
    verdicts = dataset.load()
    verdicts["a"] = {"level": 1}
    with pytest.raises(TypeError, match="remove the file"):
        del verdicts["a"]
    with pytest.raises(DatasetError, match="as an input"):
        dataset.save(verdicts)
    assert dict(dataset.load()) == {"a": {"level": 1}}


def test_any_file_system_that_appends_will_do() -> None:
    dataset = VerdictsDataset(filepath="memory://judging/verdicts.jsonl")
    dataset.load()["a"] = {"level": 1}
    dataset.load()["b"] = {"level": 2}
    assert dict(dataset.load()) == {"a": {"level": 1}, "b": {"level": 2}}
