import json
from pathlib import Path

import pytest

from benchmarks.experiments.__main__ import Choice, main, needed, runs_of
from benchmarks.experiments.definitions import Definitions

EXPERIMENTS = Definitions(
    seeds=[1, 2],
    split="test",
    examples=1,
    names={},
    variants={
        "default": {"environments": ["shuffled"], "seeds": [3]},
        "wide": {"pipelines": ["baseline"]},
        "narrow": {"parameters": {"rounds": 3}, "then": {"floors": {"labels": 8}}},
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
    default, narrow = runs_of(["depth"], EXPERIMENTS, Choice([4], "test"))
    assert (default.name, narrow.name) == ("default_seed_4", "narrow_seed_4")
    assert narrow.parameters == {"rounds": 3}
    assert narrow.pipelines == ("iteration",)
    assert (narrow.environments, default.environments) == (("test",), ("test", "shuffled"))
    assert narrow.about == {"variant": "narrow", "locked": False}
    assert narrow.command == (
        "python -m benchmarks.experiments depth --variants narrow --seeds 4 --env test"
    )


def test_what_comes_then_is_a_command_with_its_settings() -> None:
    (narrow,) = (run for run in runs_of(["depth"], EXPERIMENTS, Choice([4])) if run.then)
    module, name, settings = narrow.then
    assert (module, name) == ("benchmarks.experiments.afterwards", "floors")
    assert json.loads(settings) == {"labels": 8}


def test_locked_images_are_evaluated_where_that_is_asked_for(tmp_path: Path) -> None:
    choice = Choice([4], locked=True)
    (wide,) = (run for run in runs_of(["width"], EXPERIMENTS, choice) if run.name == "wide_seed_4")
    assert wide.parameters == {"evaluation": {"splits": ["validation", "test", "locked"]}}
    assert wide.command.endswith("--seeds 4 --locked")
    # A record without them is not enough, one with them is enough for whoever asks for none.
    assert needed(wide, tmp_path)
    (tmp_path / "runs").mkdir()
    record = tmp_path / "runs/wide_seed_4.json"
    record.write_text('{"locked": false}')
    assert needed(wide, tmp_path)
    record.write_text('{"locked": true}')
    assert not needed(wide, tmp_path)
    (plain,) = (
        run for run in runs_of(["width"], EXPERIMENTS, Choice([4])) if run.name == wide.name
    )
    assert not needed(plain, tmp_path)


def test_other_images_are_places_of_a_run_and_in_no_record() -> None:
    choice = Choice([4], data=("mine", "/here/pictures", "/here/scores.csv"))
    run = runs_of(["width"], EXPERIMENTS, choice)[0]
    assert run.places == {"folder": "/here/pictures", "scores": "/here/scores.csv"}
    assert "/here" not in run.command
    assert run.command.endswith("--data mine --images IMAGES --scores SCORES")


def test_a_data_set_has_a_name_images_and_scores(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["sanity", "--data", "mine"])
    assert "--data, --images and --scores belong together" in capsys.readouterr().err


def test_an_unknown_experiment_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["depht"])
    assert (
        "no experiment 'depht': there are results, head_to_head, sanity" in capsys.readouterr().err
    )


def test_runs_with_a_record_are_not_repeated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs/base_seed_7.json").write_text("{}")
    assert main(["sanity", "--seeds", "7", "--records", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("0 runs")
