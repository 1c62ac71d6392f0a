"""The counterfactual figure beside the known truth, of every policy of the newest run of the demo.

    python -m benchmarks.known_truth

prints the table of docs/faithfulness.md, from what that run left in the project's store.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from kedro.framework.startup import bootstrap_project
from scipy.stats import spearmanr

from benchmarks.runs import PROJECT
from selfscore.configuration.layout import namespace
from selfscore.metrics.faithfulness import StatementLexicon, faithfulness
from selfscore.metrics.figures import OTHER_PICTURE, among
from selfscore.provenance.project import open_project

SPLIT = "validation"
# Texts about other pictures that stand for one in its exchange.
_EXCHANGED = 5
_HEAD = [
    *("Round", "Policy", "faithfulness", "exchanged text", "counterfactual", "exchanged text"),
    *("hits", "false alarms"),
]
# Columns that are no figures.
_ID = ("round", "policy")


def exchanged_faithfulness(
    judgements: pd.DataFrame, attributes: pd.DataFrame, lexicon: StatementLexicon, seed: int = 0
) -> float:
    """Mean faithfulness of texts about other pictures with the same written level.

    Args:
        judgements: of one policy and split.
        attributes: image_id and a column an attribute.
        lexicon: the statements.
        seed: of which texts are taken.
    """
    random = np.random.default_rng(seed)
    known = {
        image: {str(name): float(value) for name, value in row.items()}
        for image, row in attributes.set_index("image_id").iterrows()
    }
    rows = judgements[judgements["valid"] & judgements["image_id"].isin(list(known))]
    shares = []
    for _, alike in rows.groupby("emitted_level"):
        images, texts = alike["image_id"].to_numpy(), alike["explanation"].to_numpy()
        for image in images:
            others = texts[images != image]
            drawn = random.permutation(others)[:_EXCHANGED]
            told = [faithfulness(text, known[image], lexicon) for text in drawn]
            shares += [share for share in told if share is not None]
    return float(np.mean(shares)) if shares else float("nan")


def compare(
    figures: pd.DataFrame,
    judgements: pd.DataFrame,
    attributes: pd.DataFrame,
    lexicon: StatementLexicon,
) -> pd.DataFrame:
    """One row a policy: its figures, and those of exchanged texts.

    Args:
        figures: of all rounds.
        judgements: of all rounds.
        attributes: image_id and a column an attribute.
        lexicon: the statements.
    """
    rows = []
    own = judgements[judgements["split"] == SPLIT]
    for (number, policy), said in own.groupby(["round", "policy"], sort=False):
        of: dict[str, Any] = {"round": number, "policy": policy, "split": SPLIT}
        table = among(figures, **of).set_index("metric")
        elsewhere = among(figures, OTHER_PICTURE, **of).set_index("metric")["value"]
        counterfactual = table.loc["counterfactual"]
        rows.append(
            {
                "round": number,
                "policy": policy,
                "faithfulness": table.loc["faithfulness", "value"],
                "exchanged": exchanged_faithfulness(said, attributes, lexicon),
                **counterfactual[["value", "low", "high"]].to_dict(),
                "elsewhere": elsewhere["counterfactual"],
                "hits": table.loc["counterfactual_hits", "value"],
                "alarms": table.loc["counterfactual_false_alarms", "value"],
            }
        )
    return pd.DataFrame(rows)


def as_markdown(table: pd.DataFrame) -> str:
    """The table as it stands on the page, and the rank correlation of its two figures."""
    lines = [f"| {' | '.join(_HEAD)} |", "|---" * len(_HEAD) + "|"]
    for row in table.to_dict("records"):
        n = {key: f"{value:.3f}".replace("0.", ".") for key, value in row.items() if key not in _ID}
        cells = [
            *(str(row["round"]), row["policy"], n["faithfulness"], n["exchanged"]),
            *(f"{n['value']} [{n['low']}, {n['high']}]", n["elsewhere"], n["hits"], n["alarms"]),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    order = spearmanr(table["faithfulness"], table["value"]).statistic
    return "\n".join([*lines, "", f"Rank correlation over {len(table)} policies: {order:.2f}"])


def main() -> None:
    """Print the table of the newest run."""
    bootstrap_project(PROJECT)
    project = open_project(PROJECT)
    load = project.catalog.load
    rounds = range(int(project.parameters["rounds"]) + 1)
    judgements = pd.concat([load(f"{namespace(number)}.judgements") for number in rounds])
    lexicon = StatementLexicon(load("statement_lexicon"))
    table = compare(load("figures_over_rounds"), judgements, load("attributes"), lexicon)
    print(as_markdown(table))


if __name__ == "__main__":
    main()
