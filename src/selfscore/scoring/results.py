"""What is said of an image: its score, how sure that is, why, and whose words they are.

Knows no model and no file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Origin:
    """Whose scores they are, and what they mean.

    Attributes:
        policy: name of the policy.
        digest: sha256 of the policy, the same wherever it is stored.
        model: hub id or folder of its base model.
        revision: of the base model on the hub; None for a folder.
        version: of selfscore.
        unit: of the scores, in the words of whoever gave the training scores.
        values: the score that each level stands for, from the lowest to the highest.
    """

    policy: str
    digest: str
    model: str
    revision: str | None
    version: str
    unit: str
    values: tuple[float, ...]

    def __str__(self) -> str:
        return f"{self.policy} ({self.digest[:12]}) on {self.model}, selfscore {self.version}"

    @property
    def scale(self) -> str:
        """The unit, and the scores that can be reached in it, in words."""
        return (
            f"{self.unit}; scores can be {self.values[0]:.2f} (level 0) to {self.values[-1]:.2f} "
            f"(level {len(self.values) - 1})"
        )


@dataclass(frozen=True)
class ScoredImage:
    """What a policy says of one image.

    All numbers are None when the image cannot be read.

    Attributes:
        name: of the image.
        origin: policy, model and scale.
        score: the mean over the distribution, in the unit of the training scores.
        level: the likeliest level, 0 to levels - 1.
        probabilities: the distribution over levels, sums to 1.
        explanation: why, written for the likeliest level; None when none was asked for.
        error: why the image could not be scored; None when it was.
    """

    name: str
    origin: Origin
    score: float | None = None
    level: int | None = None
    probabilities: tuple[float, ...] | None = None
    explanation: str | None = None
    error: str | None = None

    def record(self) -> dict[str, Any]:
        """All of it in one flat record, the same names in every format."""
        return {
            "image": self.name,
            "score": self.score,
            "lowest_score": self.origin.values[0],
            "highest_score": self.origin.values[-1],
            "level": self.level,
            "explanation": self.explanation,
            "error": self.error,
            "probabilities": None if self.probabilities is None else list(self.probabilities),
            "unit": self.origin.unit,
            "scale": list(self.origin.values),
            "policy": self.origin.policy,
            "policy_digest": self.origin.digest,
            "model": self.origin.model,
            "model_revision": self.origin.revision,
            "selfscore_version": self.origin.version,
        }


def tabulate(records: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """One row an image, with the columns of `ScoredImage.record`; what is missing is missing."""
    import pandas as pd

    table = pd.DataFrame(list(records))
    return table.astype(
        {
            "score": "Float64",
            "level": "Int64",
            "explanation": "string",
            "error": "string",
            "model_revision": "string",
        }
    )


def sheet_row(record: dict[str, Any]) -> dict[str, Any]:
    """A record without lists, as spreadsheets want it: `probability_0` and so on."""
    row = dict(record)
    scale = row.pop("scale")
    # Missing is None here and pandas.NA where the record comes from a table.
    probabilities = row.pop("probabilities")
    known = probabilities if isinstance(probabilities, Iterable) else [None] * len(scale)
    return row | {f"probability_{level}": value for level, value in enumerate(known)}
