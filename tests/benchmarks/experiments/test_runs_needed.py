from pathlib import Path

import pytest

from benchmarks.experiments.__main__ import main, runs_of
from benchmarks.experiments.definitions import Definitions

EXPERIMENTS = Definitions(
    seeds=[1, 2],
    split="test",
    examples=1,
    names={},
    variants={
        "default": {"environments": ["shuffled"], "seeds": [3]},
        "wide": {"pipelines": ["baseline"]},
        "narrow": {"parameters": {"rounds": 3}},
    },
    pages={
        "width": {
            "tables": [{"rows": {"a": "wide 1 merged", "b": "default 1 merged"}}],
            "claims": [],
        },
        "depth": {
            "tables": [{"rows": {"a": "default 1 merged", "b": "narrow 1 merged"}}],
            "claims": [],
        },
    },
)


def test_runs_are_shared_between_experiments() -> None:
    names = [run.name for run in runs_of([], EXPERIMENTS)]
    wide, narrow = ([f"{name}_seed_{seed}" for seed in (1, 2)] for name in ("wide", "narrow"))
    assert names == [*wide, "default_seed_3", *narrow]


def test_one_experiment_makes_its_own_runs_alone() -> None:
    default, narrow = runs_of(["depth"], EXPERIMENTS, [4], "test")
    assert (default.name, narrow.name) == ("default_seed_4", "narrow_seed_4")
    assert narrow.parameters == {"rounds": 3}
    assert narrow.pipelines == ("iteration",)
    assert (narrow.environments, default.environments) == (("test",), ("test", "shuffled"))
    assert narrow.about == {"variant": "narrow"}
    assert narrow.command == (
        "python -m benchmarks.experiments depth --variants narrow --seeds 4 --env test"
    )


def test_an_unknown_experiment_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["depht"])
    assert "no experiment 'depht': there are results, sanity" in capsys.readouterr().err


def test_runs_with_a_record_are_not_repeated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs/base_seed_7.json").write_text("{}")
    assert main(["sanity", "--seeds", "7", "--records", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("0 runs")
