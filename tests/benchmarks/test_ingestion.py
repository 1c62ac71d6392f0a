import json
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from benchmarks import ingestion

PROJECT = Path(__file__).parents[2]


def test_images_are_as_many_as_listed_and_all_different(tmp_path: Path) -> None:
    scores = pd.read_csv(ingestion.make_images(tmp_path, 12))
    files = {path.relative_to(tmp_path / "images"): path for path in tmp_path.rglob("*.jpg")}
    assert sorted(map(str, files)) == sorted(scores["image"])
    assert len({path.read_bytes() for path in files.values()}) == 12
    assert {Image.open(path).size for path in files.values()} == {(512, 384)}


def test_record_of_a_real_run(tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    places = ["--work", str(tmp_path / "work"), "--record", str(record)]
    ingestion.main(["--counts", "60", "--threads", "1", *places])
    (run,) = json.loads(record.read_text())["runs"]
    assert run["images"] == 60
    assert run["pixel_mib"] == 34
    # A Python with pandas and Kedro takes some tens of MiB at least, and not gigabytes.
    assert 30 < run["peak_memory_mib"] < 4000
    assert not list((tmp_path / "work").rglob("*.jpg"))


def test_failed_run_shows_its_log(tmp_path: Path) -> None:
    scores = ingestion.make_images(tmp_path, 2)
    with pytest.raises(RuntimeError, match="The train split has one image"):
        ingestion.measure(tmp_path, scores, threads=1)


def test_kept_record_has_both_sizes() -> None:
    record = json.loads((PROJECT / "benchmarks/ingestion.json").read_text())
    small, large = record["runs"]
    assert (small["images"], large["images"]) == (1000, 20000)
    # Pixels are not held: twenty times the images take far less than twenty times the memory.
    assert large["peak_memory_mib"] < 2 * small["peak_memory_mib"] < large["pixel_mib"]
