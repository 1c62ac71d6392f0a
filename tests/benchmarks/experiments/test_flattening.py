import pandas as pd

from benchmarks.experiments.flattening import COLUMNS, flat_figures, seconds_taken


def row(number, policy, metric, of="", **content):
    facts = {"round": number, "policy": policy, "split": "test", "group": "all", "of": of}
    return facts | {"metric": metric, "value": 0.5, "low": 0.4, "high": 0.6, "n": 9} | content


def node(namespace, tag, output, seconds):
    facts = {"namespace": namespace, "tags": [tag], "outputs": [f"{namespace}.{output}"]}
    return facts | {"processor_seconds": seconds}


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
    row(1, "merged", "lambda", "merging", split="train"),
    row(1, "scoring", "loss", "training", split="train"),
]
RUN = {
    "baseline.figures": pd.DataFrame(BASE),
    "figures_over_rounds": pd.DataFrame(BASE + FIRST),
    "iteration_1.preference_report": {"pairs": {"scoring": 7}, "blind_accuracy": {"scoring": 0.5}},
    "manifest": {
        "nodes": [
            node("baseline", "", "generations", 8.0),
            node("baseline", "", "base_predictions", 90.0),
            node("iteration_1", "merging", "merged_adapter", 0.5),
            node("iteration_1", "evaluation", "figures", 50.0),
            node("iteration_2", "data_generation", "generations", 3.0),
            node("iteration_2", "dpo_training", "scoring_adapter", 4.0),
            node("iteration_2", "level_training", "level_adapter", None),
        ]
    },
}


def test_figures_of_all_tables_are_named_apart():
    figures = flat_figures(RUN.__getitem__, 1)
    assert list(figures) == COLUMNS
    names = ["round", "policy", "split", "metric"]
    assert set(figures[names].itertuples(index=False, name=None)) == {
        (0, "base", "test", "srcc"),
        (0, "base", "test", "consistency.self"),
        (0, "base", "test", "health.level_entropy"),
        (1, "merged", "test", "srcc"),
        (1, "merged", "validation", "srcc"),
        (1, "merged", "test", "srcc_gain"),
        (1, "merged", "test", "consistency.self"),
        (1, "incoming", "train", "discrimination.self"),
        (1, "merged", "test", "kappa.tfidf.self"),
        (1, "merged", "test", "health.level_entropy"),
        (1, "merged", "train", "lambda.merging"),
        (1, "merged", "train", "seconds"),
        (1, "scoring", "train", "pairs"),
        (1, "scoring", "train", "blind_accuracy"),
    }
    assert not figures.duplicated(names).any()


def test_seconds_are_those_that_make_a_policy_with_all_rounds_before_it():
    taken = seconds_taken(RUN["manifest"]["nodes"], 2)
    # The texts of the first round are those of the baseline.
    assert taken.set_index("round")["value"].to_dict() == {1: 8.5, 2: 15.5}
    nodes = [*RUN["manifest"]["nodes"], node("iteration_1", "data_generation", "generations", 2.0)]
    assert seconds_taken(nodes, 1)["value"].tolist() == [2.5]


def test_the_baseline_alone_has_a_record():
    there = {name: RUN[name] for name in ("baseline.figures", "manifest")}
    assert set(flat_figures(there.__getitem__, 0)["round"]) == {0}
