"""The runs that were begun here, and the places of images that each was given.

A manifest may come from anywhere, and a store is shared: neither says whose a run is, and no path
is taken from them. What was begun here is written beside the lock, where no manifest, package or
store comes from; a run that goes on reads it there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from selfscore.datasets.whole_files import write_whole

FOLDER = ".begun"
# Runs that are remembered; an older one has to be told again.
_MOST = 50


def keep(scratch: Path, run_id: str, given: Mapping[str, Any] | None) -> None:
    """Write down that a run begins, and the places that it was given.

    Args:
        scratch: folder of what has no versions.
        run_id: of the run; they sort by time.
        given: what `--params` set.
    """
    write_whole(_file(scratch, run_id), json.dumps(_places(given or {})).encode())
    for old in sorted((scratch / FOLDER).glob("*.json"))[:-_MOST]:
        old.unlink(missing_ok=True)


def run_ids(scratch: Path | None) -> set[str]:
    """The runs that were begun here, of the newest of them."""
    return set() if scratch is None else {file.stem for file in (scratch / FOLDER).glob("*.json")}


def recall(scratch: Path | None, run_id: str) -> dict[str, Any]:
    """The places that a run was given that was begun here; empty if there were none."""
    if scratch is None or not _file(scratch, run_id).is_file():
        return {}
    places: dict[str, Any] = json.loads(_file(scratch, run_id).read_text(encoding="utf-8"))
    return places


def _file(scratch: Path, run_id: str) -> Path:
    return scratch / FOLDER / f"{run_id}.json"


def _places(given: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "images" in given:
        found["images"] = given["images"]
    if "images" in (given.get("scoring") or {}):
        found["scoring"] = {"images": given["scoring"]["images"]}
    return found
