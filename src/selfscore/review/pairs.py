"""Which pairs are read, and the table of what readers said of them.

Knows tables and labels; knows no page and no figure.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from selfscore.report.gallery import draw_pairs

# What a reader may say of a pair: each text fits the level that it is shown with; one of them does
# not; both could be said of any level; one of them cannot be read as a text.
LABELS = ("consistent", "inconsistent", "generic", "broken")
# A pair with this label teaches what it is made for.
USABLE = LABELS[0]
_TEXTS = ["round", "image_id", "level", "rejected_text_level", "chosen", "rejected"]
LABEL_COLUMNS = ["key", "reader", "label", "time", *_TEXTS]


def pairs_to_read(
    rounds: Mapping[int, tuple[pd.DataFrame, pd.DataFrame]],
    scored_images: pd.DataFrame,
    pairs: int,
    seed: int,
) -> pd.DataFrame:
    """Consistency pairs of all rounds, in the order in which they are read.

    The rounds are mixed, so that who stops half-way has read some of each.

    Args:
        rounds: number → the texts with forced levels that the round learnt from, and what judges
            read in them.
        scored_images: groups of the images.
        pairs: of each round; all if there are fewer.
        seed: of the draw.

    Returns:
        See `selfscore.report.gallery.draw_pairs`; with group, and key: a digest of the pair, so
        that a label belongs to the texts that were read, whichever run wrote them.
    """
    tables = [
        draw_pairs(number, generations, readings, pairs, seed)
        for number, (generations, readings) in rounds.items()
    ]
    table = pd.concat(tables, ignore_index=True)
    table = table.join(scored_images.set_index("image_id")["group"], on="image_id")
    table = table.assign(key=[_key(row) for row in table[_TEXTS].to_dict("records")])
    order = np.random.default_rng(seed).permutation(len(table))
    # Two rounds may have written the same texts.
    return table.iloc[order].drop_duplicates("key").reset_index(drop=True)


def as_label(pair: Mapping[str, Any], reader: str, label: str) -> dict[str, Any]:
    """What is kept of one reading: who, when, and the pair itself, so that it stands alone."""
    time = datetime.now(UTC).isoformat(timespec="seconds")
    said = {"key": pair["key"], "reader": reader, "label": label, "time": time}
    return said | {name: pair[name] for name in _TEXTS}


def join_labels(labels: Mapping[str, Mapping[str, Any]], pairs: pd.DataFrame) -> pd.DataFrame:
    """What readers said of the pairs that are there; labels of other texts are left out.

    Args:
        labels: as `as_label` made them, by any name.
        pairs: see `pairs_to_read`.

    Returns:
        One row a reader and pair, the latest label of several: `LABEL_COLUMNS`, group, usable, and
        told_apart (of the judge, see `selfscore.judging.discrimination`; missing where it was not
        asked).
    """
    said = pd.DataFrame(list(labels.values()), columns=LABEL_COLUMNS)
    table = said.merge(pairs[["key", "group", "told_apart"]], on="key")
    table = table.sort_values(["reader", "time", "key"])
    # A folder of labels may have been copied beside itself.
    table = table.drop_duplicates(["reader", "key"], keep="last")
    return table.assign(usable=table["label"] == USABLE).reset_index(drop=True)


def _key(texts: Mapping[Any, Any]) -> str:
    said = json.dumps([str(texts[name]) for name in _TEXTS[1:]])
    return hashlib.sha256(said.encode()).hexdigest()[:16]
