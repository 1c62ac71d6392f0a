"""Policies: an adapter over a base model, and the card that says which."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from selfscore.datasets.adapter import CONFIG, read_adapter, write_adapter
from selfscore.datasets.directory import DirectoryDataset, read_json, write_json

if TYPE_CHECKING:
    from selfscore.vlm.policy import Policy

CARD = "policy.json"
CONTENT = "base_model.json"


class PolicyDataset(DirectoryDataset["Policy"]):
    """A policy: `policy.json`, and the files of its adapter unless it is the base model alone.

    `base_model.json` says what the base model's name stands for, where that is known.
    With an adapter, `PeftModel.from_pretrained(base, folder)` loads the folder as it is.
    """

    kind = "policy"

    def _read(self, folder: Path) -> Policy:
        from selfscore.vlm.policy import Card, Policy

        adapter = read_adapter(folder) if (folder / CONFIG).is_file() else None
        content = read_json(folder / CONTENT) if (folder / CONTENT).is_file() else {}
        return Policy(Card.from_record(read_json(folder / CARD)), adapter, content)

    def _write(self, data: Policy, folder: Path) -> None:
        write_json(data.card.record(), folder / CARD)
        if data.base_content:
            write_json(dict(data.base_content), folder / CONTENT)
        if data.adapter is not None:
            write_adapter(data.adapter, folder)
