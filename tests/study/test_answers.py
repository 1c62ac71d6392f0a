"""Answers come back whole, from the page and from Label Studio, and only those that were asked."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image
from small_study import BEST, Raters

from selfscore.study.answers import WrongAnswersError, as_answers, free_seat, keep, tabulate
from selfscore.study.items import study_id
from selfscore.study.label_studio import as_tasks, labeling_configs
from selfscore.study.sent_files import read_answers


@pytest.fixture(scope="session")
def sent(shown: pd.DataFrame) -> dict[str, Any]:
    """The file of seat 1."""
    return next(iter(Raters().answer(shown, 0).values()))


def test_answers_are_kept_beside_earlier_ones_and_the_last_one_counts(
    sent: dict[str, Any], shown: pd.DataFrame, kept: Any
) -> None:
    first, rest = deepcopy(sent), deepcopy(sent)
    first["answers"], rest["answers"] = sent["answers"][:2], deepcopy(sent["answers"][1:])
    rest["answers"][0]["after"] = 9
    keep(as_answers(first), kept, shown)
    keep(as_answers(rest), kept, shown)
    table = tabulate(kept, shown).set_index("item")
    assert len(table) == len(sent["answers"]) == 48
    assert table.loc[sent["answers"][1]["item"], "after"] == 9
    assert set(table["rater"]) == {"rater-1"}
    row = shown.query("seat == 1").set_index("item").loc[table.index[0]]
    assert (
        table.iloc[0][["level", "arm", "task"]].tolist() == row[["level", "arm", "task"]].tolist()
    )


def test_answers_of_another_study_are_kept_and_left_out(
    sent: dict[str, Any], shown: pd.DataFrame, kept: Any, caplog: pytest.LogCaptureFixture
) -> None:
    keep(as_answers(sent), kept, shown)
    kept["other/rater-1"] = sent | {"study": "other"}
    assert len(tabulate(kept, shown)) == 48
    assert "1 of 2 raters answered another study" in caplog.text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"study": "other"}, "are of the study other, and this one is"),
        ({"seat": 99}, "There is no seat 99"),
        ({"seat": 2}, "sat on seat 1 before"),
        ({"answers": [{"item": "guess-99", "before": 1, "after": 1}]}, "was not asked: 'guess-99'"),
        ({"answers": [{"item": "guess-1", "accepted": True}]}, "was not asked: 'guess-1'"),
        ({"answers": [{"item": "check-1"}]}, "was not asked: 'check-1'"),
    ],
)
def test_answers_to_something_else_are_refused(
    sent: dict[str, Any], shown: pd.DataFrame, kept: Any, change: dict[str, Any], message: str
) -> None:
    keep(as_answers(sent), kept, shown)
    before = dict(kept)
    with pytest.raises(WrongAnswersError, match=message):
        keep(as_answers(sent | change), kept, shown)
    assert dict(kept) == before


def test_a_seat_is_held_by_who_began_and_is_nobody_elses(
    sent: dict[str, Any], shown: pd.DataFrame, kept: Any
) -> None:
    keep(as_answers(sent | {"answers": []}), kept, shown)
    with pytest.raises(WrongAnswersError, match="Seat 1 is taken by 'rater-1'.* seat 2 is free"):
        keep(as_answers(sent | {"rater": "ben"}), kept, shown)
    assert list(kept) == [f"{study_id(shown)}/rater-1"]
    for seat in range(2, 13):
        keep(as_answers(sent | {"rater": f"r{seat}", "seat": seat, "answers": []}), kept, shown)
    assert free_seat(kept, shown) is None
    with pytest.raises(WrongAnswersError, match="all others are taken, too"):
        keep(as_answers(sent | {"rater": "ben"}), kept, shown)
    assert len(keep(as_answers(sent), kept, shown)["answers"]) == 48


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is no JSON"),
        ("3", "no file of a rater's answers"),
        ('{"study": "x"}', "rater: Field required"),
        ('{"study":"x","rater":"../x","seat":1,"answers":[]}', "a rater's name has letters"),
        ('{"study":"x","rater":"a","seat":1,"answers":[{"item":"x","seconds":-1}]}', "seconds"),
        ('{"study":"x","rater":"a","seat":1,"answers":[{"item":"x","seconds":NaN}]}', "seconds"),
        ('[{"data": {}}]', "Task 1 is no annotated task"),
        ("[3]", "Task 1 is no annotated task"),
        ('[{"data": {}, "annotations": [3]}]', "Task 1 is no annotated task"),
    ],
)
def test_a_file_that_is_no_answers_is_named(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "answers anna.json"
    file.write_text(content)
    with pytest.raises(WrongAnswersError, match=message) as error:
        read_answers(file)
    assert "answers anna.json" in str(error.value) and len(str(error.value).splitlines()) == 1


def annotated(task: Mapping[str, Any], answer: Mapping[str, Any], by: Any) -> dict[str, Any]:
    """As Label Studio exports a task that was done."""
    said = {name: str(answer[name]) for name in ("before", "after") if answer.get(name) is not None}
    if answer.get("accepted") is not None:
        said["accepted"] = "accept" if answer["accepted"] else "reject"
    result = [
        {"from_name": name, "to_name": "image", "type": "choices", "value": {"choices": [value]}}
        for name, value in said.items()
    ]
    done = {"completed_by": by, "lead_time": answer["seconds"], "result": result}
    skipped = {"completed_by": by, "result": [], "was_cancelled": True}
    return {"id": 7, "data": task["data"], "annotations": [skipped, done], "predictions": []}


def test_label_studio_gives_back_what_the_page_would(
    sent: dict[str, Any],
    shown: pd.DataFrame,
    pictures: dict[str, Image.Image],
    kept: Any,
    tmp_path: Path,
) -> None:
    tasks = as_tasks(shown, pictures, 32)
    assert len(tasks) == 24 and {len(one) for one in tasks.values()} == {24}
    answers = {one["item"]: one for one in sent["answers"]}
    for place, name in enumerate(("guess_seat_01", "check_seat_01")):
        export = [
            annotated(task, answers[task["data"]["item"]], (5, {"id": 5})[place])
            for task in tasks[name]
        ]
        (tmp_path / name).write_text(json.dumps(export))
        for one in read_answers(tmp_path / name):
            keep(one, kept, shown)
    table = tabulate(kept, shown).set_index("item").sort_index()
    page = tabulate({"x": sent}, shown).set_index("item").sort_index()
    same = ["before", "after", "accepted", "level", "arm", "seconds"]
    assert set(table["rater"]) == {"label-studio-5"}
    pd.testing.assert_frame_equal(table[same], page[same])


def test_an_annotator_has_one_seat(
    sent: dict[str, Any], shown: pd.DataFrame, pictures: dict[str, Image.Image], tmp_path: Path
) -> None:
    tasks = as_tasks(shown, pictures, 32)
    answer = {"accepted": True, "seconds": 1.0}
    both = [annotated(tasks[f"check_seat_0{seat}"][0], answer, 5) for seat in (1, 2)]
    (tmp_path / "export.json").write_text(json.dumps(both))
    with pytest.raises(WrongAnswersError, match="annotated seats 1 and 2"):
        read_answers(tmp_path / "export.json")


def test_an_answer_that_is_no_level_names_its_task(
    shown: pd.DataFrame, pictures: dict[str, Image.Image], tmp_path: Path
) -> None:
    task = as_tasks(shown, pictures, 32)["guess_seat_01"][0]
    wrong = annotated(task, {"before": "much", "after": 1, "seconds": 1.0}, 5)
    (tmp_path / "export.json").write_text(json.dumps([wrong]))
    with pytest.raises(WrongAnswersError, match="Task 1 is no annotated task"):
        read_answers(tmp_path / "export.json")


def test_tasks_do_not_say_what_is_asked(
    shown: pd.DataFrame, pictures: dict[str, Image.Image]
) -> None:
    data = [task["data"] for one in as_tasks(shown, pictures, 32).values() for task in one]
    names = {"item", "seat", "text", "study", "image", "question"}
    assert set().union(*data) == names
    assert {one["study"] for one in data} == {study_id(shown)}
    assert all(one["image"].startswith("data:image/jpeg") for one in data)


def test_the_configurations_ask_for_what_is_read_back() -> None:
    asked = {}
    for task, text in labeling_configs(BEST).items():
        view = ElementTree.fromstring(text)
        asked[task] = {
            one.attrib["name"]: [choice.attrib["value"] for choice in one.iter("Choice")]
            for one in view.iter("Choices")
        }
    levels = [str(level) for level in range(BEST + 1)]
    assert asked == {
        "guess": {"before": levels, "after": levels},
        "check": {"accepted": ["accept", "reject"]},
    }
