import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
sys.path.insert(0, str(PROJECT))

from benchmarks.experiments import main, runs_of  # noqa: E402

EXPERIMENTS = {
    "variants": {
        name: {"pipelines": ["iteration", "record"], "parameters": {"rounds": place}}
        for place, name in enumerate(["default", "wide", "narrow"], start=1)
    },
    "pages": {
        "width": {
            "tables": [{"rows": {"a": "wide 1 merged", "b": "default 1 merged"}}],
            "claims": [],
        },
        "depth": {
            "tables": [{"rows": {"a": "default 1 merged", "b": "narrow 1 merged"}}],
            "claims": [],
        },
    },
}


def test_runs_are_shared_between_experiments() -> None:
    names = [run.name for run in runs_of([], EXPERIMENTS, [1, 2], None)]
    assert names == [
        f"{variant}_seed_{seed}" for variant in ("wide", "default", "narrow") for seed in (1, 2)
    ]


def test_one_experiment_makes_its_own_runs_alone() -> None:
    default, narrow = runs_of(["depth"], EXPERIMENTS, [4], "test")
    assert (default.name, narrow.name) == ("default_seed_4", "narrow_seed_4")
    assert narrow.parameters == {"rounds": 3}
    assert narrow.pipelines == ("iteration", "record")
    assert narrow.environments == ("test",)
    assert narrow.about == {"variant": "narrow"}
    assert narrow.command == (
        "python -m benchmarks.experiments depth --variants narrow --seeds 4 --env test"
    )


def test_an_unknown_experiment_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["depht"])
    assert "no experiment 'depht': there are sanity, single_iteration" in capsys.readouterr().err


def test_runs_with_a_record_are_not_repeated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs/base_seed_7.json").write_text("{}")
    assert main(["sanity", "--seeds", "7", "--records", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("0 runs")
