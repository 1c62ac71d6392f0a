import pandas as pd

from benchmarks.experiments.flattening import COLUMNS, flat_figures


def row(**content):
    return {"policy": "merged", "split": "test", "value": 0.5, "low": 0.4, "high": 0.6} | content


NO_AGREEMENT = pd.DataFrame(
    columns=["policy", "split", "judge", "other_judge", "metric", "value"], dtype="str"
)
RUN = {
    "baseline.metrics": pd.DataFrame([row(group="all", metric="srcc", policy="base")]),
    "baseline.consistency": pd.DataFrame([row(judge="self", metric="consistency", policy="base")]),
    "baseline.judge_agreement": NO_AGREEMENT,
    "baseline.health": pd.DataFrame([row(metric="level_entropy", policy="base", breach="")]),
    "iteration_1.metrics": pd.DataFrame(
        [
            row(group="all", metric="srcc", n=9),
            row(group="zoo", metric="srcc", n=9),
            row(group="all", metric="srcc", n=9, split="validation"),
        ]
    ),
    "iteration_1.consistency": pd.DataFrame(
        [
            row(judge="self", metric="consistency"),
            row(judge="self", metric="discrimination", policy="incoming", split="train"),
        ]
    ),
    "iteration_1.judge_agreement": pd.DataFrame(
        [row(judge="tfidf", other_judge="self", metric="kappa")]
    ),
    "iteration_1.health": pd.DataFrame([row(metric="level_entropy", breach="")]),
    "iteration_1.preference_report": {"pairs": {"scoring": 7}, "blind_accuracy": {"scoring": 0.5}},
    "iteration_table": pd.DataFrame(
        [
            row(group="all", round=0, metric="srcc", policy="base"),
            row(group="all", round=1, metric="srcc_gain"),
        ]
    ),
}


def test_figures_of_all_tables_are_named_apart():
    figures = flat_figures(RUN.__getitem__, 1, "test")
    assert list(figures) == COLUMNS
    assert set(zip(figures["round"], figures["policy"], figures["metric"], strict=True)) == {
        (0, "base", "srcc"),
        (0, "base", "consistency.self"),
        (0, "base", "health.level_entropy"),
        (1, "merged", "srcc"),
        (1, "merged", "srcc_gain"),
        (1, "merged", "consistency.self"),
        (1, "incoming", "discrimination.self"),
        (1, "merged", "kappa.tfidf.self"),
        (1, "merged", "health.level_entropy"),
        (1, "scoring", "pairs"),
        (1, "scoring", "blind_accuracy"),
    }
    assert not figures.duplicated(["round", "policy", "metric"]).any()


def test_the_baseline_alone_has_a_record():
    baseline = {name: table for name, table in RUN.items() if name.startswith("baseline.")}
    assert set(flat_figures(baseline.__getitem__, 0, "test")["round"]) == {0}
