"""Answers of raters: their form, how they are kept, and the table of all of them.

Knows what was shown; knows no figure.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Annotated, Any

import pandas as pd
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    ValidationError,
)

from selfscore.datasets.records import is_name
from selfscore.study.items import CHECK, GUESS, study_id

logger = logging.getLogger(__name__)

Seconds = Annotated[FiniteFloat, Field(ge=0)]
ANSWER_COLUMNS = ["item", "before", "after", "accepted", "seconds_before", "seconds"]


def _as_name(name: str) -> str:
    if "/" in name or not is_name(name):
        raise ValueError("a rater's name has letters, digits, '-' and '_'")
    return name


class Answer(BaseModel):
    """What one rater says of one picture.

    Attributes:
        item: which, see `selfscore.study.items.draw_items`.
        before: level that is guessed from the picture alone; None in the second task.
        after: level that is guessed with the text; likewise.
        accepted: whether the level that is shown is right; None in the first task.
        seconds_before: until the first guess; None in the second task, or where not known.
        seconds: until the answer, in the first task after the text came; None where not known.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    item: str
    before: Annotated[int, Field(ge=0)] | None = None
    after: Annotated[int, Field(ge=0)] | None = None
    accepted: bool | None = None
    seconds_before: Seconds | None = None
    seconds: Seconds | None = None


class Answers(BaseModel):
    """The file of one rater.

    Attributes:
        study: which was shown, see `study_id`.
        rater: who rates; names the file.
        seat: whose pictures and order were shown, from 1 on.
        answers: so far.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    study: str
    rater: Annotated[str, AfterValidator(_as_name)]
    seat: Annotated[int, Field(ge=1)]
    answers: list[Answer]


class WrongAnswersError(ValueError):
    """Answers that do not belong to what was shown."""


def as_answers(record: Any) -> Answers:
    """A rater's file.

    Args:
        record: as it was read.

    Raises:
        WrongAnswersError: it has another form.
    """
    try:
        return Answers.model_validate(record)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the whole"
        raise WrongAnswersError(
            f"This is no file of a rater's answers ({place}: {first['msg']}). Save it again from "
            "the study's page."
        ) from error


def name_of(study: str, rater: str) -> str:
    """What a rater's record is called: answers to another study are kept beside it."""
    return f"{study}/{rater}"


def seats_taken(kept: Mapping[str, Mapping[str, Any]], study: str) -> dict[int, str]:
    """Who sits where in a study; who began holds a seat, before the first answer, too."""
    return {one["seat"]: one["rater"] for one in kept.values() if one["study"] == study}


def free_seat(kept: Mapping[str, Mapping[str, Any]], items: pd.DataFrame) -> int | None:
    """The first seat that nobody holds; None where all are taken."""
    taken = seats_taken(kept, study_id(items))
    return next(
        (seat for seat in sorted(items["seat"].unique().tolist()) if seat not in taken), None
    )


def keep(
    answers: Answers, kept: MutableMapping[str, dict[str, Any]], items: pd.DataFrame
) -> dict[str, Any]:
    """Keep a rater's answers, beside those that were kept before; a later answer counts.

    Args:
        answers: of one rater.
        kept: all answers, see `name_of`.
        items: what is shown.

    Returns:
        What is kept of the rater now.

    Raises:
        WrongAnswersError: they are of another study, of another seat than before, of a seat that
            somebody else holds, or of something that the seat was not shown.
    """
    study = study_id(items)
    if answers.study != study:
        raise WrongAnswersError(
            f"The answers of '{answers.rater}' are of the study {answers.study}, and this one is "
            f"{study}: the pictures or texts are others now. Make its page again from the same "
            "data, or have it rated anew."
        )
    _refuse_strangers(answers, items)
    name, record = name_of(answers.study, answers.rater), answers.model_dump()
    before = kept.get(name)
    if before is None:
        _refuse_taken(answers, kept, items)
        before = {"seat": answers.seat, "answers": []}
    elif before["seat"] != answers.seat:
        raise WrongAnswersError(
            f"'{answers.rater}' sat on seat {before['seat']} before, and now on {answers.seat}: go "
            "on with that seat, or choose another name."
        )
    sent = {one.item for one in answers.answers}
    earlier = [one for one in before["answers"] if one["item"] not in sent]
    record["answers"] = earlier + record["answers"]
    kept[name] = record
    return record


def tabulate(kept: Mapping[str, Mapping[str, Any]], items: pd.DataFrame) -> pd.DataFrame:
    """All answers beside what was shown; those of other studies are left out, with a warning.

    Args:
        kept: files of raters, see `name_of`.
        items: what is shown.

    Returns:
        One row an answer: rater, the columns of the items but path and text, and those of the
        answers.

    Raises:
        WrongAnswersError: a file has another form, or is of this study and does not belong to what
            was shown.
    """
    files = [as_answers(record) for record in kept.values()]
    study = study_id(items)
    own = [one for one in files if one.study == study]
    if len(own) < len(files):
        logger.warning(
            "%d of %d raters answered another study, and are left out: name the version of what "
            "they were shown with --load-versions=study_items:VERSION,study_plan:VERSION and "
            "--nodes=measure_study.",
            len(files) - len(own),
            len(files),
        )
    for one in own:
        _refuse_strangers(one, items)
    rows = pd.DataFrame(list(_rows(own)), columns=["rater", "seat", *ANSWER_COLUMNS])
    shown = items.drop(columns=["path", "text"])
    return rows.merge(shown, on=["seat", "item"]).reset_index(drop=True)


def _rows(files: Iterable[Answers]) -> Iterable[dict[str, Any]]:
    for one in files:
        by_item = {answer.item: answer for answer in one.answers}
        for answer in by_item.values():
            yield {"rater": one.rater, "seat": one.seat, **answer.model_dump()}


def _refuse_taken(
    answers: Answers, kept: Mapping[str, Mapping[str, Any]], items: pd.DataFrame
) -> None:
    """Refuse a second rater on a seat: pictures and ways would not be balanced any more."""
    holder = seats_taken(kept, answers.study).get(answers.seat)
    if holder is not None:
        free = free_seat(kept, items)
        others = "all others are taken, too" if free is None else f"seat {free} is free"
        raise WrongAnswersError(
            f"Seat {answers.seat} is taken by '{holder}', so '{answers.rater}' cannot have it; "
            f"{others}."
        )


def _refuse_strangers(answers: Answers, items: pd.DataFrame) -> None:
    """Refuse answers of this study to what the seat was not asked."""
    shown = items[items["seat"] == answers.seat].set_index("item")["task"].to_dict()
    if not shown:
        raise WrongAnswersError(f"There is no seat {answers.seat}: `study.raters` are fewer.")
    for one in answers.answers:
        guessed = one.before is not None and one.after is not None
        if not {GUESS: guessed, CHECK: one.accepted is not None}.get(shown.get(one.item, "")):
            raise WrongAnswersError(
                f"'{answers.rater}' answers what seat {answers.seat} was not asked: '{one.item}'."
            )
