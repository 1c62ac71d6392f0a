import numpy as np
import pandas as pd
import pytest

from benchmarks.experiments.definitions import Definitions
from benchmarks.experiments.head_to_head import head_to_head, leads
from benchmarks.experiments.records import Records

COMPARED = {
    "default": "demo 2 merged",
    "splits": ["locked", "test"],
    "picture": "figures/head_to_head.png",
    "arms": {
        "a worse one": {"figure": "worse 1 merged", "epochs": 4},
        "a better one": {"figure": "better 1 merged"},
        "a ridge": {"figure": "floors 0 ridge"},
        "one that was not run": {"figure": "unmade 1 merged"},
    },
    "data": {"mine": {"title": "My pictures", "about": "They are mine."}},
}
NAMES = {"srcc": "SRCC", "format_valid": "valid format"}
DEFINITIONS = Definitions([1, 2], "test", 1, {}, NAMES, {})
PLACES = {"demo": (2, "merged", 2.0), "worse": (1, "merged", 9.0), "better": (1, "merged", 0.1)}
PLACES |= {"floors": (0, "ridge", 0.2)}


def records(splits: tuple[str, ...] = ("locked", "test")) -> Records:
    """Two seeds of four recipes, the nearer to the true scores the smaller their noise."""
    figures, answers = [], []
    for variant, (number, policy, noise) in PLACES.items():
        for seed in (1, 2):
            place = {"variant": variant, "seed": seed, "round": number, "policy": policy}
            writes = policy == "merged"
            figures.append(place | {"split": "train", "metric": "seconds", "value": 10 * noise})
            for split in splits:
                random = np.random.default_rng(seed)
                score = np.linspace(1, 10, 60)
                table = pd.DataFrame({"score": score, **place, "split": split})
                stated = (score + noise * random.normal(size=60)).round()
                table = table.assign(
                    image_id=[f"image {n}" for n in range(60)],
                    group=[f"scene {n % 12}" for n in range(60)],
                    expected=score + noise * random.normal(size=60),
                    valid=1.0 if writes else np.nan,
                    stated=stated if writes else np.nan,
                    inferred=stated + random.normal(size=60) if writes else np.nan,
                    faithfulness=0.9 - 0.01 * noise if writes else np.nan,
                )
                answers.append(table)
                metrics = {"srcc": 1 - noise / 20}
                metrics |= {"consistency": 0.8, "faithfulness": 0.9} if writes else {}
                figures += [
                    place | {"split": split, "metric": metric, "value": value}
                    for metric, value in metrics.items()
                ]
    table = pd.DataFrame(figures).assign(low=np.nan, high=np.nan, n=60)
    return Records(table, pd.concat(answers, ignore_index=True), {}, {})


def cells(text: str, start: str) -> list[str]:
    line = next(line for line in text.splitlines() if line.startswith(f"| {start}"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def on_locked(page: str) -> str:
    own = page.split("## How far the default is ahead: the locked images")[1]
    return own.split("## What each reaches")[0]


@pytest.fixture(scope="module")
def page() -> str:
    parts, pictures = head_to_head(COMPARED, records(), {"mine": records(("test",))}, DEFINITIONS)
    assert set(pictures) == {"figures/head_to_head.png"}
    # Score against faithfulness, and against consistency.
    assert [axes.get_ylabel() for axes in pictures["figures/head_to_head.png"].axes] == [
        "faithfulness",
        "consistency",
    ]
    return "\n".join(parts)


def test_losses_are_listed_as_wins_are(page: str) -> None:
    own = on_locked(page)
    behind, rest = own.split("### Where the default is ahead")
    ahead, open_ = rest.split("### Where the runs do not tell")
    assert "- SRCC against a better one: -0." in behind.split("### Where the default is behind")[1]
    assert "- SRCC against a ridge: -0." in behind
    assert "- SRCC against a worse one: +0." in ahead
    assert "- valid format against a worse one: +0.000 [+0.000, +0.000]" in open_
    assert "not run" not in page


def test_every_difference_is_in_the_table_and_in_one_list(page: str) -> None:
    found = leads(COMPARED, records(), "locked")
    assert [(lead.arm, lead.metric) for lead in found if lead.arm == "a ridge"] == [
        ("a ridge", "srcc")
    ]
    own = on_locked(page)
    for lead in found:
        figure = f"{lead.by.value:+.3f} [{lead.by.low:+.3f}, {lead.by.high:+.3f}]"
        assert own.count(figure) >= 2
    assert cells(own, "against a ridge")[2:] == ["–", "–", "–"]


def test_what_each_reaches_stands_beside_its_seconds(page: str) -> None:
    reached = page.split("## What each reaches: the locked images")[1]
    header = cells(reached, " |")
    row = dict(zip(header, cells(reached, "a worse one"), strict=True))
    assert (row["epochs a round"], row["seconds"], row["of the default's"]) == ("4", "90", "4.50")
    assert row["SRCC"].startswith("0.550")
    assert cells(reached, "**the default**")[3] == "1.00"


def test_every_split_and_other_images_have_tables_of_their_own(page: str) -> None:
    titles = [line for line in page.splitlines() if line.startswith("## What each")]
    assert titles == [
        "## What each reaches: the locked images",
        "## What each reaches: the test images",
        "## What each reaches: My pictures, test images",
    ]
    assert "They are mine." in page


def test_a_split_that_was_not_evaluated_is_left_out() -> None:
    parts, pictures = head_to_head(COMPARED, records(("test",)), {}, DEFINITIONS)
    assert "locked" not in "\n".join(parts) and pictures
    empty = records()._replace(answers=pd.DataFrame())
    assert head_to_head(COMPARED, empty, {}, DEFINITIONS) == ([], {})
