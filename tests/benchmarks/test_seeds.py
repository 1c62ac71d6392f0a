import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
from kedro.config import OmegaConfigLoader

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def seeds() -> ModuleType:
    spec = importlib.util.spec_from_file_location("seeds", PROJECT / "benchmarks/seeds.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    # A dataclass looks its module up by name.
    sys.modules["seeds"] = module
    spec.loader.exec_module(module)
    return module


def loader(source: Path, env: str = "seed") -> OmegaConfigLoader:
    return OmegaConfigLoader(
        str(source),
        env=env,
        base_env="base",
        default_run_env="local",
        merge_strategy={"parameters": "soft", "globals": "soft"},
    )


def test_a_run_stores_everything_in_its_own_folder(seeds: ModuleType, tmp_path: Path) -> None:
    configuration = loader(seeds.write_configuration(seeds.SeedRun(3, False, None), tmp_path))
    assert configuration["parameters"]["seed"] == 3
    storage = dict(configuration["globals"]["storage"])
    raw = storage.pop("raw")
    assert raw == "data/01_raw"
    assert all(str(place).startswith(str(tmp_path)) for place in storage.values())
    # What is written must not lie outside, whatever the catalog's layers are called.
    assert set(storage) == {"root", *seeds.LAYERS}
    base = loader(PROJECT / "conf", env="base")
    assert set(base["globals"]["storage"]) == set(storage) | {"raw"}


def test_the_control_shuffles_labels(seeds: ModuleType, tmp_path: Path) -> None:
    run = seeds.SeedRun(2, True, "test")
    configuration = loader(seeds.write_configuration(run, tmp_path))
    assert configuration["parameters"]["ingestion"]["shuffle_labels"] is True
    assert configuration["parameters"]["rounds"] == 1
    assert configuration["parameters"]["seed"] == 2
    assert run.name == "shuffled_2"


def test_runs_with_a_record_are_not_repeated(
    seeds: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("seed_1", "seed_2", "shuffled_1"):
        (tmp_path / f"{name}.json").write_text("{}")
    arguments = ["--seeds", "1", "2", "--control-seeds", "1", "--records", str(tmp_path)]
    assert seeds.main(arguments) == 0
    assert capsys.readouterr().out.startswith("0 runs")


@pytest.mark.slow
def test_a_failed_run_leaves_no_record(seeds: ModuleType, tmp_path: Path) -> None:
    records = tmp_path / "records"
    arguments = ["--seeds", "-1", "--control-seeds", "--env", "test", "--threads", "1"]
    places = ["--records", str(records), "--work", str(tmp_path / "work")]
    assert seeds.main([*arguments, *places]) == 1
    assert not records.exists()
    assert "Error" in (tmp_path / "work/seed_-1/log.txt").read_text()


def test_an_unknown_environment_is_refused(seeds: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no environment 'tset'.*test"):
        seeds.write_configuration(seeds.SeedRun(1, False, "tset"), tmp_path)


def test_a_record_can_be_read_by_the_page(seeds: ModuleType) -> None:
    record = seeds.describe(seeds.SeedRun(4, True, None), 12.4, 1)
    assert json.loads(json.dumps(record)) == record
    assert record["command"] == "kedro run --pipelines=iteration --env=shuffled --params=seed=4"
    assert {"seconds", "threads", "finished", "commit", "processor", "cores", "python"} <= set(
        record
    )
    assert record["versions"]["torch"]
