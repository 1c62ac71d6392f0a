"""Draw faults, render them on crops of photographs, let simulated raters score them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from selfscore_demo.pipelines.demo_images.settings import DemoImagesSettings

SPLITS = ("train", "validation", "test")


def draw_faults(sources: pd.DataFrame, settings: DemoImagesSettings) -> pd.DataFrame:
    """Plan every picture: its scene, its split and the severity of each fault.

    Args:
        sources: The photographs with ``file``, ``scene`` and ``use``.
        settings: ``seed``, ``images`` per split, ``share_faulty``.

    Returns:
        One row per picture: image_id, file, scene, split, seed and a column per attribute.

    Raises:
        ValueError: If a scene serves two splits, or a split has no photograph.
    """
    from selfscore_demo.faults import draw_severities

    uses = sources.groupby("scene")["use"].nunique()
    if (uses > 1).any():
        raise ValueError(
            f"Scene '{uses.idxmax()}' has photographs in two splits; give a scene one `use`."
        )
    rng = np.random.default_rng(settings.seed)
    rows = []
    for split in SPLITS:
        photographs = sources[sources["use"] == split]
        if photographs.empty:
            raise ValueError(f"No photograph has use '{split}'; mark some in SOURCES.csv.")
        for number in range(getattr(settings.images, split)):
            source = photographs.iloc[number % len(photographs)]
            rows.append(
                {
                    "image_id": f"{source['scene']}_{number // len(photographs):02d}",
                    "file": source["file"],
                    "scene": source["scene"],
                    "split": split,
                    "seed": int(rng.integers(2**31)),
                    **draw_severities(rng, settings.share_faulty),
                }
            )
    return pd.DataFrame(rows)


def render_pictures(
    photographs: Mapping[str, Callable[[], Image.Image]],
    plan: pd.DataFrame,
    settings: DemoImagesSettings,
) -> dict[str, Image.Image]:
    """Render the planned faults on random crops.

    Args:
        photographs: Loaders of the clean photographs by file name without suffix.
        plan: The table that :func:`draw_faults` made.
        settings: ``stored_size`` in pixels.

    Returns:
        Pictures by image id.
    """
    from selfscore.bar import Bar
    from selfscore_demo.crops import random_crop
    from selfscore_demo.faults import FAULTS, render_faults

    clean = {file: load() for file, load in photographs.items()}
    pictures = {}
    for row in Bar(plan.to_dict("records"), desc="render", unit=" images"):
        rng = np.random.default_rng(row["seed"])
        crop = random_crop(clean[row["file"].removesuffix(".jpg")], settings.stored_size, rng)
        severities = {name: row[name] for name in FAULTS}
        pictures[row["image_id"]] = render_faults(crop, severities, rng)
    return pictures


def rate_pictures(
    plan: pd.DataFrame, settings: DemoImagesSettings
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Let simulated raters score the pictures.

    Args:
        plan: The table that :func:`draw_faults` made.
        settings: ``seed`` and ``raters``, the number of raters.

    Returns:
        The score table (image, score, score_std, raters, scene, split) and the severity table
        (image_id and a column per attribute), which only evaluation may read.
    """
    from selfscore_demo.faults import ATTRIBUTES
    from selfscore_demo.raters import rate

    severities = {name: plan[name].to_numpy() for name in ATTRIBUTES}
    rng = np.random.default_rng([settings.seed, 1])
    votes = rate(severities, plan["scene"].tolist(), settings.raters, rng)
    scores = pd.concat(
        [(plan["image_id"] + ".jpg").rename("image"), votes, plan[["scene", "split"]]], axis=1
    )
    return scores, plan[["image_id", *ATTRIBUTES]].round(4)


def list_statements() -> list[dict[str, Any]]:
    """The phrases the demo model uses, and the severities of which each is true."""
    from selfscore_demo.lexicon import statement_lexicon

    return [asdict(statement) for statement in statement_lexicon()]
