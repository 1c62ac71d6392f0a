"""The file of tracked runs: made as a whole, by one run, and mended where it is half a one."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mlflow import MlflowClient

from selfscore.tracking.local_store import check, file_of, prepared

PREPARE = """
import sys
from pathlib import Path
from selfscore.tracking.local_store import prepared
from mlflow import MlflowClient
file = Path(sys.argv[1])
print("starts", flush=True)
with prepared(file):
    client = MlflowClient(f"sqlite:///{file}")
    if client.get_experiment_by_name("a") is None:
        client.create_experiment("a")
    experiment = client.get_experiment_by_name("a").experiment_id
client.create_run(experiment)
"""


def start(file: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PREPARE, str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def runs_in(file: Path) -> int:
    client = MlflowClient(f"sqlite:///{file}")
    experiment = client.get_experiment_by_name("a")
    return len(client.search_runs([experiment.experiment_id])) if experiment else 0


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("store") / "mlflow.db"
    with prepared(file):
        pass
    return file


def copy_of(file: Path, place: Path) -> Path:
    copy = place / "mlflow.db"
    copy.write_bytes(file.read_bytes())
    return copy


@pytest.mark.slow
def test_a_run_that_is_killed_while_it_makes_the_store_costs_nothing(tmp_path: Path) -> None:
    file = tmp_path / "mlflow.db"
    process = start(file)
    while not list(tmp_path.glob("mlflow.db-part*")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not file.exists()
    with prepared(file):
        MlflowClient(f"sqlite:///{file}").create_experiment("a")
    assert runs_in(file) == 0
    assert {name.removesuffix("-lock") for name in os.listdir(tmp_path)} == {"mlflow.db"}


@pytest.mark.slow
def test_two_first_runs_at_once_are_both_tracked(tmp_path: Path) -> None:
    file = tmp_path / "mlflow.db"
    both = [start(file), start(file)]
    for process in both:
        _, said = process.communicate()
        assert process.returncode == 0, said
    assert runs_in(file) == 2


def test_what_an_earlier_release_left_half_made_is_made_anew(whole: Path, tmp_path: Path) -> None:
    file = copy_of(whole, tmp_path)
    with sqlite3.connect(file) as connection:
        connection.execute("DELETE FROM alembic_version")
        connection.execute("DROP TABLE inputs")
    with prepared(file):
        MlflowClient(f"sqlite:///{file}").create_experiment("b")
    assert (tmp_path / "mlflow.db-unfinished").is_file()


def test_a_store_with_runs_is_never_put_aside(whole: Path, tmp_path: Path) -> None:
    file = copy_of(whole, tmp_path)
    client = MlflowClient(f"sqlite:///{file}")
    client.create_run(client.create_experiment("a"))
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0'")
    with prepared(file):
        pass
    with sqlite3.connect(file) as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (1,)


def test_a_damaged_store_is_named(whole: Path, tmp_path: Path) -> None:
    file = tmp_path / "mlflow.db"
    file.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    with pytest.raises(OSError, match=f"'{file}' is damaged"):
        check(file)
    with pytest.raises(OSError, match="is damaged"), prepared(file):
        pass
    assert file.read_bytes().endswith(b"\xff")


def test_a_path_that_mlflow_takes_for_another_is_named(tmp_path: Path) -> None:
    file = tmp_path / "a%25b/mlflow.db"
    with pytest.raises(OSError, match="rename the folder that has the %"), prepared(file):
        pass
    assert not list(tmp_path.iterdir())


def test_only_sqlite_is_a_file() -> None:
    assert file_of("sqlite:///mlflow.db") == Path("mlflow.db")
    assert file_of("sqlite:////a/mlflow.db") == Path("/a/mlflow.db")
    assert file_of("http://127.0.0.1:5000") is None
