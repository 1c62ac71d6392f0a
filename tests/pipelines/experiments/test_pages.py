import logging
from functools import partial
from typing import Any

import pandas as pd
import pytest

from selfscore.pipelines.experiments.nodes import collect_runs, write_pages

RUN: dict[str, Any] = {
    "seconds": 120,
    "threads": 1,
    "cores": 2,
    "processor": "a processor",
    "python": "3.11.9",
    "finished": "2026-11-22T23:00:00+00:00",
    "commit": "abc1234",
    "versions": {"torch": "2.13.0"},
}
VALUES = {"default": [0.5, 0.52, 0.51], "radius_0": [0.4, 0.45, 0.5]}
PARAMETERS: dict[str, Any] = {
    "split": "test",
    "names": {"srcc": "SRCC"},
    "variants": {"default": {"parameters": {}}, "radius_0": {"parameters": {"radius": 0}}},
    "pages": {
        "radius": {
            "title": "The radius",
            "question": "Does it matter?",
            "examples": "default",
            "tables": [
                {
                    "title": "After a round",
                    "columns": ["srcc", "faithfulness"],
                    "rows": {"two": "default 1 merged", "none": "radius_0 1 merged"},
                }
            ],
            "claims": [
                {
                    "says": "The score rises.",
                    "of": "default 1 merged srcc",
                    "over": 0,
                    "expected": "rises",
                    "paper": True,
                },
                {
                    "says": "It falls.",
                    "of": "radius_0 1 merged srcc",
                    "over": 0,
                    "expected": "falls",
                    "paper": True,
                    "because": "it cannot.",
                },
                {
                    "says": "None against two.",
                    "of": "radius_0 1 merged srcc",
                    "over": "default 1 merged srcc",
                    "because": "there is nothing to say.",
                },
                {
                    "says": "One against none.",
                    "of": "default 1 merged srcc",
                    "over": 0,
                    "because": "one is more.",
                },
            ],
        },
        "other": {
            "title": "Other",
            "question": "?",
            "tables": [{"title": "", "columns": ["srcc"], "rows": {"x": "unmade 1 merged"}}],
            "claims": [],
        },
    },
}


def partitions(contents: dict[str, Any]) -> dict[str, Any]:
    return {name: partial(dict.get, contents, name) for name in contents}


def records(values: dict[str, list[float]] = VALUES) -> tuple[dict[str, Any], dict[str, Any]]:
    figures, runs = {}, {}
    for variant, by_seed in values.items():
        for seed, value in enumerate(by_seed, start=1):
            name = f"{variant}_seed_{seed}"
            figures[name] = pd.DataFrame(
                [
                    {
                        "round": 1,
                        "policy": "merged",
                        "metric": "srcc",
                        "value": value,
                        "low": value - 0.1,
                        "high": value + 0.1,
                        "n": 250,
                    }
                ]
            )
            runs[name] = RUN | {"variant": variant, "seed": seed, "command": f"run {name}"}
    return partitions(figures), partitions(runs)


def examples(text: str = "It is sharp.") -> dict[str, Any]:
    table = pd.DataFrame(
        {
            "image_id": ["cat"] * 2,
            "side": ["chosen", "rejected"],
            "level": [8, 1],
            "explanation": [text, "It is | dark."],
            "inferred_level_tfidf": [7.25, None],
        }
    )
    return partitions({f"default_seed_{seed}": table for seed in (1, 2, 3)})


def written(values: dict[str, list[float]] = VALUES) -> dict[str, str]:
    figures, runs = records(values)
    return write_pages(collect_runs(figures, runs), runs, examples(), PARAMETERS)


def cells(text: str, start: str) -> list[str]:
    line = next(line for line in text.splitlines() if line.startswith(f"| {start}"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_page_answers_with_differences_over_seeds() -> None:
    page = written()["radius"]
    rises = cells(page, "The score rises.")
    assert rises[1].startswith("0.510 [0.485, 0.535]")
    assert rises[2:] == ["+0.500, +0.520, +0.510", "3 of 3", "**holds, as in the paper**"]
    assert cells(page, "It falls.")[-1] == "**contradicts the paper**"
    assert cells(page, "None against two.")[2:] == [
        "-0.100, -0.070, -0.010",
        "–",
        "**no clear difference**",
    ]


def test_a_contradiction_is_explained_in_words() -> None:
    page = written()["radius"]
    assert "*It falls.* Contradicts the paper: it cannot." in page
    assert "*The score rises.*" not in page


def test_an_answer_is_explained_where_that_is_known() -> None:
    page = written()["radius"]
    assert "*One against none.* Rises: one is more." in page
    assert "nothing to say" not in page


def test_one_seed_decides_nothing() -> None:
    page = written({"default": [0.5], "radius_0": [0.4]})["radius"]
    assert cells(page, "The score rises.")[-1] == "**not decided**"
    assert "*The score rises.* Not decided: one seed does not tell" in page


def test_tables_show_means_and_every_seed_and_what_was_not_measured() -> None:
    page = written()["radius"]
    means, by_seed = page.split("Seed by seed")
    assert cells(means, "two") == ["two", "0.510 [0.485, 0.535]", "–"]
    assert cells(by_seed, "none") == ["none", "1", "0.400 [0.300, 0.500]", "–"]
    assert "|  | seed | SRCC | faithfulness |" in by_seed


def test_the_page_tells_how_and_where() -> None:
    page = written()["radius"]
    assert "| `run radius_0_seed_3` | 2.0 min | 1 | 2026-11-22 | abc1234 |" in page
    assert "a processor, 2 cores, Python 3.11.9; torch 2.13.0." in page
    assert "radius_0:\n  parameters:\n    radius: 0\n" in page
    assert "`python -m benchmarks.experiments radius`" in page


def test_examples_are_shown_with_what_was_read_in_them() -> None:
    page = written()["radius"]
    assert cells(page, "cat") == ["cat", "8 (right)", "It is sharp.", "7.2"]
    assert "| cat | 1 (wrong) | It is \\| dark. | – |" in page


def test_a_page_rests_on_the_seeds_that_all_variants_have() -> None:
    page = written(VALUES | {"radius_0": [0.4, 0.45]})["radius"]
    assert "seeds 1, 2." in page
    assert "default_seed_3" not in page
    assert cells(page, "The score rises.")[2] == "+0.500, +0.520"


def test_an_experiment_without_its_runs_is_named_and_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        pages = written()
    assert set(pages) == {"radius", "README"}
    assert "'other' is not written: run `python -m benchmarks.experiments other`" in caplog.text
    assert "## [The radius](radius.md)" in pages["README"]
    assert "- The score rises. **holds, as in the paper.**" in pages["README"]
    with pytest.raises(ValueError, match="No experiment has its runs yet"):
        written({"default": [0.5]})


def test_a_record_that_misses_its_other_half_is_named() -> None:
    figures, runs = records()
    figures.pop("default_seed_2")
    with pytest.raises(ValueError, match="one of the two records for default_seed_2"):
        collect_runs(figures, runs)
