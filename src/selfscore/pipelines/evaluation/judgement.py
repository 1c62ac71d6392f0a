"""Nodes of evaluation: what judges read in the explanations, and whether that fits the scores."""

from __future__ import annotations

from collections.abc import MutableMapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from selfscore.judging.agreement import agreement
from selfscore.judging.consistency import consistency_figures, discrimination_figure, sampled
from selfscore.judging.panel import make_judges
from selfscore.metrics.faithfulness import StatementLexicon, faithfulness
from selfscore.pipelines.evaluation.tables import per_policy, resampling
from selfscore.vlm.options import LoadOptions

if TYPE_CHECKING:
    from selfscore.vlm.policy import Policy

# The policy that wrote a round's texts with forced levels: the one the round starts from.
INCOMING = "incoming"
# Before a judge's name: the column of the levels it inferred.
_INFERRED = "inferred_level_"
# All columns of the predictions but the answer's text.
_JUDGED_COLUMNS = [
    "policy",
    "image_id",
    "split",
    "group",
    "score",
    "level",
    "valid",
    "emitted_level",
    "emitted_score",
    "expected_level",
    "expected_score",
    "probabilities",
]


def judge_explanations(
    consistency_judge: dict[str, Any],
    base_policy: Policy,
    hosted_verdicts: MutableMapping[str, dict[str, Any]],
    generations: pd.DataFrame,
    severities: pd.DataFrame,
    statement_lexicon: list[dict[str, Any]],
    score_scale: dict[str, Any],
    prompts: dict[str, str],
    parameters: dict[str, Any],
    seed: int,
    loading: dict[str, Any],
    checkpoint: MutableMapping[str, bytes],
    **predictions: pd.DataFrame,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What the explanations alone tell: the level they sound like, and whether they are true.

    Judges read explanations without the score, and never see the picture. Each is asked once for
    all texts of the round: what the policies wrote, and the round's texts with forced levels.

    Faithfulness needs pictures whose faults are known, as the demo's are; for all others
    `severities` has no row, and it is not measured. `evaluation.faithfulness: false` leaves it out
    altogether.

    Args:
        consistency_judge: the state of the judge `tfidf`.
        base_policy: the base model alone, for the judge `self`.
        hosted_verdicts: where the judge `openai` keeps what it was told.
        generations: the round's texts with forced levels, of which the accepted ones are judged.
        severities: image_id and one column an attribute, 0 (no fault) to 1 (worst).
        statement_lexicon: the statements whose truth can be checked.
        score_scale: `levels`.
        prompts: of which `rating` asks for a score.
        parameters: `judging` and `faithfulness`.
        seed: of the sample that is judged.
        loading: how the judge `self` is put into memory, see `LoadOptions`.
        checkpoint: what the judge `self` has read already.
        predictions: policy → its table.

    Returns:
        judgements: all predictions without the answers' text, with sampled (whether the image is
        among those judged), inferred_level_<judge> for each judge, inferred_level (the first
        judge's; these are missing where not valid, not sampled, or without a usable answer) and
        faithfulness (missing where not valid, without a known statement, or not measured); and
        forced_judgements: image_id, split, side, level and inferred_level_<judge> of the texts with
        forced levels.

    Raises:
        ValueError: no judge is asked for, or one of an unknown name.
    """
    judging = parameters["judging"]
    if not judging["judges"]:
        raise ValueError("`evaluation.judging.judges` names no judge: name one, such as tfidf.")
    judges = make_judges(
        judging["judges"],
        judging,
        n_levels=score_scale["levels"],
        tfidf_state=consistency_judge,
        base_policy=base_policy,
        rating=prompts["rating"],
        verdicts=hosted_verdicts,
        loading=LoadOptions(**loading),
        checkpoint=checkpoint,
    )
    answers = pd.concat(predictions.values(), ignore_index=True)
    answers["sampled"] = _sampled(answers, judging["sample_size"], seed)
    forced = generations[generations["accepted"]].reset_index(drop=True)
    forced = forced[_sampled(forced, judging["sample_size"], seed)].reset_index(drop=True)

    judgements = answers[[*_JUDGED_COLUMNS, "sampled"]].copy()
    forced_judgements = forced[["image_id", "split", "side", "level"]].copy()
    read = np.flatnonzero(answers["valid"].to_numpy(dtype=bool) & answers["sampled"].to_numpy())
    texts = [*answers["explanation"].iloc[read], *forced["explanation"]]
    for judge in judges:
        levels = judge.infer_levels(texts)
        inferred = np.full(len(answers), np.nan)
        inferred[read] = levels[: len(read)]
        judgements[f"{_INFERRED}{judge.name}"] = inferred
        forced_judgements[f"{_INFERRED}{judge.name}"] = levels[len(read) :]
    judgements["inferred_level"] = judgements[f"{_INFERRED}{judges[0].name}"]
    known = severities if parameters["faithfulness"] else severities.iloc[:0]
    judgements["faithfulness"] = _faithfulness(answers, known, statement_lexicon)
    return judgements, forced_judgements


def measure_consistency(
    judgements: pd.DataFrame,
    forced_judgements: pd.DataFrame,
    scored_images: pd.DataFrame,
    parameters: dict[str, Any],
    seed: int,
) -> pd.DataFrame:
    """Do the explanations fit their scores? For every judge, policy and split.

    `discrimination` is measured on the round's texts with forced levels, which the policy it
    starts from wrote about the training images. The judge `tfidf` was fitted on the base model's
    texts of that kind, so of the base model's (in the baseline, and in round 1, where they are the
    same) it reads a little too well; `held_out` in its state has the figure for unseen texts.

    Args:
        judgements: one row a policy and image.
        forced_judgements: one row a text with a forced level.
        scored_images: which images depend on each other.
        parameters: `resampling_unit`, `n_resamples`, `confidence`.
        seed: of the resamples and of the control's pairing.

    Returns:
        judge, policy ("incoming" for the one the round starts from), split, metric, value, low,
        high, n; see `selfscore.judging.consistency` for the metrics.
    """
    by_image = resampling(scored_images.set_index("image_id")["group"], parameters, seed)
    tables = []
    for judge in _judges(judgements):
        tables.append(per_policy(judgements, partial(_figures, judge, parameters, seed)))
        told_apart = discrimination_figure(
            forced_judgements["image_id"].tolist(),
            forced_judgements[f"{_INFERRED}{judge}"],
            forced_judgements["level"],
            by_image,
        )
        tables.append(told_apart.assign(judge=judge, policy=INCOMING, split="train"))
    table = pd.concat(tables, ignore_index=True)
    return table[["judge", "policy", "split", "metric", "value", "low", "high", "n"]]


def compare_judges(judgements: pd.DataFrame, parameters: dict[str, Any], seed: int) -> pd.DataFrame:
    """How far every two judges agree on the explanations of each policy and split.

    Args:
        judgements: one row a policy and image.
        parameters: `resampling_unit`, `n_resamples`, `confidence`.
        seed: of the resamples.

    Returns:
        policy, split, judge, other_judge, metric (`kappa`, `srcc`), value, low, high, n; no rows
        where there is one judge. See `selfscore.judging.agreement`.
    """

    def measure(rows: pd.DataFrame) -> pd.DataFrame:
        inferred = {judge: rows[f"{_INFERRED}{judge}"] for judge in _judges(rows)}
        figures = agreement(inferred, resampling(rows["group"], parameters, seed))
        # A table without rows would forget what its columns hold.
        types = {"judge": "str", "other_judge": "str", "metric": "str"}
        types |= {"value": "float64", "low": "float64", "high": "float64", "n": "int64"}
        return figures.astype(types)

    return per_policy(judgements, measure)


def _sampled(rows: pd.DataFrame, size: int, seed: int) -> NDArray[np.bool_]:
    """Which rows' images are judged: `size` a split, the same ones for every policy."""
    chosen = np.zeros(len(rows), dtype=bool)
    for places in rows.groupby("split").indices.values():
        chosen[places] = sampled(rows["image_id"].iloc[places].tolist(), size, seed)
    return chosen


def _judges(judgements: pd.DataFrame) -> list[str]:
    """The judges whose readings are in the table, in their order."""
    columns = judgements.columns.astype(str)
    return [name.removeprefix(_INFERRED) for name in columns if name.startswith(_INFERRED)]


def _figures(judge: str, parameters: dict[str, Any], seed: int, rows: pd.DataFrame) -> pd.DataFrame:
    read = rows[rows["valid"].astype(bool) & rows["sampled"]]
    figures = consistency_figures(
        read[f"{_INFERRED}{judge}"],
        read["emitted_level"].astype("float64"),
        read["score"],
        resampling(read["group"], parameters, seed),
    )
    return figures.assign(judge=judge)


def _faithfulness(
    answers: pd.DataFrame, severities: pd.DataFrame, statement_lexicon: list[dict[str, Any]]
) -> NDArray[np.float64]:
    """Share of true statements of each explanation, NaN where it cannot be told, shape (n,)."""
    lexicon = StatementLexicon(statement_lexicon)
    known = {
        str(image_id): {str(name): float(value) for name, value in row.items()}
        for image_id, row in severities.set_index("image_id").iterrows()
    }
    shares = np.full(len(answers), np.nan)
    told = answers["valid"].astype(bool) & answers["image_id"].isin(list(known))
    for row in np.flatnonzero(told.to_numpy()):
        share = faithfulness(
            answers["explanation"].iloc[row], known[answers["image_id"].iloc[row]], lexicon
        )
        shares[row] = np.nan if share is None else share
    return shares
