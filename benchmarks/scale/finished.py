"""Processor seconds of the nodes of finished demo runs, from their manifests.

    python -m benchmarks.scale.finished FOLDER …

Each folder is the storage of one run, such as `benchmarks.experiments` leaves it. Results go to
`benchmarks/records/scale/finished_runs.json`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.scale.measure import RECORDS

RECORD = RECORDS / "finished_runs.json"


def read_run(data: Path) -> dict[str, Any]:
    """One run: its images by split, its commit, and each node's processor seconds.

    Raises:
        FileNotFoundError: there is no manifest of a finished run.
    """
    places = data.glob("08_reporting/manifests/manifest.json/*/manifest.json")
    for place in sorted(places, reverse=True):
        manifest = json.loads(place.read_text())
        if manifest["status"] == "finished":
            break
    else:
        raise FileNotFoundError(f"There is no manifest of a finished run in '{data}'.")
    git = manifest["git"]
    scored = sorted(data.glob("03_primary/scored_images.parquet/*/*.parquet"))[-1]
    return {
        "seed": manifest["parameters"]["seed"],
        "commit": git["commit"][:7] + (" with changes" if git["dirty"] else ""),
        "threads": manifest["environment"]["variables"].get("OMP_NUM_THREADS"),
        "images": pd.read_parquet(scored)["split"].value_counts().to_dict(),
        "nodes": {node["name"]: node["processor_seconds"] for node in manifest["nodes"]},
    }


def main() -> None:
    """Write the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path, nargs="+")
    runs = [read_run(folder) for folder in parser.parse_args().runs]
    RECORD.parent.mkdir(parents=True, exist_ok=True)
    RECORD.write_text(json.dumps(runs, indent=1) + "\n")
    print(f"Written: {RECORD}")


if __name__ == "__main__":
    main()
