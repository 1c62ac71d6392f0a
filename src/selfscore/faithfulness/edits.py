"""Edited pictures beside the user's own, under keys of their own.

Knows pictures and faults; knows no model and no text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from PIL.Image import Image

from selfscore.faithfulness.faults import render_fault
from selfscore.vlm.images import ImageSource

# Strength of an edit that is not made, and the fault it has.
UNMADE, NO_FAULT = 0.0, "none"


class Edit(NamedTuple):
    """What is done to a picture.

    Attributes:
        path: of the picture.
        fault: that is rendered on it.
        strength: its severity; 0: nothing is done.
    """

    path: str
    fault: str
    strength: float

    @property
    def key(self) -> str:
        """Names the edited picture, and no other one."""
        return f"{self.path} with {self.fault} {self.strength:g}"


def edits_of(paths: Sequence[str], faults: Sequence[str], strengths: Sequence[float]) -> list[Edit]:
    """Every fault at every strength on every picture, and of each picture one edit not made."""
    return [
        edit
        for path in paths
        for edit in (
            Edit(path, NO_FAULT, UNMADE),
            *(Edit(path, fault, strength) for fault in faults for strength in strengths),
        )
    ]


class EditedPictures(Mapping[str, Image]):
    """Pictures with their edits, rendered when they are asked for.

    Args:
        pictures: as they are, by path.
        edits: of them.
        seed: of the noise's grain.
    """

    def __init__(self, pictures: ImageSource, edits: Sequence[Edit], seed: int) -> None:
        self._pictures = pictures
        self._edits = {edit.key: edit for edit in edits}
        self._seed = seed

    def __getitem__(self, key: str) -> Image:
        path, fault, strength = self._edits[key]
        picture = self._pictures[path]
        if strength == UNMADE:
            return picture
        digest = hashlib.sha256(f"{self._seed} {key}".encode()).digest()
        grain = np.random.default_rng(int.from_bytes(digest[:8], "big"))
        return render_fault(picture, fault, strength, grain)

    def __iter__(self) -> Iterator[str]:
        return iter(self._edits)

    def __len__(self) -> int:
        return len(self._edits)
