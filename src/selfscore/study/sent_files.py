"""Files that raters send: what the study's page saves, or an export of Label Studio."""

from __future__ import annotations

import json
from pathlib import Path

from selfscore.study.answers import Answers, WrongAnswersError, as_answers
from selfscore.study.label_studio import from_annotations


def read_answers(file: Path) -> list[Answers]:
    """The answers in a file, one entry a rater.

    Raises:
        WrongAnswersError: it is neither kind of file.
    """
    try:
        content = json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        raise WrongAnswersError(f"'{file}' is no JSON: save it again from the page.") from None
    try:
        return from_annotations(content) if isinstance(content, list) else [as_answers(content)]
    except WrongAnswersError as error:
        raise WrongAnswersError(f"'{file}': {error}") from error
