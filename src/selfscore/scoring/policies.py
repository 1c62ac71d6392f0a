"""Policies in folders, and where the base models that they stand on are.

Knows the layout of stored policies. Knows no project and no catalog.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kedro.io import DatasetError

from selfscore.datasets.directory import MARKER
from selfscore.datasets.policy import CARD, PolicyDataset

if TYPE_CHECKING:
    from selfscore.vlm.policy import Policy


@dataclass(frozen=True)
class FoundPolicy:
    """A policy that was read, and where.

    Attributes:
        policy: the policy.
        name: of its folder or dataset, such as "policy_2".
        near: the folder or the project that it was read from.
    """

    policy: Policy
    name: str
    near: Path

    @property
    def base_model(self) -> str:
        """Folder of the base model, or its id on the hub.

        A relative folder counts from the nearest folder at or above `near` that has it, else from
        here: so a policy is found with its base model when its project was moved, and when it is
        used from elsewhere.
        """
        named = self.policy.base_model
        near = self.near.resolve()
        places = [near, *near.parents, Path.cwd()]
        found = (place / named for place in places if (place / named / "config.json").is_file())
        return str(next(found, named))


def read_policy(folder: str | Path) -> FoundPolicy:
    """Read the policy in a local folder, or the newest of its versions there.

    Raises:
        FileNotFoundError: there is no complete policy.
        DatasetError: a file of the policy is not the one that was saved.
    """
    place = policy_folder(Path(folder))
    name = place.name
    return FoundPolicy(PolicyDataset(filepath=str(place.resolve())).load(), name, place)


def policy_folder(folder: Path) -> Path:
    """The folder itself if it is a policy, else the newest version `<time>/<name>` below it.

    Raises:
        FileNotFoundError: there is no complete policy.
        DatasetError: the newest version lost its marker.
    """
    if (folder / MARKER).is_file() and (folder / CARD).is_file():
        return folder
    # Kedro's versions are times, written so that they sort.
    versions = sorted(folder.glob(f"*/{folder.resolve().name}"))
    if versions and not (versions[-1] / MARKER).is_file():
        # On a disk, a folder that is still being saved has another name.
        raise DatasetError(
            f"The newest version of the policy, in '{versions[-1]}', lost its {MARKER}. Put it "
            "back from a copy, remove the folder to use the version before it, or name another."
        )
    if not versions:
        raise FileNotFoundError(
            f"There is no complete policy in '{folder}': neither {CARD} with {MARKER}, nor "
            "versions of such a folder. Run the pipeline `iteration`, or name another policy."
        )
    return versions[-1]
