import pandas as pd

from benchmarks.experiments.flattening import COLUMNS, flat_figures


def row(number, policy, metric, of="", **content):
    facts = {"round": number, "policy": policy, "split": "test", "group": "all", "of": of}
    return facts | {"metric": metric, "value": 0.5, "low": 0.4, "high": 0.6, "n": 9} | content


BASE = [
    row(0, "base", "srcc"),
    row(0, "base", "consistency", "self"),
    row(0, "base", "level_entropy", "health"),
]
FIRST = [
    row(1, "merged", "srcc"),
    row(1, "merged", "srcc", group="zoo"),
    row(1, "merged", "srcc", split="validation"),
    row(1, "merged", "srcc", "shuffled_images"),
    row(1, "any", "srcc", "ceiling"),
    row(1, "merged", "consistency", "self"),
    row(1, "incoming", "discrimination", "self", split="train"),
    row(1, "merged", "kappa", "tfidf/self"),
    row(1, "merged", "level_entropy", "health"),
    row(1, "merged", "srcc_gain"),
]
RUN = {
    "baseline.figures": pd.DataFrame(BASE),
    "figures_over_rounds": pd.DataFrame(BASE + FIRST),
    "iteration_1.preference_report": {"pairs": {"scoring": 7}, "blind_accuracy": {"scoring": 0.5}},
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
