"""What grows with the images in one process, one folder or one table, and how far it goes.

Knows measured bytes and counts an image; knows no clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.scale.recipe import Recipe
from selfscore.expert_training.settings import LOGGING_STEPS

GB = 1e9
# Of one training, about: loss, its parts, margins, learning rate, norm of the gradient.
CURVES = 12


@dataclass(frozen=True)
class Limit:
    """Something that grows.

    Attributes:
        what: grows.
        first: units for one image.
        unit: of it.
        room: units that are there; infinite where nothing stops it.
        room_is: in words.
        remedy: what is, or was, done about it.
        mended: whether the project has it behind it.
        power: of the number of images, by which it grows.
    """

    what: str
    first: float
    unit: str
    room: float
    room_is: str
    remedy: str
    mended: bool = False
    power: int = 1

    def at(self, images: float) -> float:
        """Units at so many images."""
        return float(self.first * images**self.power)

    @property
    def ends(self) -> float:
        """Images at which the room is used up."""
        return float((self.room / self.first) ** (1 / self.power))


def limits(
    tables: Mapping[str, Mapping[str, float]],
    recipe: Recipe,
    process_bytes: float,
    pair_seconds: float,
    driver_gb: float = 64,
) -> list[Limit]:
    """All of them, the first to end first.

    Args:
        tables: rows an image, and bytes a row on the disk and in memory, by name.
        recipe: batch sizes and rounds.
        process_bytes: by which the memory of the run's process grows an image, features left out.
        pair_seconds: to compare two texts, see `rates.stock_texts_seconds`.
        driver_gb: memory of the machine of the run.
    """

    def memory(name: str) -> float:
        return tables[name]["rows_an_image"] * tables[name]["memory"] / GB

    room = f"{driver_gb:.0f} GB of the run's machine"
    batches = max(
        recipe.trained / recipe.weighing,
        2 * recipe.trained / recipe.writing,
        recipe.evaluated / recipe.asking,
    )
    epochs = recipe.level.epochs + sum(one.epochs for one in recipe.pairs.values())
    points = recipe.trained * epochs / recipe.level.batch_size / LOGGING_STEPS * CURVES
    judgements = tables["judgements"]
    policies = 1 + recipe.rounds * (len(recipe.pairs) + 2)
    # Validation and test images, by default three eighths and five eighths of those asked about.
    compared = recipe.evaluated**2 * (0.375**2 + 0.625**2)
    found = [
        Limit(
            "similarities of one level's texts, all with each other, for `grounding_contrast`; ten "
            "levels alike",
            20 * (recipe.trained / 10) ** 2 / GB,  # 12 bytes an entry while sparse, 8 after.
            "GB",
            driver_gb,
            room,
            "in parts of 2,000 texts, 0.08 GB; up to there the pairs are the same",
            mended=True,
            power=2,
        ),
        Limit(
            "hours of comparing all explanations with each other, for `generic`, over all policies",
            pair_seconds * policies * compared / 3600,
            "h",
            1.0,
            "an hour in which GPUs wait",
            "of 10,000 texts, drawn; a second or two a policy",
            mended=True,
            power=2,
        ),
        Limit(
            "memory of the run's process, features left out",
            process_bytes / GB,
            "GB",
            driver_gb,
            room,
            "holds beyond 10⁶; for more, a run's machine with more memory",
        ),
        Limit(
            "of this: judgements of all rounds, twice while they are put together",
            2 * recipe.rounds * memory("judgements"),
            "GB",
            driver_gb,
            room,
            "for 10⁸, figures that read partitions; not built",
        ),
        Limit(
            "of this: texts, pairs and their weights, of a round",
            memory("generations") + 2 * memory("consistency_pairs") + memory("reference_logps"),
            "GB",
            driver_gb,
            room,
            "as above",
        ),
        Limit(
            "draws of a bootstrap over groups of four, 1,000 resamples at once",
            2 * 1000 * 8 * recipe.evaluated / 2 / 4 / GB,
            "GB",
            driver_gb,
            room,
            "drawn in blocks, the same draws in less than 0.1 GB",
            mended=True,
        ),
        Limit(
            "files of one step's finished batches, in one folder",
            batches,
            "files",
            1e6,
            "a million in a folder",
            "in 256 folders",
            mended=True,
        ),
        Limit(
            "largest parquet file of the catalog, judgements of all rounds",
            recipe.rounds * judgements["rows_an_image"] * judgements["disk"] / GB,
            "GB",
            float("inf"),
            "none that parquet sets",
            "it is read as a whole, see above",
        ),
        Limit(
            "points of a round's training curves in MLflow",
            points,
            "rows",
            1e6,
            "a million rows, each one written over the network",
            "at most 1,000 points a curve",
            mended=True,
        ),
    ]
    return sorted(found, key=lambda limit: limit.ends)
