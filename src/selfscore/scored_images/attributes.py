"""Which row of a table of attributes is about which image."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from selfscore.scored_images.matching import match_files


def attributes_of(paths: Collection[str], attributes: pd.DataFrame) -> pd.DataFrame:
    """What is known of each image.

    Args:
        paths: of the images, below their folder.
        attributes: image_id (a name as score tables have them, see `match_files`), and a column an
            attribute, missing where it is not known of an image.

    Returns:
        path and the same attributes of the images that are in the table, in the table's order. A
        row that may mean several images counts for none, and of several rows about one image the
        first counts.
    """
    names = attributes["image_id"].astype(str)
    fits = match_files(set(names) - {""}, paths)
    meant = {name: found[0] for name, found in fits.items() if len(found) == 1}
    known = attributes.assign(path=names.map(meant)).dropna(subset="path")
    return known.drop(columns="image_id").drop_duplicates("path").reset_index(drop=True)
