"""A policy as the repository of a model hub: PEFT's files, and a card with the hub's metadata.

Writes a folder and uploads nothing. Knows handoffs; knows no catalog.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pandas as pd

from selfscore.datasets.adapter import CONFIG
from selfscore.datasets.directory import read_json
from selfscore.datasets.policy import CARD
from selfscore.handoff import bundle
from selfscore.handoff.archive import sounds_packed
from selfscore.handoff.metadata import Hub, HubError
from selfscore.handoff.model_card import model_card

_README = "README.md"


def write_repository(handoff: Path, output: Path, repository: str, licence: str) -> Hub:
    """Make the repository of a policy that is handed on.

    Args:
        handoff: a folder that `create` made.
        output: a folder that does not exist yet.
        repository: what it is to be called, `organisation/name`.
        licence: of the adapter.

    Raises:
        HubError: the policy is the base model alone, the folder is there, or its name is that of
            an archive.
    """
    index = bundle.read_index(handoff)
    # The sha256 of a base model is that of a folder, which is on no hub.
    hub = Hub(repository, licence, base_is_there="sha256" not in index.base_model)
    policy = handoff / bundle.POLICY
    card = read_json(policy / CARD)
    if not card["iteration"]:
        raise HubError(
            f"'{index.policy['dataset']}' is the base model alone, without an adapter: name a "
            "policy that a round made, such as policy_1."
        )
    if output.exists():
        raise HubError(f"'{output}' is there already: remove it, or give another --output.")
    if sounds_packed(output):
        raise HubError(
            f"'{output}' is the name of an archive, and a repository is a folder: give --output "
            "another one."
        )
    figures = next(
        (file for name, file in index.artifacts.items() if name.endswith(".figures")), ""
    )
    text = model_card(
        index.policy["dataset"],
        card,
        index.policy["digest"],
        bundle.read_manifest(handoff, index.policy["run"]),
        pd.read_parquet(handoff / figures) if figures else None,
        read_json(policy / CONFIG)["r"],
        hub,
    )
    parent = output.absolute().parent
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent, prefix=f".{output.name}.") as place:
        folder = Path(place) / "repository"
        shutil.copytree(policy, folder)
        (folder / _README).write_text(text, encoding="utf-8")
        folder.rename(output)
    return hub
