"""What the language model sees of an image, as it is kept; `vlm.reading.features` computes it.

Knows tensors as types only, so that it is imported without torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor


@dataclass(frozen=True)
class ImageFeatures:
    """One image as the language model is given it.

    Attributes:
        tokens: [n, hidden], one row an image token, in the model's dtype; [n, 1 + L, hidden] where
            the architecture also adds features to the first L decoder layers (DeepStack, Meng et
            al., arXiv 2406.04334; Qwen3-VL).
        placeholder: the text that stands for the image in a prompt; holds n image tokens.
        grid: [1, 3] patches over time, height and width, where the architecture's positions depend
            on them (M-RoPE); None elsewhere.
    """

    tokens: Tensor = field(repr=False)
    placeholder: str
    grid: Tensor | None = None

    @property
    def nbytes(self) -> int:
        """Memory that the tokens take."""
        return self.tokens.nbytes

    @property
    def pooled(self) -> NDArray[np.float64]:
        """The mean over the tokens, shape (hidden,), where there are several that of each."""
        mean: NDArray[np.float64] = self.tokens.double().mean(dim=0).flatten().numpy()
        return mean


@dataclass(frozen=True)
class StoredFeatures:
    """Features kept for later use, and the model they belong to.

    Attributes:
        base_model: `id` and `revision` of the base model whose tower computed them.
        images: image key → features; images that are missing are computed when they are needed.
        content: sha256 of that model's files, see `selfscore.vlm.loading.content.content_of`.
    """

    base_model: Mapping[str, Any]
    images: Mapping[str, ImageFeatures] = field(repr=False)
    content: Mapping[str, str] = field(default_factory=dict, repr=False)
