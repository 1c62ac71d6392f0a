import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from kedro.framework.hooks.manager import _NullPluginManager
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner
from kedro_datasets.pandas import ParquetDataset
from stage_settings import evaluation

from selfscore.metrics.figures import HEALTH, as_figures
from selfscore.metrics.health import find_breaches, health_figures
from selfscore.pipelines.evaluation.health import watch_health

N = 60
# Sixty different sentences, as a healthy policy writes them.
SENTENCES = [
    f"The {subject} looks {look} and its {part} {verb}."
    for subject, part in (
        ("house", "roof"), ("street", "kerb"), ("tree", "bark"), ("face", "skin"), ("boat", "hull"),
    )
    for look, verb in (
        ("crisp", "shines"), ("dull", "fades"), ("soft", "blurs"), ("noisy", "flickers"),
        ("bright", "glows"), ("dark", "vanishes"), ("pale", "washes out"), ("vivid", "stands out"),
        ("grainy", "crumbles"), ("blocky", "breaks up"), ("clean", "holds"), ("muddy", "drowns"),
    )
]  # fmt: skip
FAILURES: dict[str, dict[str, Any]] = {
    "min_format_valid": {"valid": [row % 2 == 0 for row in range(N)]},
    "min_level_entropy": {"emitted_level": [5] * N},
    "max_top_level_share": {"emitted_level": [5 if row % 10 else row // 10 for row in range(N)]},
    "min_distinct_1": {"explanation": ["Sharp and sharp and sharp and sharp."] * N},
    "min_distinct_2": {"explanation": ["It is a picture with a fault."] * N},
    "max_repeated_trigrams": {
        "explanation": [f"{text} {text} {text}" for text in SENTENCES],
    },
    "max_generic": {"explanation": ["The picture has a certain quality."] * 40 + SENTENCES[40:]},
    "min_mean_words": {"explanation": [text.split()[1] for text in SENTENCES]},
    "max_mean_words": {"explanation": [" ".join(SENTENCES[row:] + SENTENCES[:row])
                                       for row in range(N)]},
}  # fmt: skip
SAYS = {
    "min_format_valid": "only 50 % of the answers keep the response format",
    "min_level_entropy": "score collapse: the entropy of the predicted levels is 0.00",
    "max_top_level_share": "score collapse: 91.7 % of predictions are level 5",
    "min_distinct_1": "poor vocabulary",
    "min_distinct_2": "stock phrases",
    "max_repeated_trigrams": "repetition",
    "max_generic": "generic explanations: 66.7 % of the images",
    "min_mean_words": "shrinking explanations: they have 1 words",
    "max_mean_words": "rambling explanations",
}


def predictions(**columns: Any) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "policy": "merged",
            "split": "test",
            "valid": True,
            "emitted_level": [row % 10 for row in range(N)],
            "explanation": SENTENCES,
        }
    )
    return table.assign(**columns)


def figures(*tables: pd.DataFrame) -> pd.DataFrame:
    """The figures of health of policies, each of one policy on one split."""
    return pd.concat(
        [
            as_figures(
                health_figures(table, 10),
                of=HEALTH,
                round=1,
                policy=table["policy"].iloc[0],
                split=table["split"].iloc[0],
            )
            for table in tables
        ],
        ignore_index=True,
    )


def breached(*tables: pd.DataFrame) -> list[tuple[str, str, str]]:
    found = find_breaches(figures(*tables), evaluation().health.thresholds)
    return [(one.policy, one.split, one.breach.figure) for one in found]


def test_every_limit_is_tried() -> None:
    limits = {name for name, limit in asdict(evaluation().health.thresholds).items() if limit}
    assert set(FAILURES) == set(SAYS) == limits


def test_a_healthy_policy_passes(caplog: pytest.LogCaptureFixture) -> None:
    watch_health(figures(predictions()), evaluation(health={"on_breach": "stop"}))
    assert "merged" not in caplog.text


@pytest.mark.parametrize("threshold", FAILURES)
def test_each_breach_warns_with_its_sentence(
    threshold: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        watch_health(figures(predictions(**FAILURES[threshold])), evaluation())
    warnings = [row.getMessage() for row in caplog.records if row.levelno == logging.WARNING]
    (warning,) = [text for text in warnings if f"`{threshold}`" in text]
    assert warning.startswith("'merged' on test: ")
    assert SAYS[threshold] in warning
    assert warnings[-1].startswith("Unless the base model answers so, too, train with a lower")


@pytest.mark.parametrize("threshold", FAILURES)
def test_training_is_not_blamed_for_what_the_base_model_does(
    threshold: str, caplog: pytest.LogCaptureFixture
) -> None:
    table = figures(predictions(policy="base", **FAILURES[threshold])).assign(round=0)
    watch_health(table, evaluation())
    assert SAYS[threshold] in caplog.text
    assert "So the base model answers before any training" in caplog.text
    assert "dpo_training" not in caplog.text and "data_generation" not in caplog.text


@pytest.mark.parametrize("threshold", FAILURES)
def test_each_breach_stops_after_the_figures_are_stored(
    threshold: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    others = {name: None for name in FAILURES if name != threshold}
    settings = evaluation(health={"on_breach": "stop", "thresholds": others})
    data = DataCatalog(
        {
            "predictions": MemoryDataset(predictions(**FAILURES[threshold])),
            "params:evaluation": MemoryDataset(settings),
            "figures": ParquetDataset(filepath=str(tmp_path / "figures.parquet")),
        }
    )
    nodes = [
        Node(figures, "predictions", "figures"),
        Node(watch_health, ["figures", "params:evaluation"], None),
    ]
    with pytest.raises(ValueError, match="do not answer sensibly") as stopped:
        SequentialRunner().run(Pipeline(nodes), data, _NullPluginManager())
    assert "'merged' on test: " in caplog.text and SAYS[threshold] in caplog.text
    assert "with `warn` and `--only-missing-outputs` the run goes on" in str(stopped.value)
    stored = pd.read_parquet(tmp_path / "figures.parquet")
    [found] = find_breaches(stored, settings.health.thresholds)
    assert f"({found.breach.kind})" in str(stopped.value)
    assert len(stored) > 5


def test_every_policy_and_split_is_checked(caplog: pytest.LogCaptureFixture) -> None:
    collapsed = predictions(policy="scoring", split="validation", emitted_level=5)
    assert breached(predictions(), collapsed) == [
        ("scoring", "validation", "level_entropy"),
        ("scoring", "validation", "top_level_share"),
    ]
    watch_health(figures(predictions(), collapsed), evaluation())
    assert (
        "'scoring' on validation: score collapse: 100 % of predictions are level 5" in caplog.text
    )


def test_one_line_tells_of_all_policies_and_splits(caplog: pytest.LogCaptureFixture) -> None:
    policies = ("scoring", "consistency", "grounding_contrast", "level", "merged")
    unread = {("scoring", "test"): 2, ("merged", "test"): 4}
    table = figures(
        *(
            predictions(
                policy=policy,
                split=split,
                emitted_level=5,
                explanation="Sharp and sharp and sharp and sharp.",
                valid=[row % unread.get((policy, split), 1) == 0 for row in range(N)],
            )
            for policy in policies
            for split in ("validation", "test")
        )
    )
    watch_health(table, evaluation())
    warnings = [row.getMessage() for row in caplog.records if row.levelno == logging.WARNING]
    told = find_breaches(table, evaluation().health.thresholds)
    # One of each limit, and the advice.
    assert len(told) > 50
    assert len(warnings) == len({one.breach.threshold for one in told}) + 1
    assert warnings[:2] == [
        "'scoring', 'merged' on test: broken format: only 25 % of the answers keep the response "
        "format (at worst; `min_format_valid` is 0.95).",
        "all 5 policies on validation and test: score collapse: the entropy of the predicted "
        "levels is 0.00 of the highest possible (at worst; `min_level_entropy` is 0.5).",
    ]
    assert not [line for line in warnings[:-1] if "\n" in line]
    assert warnings[-1].count("`dpo_training.lr`") == 1
    assert warnings[-1].count("temperature") == 1
    assert max(len(line) for warning in warnings for line in warning.splitlines()) <= 182


def test_a_policy_without_a_valid_answer_breaches_its_format_alone() -> None:
    assert breached(predictions(valid=False)) == [("merged", "test", "format_valid")]
