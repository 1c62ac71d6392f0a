"""Whether a policy still answers sensibly: figures of its answers, limits, and what a breach means.

Needs no true scores: a policy that collapses shows here on any images.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from selfscore.configuration.settings_class import NotNegative, Share, settings_class
from selfscore.metrics.accuracy import level_entropy, share
from selfscore.metrics.figures import HEALTH, among
from selfscore.metrics.text_variety import distinct, generic_share, repeated_share, words_of

_MILDER = (
    "Unless the base model answers so, too, train with a lower `dpo_training.lr`, fewer `epochs` "
    "or a higher `beta`"
)
_SPREAD = "and look whether the levels of the training pairs are spread over the scale"
_LIVELIER = "or generate texts with a higher `data_generation.decoding.temperature`"
_UNTRAINED = (
    "So the base model answers before any training: if the rounds do not mend it, choose another "
    "`model` or other `prompts`"
)
# Threshold → what is wrong beyond it, how that shows, and what to try beside a milder training.
_FAILURES: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "min_format_valid": (
        "broken format",
        "only {percent:.3g} % of the answers keep the response format",
        ("or keep closer to the chosen texts with a higher `dpo_training.rpo_alpha`",),
    ),
    "min_level_entropy": (
        "score collapse",
        "the entropy of the predicted levels is {value:.2f} of the highest possible",
        (_SPREAD,),
    ),
    "max_top_level_share": (
        "score collapse",
        "{percent:.3g} % of predictions are level {top_level:.0f}",
        (_SPREAD,),
    ),
    "min_distinct_1": (
        "poor vocabulary",
        "only {percent:.3g} % of the words drawn from the explanations differ",
        (_LIVELIER,),
    ),
    "min_distinct_2": (
        "stock phrases",
        "only {percent:.3g} % of the word pairs drawn from the explanations differ",
        (_LIVELIER,),
    ),
    "max_repeated_trigrams": (
        "repetition",
        "{percent:.3g} % of the word triples in an explanation were said before in it",
        ("or lower `data_generation.gates.max_repetition`",),
    ),
    "max_generic": (
        "generic explanations",
        "{percent:.3g} % of the images get a text that many others get too",
        (_LIVELIER, "or lower `data_generation.gates.max_generic`"),
    ),
    "min_mean_words": (
        "shrinking explanations",
        "they have {value:.3g} words on average",
        ("or raise `data_generation.gates.min_words`",),
    ),
    "max_mean_words": (
        "rambling explanations",
        "they have {value:.3g} words on average",
        ("or lower `data_generation.gates.max_words`",),
    ),
}


@settings_class
class HealthThresholds:
    """Limits of the figures, themselves still healthy; None: not checked.

    `min_<figure>` and `max_<figure>` of the figures of `health_metrics`.
    """

    min_format_valid: Share | None
    min_level_entropy: Share | None
    max_top_level_share: Share | None
    min_distinct_1: Share | None
    min_distinct_2: Share | None
    max_repeated_trigrams: Share | None
    max_generic: Share | None
    min_mean_words: NotNegative | None
    max_mean_words: NotNegative | None


@dataclass(frozen=True)
class Breach:
    """A figure beyond its limit.

    Attributes:
        figure: name of the figure.
        value: what it is.
        threshold: name of the limit that it passes, `min_<figure>` or `max_<figure>`.
        limit: value of the limit.
        kind: the failure in two words.
        words: how it shows, with the value.
        trained: whether a round made the policy.
    """

    figure: str
    value: float
    threshold: str
    limit: float
    kind: str
    words: str
    trained: bool

    @property
    def sentence(self) -> str:
        """The failure in plain words, the limit, and what to try."""
        limit = f"`{self.threshold}` is {self.limit:g}"
        return f"{self.kind}: {self.words} ({limit}). {advice([self])}."

    @property
    def beyond(self) -> float:
        """How far the value lies beyond the limit."""
        return abs(self.value - self.limit)


class PolicyBreach(NamedTuple):
    """A breach with the policy, its round, and the images that it was found on."""

    round: int
    policy: str
    split: str
    breach: Breach


def health_metrics(predictions: pd.DataFrame, n_levels: int) -> dict[str, float]:
    """Figures that tell a healthy policy from a collapsed one.

    Args:
        predictions: Answers of one policy to a set of images: valid, emitted_level and
            explanation (of which the last two count only where valid).
        n_levels: Number of levels of the scale.

    Returns:
        format_valid, share of answers in the response format; level_entropy in [0, 1], see
        `level_entropy`; top_level, the most frequent emitted level, and top_level_share;
        distinct_1 and distinct_2, different words and word pairs per drawn one, see `distinct`;
        repeated_trigrams, mean share of word triples said before in the same explanation; generic,
        share of explanations said of many images, see `generic_share`; mean_words, mean length of
        an explanation. All but format_valid are NaN if no answer is valid, all if there is none.
    """
    valid = predictions["valid"].to_numpy(dtype=bool)
    answers = predictions[valid]
    texts = answers["explanation"].tolist()
    words = [words_of(text) for text in texts]
    levels = answers["emitted_level"].to_numpy(dtype=np.int64)
    counts = np.bincount(levels, minlength=n_levels)
    return {
        "format_valid": float(share(valid)),
        "level_entropy": float(level_entropy(levels, n_levels)),
        "top_level": float(counts.argmax()) if texts else float("nan"),
        "top_level_share": float(counts.max() / len(texts)) if texts else float("nan"),
        "distinct_1": distinct(words, 1),
        "distinct_2": distinct(words, 2),
        "repeated_trigrams": float(share([repeated_share(text) for text in words])),
        "generic": generic_share(texts),
        "mean_words": float(np.mean([len(text) for text in words])) if texts else float("nan"),
    }


def health_figures(predictions: pd.DataFrame, n_levels: int) -> pd.DataFrame:
    """`health_metrics` as a table: metric, value, n (answers it rests on)."""
    n_valid = int(predictions["valid"].sum())
    counted = {"format_valid": len(predictions)}
    return pd.DataFrame(
        [
            {"metric": figure, "value": value, "n": counted.get(figure, n_valid)}
            for figure, value in health_metrics(predictions, n_levels).items()
        ]
    )


def find_breaches(figures: pd.DataFrame, thresholds: HealthThresholds) -> list[PolicyBreach]:
    """What is wrong with which policy.

    Args:
        figures: the table of figures, see `selfscore.metrics.figures`, of any rounds.
        thresholds: limits of the figures.
    """
    found = []
    own = among(figures, of=HEALTH)
    for (_, policy, split), rows in own.groupby(["round", "policy", "split"], sort=False):
        values = dict(zip(rows["metric"], rows["value"], strict=True))
        number = int(rows["round"].iloc[0])
        for breach in check_health(values, thresholds, trained=number > 0):
            found.append(PolicyBreach(number, str(policy), str(split), breach))
    return found


def check_health(
    values: Mapping[str, float], thresholds: HealthThresholds, trained: bool
) -> list[Breach]:
    """The figures that lie beyond their limits.

    Args:
        values: The figures, all of them, see `health_metrics`. One that is NaN breaches nothing.
        thresholds: Their limits.
        trained: Whether a round made the policy; what the base model does, training did not cause.

    Returns:
        One breach per limit passed, in the order of the thresholds.
    """
    breaches = []
    for threshold, limit in asdict(thresholds).items():
        side, _, figure = threshold.partition("_")
        value = values[figure]
        if limit is None or not (value < limit if side == "min" else value > limit):
            continue
        kind, failure, _ = _FAILURES[threshold]
        words = failure.format(value=value, percent=100 * value, top_level=values["top_level"])
        breaches.append(Breach(figure, value, threshold, limit, kind, words, trained))
    return breaches


def advice(breaches: Iterable[Breach]) -> str:
    """What to try against breaches: of trained policies, or of the base model."""
    trained = [breach.threshold for breach in breaches if breach.trained]
    if not trained:
        return _UNTRAINED
    remedies = dict.fromkeys(remedy for name in trained for remedy in _FAILURES[name][-1])
    return ", ".join([_MILDER, *remedies])
