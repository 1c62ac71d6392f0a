"""The best answers that are the same for every image, learnt from the training scores alone.

They are the same for shuffled training scores too: what does not go beyond them was learnt from how
scores are distributed, and not from which picture has which.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from selfscore.metrics.accuracy import exact, within
from selfscore.metrics.calibration import ranked_probability_score


@dataclass(frozen=True)
class ConstantAnswer:
    """What to answer for every image, whatever it shows.

    Attributes:
        score: the training scores' median, which has the least mean error.
        mean: their mean, which has the least root mean squared error.
        within_1: the level with most training images at most one level off.
        exact: the level of most training images.
        distribution: share of training images of each level, which has the least ranked probability
            score.
    """

    score: float
    mean: float
    within_1: int
    exact: int
    distribution: NDArray[np.float64]

    @classmethod
    def learnt_from(cls, training: pd.DataFrame, n_levels: int) -> ConstantAnswer:
        """The best answers for some images.

        Args:
            training: their score and level; at least one.
            n_levels: number of levels of the scale.

        Raises:
            ValueError: there are no images.
        """
        if training.empty:
            raise ValueError("the constant answer is learnt from training images: there are none")
        levels = training["level"].to_numpy(dtype=np.int64)
        every = np.broadcast_to(np.arange(n_levels)[:, None], (n_levels, len(levels)))
        scores = training["score"].to_numpy(dtype=np.float64)
        return cls(
            score=float(np.median(scores)),
            # Divided first: the sum of large numbers may be none.
            mean=float((scores / len(scores)).sum()),
            within_1=int(np.argmax(within(every, levels))),
            exact=int(np.argmax(exact(every, levels))),
            distribution=np.bincount(levels, minlength=n_levels) / len(levels),
        )

    def rps(self, levels: ArrayLike) -> NDArray[np.float64]:
        """Ranked probability scores of the distribution, shape (n,).

        Args:
            levels: true levels, shape (n,).
        """
        return ranked_probability_score(self.distribution, levels)
