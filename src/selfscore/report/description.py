"""Node of reporting: what the run is, for the head of its report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import pandas as pd

from selfscore.configuration.splits import SEEN
from selfscore.metrics.figures import TRAINING, among
from selfscore.vlm.policy import BaseModel, Policy

_TOLD = {
    "run": "Run",
    "resumes": "Goes on from",
    "command": "Command",
    "parameters": "Given to it",
    "commit": "Commit",
    "images": "Images in",
    "scores": "Scores in",
}
_SIMULATED = (
    "This is the demo: faults are rendered into real photographs, and their raters are simulated. "
    "No human has rated these pictures, so the figures show how the method works, and not how well "
    "a model judges pictures."
)


def describe_run(
    run_facts: Mapping[str, str],
    scored_images: pd.DataFrame,
    simulated_scores: pd.DataFrame,
    figures: pd.DataFrame,
    base_policy: Policy,
    model: BaseModel,
    seed: int,
) -> dict[str, Any]:
    """What was run on what.

    Args:
        run_facts: what is known of the run that makes the report; may be empty.
        scored_images: the images.
        simulated_scores: image and score of pictures that no human has rated.
        figures: of all rounds.
        base_policy: of which the scale counts.
        model: the base model.
        seed: of the run.

    Returns:
        domain (what is scored), facts (label → text), notice (what a reader must know before any
        figure; "" for nothing), and levels (level, from, score: the lowest score of the level, and
        what it stands for).
    """
    scale = base_policy.card.score_scale
    counts = scored_images["split"].value_counts()
    lowest, *_, highest = scale.values
    facts = {
        "Base model": " ".join(filter(None, [model.id, model.revision])),
        "Images": ", ".join(f"{count} {split}" for split, count in counts.items()),
        "Rounds": str(figures["round"].max()),
        "Training steps": training_steps(figures),
        "Scale": f"{scale.levels} levels, {lowest:.2f} to {highest:.2f}",
        "Seed": str(seed),
        **{label: run_facts[name] for name, label in _TOLD.items() if name in run_facts},
    }
    return {
        "domain": str(base_policy.card.domain),
        "facts": {label: text for label, text in facts.items() if text},
        "notice": _SIMULATED if is_simulated(scored_images, simulated_scores) else "",
        "levels": [
            {"level": level, "from": start, "score": score}
            for level, (start, score) in enumerate(
                zip([scale.min, *scale.edges], scale.values, strict=True)
            )
        ],
    }


def training_steps(figures: pd.DataFrame) -> str:
    """How long the experts of each round were trained, in words; "" where that is not known."""
    rows = among(figures, of=TRAINING, metric="loss")
    return "; ".join(
        f"round {number}: "
        + ", ".join(f"{policy} {n}" for policy, n in zip(own["policy"], own["n"], strict=True))
        for number, own in rows.groupby("round")
    )


def is_simulated(scored_images: pd.DataFrame, simulated_scores: pd.DataFrame) -> bool:
    """Whether all held-out images have scores that no human gave; others may be shuffled."""
    held_out = scored_images[~scored_images["split"].isin(SEEN)]
    known = {
        (PurePosixPath(image).name, score)
        for image, score in zip(simulated_scores["image"], simulated_scores["score"], strict=True)
    }
    given = zip(held_out["path"], held_out["score"], strict=True)
    return len(held_out) > 0 and all(
        (PurePosixPath(path).name, score) in known for path, score in given
    )
