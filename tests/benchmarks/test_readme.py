"""What the README says of results is what the records of the runs say."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.experiments.definitions import LOCKED
from benchmarks.experiments.records import RECORDS, read_records

RISES = {"srcc": "SRCC ends", "consistency": "consistency", "faithfulness": "true statements"}


@pytest.mark.parametrize("metric", RISES)
def test_the_rises_over_the_seeds_are_those_of_the_records(project: Path, metric: str) -> None:
    figures = read_records(RECORDS).figures
    demo = figures[(figures["variant"] == "demo") & (figures["metric"] == metric)]
    # Those of the locked images, once they were evaluated.
    splits = set(demo["split"])
    demo = demo[demo["split"] == (LOCKED if LOCKED in splits else "test")]
    by_seed = demo.set_index(["round", "policy", "seed"])["value"].sort_index()
    rises = by_seed[2, "merged"] - by_seed[0, "base"]
    assert sorted(rises.index) == [1, 2, 3, 4, 5]
    readme = " ".join((project / "README.md").read_text(encoding="utf-8").split())
    least, most = (f"{rise:.3f}".replace("0.", ".", 1) for rise in (rises.min(), rises.max()))
    assert f"{RISES[metric]} {least} to {most}" in readme
