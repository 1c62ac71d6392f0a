import pandas as pd

from benchmarks.experiments.definitions import Definitions
from benchmarks.experiments.fronts import merge_fronts_part

DEFINITIONS = Definitions([1, 2], "test", 1, {}, {"srcc": "SRCC"}, {})


def figures() -> pd.DataFrame:
    """Two methods at two strengths, of two seeds that choose otherwise; no faithfulness."""
    rows = []
    for seed in (1, 2):
        for method, start in (("ties", 0.5), ("linear", 0.6)):
            best = 1.0 if seed == 1 else 2.5
            for strength in (1.0, 2.5):
                place = {"variant": "both", "seed": seed, "round": 1}
                place["policy"] = f"{method}@{strength:g}"
                for split, shift in (("validation", 0.3), ("test", 0.0)):
                    reached = {"srcc": start + strength / 10 + shift, "consistency": 0.9 - shift}
                    rows += [
                        place | {"split": split, "metric": metric, "value": value}
                        for metric, value in reached.items()
                    ]
                chosen = {"split": "validation", "metric": "chosen"}
                rows.append(place | chosen | {"value": float(strength == best)})
    return pd.DataFrame(rows).assign(low=float("nan"), high=float("nan"), n=9)


def test_each_method_stands_at_the_strength_that_validation_chose() -> None:
    parts, pictures = merge_fronts_part({"Both": "both"}, figures(), "test", DEFINITIONS)
    page = "\n".join(parts)
    best = page.split("## Both: every strength")[0]
    assert "| `ties` | 1, 2.5 | 0.675 [" in best
    assert "| `linear` | 1, 2.5 | 0.775 [" in best
    assert "| `ties` | 2.5 | 0.750 [0.750, 0.750] | 0.900 [0.900, 0.900] | – | – |" in page
    assert "| `linear` | 0.100 [0.100, 0.100] | 0.000 [0.000, 0.000] | – | – |" in page
    assert set(pictures) == {"figures/fronts_consistency.png"}
    lines = pictures["figures/fronts_consistency.png"].axes[0].lines
    assert [line.get_label() for line in lines] == ["ties", "linear"]
    assert lines[0].get_xdata().tolist() == [0.6, 0.75]


def test_one_seed_alone_has_its_own_interval() -> None:
    table = figures()
    table = table[table["seed"] == 1].assign(low=table["value"] - 0.05, high=table["value"] + 0.05)
    page = "\n".join(merge_fronts_part({"Both": "both"}, table, "test", DEFINITIONS)[0])
    assert "| `ties` | 1 | 0.600 [0.550, 0.650] | 0.900 [0.850, 0.950] | – | – |" in page
    assert "| `linear` | 0.100 | 0.000 | – | – |" in page
