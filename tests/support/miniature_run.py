"""A whole run in miniature: made-up answers, and every table of them made by the real nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from cards import policy_over
from PIL import Image
from stage_settings import evaluation, reporting

from selfscore.configuration.domain import PICTURES, Domain
from selfscore.metrics.figures import INCOMING
from selfscore.pipelines.evaluation.judgement import READING_COLUMNS
from selfscore.pipelines.evaluation.learning import measure_learning
from selfscore.pipelines.evaluation.measurement import measure_policies
from selfscore.pipelines.evaluation.ridge import measure_ridge
from selfscore.pipelines.reporting import create_pipeline
from selfscore.report.gallery import gather_pairs
from selfscore.vlm.image_features import ImageFeatures, StoredFeatures
from selfscore.vlm.policy import BaseModel, ScoreScale

LEVELS = 5
SPLITS = {"train": 12, "validation": 40, "test": 40}
SCALE = ScoreScale(
    levels=LEVELS,
    method="uniform",
    edges=[1.5, 2.5, 3.5, 4.5],
    values=[1.0, 2.0, 3.0, 4.0, 5.0],
    min=1.0,
    max=5.0,
    unit="stars <1-5>",
)
WORDS = ["awful", "poor", "fair", "good", "superb"]
# What a model could say to take over a page, and where it must be read as text.
HOSTILE = '<script>document.title="taken"</script><img src=x onerror="document.title=\'taken\'">'
# How far each policy's answers scatter around the truth, in levels.
NOISE: dict[int, dict[str, float]] = {
    0: {"base": 3.0},
    1: {"scoring": 0.8, "consistency": 2.5, "merged": 1.2},
    2: {"scoring": 0.4, "consistency": 1.1, "merged": 0.6},
}


def scored_images() -> pd.DataFrame:
    rows = [
        {
            "image_id": f"{split}_{place}",
            "path": f"{split}_{place}.png",
            "sha256": f"{split}_{place}".rjust(64, "0"),
            "split": split,
            "group": f"scene {place % 4}",
            "score": 1.0 + (place * 7 % 40) / 10,
            "level": int((place * 7 % 40) / 8),
        }
        for split, count in SPLITS.items()
        for place in range(count)
    ]
    return pd.DataFrame(rows)


def predictions(policy: str, noise: float, seed: int) -> pd.DataFrame:
    """Answers that lie around the truth; one is invalid, one is hostile."""
    random = np.random.default_rng(seed)
    rows = scored_images().query("split != 'train'").drop(columns=["path", "sha256"])
    rows = rows.reset_index(drop=True)
    aim = rows["level"] + noise * random.normal(size=len(rows))
    logits = -0.5 * (np.arange(LEVELS)[None, :] - aim.to_numpy()[:, None]) ** 2
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    levels = shares.argmax(axis=1)
    texts = [f"It is a {WORDS[level]} picture of scene {n}." for n, level in enumerate(levels)]
    texts[len(rows) - 1] = HOSTILE
    valid = np.arange(len(rows)) != 3
    emitted = pd.array(np.where(valid, levels, 0), dtype="Int64")
    emitted[~valid] = pd.NA
    values = np.array(SCALE.values)
    table = rows.assign(
        round=seed,
        policy=policy,
        response="",
        valid=valid,
        emitted_level=emitted,
        emitted_score=pd.array(values[levels], dtype="Float64"),
        expected_level=shares @ np.arange(LEVELS),
        expected_score=shares @ values,
        probabilities=list(shares),
        explanation=[text if ok else "" for text, ok in zip(texts, valid, strict=True)],
    )
    table.loc[~valid, "emitted_score"] = pd.NA
    return table


def judgements(answers: dict[str, pd.DataFrame], faithful: dict[str, float]) -> pd.DataFrame:
    """What a judge reads: nearly the stated level. `faithful` is every text's share of truths."""
    table = pd.concat(answers.values(), ignore_index=True)
    noise = np.random.default_rng(1).normal(scale=0.7, size=len(table))
    inferred = (table["emitted_level"].astype("float64") + noise).clip(0, LEVELS - 1)
    truth = table["policy"].map(faithful) + 0.02 * noise
    return table.drop(columns="response").assign(
        sampled=True,
        inferred_level=inferred,
        faithfulness=truth.where(table["valid"]),
    )


def forced_texts() -> pd.DataFrame:
    train = scored_images().query("split == 'train'")
    sides = [
        train[["image_id", "path", "split"]].assign(
            side=side,
            level=level,
            accepted=True,
            explanation=[f"It is {WORDS[value]} <b>here</b>." for value in level],
        )
        for side, level in (
            ("chosen", train["level"]),
            ("rejected", (train["level"] + 2) % LEVELS),
        )
    ]
    return pd.concat(sides, ignore_index=True)


def readings(judged: pd.DataFrame, texts: pd.DataFrame) -> pd.DataFrame:
    """What the judge reads in the policies' texts, and in those with forced levels."""
    own = judged[judged["valid"]].assign(side="")
    own["level"] = own["emitted_level"].astype("int64")
    forced = texts.assign(policy=INCOMING, split="train", inferred_level=texts["level"] + 0.25)
    return pd.concat([own, forced], ignore_index=True).assign(judge="tfidf")[READING_COLUMNS]


def mentions(judged: pd.DataFrame) -> pd.DataFrame:
    """What edits did to some validation images: every other text names what moved the score."""
    some = judged[(judged["split"] == "validation") & judged["image_id"].str.endswith("2")]
    rows = some[["round", "policy", "image_id", "split", "group"]].merge(
        pd.DataFrame({"fault": ["blur", "noise"] * 3, "strength": [0, 0, 0.4, 0.4, 0.9, 0.9]}),
        "cross",
    )
    named = (rows.index % 2 == 0) & (rows["strength"] > 0)
    return rows.assign(
        impact=rows["strength"] * (0.4 + 0.2 * named),
        moved=rows["strength"] > 0.5,
        mentioned=named.astype(float),
        mentioned_elsewhere=(rows.index % 3 == 0).astype(float),
        judged=np.nan,
        words=9.0,
    )


def truth_readings(judged: pd.DataFrame) -> pd.DataFrame:
    """What the base model makes of some texts: it affirms them of their own pictures."""
    some = judged[judged["valid"] & judged["image_id"].str.endswith(("1", "2"))]
    random = np.random.default_rng(2)
    return some[["round", "policy", "image_id", "split", "group"]].assign(
        affirmed=random.uniform(0.6, 0.9, len(some)),
        affirmed_elsewhere=random.uniform(0.3, 0.7, len(some)),
        told=random.uniform(0.4, 1, len(some)).round(),
        separation=random.uniform(0.5, 0.8, len(some)),
    )


def learnt(policies: Mapping[str, float], images: pd.DataFrame) -> pd.DataFrame:
    """How a round's policies were made; in the baseline, what ridge on good features reaches."""
    if "merged" not in policies:
        features = {
            path: ImageFeatures(torch.tensor([[level, 0.1 * place], [level, 0.0]]), "")
            for place, (path, level) in enumerate(zip(images["path"], images["level"], strict=True))
        }
        policy = policy_over(score_scale=SCALE)
        return measure_ridge(StoredFeatures({}, features), images, policy, evaluation(), 0)
    kept = {
        f"model.layers.{layer}.{part}.proj": 0.9 + 0.01 * layer
        for layer in range(3)
        for part in ("mlp", "self_attn")
    }
    preferences: dict[str, Any] = {"pairs": {}, "blind_accuracy": {}}
    logs = {
        expert: pd.DataFrame({"loss": [0.5], "rewards/accuracies": [0.9], "step": [38]})
        for expert in policies
        if expert != "merged"
    }
    merge = {"lambda": 1.0, "strengths": [], "energy_kept": 0.91, "energy_kept_per_layer": kept}
    return measure_learning(preferences, merge, **logs)


def a_run(
    noise: dict[int, dict[str, float]] = NOISE,
    change: Callable[[pd.DataFrame, int], pd.DataFrame] = lambda table, number: table,
    simulated_scores: pd.DataFrame | None = None,
    domain: Domain = PICTURES,
    **champion: Any,
) -> dict[str, Any]:
    """Every dataset that the report starts from, by name.

    Args:
        noise: round → policy → how far its answers scatter.
        change: what becomes of the judgements and of the predictions of a round.
        simulated_scores: scores that no human gave; those of another picture by default.
        domain: what is scored.
        champion: rules of its choice that are not the project's.
    """
    settings, images = evaluation(n_resamples=60), scored_images()
    texts = forced_texts()
    data: dict[str, Any] = {
        "scored_images": images,
        "raw_images": {
            path: Image.new("RGB", (48, 36), (40 + 3 * place % 200, 90, 120))
            for place, path in enumerate(images["path"])
        },
        "baseline.consistency_judge": {"held_out": {"discrimination": 0.77}},
        "data_check": pd.DataFrame(
            [["copies", "3", "<i>copies</i> add nothing"], ["groups", "4", ""]],
            columns=["what", "value", "note"],
        ),
        "run_facts": {"run": "2026-01-01T00.00.00.000Z", "command": "kedro run --params='<b>'"},
        "simulated_scores": pd.DataFrame({"image": ["another.png"], "score": [1.0]})
        if simulated_scores is None
        else simulated_scores,
        "policy_0": policy_over(score_scale=SCALE, domain=domain),
        "params:model": BaseModel("data/06_models/demo_model", None, {}, 1),
        "params:seed": 0,
        "params:reporting": reporting(
            gallery={"images": 30, "pairs": 6, "pixels": 32}, champion=champion
        ),
        "params:evaluation.health.thresholds": settings.health.thresholds,
        "params:evaluation.calibration_bins": settings.calibration_bins,
    }
    for number, policies in noise.items():
        place = f"iteration_{number}" if number else "baseline"
        answers = {
            name: change(predictions(name, spread, seed=number), number)
            for name, spread in policies.items()
        }
        judged = change(judgements(answers, dict.fromkeys(answers, 0.9 - 0.2 * number)), number)
        read = readings(judged, texts)
        data |= {f"{place}.{name}_predictions": table for name, table in answers.items()}
        policy = policy_over(iteration=number, score_scale=SCALE)
        data |= {
            f"{place}.judgements": judged,
            f"{place}.generations": texts,
            f"{place}.readings": read,
            f"{place}.figures": measure_policies(
                judged,
                read,
                images,
                policy,
                settings,
                0,
                learnt(policies, images),
                mentions(judged),
                truth_readings(judged),
                **answers,
            ),
            f"{place}.merge_report": {"digest": f"of policy {number}"},
        }
        if number:
            before = policy_over(iteration=number - 1)
            data[f"{place}.pair_gallery"] = gather_pairs(
                before, texts, read, images, data["raw_images"], data["params:reporting"], 0
            )
    return data


def report(data: dict[str, Any], rounds: int) -> dict[str, Any]:
    """Everything that the pipeline makes of the data."""
    data = dict(data)
    for node in create_pipeline(rounds=rounds).nodes:
        data |= node.run({name: data[name] for name in node.inputs})
    return data


@pytest.fixture(scope="session")
def reported() -> dict[str, Any]:
    """Every dataset of the pipeline `reporting` after two rounds; its faithfulness has fallen."""
    # A fall of faithfulness must not keep the policies from winning here.
    data = a_run(max_faithfulness_loss=1.0)
    return report(data, rounds=2)


@pytest.fixture
def report_on() -> Callable[..., dict[str, Any]]:
    """Reports on a run of another kind, see `a_run`."""

    def make(noise: dict[int, dict[str, float]] = NOISE, **other: Any) -> dict[str, Any]:
        return report(a_run(noise, **other), rounds=max(noise))

    return make
