"""What must hold for the tables that cross a pipeline border. The catalog applies them."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
import pandera.pandas as pa
from pandera.typing.pandas import Series

from selfscore.configuration.splits import NAME, SEEN


def _without_suffix(paths: pd.Series) -> pd.Series:
    return paths.str.replace(r"\.[^./]+$", "", regex=True)


def _mean(shares: Iterable[float]) -> float:
    """Of a distribution over levels, in levels."""
    return sum(level * share for level, share in enumerate(shares))


class ScoredImages(pa.DataFrameModel):
    """One row per image, named by its path without the suffix."""

    image_id: Series[str] = pa.Field(unique=True, str_length={"min_value": 1})
    path: Series[str] = pa.Field(unique=True)
    sha256: Series[str] = pa.Field(str_matches=r"^[0-9a-f]{64}$")
    split: Series[str] = pa.Field(str_matches=NAME)
    group: Series[str]
    score: Series[float]
    level: Series[int] = pa.Field(ge=0)
    spread: Series[float] | None = pa.Field(nullable=True, ge=0)

    @pa.dataframe_check(error="`image_id` is not `path` without its suffix")
    def named_by_path(cls, table: pd.DataFrame) -> pd.Series:  # noqa: N805
        """The two names of an image agree."""
        return _without_suffix(table["path"]) == table["image_id"]

    @pa.dataframe_check(error="there are no training images")
    def trains(cls, table: pd.DataFrame) -> bool:  # noqa: N805
        """There is something to learn from."""
        return bool((table["split"] == "train").any())


class DataCheck(pa.DataFrameModel):
    """What is known of the images, in words: one row a line."""

    what: Series[str] = pa.Field(str_length={"min_value": 1})
    value: Series[str] = pa.Field(str_length={"min_value": 1})
    note: Series[str]


class Pairs(pa.DataFrameModel):
    """Preference pairs: two different answers about one training image."""

    image_id: Series[str]
    path: Series[str]
    split: Series[str] = pa.Field(eq="train")
    chosen: Series[str] = pa.Field(str_length={"min_value": 1})
    rejected: Series[str] = pa.Field(str_length={"min_value": 1})
    chosen_level: Series[int] = pa.Field(ge=0)
    rejected_level: Series[int] = pa.Field(ge=0)
    rejected_text_level: Series[int] = pa.Field(ge=0)

    @pa.dataframe_check(error="`chosen` and `rejected` are the same text")
    def differ(cls, table: pd.DataFrame) -> pd.Series:  # noqa: N805
        """There is something to prefer."""
        return table["chosen"] != table["rejected"]

    @pa.dataframe_check(error="`path` is another image than `image_id`")
    def one_image(cls, table: pd.DataFrame) -> pd.Series:  # noqa: N805
        """Both answers are about the image that is shown."""
        return _without_suffix(table["path"]) == table["image_id"]

    @pa.dataframe_check(error="there are no pairs")
    def not_empty(cls, table: pd.DataFrame) -> bool:  # noqa: N805
        """There is something to learn from."""
        return len(table) > 0


class LevelExamples(pa.DataFrameModel):
    """Training images with the levels that they are trained on, and validation images."""

    image_id: Series[str] = pa.Field(unique=True)
    path: Series[str] = pa.Field(unique=True)
    split: Series[str] = pa.Field(isin=SEEN)
    level: Series[int] = pa.Field(ge=0)
    position: Series[float] = pa.Field(ge=0)
    ridge: Series[float] = pa.Field(nullable=True, ge=0)
    ridge_share: Series[float] = pa.Field(ge=0, le=1)
    spread: Series[float] = pa.Field(nullable=True, ge=0)
    response: Series[str]

    @pa.dataframe_check(error="`target` is no distribution over levels with the mean `position`")
    def right_mean(cls, table: pd.DataFrame) -> pd.Series:  # noqa: N805
        """The levels say what is to be learnt, no more and no less."""
        return pd.Series(
            [
                min(row) >= 0 and abs(sum(row) - 1) < 1e-6 and abs(_mean(row) - position) < 1e-6
                for row, position in zip(table["target"], table["position"], strict=True)
            ],
            index=table.index,
        )

    @pa.dataframe_check(error="there are no training images")
    def not_empty(cls, table: pd.DataFrame) -> bool:  # noqa: N805
        """There is something to learn from."""
        return bool((table["split"] == "train").any())

    @pa.dataframe_check(error="a validation image has a second opinion of its score")
    def truth_of_validation(cls, table: pd.DataFrame) -> pd.Series:  # noqa: N805
        """What says when to stop is held against true scores alone."""
        return (table["split"] == "train") | (table["ridge_share"] == 0)

    @pa.dataframe_check(error="a validation image has a text")
    def texts_of_training(cls, table: pd.DataFrame) -> pd.Series:  # noqa: N805
        """No text is learnt of an image that says when to stop."""
        return (table["split"] == "train") | (table["response"] == "")


class Figures(pa.DataFrameModel):
    """Figures of policies: each once, and inside its interval where it has one."""

    round: Series[int] = pa.Field(ge=0)
    policy: Series[str]
    split: Series[str] = pa.Field(str_matches=NAME)
    group: Series[str] = pa.Field(str_length={"min_value": 1})
    of: Series[str]
    metric: Series[str]
    value: Series[float] = pa.Field(nullable=True)
    low: Series[float] = pa.Field(nullable=True)
    high: Series[float] = pa.Field(nullable=True)
    n: Series[int] = pa.Field(ge=0)

    class Config:
        """Exactly these columns, in this order; no figure twice."""

        strict = True
        ordered = True
        unique = ["round", "policy", "split", "group", "of", "metric"]  # noqa: RUF012

    @pa.dataframe_check(error="`low` is above `high`")
    def low_to_high(cls, table: pd.DataFrame) -> pd.Series:  # noqa: N805
        """An interval has a lower and an upper end, or neither."""
        return (table["low"] <= table["high"]) | (table["low"].isna() & table["high"].isna())


class Readings(pa.DataFrameModel):
    """One row per judge and text: the level it came with, and the one that the judge inferred."""

    judge: Series[str]
    policy: Series[str]
    side: Series[str] = pa.Field(isin=["", "chosen", "rejected"])
    image_id: Series[str]
    split: Series[str] = pa.Field(str_matches=NAME)
    level: Series[int] = pa.Field(ge=0)
    inferred_level: Series[float] = pa.Field(nullable=True, ge=0)


class Predictions(pa.DataFrameModel):
    """One row per image and policy; an answer that cannot be read has no emitted level."""

    round: Series[int] = pa.Field(ge=0)
    policy: Series[str]
    image_id: Series[str] = pa.Field(unique=True)
    split: Series[str] = pa.Field(str_matches=NAME)
    group: Series[str]
    score: Series[float]
    level: Series[int] = pa.Field(ge=0)
    response: Series[str]
    valid: Series[bool]
    emitted_level: Series[pd.Int64Dtype] = pa.Field(nullable=True, ge=0)
    emitted_score: Series[pd.Float64Dtype] = pa.Field(nullable=True)
    expected_level: Series[float] = pa.Field(ge=0)
    expected_score: Series[float]
    explanation: Series[str]

    @pa.dataframe_check(error="`emitted_level` and `emitted_score` do not agree with `valid`")
    def emitted_when_valid(cls, table: pd.DataFrame) -> pd.Series:  # noqa: N805
        """A level is emitted by readable answers, and by them alone."""
        emitted = table["emitted_level"].notna()
        return (emitted == table["valid"]) & (emitted == table["emitted_score"].notna())

    @pa.dataframe_check(error="`probabilities` do not add up to 1")
    def probabilities_add_up(cls, table: pd.DataFrame) -> pd.Series:  # noqa: N805
        """Every image has a distribution over the levels."""
        return table["probabilities"].map(lambda row: abs(float(sum(row)) - 1) < 1e-3).astype(bool)
