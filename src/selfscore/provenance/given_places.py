"""The places of images that a run was given on its command line, kept on this machine.

A manifest may come from anywhere, so no path is taken from one. What a run on this machine was told
is written beside its lock, where no manifest, package or store comes from; a run that goes on
reads it there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from selfscore.datasets.whole_files import write_whole

FOLDER = ".given"
# Runs that are remembered; an older one has to be told again.
_MOST = 50


def keep(scratch: Path, run_id: str, given: Mapping[str, Any] | None) -> None:
    """Write down what a run was given; nothing where it was given no places.

    Args:
        scratch: folder of what has no versions.
        run_id: of the run; they sort by time.
        given: what `--params` set.
    """
    places = _places(given or {})
    if not places:
        return
    write_whole(_file(scratch, run_id), json.dumps(places).encode())
    for old in sorted((scratch / FOLDER).glob("*.json"))[:-_MOST]:
        old.unlink(missing_ok=True)


def recall(scratch: Path | None, run_id: str) -> dict[str, Any]:
    """The places that a run on this machine was given; empty if there were none."""
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
