"""What a figure is called wherever people read of it, its unit, its direction, and where it shows.

Knows words; knows no formula and no table. Whoever adds a metric gives it its words here.
"""

from __future__ import annotations

from typing import NamedTuple


class Metric(NamedTuple):
    """How a figure is spoken of.

    Attributes:
        short: its name at the head of a column.
        title: what it says, in a few words.
        axis: its name and unit, for an axis or a sentence.
        percent: it is a share, and written as one.
        lower_is_better: an error.
    """

    short: str
    title: str
    axis: str
    percent: bool = False
    lower_is_better: bool = False


_SRCC, _PLCC = "rank correlation (SRCC)", "correlation (PLCC)"
METRICS = {
    # Of a policy's scores against the raters'.
    "srcc": Metric("SRCC", "Agreement with the raters", _SRCC),
    "srcc_emitted": Metric("SRCC, written score", "Agreement of the written scores", _SRCC),
    "srcc_gain": Metric("SRCC gain over base", "Gain of agreement with the raters", _SRCC),
    "plcc": Metric("PLCC", "Linear agreement with the raters", _PLCC),
    "kendall": Metric("Kendall's tau", "Pairs in the raters' order", "Kendall's tau"),
    "mae": Metric("MAE", "Mean error of the scores", "mean error (MAE)", lower_is_better=True),
    "rmse": Metric(
        "RMSE", "Root mean squared error", "unit of the scores (RMSE)", lower_is_better=True
    ),
    "within_1": Metric("within one level", "At most one level off", "share of images", True),
    "exact": Metric("exact level", "Exactly the true level", "share of images", True),
    "ece": Metric("ECE", "Calibration error", "mean gap (ECE)", True, lower_is_better=True),
    "rps": Metric(
        "RPS", "Error of the distribution", "ranked probability score", lower_is_better=True
    ),
    # Of its explanations.
    "consistency": Metric("consistency", "Does the text fit the score?", "consistency (SRCC)"),
    "consistency_within_1": Metric(
        "within one level", "Text at most one level from the score", "share of explanations", True
    ),
    "consistency_mae": Metric(
        "distance in levels", "Distance of text and score", "levels", lower_is_better=True
    ),
    "inferred_srcc_true": Metric(
        "SRCC with the true score", "Agreement of the texts with the raters", _SRCC
    ),
    "discrimination": Metric(
        "discrimination", "Right text told from wrong", "share of images", True
    ),
    "faithfulness": Metric("faithfulness", "True of the picture", "share of statements", True),
    # … to the base model, asked about the picture.
    "visual_fidelity": Metric(
        "visual fidelity", "Affirmed of the picture", "mean probability of yes", True
    ),
    "question_skill": Metric(
        "skill of the reader", "Own picture told from another one", "share of texts", True
    ),
    "contrastiveness": Metric(
        "contrastiveness", "Level told from its neighbours", "probability of the own level", True
    ),
    # … of what was done to a picture.
    "counterfactual": Metric(
        "counterfactual",
        "Names what moves the score",
        "correlation of impact and mention",
    ),
    "counterfactual_hits": Metric(
        "hits", "Edits that move the score, named", "share of edits", True
    ),
    "counterfactual_false_alarms": Metric(
        "false alarms", "Edits that do not move the score, named", "share of edits", True, True
    ),
    "counterfactual_mentions": Metric("edits named", "Edits named", "share of edits", True),
    "counterfactual_impact": Metric(
        "impact of edits", "How far edits move the distribution", "total variation"
    ),
    "counterfactual_words": Metric("words after edits", "Length of texts after edits", "words"),
    "counterfactual_agreement": Metric(
        "agreement on mentions", "Lexicon and judge agree on mentions", "share of edits", True
    ),
    # What shows a collapse, without any true score.
    "format_valid": Metric("valid format", "Answers in the format", "share of answers", True),
    "level_entropy": Metric(
        "entropy of the levels", "Evenness of the levels", "entropy, 1 = all alike"
    ),
    "top_level_share": Metric(
        "share of the favourite level", "The favourite level", "share of answers", True, True
    ),
    "distinct_1": Metric("different words", "Different words", "per word", True),
    "distinct_2": Metric("different word pairs", "Different word pairs", "per word pair", True),
    "repeated_trigrams": Metric(
        "repetition", "Repetition in a text", "share of word triples", True, True
    ),
    "generic": Metric("stock texts", "Stock explanations", "share of images", True, True),
    "mean_words": Metric("words", "Length of a text", "words"),
    # Of preference pairs.
    "blind_accuracy": Metric(
        "blind accuracy", "Pairs told without the picture", "share of pairs", True
    ),
    # Of pairs that people read.
    "usable_pairs": Metric("usable pairs", "Pairs that readers find usable", "share", True),
    "judge_precision": Metric(
        "judge's precision", "Usable, of the pairs that the judge tells apart", "share", True
    ),
    "judge_recall": Metric(
        "judge's recall", "Told apart by the judge, of the usable pairs", "share", True
    ),
    "reader_kappa": Metric("kappa", "Agreement of two readers", "Cohen's kappa"),
    # Of the study of usefulness.
    "guess_before": Metric(
        "guesses", "Model's level guessed from the picture alone", "share of guesses", True
    ),
    "guess_gain": Metric("gain", "Gain of guesses with the text", "share of guesses", True),
    "guess_gain_other": Metric(
        "gain, control", "Gain of guesses with another picture's text", "share of guesses", True
    ),
    "guess_gain_beyond": Metric(
        "gain beyond control", "Gain beyond another picture's text", "share of guesses", True
    ),
    "decisions": Metric("decisions", "Right decisions without a text", "share of decisions", True),
    "decisions_gain": Metric(
        "gain", "Gain of right decisions with the text", "share of decisions", True
    ),
    "decisions_gain_other": Metric(
        "gain, control", "Gain of right decisions with another text", "share of decisions", True
    ),
    "over_reliance": Metric(
        "over-reliance", "Planted errors accepted without a text", "share of errors", True, True
    ),
    "over_reliance_gain": Metric(
        "more over-reliance", "Over-reliance with the text", "share of errors", True, True
    ),
    "over_reliance_gain_other": Metric(
        "more, control", "Over-reliance with another text", "share of errors", True, True
    ),
    "false_alarms_gain": Metric(
        "more false alarms", "Right levels rejected with the text", "share of levels", True, True
    ),
    "time_with_text": Metric("time", "Time of a decision with the text", "times as long"),
}
# What is shown: large on the report's page and in the champion's record, …
HEADLINE = (
    *("srcc", "mae", "consistency"),
    *("faithfulness", "visual_fidelity", "counterfactual", "format_valid"),
)
# … in the card of a policy that is handed on, …
ON_CARD = (
    *("srcc", "plcc", "mae", "within_1", "format_valid"),
    *("consistency", "contrastiveness", "faithfulness", "visual_fidelity", "counterfactual"),
)
# … on the screen as soon as it is measured, …
LOGGED = ("srcc", "consistency", "faithfulness", "counterfactual", "format_valid")
# … and as health over the rounds.
HEALTH = (
    "format_valid",
    "level_entropy",
    "top_level_share",
    "distinct_1",
    "distinct_2",
    "repeated_trigrams",
    "generic",
    "mean_words",
)


def metric(name: str) -> Metric:
    """How a figure is spoken of; one without an entry by its own name."""
    words = name.replace("_", " ")
    return METRICS.get(name) or Metric(words, words, "")
