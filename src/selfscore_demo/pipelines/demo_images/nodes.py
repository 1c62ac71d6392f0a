"""Draw faults, render them on crops of photographs, let simulated raters score them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from selfscore_demo.pipelines.demo_images.settings import DemoImagesSettings, Series


def draw_faults(sources: pd.DataFrame, settings: DemoImagesSettings) -> pd.DataFrame:
    """Plan every picture: its scene, its split and the severity of each fault.

    Args:
        sources: The photographs with ``file``, ``scene``, ``use`` and ``series``.
        settings: ``series``, ``share_faulty``.

    Returns:
        One row per picture: image_id, file, scene, split, series (from 1), seed and a column per
        attribute.

    Raises:
        ValueError: If a scene serves two splits, or a split has no photograph.
    """
    uses = sources.groupby("scene")["use"].nunique()
    if (uses > 1).any():
        raise ValueError(
            f"Scene '{uses.idxmax()}' has photographs in two splits; give a scene one `use`."
        )
    return pd.DataFrame(
        [
            row
            for place, series in enumerate(settings.series, start=1)
            for row in _series(sources[sources["series"] == place], place, series, settings)
        ]
    )


def _series(
    sources: pd.DataFrame, place: int, series: Series, settings: DemoImagesSettings
) -> Iterator[dict[str, Any]]:
    from selfscore_demo.faults import draw_severities

    rng = np.random.default_rng(series.seed)
    for split, count in series.images.items():
        photographs = sources[sources["use"] == split]
        if photographs.empty:
            raise ValueError(
                f"No photograph of series {place} has use '{split}'; mark some in SOURCES.csv."
            )
        for number in range(count):
            source = photographs.iloc[number % len(photographs)]
            yield {
                "image_id": f"{source['scene']}_{number // len(photographs):02d}",
                "file": source["file"],
                "scene": source["scene"],
                "split": split,
                "series": place,
                "seed": int(rng.integers(2**31)),
                **draw_severities(rng, settings.share_faulty),
            }


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
    from selfscore.running.bar import Bar
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
        settings: ``series`` and ``raters``, the number of raters; each series has its own.

    Returns:
        The score table (image, score, score_std, raters, scene, split) and the severity table
        (image_id and a column per attribute), which only evaluation may read.
    """
    from selfscore_demo.faults import ATTRIBUTES
    from selfscore_demo.raters import rate

    rated = []
    for place, series in enumerate(settings.series, start=1):
        pictures = plan[plan["series"] == place]
        severities = {name: pictures[name].to_numpy() for name in ATTRIBUTES}
        rng = np.random.default_rng([series.seed, 1])
        rated.append(rate(severities, pictures["scene"].tolist(), settings.raters, rng))
    votes = pd.concat(rated, ignore_index=True)
    scores = pd.concat(
        [(plan["image_id"] + ".jpg").rename("image"), votes, plan[["scene", "split"]]], axis=1
    )
    return scores, plan[["image_id", *ATTRIBUTES]].round(4)


def list_statements() -> list[dict[str, Any]]:
    """The phrases the demo model uses, and the severities of which each is true."""
    from selfscore_demo.lexicon import statement_lexicon

    return [asdict(statement) for statement in statement_lexicon()]
