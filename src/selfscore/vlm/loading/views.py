"""Several views of every picture: the mean of what the tower makes of it and of its mirror images.

What a tower sees of a picture is in part chance: where an edge falls in its patches, for one.
Mirrored, the same picture falls otherwise, so in the mean less of it is chance, and the language
model is given one picture's tokens as before. Tiles of a picture are mirrored each for itself.

Knows where towers and connectors are; knows no processor and no text.
"""

from __future__ import annotations

from functools import partial
from math import isqrt
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import PreTrainedModel

# Axes of pixels around which each view is turned.
Turns = tuple[tuple[int, ...], ...]
# As it is, left and right, top and bottom, both; `views` takes the first of them.
_TURNS: Turns = ((), (-1,), (-2,), (-2, -1))
# Tower and connector of an architecture: Idefics3 and SmolVLM; Llava and LLaVA-OneVision.
_PLACES = (("vision_model", "connector"), ("vision_tower", "multi_modal_projector"))
_REMEDY = "set `model.views: 1`."


def average_views(model: PreTrainedModel, views: int) -> None:
    """Let the model see each picture from several views from now on, whoever calls its tower.

    Args:
        model: changed in place.
        views: 1 (the picture alone), 2 (and its mirror image) or 4 (both upside down as well).

    Raises:
        ValueError: the architecture's tower does not take tiles of pixels.
    """
    if views == 1:
        return
    base = model.base_model
    for tower, connector in _PLACES:
        if hasattr(base, tower) and hasattr(base, connector):
            turns = _TURNS[:views]
            getattr(base, tower).register_forward_pre_hook(partial(_add, turns), with_kwargs=True)
            getattr(base, connector).register_forward_hook(partial(_mean, turns))
            return
    raise ValueError(
        f"{type(model).__name__} does not take its pictures as tiles of pixels, so they cannot be "
        f"mirrored for it: {_REMEDY}"
    )


def _add(
    turns: Turns, tower: nn.Module, args: Any, inputs: dict[str, Any]
) -> tuple[Any, dict[str, Any]]:
    """The mirror images of all tiles behind these, and masks of their patches likewise.

    Raises:
        ValueError: the tower is told sizes of pictures, so they are no tiles.
    """

    def turned(value: Any) -> Any:
        if not isinstance(value, torch.Tensor):
            return value
        if value.dim() < 3:
            raise ValueError(
                f"{type(tower).__name__} takes pictures of different sizes, which cannot be "
                f"mirrored for it: {_REMEDY}"
            )
        return torch.cat([value.flip(turn) for turn in turns])

    return tuple(map(turned, args)), {name: turned(value) for name, value in inputs.items()}


def _mean(turns: Turns, _connector: nn.Module, _args: Any, tokens: Tensor) -> Tensor:
    """The mean over the views of each tile, every token where it is in the tile as it stands.

    Args:
        turns: the views.
        tokens: of the connector, [views · tiles, n, hidden], n a square.

    Returns:
        [tiles, n, hidden].

    Raises:
        ValueError: n is no square.
    """
    count, hidden = tokens.shape[1:]
    side = isqrt(count)
    if side * side != count:
        raise ValueError(
            f"A tile has {count} tokens here, which are no square, so those of its mirror image "
            f"cannot be laid over them: {_REMEDY}"
        )
    grids = tokens.reshape(len(turns), -1, side, side, hidden)
    # Rows and columns are the last axes of pixels; here the hidden one comes behind them.
    back = [grid.flip([axis - 1 for axis in turn]) for grid, turn in zip(grids, turns, strict=True)]
    return torch.stack(back).mean(dim=0).reshape(-1, count, hidden)
