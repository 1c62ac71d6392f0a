"""What the language model sees of an image: computed once by the frozen tower, then kept.

Knows processors and vision towers; knows no prompt, no answer and no file. The features of an image
depend on the base model alone as long as a policy leaves its tower and connector as they are, so
one computation serves generation, the reference, every expert and every evaluation.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from accelerate.utils.memory import should_reduce_batch_size
from PIL.Image import Image
from safetensors.torch import load, save
from torch import Tensor

from selfscore.vlm.batches import Form, ShrinkingBatch, in_batches
from selfscore.vlm.image_features import ImageFeatures, StoredFeatures
from selfscore.vlm.images import ImageSource, RefusedPictureError
from selfscore.vlm.loading.content import difference
from selfscore.vlm.reading.remembered import Remembered

if TYPE_CHECKING:
    from selfscore.vlm.model import VLM

logger = logging.getLogger(__name__)

_TEXT_INPUTS = {"input_ids", "attention_mask", "token_type_ids", "mm_token_type_ids"}
_PLACEHOLDERS: Remembered[tuple[int, ...], str] = Remembered(64)


class ImageEncoder:
    """Gives the features of images: the stored ones where there are any, else from the tower.

    Args:
        vlm: whose tower is used.
        images: pictures by key, read only where features have to be computed.
        stored: features computed before. They are used only as long as the policy leaves the base
            model's tower and connector unchanged.

    Raises:
        ValueError: the stored features belong to another base model.
    """

    def __init__(self, vlm: VLM, images: ImageSource, stored: StoredFeatures | None = None) -> None:
        if stored is not None and dict(stored.base_model) != dict(vlm.base_model):
            raise ValueError(
                f"The stored image features are of the model '{stored.base_model['id']}', not of "
                f"'{vlm.base_model['id']}': make `image_features` again (node encode_images)."
            )
        if stored is not None and (changed := difference(stored.content, vlm.content)):
            raise ValueError(
                f"The stored image features are not of the model that '{vlm.base_model['id']}' "
                f"is now: '{changed}' differs. Make `image_features` again (node encode_images)."
            )
        self.vlm = vlm
        self.images = images
        self._stored = stored.images if stored is not None and vlm.tower_frozen else {}

    def __call__(self, keys: Sequence[str]) -> list[ImageFeatures]:
        """Features of the images named by `keys`, in their order."""
        missing = [key for key in dict.fromkeys(keys) if key not in self._stored]
        computed = (
            dict(zip(missing, compute_features(self.vlm, self.images, missing), strict=True))
            if missing
            else {}
        )
        # Stored by a run that loaded the model in another dtype, perhaps.
        dtype = self.vlm.model.dtype
        found = [self._stored[key] if key in self._stored else computed[key] for key in keys]
        return [replace(row, tokens=row.tokens.to(dtype)) for row in found]

    def length(self, key: str) -> int:
        """Number of tokens of an image, 0 where that is not known before the tower has run."""
        return len(self._stored[key].tokens) if key in self._stored else 0


def store_features(
    vlm: VLM,
    images: ImageSource,
    keys: Sequence[str],
    batch_size: int,
    max_bytes: float,
    checkpoint: MutableMapping[str, bytes] | None = None,
) -> StoredFeatures:
    """Compute features in the order of `keys` until `max_bytes` are full.

    The images beyond that are left out, and whoever needs them computes them again.

    Args:
        vlm: whose tower is used.
        images: pictures by key, read when their batch comes.
        keys: the images, those that are used most first.
        batch_size: images encoded together.
        max_bytes: memory the features may take; 0 keeps none.
        checkpoint: features that this tower has computed already, see `in_batches`.
    """
    kept: dict[str, ImageFeatures] = {}
    size = 0
    fitting = ShrinkingBatch("image_features.batch_size")
    batches = in_batches(
        keys if max_bytes > 0 else [],
        batch_size,
        partial(fitting.fit, partial(compute_features, vlm, images)),
        checkpoint,
        name="images",
        description="encoding images",
        unit=" images",
        engine=vlm.engine,
        form=Form(_to_bytes, _from_bytes),
    )
    seen = 0
    for batch in batches:
        for key, features in zip(keys[seen : seen + len(batch)], batch, strict=True):
            if size + features.nbytes <= max_bytes:
                kept[key] = features
                size += features.nbytes
        seen += len(batch)
        if len(kept) < seen:
            break
    if len(kept) < len(keys):
        logger.warning(
            "The features of %d of %d images are kept (%.2f of at most %.2f GB); the tower runs "
            "again for the others whenever they are used. Raise `image_features.max_gb` if there "
            "is memory for more.",
            len(kept),
            len(keys),
            size / 1e9,
            max_bytes / 1e9,
        )
    return StoredFeatures(vlm.base_model, kept, vlm.content)


@torch.no_grad()
def compute_features(vlm: VLM, images: ImageSource, keys: Sequence[str]) -> list[ImageFeatures]:
    """Run the tower once over the images named by `keys`."""
    inputs, described = image_inputs(vlm, images, keys)
    # A clone, because a slice would keep the whole batch in memory.
    tokens = [rows.cpu().clone() for rows in run_tower(vlm.model, inputs)]
    return [replace(row, tokens=rows) for row, rows in zip(described, tokens, strict=True)]


def run_tower(model: Any, inputs: Mapping[str, Tensor]) -> list[Tensor]:
    """The image tokens of every image, through tower and connector, as in `ImageFeatures`.

    Args:
        model: an image-text-to-text model of transformers.
        inputs: the processor's image tensors, see `image_inputs`.
    """
    taken = inspect.signature(model.get_image_features).parameters
    known = {name: value for name, value in inputs.items() if name in taken}
    output = model.get_image_features(**known, return_dict=True)
    deeper = output.get("deepstack_features")
    if not deeper:
        return list(output.pooler_output)
    return [
        torch.stack(layers, dim=1) for layers in zip(output.pooler_output, *deeper, strict=True)
    ]


def image_inputs(
    vlm: VLM, images: ImageSource, keys: Sequence[str]
) -> tuple[dict[str, Tensor], list[ImageFeatures]]:
    """The processor's image tensors, and what is known of each image before the tower has run.

    Returns:
        The tensors that `run_tower` takes, and the images' features without their tokens.

    Raises:
        RefusedPictureError: the processor does not take some of the pictures.
        ValueError: the processor's image tokens cannot be written as text.
    """
    output = _processed(vlm, {key: images[key] for key in keys})
    grids = output.get("image_grid_thw")
    described = []
    for place, (ids, mask) in enumerate(
        zip(output["input_ids"], output["attention_mask"], strict=True)
    ):
        tokens = tuple(ids[mask.bool()].tolist())
        text = _PLACEHOLDERS.of(vlm.processor, tokens, partial(_placeholder, vlm, tokens))
        grid = None if grids is None else grids[place : place + 1]
        described.append(ImageFeatures(torch.empty(0), text, grid))
    tensors = output.to(vlm.device, dtype=vlm.model.dtype)
    return {name: value for name, value in tensors.items() if name not in _TEXT_INPUTS}, described


def _placeholder(vlm: VLM, tokens: Sequence[int]) -> str:
    """The text that these tokens are made of."""
    ids = list(tokens)
    text: str = vlm.tokenizer.decode(
        ids, skip_special_tokens=False, spaces_between_special_tokens=False
    )
    if vlm.tokenizer(text, add_special_tokens=False)["input_ids"] != ids:
        raise ValueError(
            f"The processor {type(vlm.processor).__name__} stands for an image by tokens that "
            "do not survive as text, so prompts cannot be built from stored features."
        )
    return text


def _processed(vlm: VLM, pictures: Mapping[str, Image]) -> Any:
    """What the processor makes of the pictures together."""

    def process(some: Sequence[Image]) -> Any:
        return vlm.processor(
            images=[[picture] for picture in some],
            text=[image_token(vlm)] * len(some),
            padding=True,
            padding_side="left",
            add_special_tokens=False,
            return_tensors="pt",
        )

    try:
        return process(list(pictures.values()))
    except Exception as error:
        # Processors raise all kinds of errors, and name no picture.
        if should_reduce_batch_size(error):
            raise
        refused = {}
        for key, picture in pictures.items():
            try:
                process([picture])
            except Exception as reason:
                refused[key] = f"{picture.width} x {picture.height} pixels: {reason}"
        if not refused:
            raise
        raise RefusedPictureError(type(vlm.processor).__name__, refused) from error


def _to_bytes(rows: Sequence[ImageFeatures]) -> bytes:
    """Features as one safetensors file."""
    tensors: dict[str, Tensor] = {}
    for place, row in enumerate(rows):
        tensors[f"{place}.tokens"] = row.tokens
        tensors[f"{place}.placeholder"] = torch.tensor(
            list(row.placeholder.encode()), dtype=torch.uint8
        )
        if row.grid is not None:
            # A copy, because the grids of a batch are views of one tensor.
            tensors[f"{place}.grid"] = row.grid.clone()
    return save(tensors)


def _from_bytes(content: bytes) -> list[ImageFeatures]:
    tensors = load(content)
    count = sum(name.endswith(".tokens") for name in tensors)
    return [
        ImageFeatures(
            tensors[f"{place}.tokens"],
            bytes(tensors[f"{place}.placeholder"].tolist()).decode(),
            tensors.get(f"{place}.grid"),
        )
        for place in range(count)
    ]


def image_token(vlm: VLM) -> str:
    """The token that a chat template writes for an image."""
    token: str = vlm.processor.image_token
    return token
