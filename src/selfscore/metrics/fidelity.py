"""What the frozen base model makes of texts: true of the picture, and of their own level?

Visual fidelity and contrastiveness (https://arxiv.org/abs/2509.25844), the base model being who is
asked. Whether it can tell at all is measured as well, before what it says is believed.

Knows arrays and the table of what it read; knows no model.
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from selfscore.metrics.accuracy import share
from selfscore.metrics.figures import OTHER_PICTURE
from selfscore.metrics.resampling import Resampling


def told_from_another(affirmed: ArrayLike, elsewhere: ArrayLike) -> NDArray[np.float64]:
    """Whether texts are affirmed more of their own picture than of another one.

    A model that cannot answer such questions affirms what it affirms whatever it is shown, so the
    mean is .5.

    Args:
        affirmed: Mean probability of yes to a text's claims about its own picture, shape (n,).
        elsewhere: The same about another picture.

    Returns:
        1, 0, or .5 where the two are equal; NaN where one is missing, shape (n,).
    """
    difference = np.asarray(affirmed, np.float64) - np.asarray(elsewhere, np.float64)
    return np.asarray((np.sign(difference) + 1) / 2)


def fidelity_figures(read: pd.DataFrame, resampling: Resampling) -> pd.DataFrame:
    """Figures of one policy's texts as the base model reads them.

    - `visual_fidelity`: mean probability of yes to a text's claims; of `other_picture`, to the same
      claims about another picture, so that readiness to say yes can be told from truth.
    - `question_skill`: share of texts affirmed more of their own picture than of another one,
      chance .5; that of the base model's own texts says what its answers are worth.
    - `contrastiveness`: how surely a text is that of its level and not of a neighbouring one,
      chance .5.

    Args:
        read: One row a text: affirmed, affirmed_elsewhere, told (see `told_from_another`) and
            separation, each missing where it was not measured.
        resampling: How the rows are resampled.

    Returns:
        of, metric, value, low, high, n; only what was measured.
    """
    columns = {
        ("", "visual_fidelity"): "affirmed",
        (OTHER_PICTURE, "visual_fidelity"): "affirmed_elsewhere",
        ("", "question_skill"): "told",
        ("", "contrastiveness"): "separation",
    }
    known = {key: read[[column]].astype("float64").dropna() for key, column in columns.items()}
    measured = {key: rows for key, rows in known.items() if len(rows)}
    table = resampling.table((metric, share, rows) for (_, metric), rows in measured.items())
    return table.assign(of=[of for of, _ in measured])
