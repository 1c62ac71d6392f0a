"""Nodes of evaluation: what a policy says of edited pictures, and whether it names the edits."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from selfscore.faithfulness.edits import UNMADE, Edit, EditedPictures, edits_of
from selfscore.faithfulness.mention_judge import mentions_told
from selfscore.faithfulness.mentions import FaultTerms
from selfscore.judging.consistency import sampled
from selfscore.metrics.counterfactual import JUDGE, total_variation
from selfscore.metrics.text_variety import words_of
from selfscore.pipelines.evaluation.prediction import answers
from selfscore.pipelines.evaluation.settings import EvaluationSettings
from selfscore.vlm.image_features import StoredFeatures
from selfscore.vlm.images import ImageSource
from selfscore.vlm.options import Machine
from selfscore.vlm.policy import LoraAdapter, Policy

logger = logging.getLogger(__name__)

# By which the champion is chosen.
SPLIT = "validation"
ANSWER_COLUMNS = [
    "round", "policy", "image_id", "split", "group", "fault", "strength",
    "valid", "emitted_level", "probabilities", "explanation",
]  # fmt: skip
EDIT_COLUMNS = [
    "round", "policy", "image_id", "split", "group", "fault", "strength",
    "impact", "moved", "mentioned", "mentioned_elsewhere", "judged", "words",
]  # fmt: skip


def edits_asked(
    scored_images: pd.DataFrame, settings: EvaluationSettings, seed: int
) -> tuple[pd.DataFrame, list[Edit]]:
    """The validation images that are edited, and all edits of them.

    Args:
        scored_images: which images are validation images.
        settings: of which `splits` and `faithfulness.counterfactual` count.
        seed: of the sample.

    Returns:
        Rows of `scored_images`; and the edits, none where no picture is asked for, no fault has
        words, or validation images are not evaluated.
    """
    asked = settings.faithfulness.counterfactual
    rows = scored_images[scored_images["split"] == SPLIT]
    if SPLIT not in settings.splits or not asked.pictures or rows.empty:
        return rows.iloc[:0], []
    pictures = rows[sampled(rows["image_id"].tolist(), asked.pictures, seed)]
    if not asked.faults:
        return pictures, []
    return pictures, edits_of(pictures["path"].tolist(), asked.faults, asked.strengths)


def answer_edits(
    policy: Policy,
    images: ImageSource,
    edit_features: StoredFeatures,
    scored_images: pd.DataFrame,
    settings: EvaluationSettings,
    machine: Machine,
    seed: int,
    checkpoint: MutableMapping[str, bytes],
    name: str,
    adapter: LoraAdapter | None = None,
) -> pd.DataFrame:
    """Score and explain some validation images after known faults were rendered on them.

    Args:
        policy: the policy.
        images: pictures by path.
        edit_features: what the tower makes of the edited ones, as far as it is stored.
        scored_images: which images are validation images.
        settings: of which `splits`, `decoding` and `faithfulness.counterfactual` count.
        machine: where the policy is put into memory, and who writes.
        seed: of the sample, which is the same for every policy, and of the texts.
        checkpoint: what the policy has said already.
        name: what the policy is called in the tables.
        adapter: an expert's adapter on top of the policy.

    Returns:
        One row an edit: round, policy, image_id, split, group, fault, strength (0: the picture as
        it is, written about again), valid, emitted_level (missing when not valid), probabilities
        (one number a level), explanation. No rows where no picture is asked for, or validation
        images are not evaluated.
    """
    asked = settings.faithfulness.counterfactual
    pictures, edits = edits_asked(scored_images, settings, seed)
    if not edits:
        return pd.DataFrame(columns=ANSWER_COLUMNS)
    if policy.card.iteration == 0 and adapter is None:  # Said once for all policies.
        logger.info(
            "Rendering %s at strength %s on %d %s images: %d scores and texts of every policy.",
            ", ".join(asked.faults),
            " and ".join(f"{strength:g}" for strength in asked.strengths),
            len(pictures),
            SPLIT,
            len(edits),
        )
    predictions = answers(
        policy,
        [adapter] if adapter else [],
        EditedPictures(images, edits, seed),
        edit_features,
        [edit.key for edit in edits],
        settings.decoding,
        machine,
        seed,
        checkpoint,
    )
    facts = pictures.set_index("path").loc[[edit.path for edit in edits]].reset_index()
    table = facts[["image_id", "split", "group"]].assign(
        round=policy.card.iteration + (adapter is not None),
        policy=name,
        fault=[edit.fault for edit in edits],
        strength=[float(edit.strength) for edit in edits],
        valid=[row.valid for row in predictions],
        emitted_level=pd.array([row.emitted_level for row in predictions], dtype="Int64"),
        probabilities=list(np.stack([row.probabilities for row in predictions])),
        explanation=[row.explanation for row in predictions],
    )
    return table[ANSWER_COLUMNS]


def find_mentions(
    hosted_verdicts: MutableMapping[str, dict[str, Any]],
    settings: EvaluationSettings,
    seed: int,
    **answers: pd.DataFrame,
) -> pd.DataFrame:
    """What every edit did to the distribution over levels, and whether the text names it.

    Two tables of each policy are inputs, beside three that all share.

    Args:
        hosted_verdicts: where the judge `openai` keeps what it was told.
        settings: of which `judging` and `faithfulness.counterfactual` count.
        seed: of the texts that are exchanged.
        answers: of each policy, of the pictures as they are, see `predict`, and of the edited
            ones, see `answer_edits`.

    Returns:
        One row an edit, and where none was made, one a fault that might have been: round, policy,
        image_id, split, group, fault, strength, impact (total variation of the two distributions),
        moved (whether the likeliest level is another), mentioned (the text after names the fault,
        and the text before does not; missing where one of them is none), mentioned_elsewhere (the
        same of the text about another picture that has the level written after), judged (as
        mentioned, but by the judge `openai`; missing where it was not asked), words of the text.
    """
    asked = settings.faithfulness.counterfactual
    terms = FaultTerms({str(fault): own for fault, own in asked.terms.items()})
    edited = [table for table in answers.values() if "fault" in table and len(table)]
    if not edited:
        return pd.DataFrame(columns=EDIT_COLUMNS)
    after = _each_fault(pd.concat(edited, ignore_index=True), asked.faults)
    plain = pd.concat([table for table in answers.values() if "fault" not in table])
    before = plain[plain["split"] == SPLIT]
    said = ["probabilities", "valid", "explanation"]
    both = after.merge(
        before[["policy", "image_id", *said]],
        on=["policy", "image_id"],
        suffixes=("", "_before"),
        validate="m:1",
    )
    both["explanation_elsewhere"] = _elsewhere(both, before, np.random.default_rng(seed))
    faults = both["fault"].tolist()

    def named(column: str) -> NDArray[np.float64]:
        """1 where a text names the fault, NaN where there is no text."""
        texts = zip(both[column], faults, strict=True)
        return np.array(
            [float(terms.names(text, fault)) if text else np.nan for text, fault in texts]
        )

    unnamed = 1.0 - named("explanation_before")
    chances = [
        np.stack(both[column].to_list()) for column in ("probabilities_before", "probabilities")
    ]
    both = both.assign(
        impact=total_variation(*chances),
        moved=chances[0].argmax(axis=1) != chances[1].argmax(axis=1),
        mentioned=named("explanation") * unnamed,
        mentioned_elsewhere=named("explanation_elsewhere") * unnamed,
        judged=_judged(both, settings, hosted_verdicts),
        words=[float(len(words_of(text))) if text else np.nan for text in both["explanation"]],
    )
    return both[EDIT_COLUMNS]


def _each_fault(edited: pd.DataFrame, faults: list[str]) -> pd.DataFrame:
    """The answers, where no edit was made once for every fault that might have been."""
    unmade = edited["strength"] == UNMADE
    asked = edited[unmade].drop(columns="fault").merge(pd.DataFrame({"fault": faults}), "cross")
    return pd.concat([edited[~unmade], asked], ignore_index=True)


def _elsewhere(
    after: pd.DataFrame, before: pd.DataFrame, generator: np.random.Generator
) -> list[str]:
    """For each text one of the same policy and level about another picture; "" for none."""
    known = before[before["valid"].astype(bool)]
    pool = {
        key: (rows["image_id"].to_numpy(), rows["explanation"].to_numpy())
        for key, rows in known.groupby(["policy", "emitted_level"])
    }
    texts = []
    for row in after[after["valid"].astype(bool)].itertuples():
        images, said = pool.get((row.policy, row.emitted_level), (np.array([]), np.array([])))
        others = said[images != row.image_id]
        texts.append((row.Index, generator.choice(others) if len(others) else ""))
    found = pd.Series(dict(texts), dtype=object)
    return found.reindex(after.index, fill_value="").tolist()


def _judged(
    both: pd.DataFrame,
    settings: EvaluationSettings,
    verdicts: MutableMapping[str, dict[str, Any]],
) -> NDArray[np.float64]:
    """`mentioned` by the hosted judge; NaN where it was not asked, or did not answer."""
    judged = np.full(len(both), np.nan)
    if JUDGE not in settings.judging.judges:
        return judged
    for fault, places in both.groupby("fault").indices.items():
        rows = both.iloc[places]
        before, after = (
            mentions_told(str(fault), rows[column].tolist(), settings.judging.openai, verdicts)
            for column in ("explanation_before", "explanation")
        )
        judged[places] = after * (1.0 - before)
    return judged
