import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmarks.experiments.definitions import Definitions
from benchmarks.experiments.pages import write_pages
from benchmarks.experiments.records import Records, read_records

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
DEFINITIONS = Definitions(
    seeds=[1, 2, 3],
    split="test",
    examples=1,
    names={"srcc": "SRCC"},
    variants={
        "default": {},
        "radius_0": {"parameters": {"radius": 0}},
        "control": {"seeds": [1]},
        "unmade": {},
    },
    pages={
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
        "results": {
            "file": "results.md",
            "title": "Results",
            "question": "!",
            "figure": {"file": "figures/results.png", "variant": "default", "metrics": ["srcc"]},
            "tables": [
                {
                    "title": "The rounds",
                    "shows": ["means"],
                    "about": "The more the better.",
                    "columns": ["srcc"],
                    "rows": {"own": "default 1 merged"},
                },
                {
                    "title": "The control",
                    "shows": ["seeds"],
                    "columns": ["srcc"],
                    "rows": {"control": "control 1 merged"},
                },
            ],
            "claims": [
                {"says": "It stays.", "of": "control 1 merged srcc", "over": 0, "expected": "stays"}
            ],
        },
    },
)


def records(values: dict[str, list[float]] = VALUES) -> Records:
    tables, runs = [], {}
    for variant, by_seed in values.items():
        for seed, value in enumerate(by_seed, start=1):
            figure = {"round": 1, "policy": "merged", "split": "test", "metric": "srcc"}
            figure |= {"value": value, "n": 250}
            interval = {"low": value - 0.1, "high": value + 0.1}
            tables.append({"variant": variant, "seed": seed} | figure | interval)
            name = f"{variant}_seed_{seed}"
            runs[name] = RUN | {"variant": variant, "seed": seed, "command": f"run {name}"}
    texts = pd.DataFrame(
        {
            "image_id": ["cat"] * 2,
            "side": ["chosen", "rejected"],
            "level": [8, 1],
            "explanation": ["It is sharp.", "It is | dark."],
            "inferred_level_tfidf": [7.25, None],
        }
    )
    examples = {f"default_seed_{n}": texts for n in (1, 2, 3)}
    return Records(pd.DataFrame(tables), pd.DataFrame(), runs, examples)


def written(values: dict[str, list[float]] = VALUES) -> dict[str, Any]:
    return write_pages(records(values), DEFINITIONS, {})


def cells(text: str, start: str) -> list[str]:
    line = next(line for line in text.splitlines() if line.startswith(f"| {start}"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_page_answers_with_differences_over_seeds() -> None:
    page = written()["experiments/radius.md"]
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
    page = written()["experiments/radius.md"]
    assert "*It falls.* Contradicts the paper: it cannot." in page
    assert "*The score rises.*" not in page


def test_an_answer_is_explained_where_that_is_known() -> None:
    page = written()["experiments/radius.md"]
    assert "*One against none.* Rises: one is more." in page
    assert "nothing to say" not in page


def test_one_seed_decides_nothing() -> None:
    page = written({"default": [0.5], "radius_0": [0.4]})["experiments/radius.md"]
    assert cells(page, "The score rises.")[-1] == "**not decided**"
    assert "*The score rises.* Not decided: one seed does not tell" in page


def test_tables_show_means_and_every_seed_and_what_was_not_measured() -> None:
    page = written()["experiments/radius.md"]
    means, by_seed = page.split("Seed by seed")
    assert cells(means, "two") == ["two", "0.510 [0.485, 0.535]", "–"]
    assert cells(by_seed, "none") == ["none", "1", "0.400 [0.300, 0.500]", "–"]
    assert "|  | seed | SRCC | faithfulness |" in by_seed


def test_the_page_tells_how_and_where() -> None:
    page = written()["experiments/radius.md"]
    assert "| `run radius_0_seed_3` | 2.0 min | 1 | 2026-11-22 | abc1234 |" in page
    assert "a processor, 2 cores, Python 3.11.9; torch 2.13.0." in page
    assert "radius_0:\n  parameters:\n    radius: 0\n" in page
    assert "`python -m benchmarks.experiments radius`" in page


def test_examples_are_shown_with_what_was_read_in_them() -> None:
    page = written()["experiments/radius.md"]
    assert cells(page, "cat") == ["cat", "8 (right)", "It is sharp.", "7.2"]
    assert "| cat | 1 (wrong) | It is \\| dark. | – |" in page


def test_a_page_rests_on_the_seeds_that_all_variants_have() -> None:
    page = written(VALUES | {"radius_0": [0.4, 0.45]})["experiments/radius.md"]
    assert "seeds 1, 2." in page
    assert "default_seed_3" not in page
    assert cells(page, "The score rises.")[2] == "+0.500, +0.520"


def test_an_experiment_without_its_runs_is_named_and_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        pages = written()
    assert set(pages) == {"experiments/radius.md", "experiments/README.md"}
    assert "'other' is not written: run `python -m benchmarks.experiments other`" in caplog.text
    index = pages["experiments/README.md"]
    assert "## [The radius](radius.md)" in index
    assert "- The score rises. **holds, as in the paper.**" in index
    with pytest.raises(ValueError, match="No experiment has its runs yet"):
        written({"default": [0.5]})


def test_a_control_has_seeds_of_its_own_and_a_page_its_figure() -> None:
    pages = written(VALUES | {"control": [0.05]})
    page, figure = pages["results.md"], pages["figures/results.png"]
    assert cells(page, "It stays.")[2:] == ["0.050 [-0.050, 0.150]", "1 of 1", "**holds**"]
    means, control = page.split("## The control")
    assert "Test images, seeds 1, 2, 3." in means and "The more the better." in means
    assert "Test images, seed 1." in control
    assert "Seed by seed" not in page
    assert cells(means, "own") == ["own", "0.510 [0.485, 0.535]"]
    assert cells(control, "control") == ["control", "1", "0.050 [-0.050, 0.150]"]
    assert len(figure.axes) == 1
    assert "Results" not in pages["experiments/README.md"]


def test_a_page_shows_the_split_that_it_names() -> None:
    both = records()
    locked = both.figures.assign(split="locked", value=both.figures["value"] - 0.2)
    both = both._replace(figures=pd.concat([both.figures, locked], ignore_index=True))
    radius = DEFINITIONS.pages["radius"]
    tables = [*radius["tables"], radius["tables"][0] | {"title": "Before", "split": "test"}]
    claims = [*radius["claims"], {"says": "Before.", "split": "test"} | radius["claims"][3]]
    claims[-1] |= {"says": "On the others.", "split": "test"}
    own = radius | {"split": "locked", "tables": tables, "claims": claims}
    definitions = replace(DEFINITIONS, pages={"radius": own})
    page = str(write_pages(both, definitions, {})["experiments/radius.md"])
    first, second = page.split("## Before")
    assert "Locked images, seeds 1, 2, 3." in first and "Test images" in second
    assert cells(first, "two")[1].startswith("0.310")
    assert cells(second, "two")[1].startswith("0.510")
    assert cells(page, "One against none.")[1].startswith("0.310")
    assert cells(page, "On the others.")[1].startswith("0.510")
    # All of it on one split, to choose settings by.
    shown = str(write_pages(both, definitions.showing("test"), {})["experiments/radius.md"])
    assert "Locked" not in shown and cells(shown, "One against none.")[1].startswith("0.510")


def test_a_page_about_locked_images_waits_for_runs_that_evaluate_them(
    caplog: pytest.LogCaptureFixture,
) -> None:
    own = {"radius": DEFINITIONS.pages["radius"] | {"split": "locked"}}
    definitions = replace(DEFINITIONS, pages=own)
    with pytest.raises(ValueError, match="No experiment has its runs yet"):
        write_pages(records(), definitions, {})
    assert "run `python -m benchmarks.experiments radius --locked` first" in caplog.text


def test_a_page_on_other_images_rests_on_their_records(caplog: pytest.LogCaptureFixture) -> None:
    pages = dict(DEFINITIONS.pages) | {"cats": DEFINITIONS.pages["radius"] | {"data": "pets"}}
    definitions = replace(DEFINITIONS, pages=pages)
    elsewhere = records({"default": [0.2, 0.22, 0.21], "radius_0": [0.1, 0.1, 0.1]})
    page = str(write_pages(records(), definitions, {"pets": elsewhere})["experiments/cats.md"])
    command = "python -m benchmarks.experiments cats --data pets --images IMAGES --scores SCORES"
    assert f"`{command}` keeps" in page
    assert cells(page.split("## After a round")[1], "two")[1].startswith("0.210")
    assert "experiments/cats.md" not in write_pages(records(), definitions, {})
    assert f"'cats' is not written: run `{command}` first" in caplog.text


def test_records_that_do_not_belong_together_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no records in"):
        read_records(tmp_path)
    for folder in ("runs", "figures"):
        (tmp_path / folder).mkdir()
    described = RUN | {"variant": "default", "seed": 2}
    (tmp_path / "runs/default_seed_2.json").write_text(json.dumps(described))
    with pytest.raises(ValueError, match="one of the two records for default_seed_2"):
        read_records(tmp_path)
    (tmp_path / "figures/default_seed_2.csv").write_text("round,metric\n1,srcc\n")
    found = read_records(tmp_path)
    assert found.figures.to_dict("records") == [
        {"round": 1, "metric": "srcc", "variant": "default", "seed": 2}
    ]
    assert found.runs["default_seed_2"]["seed"] == 2
