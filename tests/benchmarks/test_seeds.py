import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
sys.path.insert(0, str(PROJECT))

from benchmarks.seeds import main, seed_run  # noqa: E402


def test_the_control_shuffles_labels() -> None:
    run = seed_run(4, True, "test")
    assert (run.name, run.seed, run.about) == ("shuffled_4", 4, {"control": True})
    assert run.environments == ("test", "shuffled")
    assert run.command == (
        "kedro run --pipelines=iteration --env=test --env=shuffled --params=seed=4"
    )
    assert seed_run(4, False, None).environments == ()


def test_runs_with_a_record_are_not_repeated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("seed_1", "seed_2", "shuffled_1"):
        (tmp_path / f"{name}.json").write_text("{}")
    arguments = ["--seeds", "1", "2", "--control-seeds", "1", "--records", str(tmp_path)]
    assert main(arguments) == 0
    assert capsys.readouterr().out.startswith("0 runs")
