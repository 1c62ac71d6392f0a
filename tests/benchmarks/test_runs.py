import json
from pathlib import Path

import pytest
from kedro.config import OmegaConfigLoader

from benchmarks.runs import (
    Run,
    Setting,
    describe,
    run_all,
    write_configuration,
)

PROJECT = Path(__file__).parents[2]


def loader(source: Path, env: str = "own") -> OmegaConfigLoader:
    return OmegaConfigLoader(
        str(source),
        env=env,
        base_env="base",
        default_run_env="local",
        merge_strategy={"parameters": "soft", "globals": "soft"},
    )


def test_a_run_stores_everything_in_its_own_folder(tmp_path: Path) -> None:
    configuration = loader(write_configuration(Run("third", 3, "as before"), tmp_path))
    assert configuration["parameters"]["seed"] == 3
    storage = dict(configuration["globals"]["storage"])
    assert storage.pop("raw") == "data/01_raw"
    assert storage == {"root": f"{tmp_path}/data", "scratch": f"{tmp_path}/data"}
    # What is written must not lie outside, whatever else `base` may name.
    base = loader(PROJECT / "conf", env="base")
    assert set(base["globals"]["storage"]) == set(storage) | {"raw"}


def test_parameters_are_laid_over_the_environments_and_the_rest_stays(tmp_path: Path) -> None:
    over = {
        "rounds": 3,
        "experts": ["mixed"],
        "merging": {"weights": {"mixed": 2.0}},
        "iteration_2": {"merging": {"density": 0.9}},
    }
    run = Run("some", 1, "", environments=("test", "shuffled"), parameters=over)
    parameters = loader(write_configuration(run, tmp_path))["parameters"]
    assert parameters["rounds"] == 3
    assert parameters["experts"] == ["mixed"]
    assert parameters["merging"]["weights"]["mixed"] == 2.0
    assert parameters["merging"]["method"] == "task_arithmetic"
    assert parameters["iteration_2"] == {"merging": {"density": 0.9}}
    assert parameters["ingestion"]["shuffle_labels"] is True
    assert parameters["ingestion"]["max_images_per_split"] == 24


def test_an_unknown_environment_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no environment 'tset'.*test"):
        write_configuration(Run("some", 1, "", environments=("tset",)), tmp_path)


def test_a_description_can_be_written_and_names_what_ran() -> None:
    run = Run("some", 4, "kedro run", about={"variant": "mixed"})
    description = describe(run, 12.4, 1)
    assert json.loads(json.dumps(description)) == description
    assert description["command"] == "kedro run"
    assert (description["seed"], description["variant"], description["seconds"]) == (4, "mixed", 12)
    assert {"threads", "finished", "commit", "processor", "cores", "python"} <= set(description)
    assert description["versions"]["torch"]


@pytest.mark.slow
def test_a_failed_run_leaves_no_record_and_the_next_one_is_still_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = {"work": tmp_path / "work", "records": tmp_path / "records"}

    def keep(run: Run, configuration: Path) -> None:
        kept.append((run.name, loader(configuration)["parameters"]["seed"]))

    kept: list[tuple[str, int]] = []
    setting = Setting(**places, keep=keep)
    tiny = {"environments": ("test",), "pipelines": ("ingestion",)}
    broken = Run("broken", -1, "", **tiny)
    whole = Run("whole", 1, "", **tiny)
    assert not run_all([broken, whole], setting)
    assert "Error" in (tmp_path / "work/broken/log.txt").read_text()
    assert kept == [("whole", 1)]
    assert [path.name for path in tmp_path.rglob("records/**/*.*")] == ["whole.json"]
    assert "broken: FAILED" in capsys.readouterr().out
