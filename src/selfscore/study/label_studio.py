"""The study as tasks of Label Studio, and its annotations as answers.

The form is that of https://labelstud.io/guide/task_format, read on version 1.23: a list of tasks
with `data` going in, the same with `annotations` coming out (export as JSON). One project a task
and seat, since the open edition shows every task to everybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from xml.sax.saxutils import quoteattr

import pandas as pd

from selfscore.report.gallery import thumbnail
from selfscore.report.tables import records
from selfscore.study.answers import Answers, WrongAnswersError, as_answers
from selfscore.study.items import CHECK, GUESS, study_id
from selfscore.vlm.images import ImageSource

_WITH_TEXT = '<Header value="The text"/><Text name="text" value="$text"/>'


def as_tasks(
    items: pd.DataFrame, images: ImageSource, pixels: int
) -> dict[str, list[dict[str, Any]]]:
    """What each seat is shown, as the files that its projects import.

    Args:
        items: see `selfscore.study.items.draw_items`.
        images: pictures by path.
        pixels: longer side of a picture, which is part of its task.

    Returns:
        `guess_seat_01`, … → list of tasks.
    """
    study = study_id(items)
    pictures = {path: thumbnail(images[path], pixels) for path in items["path"].unique()}
    files: dict[str, list[dict[str, Any]]] = {}
    for row in records(items.sort_values(["seat", "order"])):
        data = {name: row[name] for name in ("item", "seat", "text")}
        data |= {"study": study, "image": pictures[row["path"]]}
        if row["task"] == CHECK:
            data["question"] = f"The model says level {row['level']}. Is that right?"
        files.setdefault(f"{row['task']}_seat_{row['seat']:02}", []).append({"data": data})
    return files


def labeling_configs(best: int) -> dict[str, str]:
    """What the projects show and ask, by task: paste it as their labeling configuration.

    Args:
        best: the highest level.
    """
    levels = [str(level) for level in range(best + 1)]
    scale = f"0 is the worst level, {best} the best."
    before = _choices("before", "Which level did the model give? Guess from the picture.", levels)
    after = _choices("after", "Guess again, now with the text.", levels)
    # The text appears when the first guess is made.
    then = f'<View visibleWhen="choice-selected" whenTagName="before">{_WITH_TEXT}{after}</View>'
    decide = _choices("accepted", "Decide", ["accept", "reject"])
    return {
        GUESS: _view(f"<Header value={quoteattr(scale)}/>{before}{then}"),
        CHECK: _view(
            f'<Header value="$question"/><Header value={quoteattr(scale)}/>{_WITH_TEXT}{decide}'
        ),
    }


def from_annotations(tasks: Iterable[Mapping[str, Any]]) -> list[Answers]:
    """Answers from an export: an annotator is a rater; cancelled annotations are none.

    Args:
        tasks: as Label Studio exports them.

    Raises:
        WrongAnswersError: one of them is no task of a study, an answer is missing, or an annotator
            took two seats.
    """
    found: dict[str, dict[str, Any]] = {}
    for number, task in enumerate(tasks, start=1):
        try:
            data = task["data"]
            for annotation in task["annotations"]:
                if annotation.get("was_cancelled"):
                    continue
                name = f"label-studio-{_annotator(annotation)}"
                own = found.setdefault(
                    name,
                    {"study": data["study"], "rater": name, "seat": data["seat"], "answers": []},
                )
                if own["seat"] != data["seat"]:
                    raise WrongAnswersError(
                        f"'{name}' annotated seats {own['seat']} and {data['seat']}: a rater has "
                        "one seat. Leave the tasks of one of them out of the export."
                    )
                own["answers"].append(_answer(data["item"], annotation))
        except WrongAnswersError:
            raise
        # As many kinds as there are ways in which a file can be another one.
        except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
            raise WrongAnswersError(
                f"Task {number} is no annotated task of the study ({error!r}). Export the "
                "annotated tasks as JSON, each with all of its answers."
            ) from error
    return [as_answers(own) for own in found.values()]


def _answer(item: str, annotation: Mapping[str, Any]) -> dict[str, Any]:
    said = {one["from_name"]: one["value"]["choices"][0] for one in annotation["result"]}
    seconds = annotation.get("lead_time")
    answer: dict[str, Any] = {"item": item, "seconds": None if seconds is None else float(seconds)}
    if "accepted" in said:
        return answer | {"accepted": said["accepted"] == "accept"}
    return answer | {"before": int(said["before"]), "after": int(said["after"])}


def _annotator(annotation: Mapping[str, Any]) -> str:
    """A number, in some exports with more around it."""
    by = annotation["completed_by"]
    return str(by["id"] if isinstance(by, Mapping) else by)


def _choices(name: str, question: str, values: Iterable[str]) -> str:
    listed = "".join(f"<Choice value={quoteattr(value)}/>" for value in values)
    head = f"<Header value={quoteattr(question)}/>"
    options = 'toName="image" choice="single" showInline="true" required="true"'
    return f'{head}<Choices name="{name}" {options}>{listed}</Choices>'


def _view(content: str) -> str:
    return f'<View><Image name="image" value="$image"/>{content}</View>\n'
