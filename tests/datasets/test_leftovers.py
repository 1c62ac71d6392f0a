"""What killed processes leave half-written is removed, and what somebody writes is not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import fsspec

from selfscore.datasets.directory import write_directory
from selfscore.datasets.leftovers import remove_leftovers
from selfscore.datasets.whole_files import WholeFiles

# Writes a file and a folder at once, says so, and waits.
WRITING = """
import sys, time
from pathlib import Path
import fsspec
from selfscore.datasets.directory import write_directory
from selfscore.datasets.whole_files import WholeFiles

root = Path(sys.argv[1])
file = WholeFiles().open(str(root / "table.parquet"), "wb")
file.write(b"half")

def fill(folder):
    (folder / "half").touch()
    print("writing", flush=True)
    time.sleep(600)

write_directory(fsspec.filesystem("file"), str(root / "v1" / "policy"), fill)
"""


def remove(root: Path) -> int:
    return remove_leftovers(root, "table.parquet") + remove_leftovers(root / "v1", "policy")


def test_what_nobody_writes_any_more_is_removed(tmp_path: Path, project: Path) -> None:
    other = tmp_path / ".table.parquet.backup"
    other.touch()
    with subprocess.Popen(
        [sys.executable, "-c", WRITING, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(project / "src")},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "writing\n"
        assert remove(tmp_path) == 0
        process.send_signal(signal.SIGKILL)
    left = {path.name for path in tmp_path.rglob("*")}
    assert any(name.endswith(".part") for name in left) and "half" in left
    assert remove(tmp_path) == 2
    # The version's own folder, too; what has another name stays.
    assert list(tmp_path.iterdir()) == [other]
    assert remove(tmp_path / "nowhere") == 0


def test_what_this_process_writes_stays(tmp_path: Path) -> None:
    def fill(folder: Path) -> None:
        (folder / "a").touch()
        assert remove_leftovers(tmp_path, "policy") == 0

    write_directory(fsspec.filesystem("file"), str(tmp_path / "policy"), fill)
    with WholeFiles().open(str(tmp_path / "table.parquet"), "wb") as file:
        file.write(b"all of it")
        assert remove_leftovers(tmp_path, "table.parquet") == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["policy", "table.parquet"]
