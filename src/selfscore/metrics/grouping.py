"""Which images belong together, and which are on their own."""

import pandas as pd


def units(groups: pd.Series) -> pd.Series | None:
    """The group of each image, where one of no group is a group of its own.

    Args:
        groups: Group of each image, "" for none.

    Returns:
        Labels with the same index; None where no two images differ in their group: every image is
        on its own.
    """
    if groups.nunique() < 2:
        return None
    # A table's groups have no such name.
    own = [f"\0{place}" if name == "" else name for place, name in enumerate(groups)]
    return pd.Series(own, index=groups.index)
