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

FILE = ".given.json"


def keep(scratch: Path, run_id: str, given: Mapping[str, Any] | None) -> None:
    """Write down what the run that holds the lock was given; the run before it is forgotten.

    Args:
        scratch: folder of what has no versions.
        run_id: of the run.
        given: what `--params` set.
    """
    places = _places(given or {})
    if places:
        write_whole(scratch / FILE, json.dumps({"run_id": run_id, "places": places}).encode())
    else:
        (scratch / FILE).unlink(missing_ok=True)


def recall(scratch: Path | None, run_id: str) -> dict[str, Any]:
    """The places that a run was given; empty if it was given none, or another one ran since."""
    file = scratch / FILE if scratch else None
    if file is None or not file.is_file():
        return {}
    kept = json.loads(file.read_text(encoding="utf-8"))
    return dict(kept["places"]) if kept["run_id"] == run_id else {}


def _places(given: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "images" in given:
        found["images"] = given["images"]
    if "images" in (given.get("scoring") or {}):
        found["scoring"] = {"images": given["scoring"]["images"]}
    return found
