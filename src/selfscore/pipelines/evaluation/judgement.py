"""Node of evaluation: what judges read in the explanations, and whether it is true."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from selfscore.judging.consistency import sampled
from selfscore.judging.panel import make_judges
from selfscore.metrics.faithfulness import StatementLexicon, faithfulness
from selfscore.metrics.figures import INCOMING
from selfscore.pipelines.evaluation.settings import EvaluationSettings
from selfscore.vlm.options import Machine
from selfscore.vlm.policy import Policy

# All columns of the predictions but the answer as it was written.
_JUDGED_COLUMNS = [
    "round",
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
    "explanation",
]
_READ_COLUMNS = ["policy", "side", "image_id", "split", "level", "explanation"]
READING_COLUMNS = ["judge", "policy", "side", "image_id", "split", "level", "inferred_level"]


def judge_explanations(
    consistency_judge: dict[str, Any],
    base_policy: Policy,
    hosted_verdicts: MutableMapping[str, dict[str, Any]],
    generations: pd.DataFrame,
    attributes: pd.DataFrame,
    statement_lexicon: list[dict[str, Any]],
    settings: EvaluationSettings,
    seed: int,
    machine: Machine,
    checkpoint: MutableMapping[str, bytes],
    **predictions: pd.DataFrame,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What the explanations alone tell: the level they sound like, and whether they are true.

    Each judge and each measure of truth has inputs of its own, and each policy its table: one node
    reads them all, so that a judge is asked once for all texts of a round.

    Judges read explanations without the score, and never see the picture. Each is asked once for
    all texts of the round: what the policies wrote, and the round's texts with forced levels.

    Faithfulness needs pictures of which something is known, as the faults of the demo's; for all
    others `attributes` has no row, and it is not measured. With
    `evaluation.faithfulness.statements: false` it is measured of none.

    Args:
        consistency_judge: the state of the judge `tfidf`.
        base_policy: the base model alone: the judge `self`, and whose scale and prompts all share.
        hosted_verdicts: where the judge `openai` keeps what it was told.
        generations: the round's texts with forced levels, of which the accepted ones are judged.
        attributes: image_id and one column an attribute; missing where it is not known.
        statement_lexicon: the statements whose truth can be checked.
        settings: of which `judging` and `faithfulness` count.
        seed: of the sample that is judged.
        machine: where the judge `self` is put into memory.
        checkpoint: what the judge `self` has read already.
        predictions: policy → its table.

    Returns:
        judgements: all predictions without the answers as written, with sampled (whether the image
        is among those judged), inferred_level (the first judge's; missing where not valid, not
        sampled, or without a usable answer) and faithfulness (missing where not valid, without a
        known statement, or not measured); and readings, one row a judge and text: judge, policy
        (`incoming` for texts with forced levels), side ("" for a policy's own), image_id, split,
        level (stated, or forced) and inferred_level (missing without a usable answer).
    """
    judging = settings.judging
    judges = make_judges(
        judging,
        n_levels=base_policy.card.score_scale.levels,
        tfidf_state=consistency_judge,
        base_policy=base_policy,
        rating=base_policy.card.prompts.rating,
        verdicts=hosted_verdicts,
        machine=machine,
        checkpoint=checkpoint,
    )
    answers = pd.concat(predictions.values(), ignore_index=True)
    answers["sampled"] = _sampled(answers, judging.sample_size, seed)
    forced = generations[generations["accepted"]].reset_index(drop=True)
    forced = forced[_sampled(forced, judging.sample_size, seed)].reset_index(drop=True)

    judgements = answers[[*_JUDGED_COLUMNS, "sampled"]].copy()
    valid = answers["valid"].to_numpy(dtype=bool)
    own = answers[valid & answers["sampled"]].assign(side="")
    own["level"] = own["emitted_level"].astype("int64")
    read = pd.concat([own, forced.assign(policy=INCOMING)], ignore_index=True)[_READ_COLUMNS]
    inferred = {judge.name: judge.infer_levels(read["explanation"].tolist()) for judge in judges}
    judgements["inferred_level"] = np.nan
    judgements.loc[own.index, "inferred_level"] = inferred[judges[0].name][: len(own)]
    readings = pd.concat(
        [
            read.drop(columns="explanation").assign(judge=name, inferred_level=levels)
            for name, levels in inferred.items()
        ],
        ignore_index=True,
    )
    known = attributes if settings.faithfulness.statements else attributes.iloc[:0]
    judgements["faithfulness"] = _faithfulness(answers, known, statement_lexicon)
    return judgements, readings[READING_COLUMNS]


def _sampled(rows: pd.DataFrame, size: int, seed: int) -> NDArray[np.bool_]:
    """Which rows' images are judged: `size` a split, the same ones for every policy."""
    chosen = np.zeros(len(rows), dtype=bool)
    for places in rows.groupby("split").indices.values():
        chosen[places] = sampled(rows["image_id"].iloc[places].tolist(), size, seed)
    return chosen


def _faithfulness(
    answers: pd.DataFrame, attributes: pd.DataFrame, statement_lexicon: list[dict[str, Any]]
) -> NDArray[np.float64]:
    """Share of true statements of each explanation, NaN where it cannot be told, shape (n,)."""
    lexicon = StatementLexicon(statement_lexicon)
    known = {
        str(image_id): {str(name): float(value) for name, value in row.items()}
        for image_id, row in attributes.set_index("image_id").iterrows()
    }
    shares = np.full(len(answers), np.nan)
    told = answers["valid"].astype(bool) & answers["image_id"].isin(list(known))
    for row in np.flatnonzero(told.to_numpy()):
        share = faithfulness(
            answers["explanation"].iloc[row], known[answers["image_id"].iloc[row]], lexicon
        )
        shares[row] = np.nan if share is None else share
    return shares
