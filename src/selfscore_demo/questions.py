"""Questions whether a statement is true of a picture, as often true as not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from selfscore.metrics.faithfulness import Statement
from selfscore_demo.language import SUBJECTS

#: The two answers.
YES, NO = "yes", "no"


def draw_statements(
    severities: Sequence[Mapping[str, float]],
    statements: Sequence[Statement],
    rounds: int,
    rng: np.random.Generator,
) -> list[list[tuple[str, bool]]]:
    """Draw statements about pictures, each equally often about one of which it is true and not.

    So a phrase alone says nothing of its truth: one that is true of few pictures is asked of them
    as often as of the others. A phrase that is true of all these pictures or of none is left out.

    Args:
        severities: Severity in [0, 1] per attribute, of each picture.
        statements: The lexicon.
        rounds: How often each statement is drawn, each time about two pictures.
        rng: Source of randomness.

    Returns:
        For each picture the sentences about it, and whether each is true; perhaps none.
    """
    drawn: list[list[tuple[str, bool]]] = [[] for _ in severities]
    for statement in statements:
        true = np.asarray([statement.is_true(known) for known in severities])
        if true.all() or not true.any():
            continue
        for truth in (True, False) * rounds:
            picture = int(rng.choice(np.flatnonzero(true == truth)))
            subject = SUBJECTS[int(rng.integers(len(SUBJECTS)))]
            drawn[picture].append((f"{subject} {statement.phrase}.", truth))
    return drawn
