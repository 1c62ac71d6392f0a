"""The base model in the parameters: the one input of a run that is not in the catalog.

`params:model` names it, as a folder or by its name on a hub; a folder's files are fingerprinted,
for the folder's name stays the same when another model is put there.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import fsspec

from selfscore.provenance.fingerprint import fingerprint
from selfscore.provenance.places import Place

PARAMETER = "params:model"


def describe_base_model(
    parameters: Mapping[str, Any], project: Path, known: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What `params:model` names.

    Args:
        parameters: of the run.
        project: root of the project, which a relative folder counts from.
        known: such a description from before: its sha256 holds while the folder is unchanged.

    Returns:
        id, revision, and of a folder sha256 and stamp. Empty without such a parameter.
    """
    model = parameters.get("model")
    if not isinstance(model, Mapping) or "id" not in model:
        return {}
    described = {"id": model["id"], "revision": model.get("revision")}
    folder = project / str(model["id"])
    if folder.is_dir():
        place = Place(fsspec.filesystem("file"), str(folder))
        earlier = {known["stamp"]: known["sha256"]} if known and "stamp" in known else None
        # A model is put there by other means than this project, and may leave an old marker.
        found = fingerprint(place, earlier, trust_marker=False)
        described |= {"sha256": found.sha256, "stamp": found.stamp}
    return described
